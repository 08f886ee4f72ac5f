"""Names of the files of a device that updates itself."""

from typing import Final

from schemas.records import Slot

STATE: Final = "state.json"
"""All a device must know after a power cut: see `producers.device.flash`."""

RESERVE: Final = "reserve"
"""Space for one more state, given up when the disk is full: the device can always say so."""

TRUST: Final = "trust"
"""Folder of what is trusted: see `producers.device.trust.state`."""

DOWNLOADS: Final = "download"
"""Folder of downloads, each named by the SHA-256 of the whole file."""

KNOWN: Final = ".known.json"
"""How the names of known inputs end: see `schemas.known_inputs`."""


def slot_file(slot: Slot) -> str:
    """The model in a slot."""
    return f"{slot.lower()}/model.onnx"


def known_file(slot: Slot, digest: str) -> str:
    """The known inputs of the model in a slot, named by its SHA-256."""
    return f"{slot.lower()}/{digest}{KNOWN}"


def download_file(digest: str) -> str:
    """A model on its way."""
    return f"{DOWNLOADS}/{digest}"


def patch_file(digest: str) -> str:
    """The patch that leads to it."""
    return f"{DOWNLOADS}/{digest}.patch"


def known_download(digest: str) -> str:
    """Its known inputs, on their way with it."""
    return f"{DOWNLOADS}/{digest}.known"
