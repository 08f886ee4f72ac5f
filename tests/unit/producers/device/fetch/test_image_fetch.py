"""An image comes by its patch when that holds, and whole whenever it does not."""

import hashlib
import random
from pathlib import Path
from typing import Any, Final

import pytest
from backports import zstd

from producers.device.fetch.image import Base, ImageFetch
from producers.device.trust.cycle import Verified
from producers.device.trust.deltas import Delta, to_custom
from producers.device.trust.refusal import Reason, RefusedError
from producers.patches import patch
from tests.partials import MemoryPartial
from tests.tuf_site import World

OLD: Final = random.Random(1).randbytes(300_000)
NEW: Final = b"card" + OLD[:200_000] + random.Random(2).randbytes(20_000) + OLD[200_000:]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Case:
    """One image in a signed repository, and a device that runs the model before it."""

    def __init__(self, folder: Path, *, body: bytes | None = None, base: bytes = OLD) -> None:
        made = patch(OLD, NEW)
        assert made is not None
        self.patch = made if body is None else body
        delta = Delta(base=digest(base), length=len(self.patch), digest=digest(self.patch))
        self.world = World(folder)
        self.world.offer("r1", counter=2, model=NEW)
        self.world.images.targets["model"]["custom"]["deltas"] = to_custom([delta])
        self.world.images.files[delta.path] = self.patch
        self.world.renew()
        self.delta, self.into, self.patch_into = delta, MemoryPartial(), MemoryPartial()
        self.verified: Verified = self.world.update()

    def fetch(self, base: bytes | None = OLD) -> ImageFetch:
        running = None if base is None else Base(digest(base), lambda: base)
        return ImageFetch(self.world.images, self.verified, self.into, self.patch_into, running)

    def run(self, fetch: ImageFetch) -> None:
        for _ in range(20):
            if fetch.turn(0) is None:
                return
        raise AssertionError("not whole after 20 turns")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_the_patch_is_fetched_alone_and_leads_to_the_image(case: Case) -> None:
    del case.world.images.files[f"{digest(NEW)}.model"]
    fetch = case.fetch()
    case.run(fetch)
    assert fetch.delta == case.delta
    assert case.into.data == NEW
    assert case.patch_into.data == b""
    assert len(case.patch) < len(NEW) / 10


@pytest.mark.parametrize("base", [None, NEW[:1_000]])
def test_without_the_model_it_starts_from_the_image_is_fetched_whole(
    case: Case, base: bytes | None
) -> None:
    fetch = case.fetch(base)
    case.run(fetch)
    assert (fetch.delta, fetch.refused) == (None, None)
    assert case.into.data == NEW


def _bomb() -> bytes:
    """A hundred times the image, in a frame that does not say so and asks for little memory."""
    made = zstd.ZstdCompressor(options={int(zstd.CompressionParameter.window_log): 18})
    return made.compress(bytes(100 * len(NEW))) + made.flush()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (_bomb(), f"more than the announced {len(NEW)} bytes"),
        (b"no patch at all", "is no patch of this file"),
        (patch(OLD, NEW[:-1] + b"?"), "has sha256"),
        (patch(OLD, NEW[:-1]), f"makes {len(NEW) - 1} bytes"),
    ],
)
def test_a_signed_patch_that_does_not_lead_there_costs_its_own_bytes(
    tmp_path: Path, body: bytes, words: str
) -> None:
    case = Case(tmp_path, body=body)
    fetch = case.fetch()
    case.run(fetch)
    assert words in str(fetch.refused)
    assert fetch.delta is None
    assert case.into.data == NEW
    assert case.patch_into.data == b""


def test_a_mirror_that_gives_another_patch_or_none_makes_it_come_whole(case: Case) -> None:
    case.world.images.files[case.delta.path] = bytes(len(case.patch))
    fetch = case.fetch()
    case.run(fetch)
    assert "has sha256" in str(fetch.refused)
    assert case.into.data == NEW

    del case.world.images.files[case.delta.path]
    case.into.clear()
    fetch = case.fetch()
    case.run(fetch)
    assert "the repository has no" in str(fetch.refused)
    assert case.into.data == NEW


def test_a_model_that_rotted_on_the_disk_makes_it_come_whole(case: Case) -> None:
    def gone() -> bytes:
        raise OSError(5, "Input/output error")

    rotten = OLD[:100_000] + b"?" + OLD[100_001:]
    for read in (gone, lambda: rotten):
        case.into.clear()
        base = Base(digest(OLD), read)
        fetch = ImageFetch(case.world.images, case.verified, case.into, case.patch_into, base)
        case.run(fetch)
        assert fetch.refused is not None
        assert case.into.data == NEW


def test_a_source_that_breaks_off_in_the_patch_is_no_reason_to_fetch_the_whole(case: Case) -> None:
    case.world.images.files[case.delta.path] = case.patch[:100]
    with pytest.raises(RefusedError) as found:
        case.run(case.fetch())
    assert found.value.reason is Reason.UNREACHABLE
    case.world.images.files[case.delta.path] = case.patch
    fetch = case.fetch()
    assert fetch.have == 100
    case.run(fetch)
    assert fetch.delta == case.delta


@pytest.mark.parametrize("kept", [0, 1, 150_000, len(NEW)])
def test_a_power_cut_while_the_patch_is_applied(case: Case, kept: int) -> None:
    case.into.data, case.patch_into.data = NEW[:kept], case.patch
    case.run(case.fetch())
    assert case.into.data == NEW


def test_what_was_fetched_whole_is_not_thrown_away_for_a_patch(case: Case) -> None:
    case.into.data = NEW[:150_000]
    fetch = case.fetch()
    assert fetch.delta is None
    assert fetch.have == 150_000
    case.run(fetch)
    assert case.into.data == NEW


def test_a_full_disk_while_the_patch_is_applied(case: Case) -> None:
    case.into.room = 100_000
    with pytest.raises(OSError, match="No space left"):
        case.run(case.fetch())
    case.into.room = len(NEW)
    case.run(case.fetch())
    assert case.into.data == NEW


@pytest.mark.parametrize("field", ["length", "hashes"])
def test_a_malformed_offer_of_a_patch_is_refused_by_its_field(case: Case, field: str) -> None:
    custom: dict[str, Any] = case.verified.target.custom
    custom["deltas"][digest(OLD)][field] = None
    with pytest.raises(RefusedError, match=field):
        case.fetch()
