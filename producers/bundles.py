"""Models that belong together in one file: a vehicle has all of them, or none.

A bundle is an uncompressed ustar archive of ONNX files, which `tar` lists: `model.onnx`, whose
answers are obeyed, and the members that run beside it. Equal members make equal bytes. Because it
is one file it has one digest, one signature, one slot and one attempt: what becomes of one member
becomes of all. Members that did not change travel in a patch as a few bytes.
"""

import re
import tarfile
from collections.abc import Mapping
from io import BytesIO
from typing import Final

MODEL: Final = "model"
"""The member whose answers are obeyed."""
MAX_MEMBERS: Final = 16
_SUFFIX: Final = ".onnx"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MAGIC: Final = (257, b"ustar")


class BundleError(ValueError):
    """These members make no bundle, or these bytes are none; the message says why."""


def packed(members: Mapping[str, bytes]) -> bytes:
    """The file of a bundle.

    Raises:
        BundleError: The model is missing, there are too many members, or a name is none.
    """
    if MODEL not in members or not 2 <= len(members) <= MAX_MEMBERS:
        raise BundleError(
            f"members {', '.join(sorted(members))}: a bundle has {MODEL} and from 1 to "
            f"{MAX_MEMBERS - 1} beside it"
        )
    if wrong := sorted(name for name in members if not _NAME.fullmatch(name)):
        raise BundleError(f"member {wrong[0]!r}: names are small letters, digits and _, up to 40")
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in (MODEL, *sorted(members.keys() - {MODEL})):
            entry = tarfile.TarInfo(name + _SUFFIX)
            entry.size = len(members[name])
            archive.addfile(entry, BytesIO(members[name]))
    return out.getvalue()


def is_bundle(body: bytes) -> bool:
    """Whether a model file is a bundle, by the archive's mark."""
    at, magic = _MAGIC
    return body[at : at + len(magic)] == magic


def members_of(body: bytes) -> dict[str, bytes]:
    """The members of a model file by name, the model first; an ordinary file is the model alone.

    Raises:
        BundleError: It is a bundle, and not byte for byte one that `packed` makes.
    """
    if not is_bundle(body):
        return {MODEL: body}
    try:
        with tarfile.open(fileobj=BytesIO(body), mode="r:") as archive:
            found = {
                entry.name.removesuffix(_SUFFIX): file.read()
                for entry in archive
                if (file := archive.extractfile(entry)) is not None
            }
    except (tarfile.TarError, ValueError, KeyError) as error:
        raise BundleError(f"bundle of {len(body)} bytes: damaged archive: {error}") from error
    # Compared as a whole: no link, owner, second entry or trailing byte has a meaning of its own.
    if packed(found) != body:
        raise BundleError(f"bundle of {len(body)} bytes: not packed as bundles are")
    return found


def renewed(parent: bytes | None, model: bytes) -> bytes:
    """The file of a new model: beside it goes on what the parent's file has beside its own.

    Raises:
        BundleError: The parent's file is a damaged bundle.
    """
    if parent is None or not is_bundle(parent):
        return model
    return packed({**members_of(parent), MODEL: model})
