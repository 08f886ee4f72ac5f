"""What stands in the store in place of a picture: counted by its reason, never read."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from infra.objects import ObjectStore, StoredObject
from schemas.ballots import Ballot
from schemas.film_strips import to_png
from schemas.fingerprints import fingerprint
from schemas.question_sheets import Question
from streams.dataset.ports import Unreadable
from streams.dataset.sources import ObjectGallery

FRAMES = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
STRIP = to_png(FRAMES)


def sized(width: int, height: int) -> bytes:
    """The strip with another size in its header."""
    body = bytearray(STRIP)
    body[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    body[29:33] = zlib.crc32(body[12:29]).to_bytes(4, "big")
    return bytes(body)


def seen(objects: ObjectStore, stored: StoredObject) -> bytes | Unreadable:
    asked = Question(
        event_id="d/1/1",
        device_id="d",
        encounter_id="d/1",
        frame_uri=stored.uri,
        frame_digest=stored.digest,
        frame_media_type="image/png",
        topic_id="t",
        partition=0,
        offset=0,
        stamp_us=1,
        planned=1,
        ballot=Ballot(),
    )
    return ObjectGallery(objects).fingerprint(asked)


def test_a_strip_is_seen_by_its_nearest_frame(tmp_path: Path) -> None:
    objects = ObjectStore(f"file://{tmp_path}")
    stored = objects.put(STRIP, kind="frames", suffix=".png")
    assert seen(objects, stored) == fingerprint(FRAMES[-1])


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff" * 500, id="corrupt"),
        pytest.param(STRIP[:100], id="truncated"),
        pytest.param(sized(0, 32), id="0 pixels wide"),
        pytest.param(sized(96, 0), id="0 pixels high"),
        pytest.param(sized(20_000, 20_000), id="20,000 pixels a side"),
        pytest.param(sized(96, 10_000), id="10,000 pixels high"),
    ],
)
def test_what_is_no_film_strip_is_corrupt(tmp_path: Path, body: bytes) -> None:
    objects = ObjectStore(f"file://{tmp_path}")
    stored = objects.put(body, kind="frames", suffix=".png")
    assert seen(objects, stored) is Unreadable.CORRUPT


def test_an_object_that_vanished_is_missing_and_one_that_was_changed_is_corrupt(
    tmp_path: Path,
) -> None:
    objects = ObjectStore(f"file://{tmp_path}")
    stored = objects.put(STRIP, kind="frames", suffix=".png")
    path = Path(stored.uri.removeprefix("file://"))
    path.write_bytes(to_png(FRAMES[:1]))
    assert seen(objects, stored) is Unreadable.CORRUPT
    path.unlink()
    assert seen(objects, stored) is Unreadable.MISSING
