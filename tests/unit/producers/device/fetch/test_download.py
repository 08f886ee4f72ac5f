"""A download goes on where it was, keeps to its link, and refuses what it did not ask for."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.device.client.files import FolderFiles
from producers.device.client.part_file import PartFile
from producers.device.fetch.download import PART, Download, Partial, Wanted, link
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import SourceError, SourceTooSlowError
from tests.partials import MemoryPartial
from tests.tuf_site import Site

FILE: Final = random.Random(8).randbytes(3 * PART + 77)
WANTED: Final = Wanted(
    path="model", length=len(FILE), hashes={"sha256": hashlib.sha256(FILE).hexdigest()}
)


class Parts(Site):
    """A source that gives what `lie` makes of the right part, and counts what it was asked for."""

    def __init__(self, lie: Callable[[bytes], bytes | None] = lambda part: part) -> None:
        super().__init__("images")
        self._lie = lie
        self.asked: list[tuple[int, int]] = []

    def part(self, path: str, start: int, length: int) -> bytes | None:
        assert path == "model"
        self.asked.append((start, length))
        return self._lie(FILE[start : start + length])


def run(download: Download, turns: int = 100) -> None:
    """Turn until it is whole; a link would make it wait."""
    now_us = 0
    for _ in range(turns):
        again_us = download.turn(now_us)
        if again_us is None:
            return
        assert again_us >= now_us
        now_us = again_us
    raise AssertionError(f"not whole after {turns} turns")


def fetch(source: Parts, into: Partial | None = None) -> Partial:
    kept = MemoryPartial() if into is None else into
    run(Download(source, WANTED, kept))
    return kept


def refusal(source: Parts, into: Partial | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as found:
        fetch(source, into)
    assert found.value.role == "target"
    return found.value


@pytest.mark.parametrize("kept", [0, 1, PART, 3 * PART, len(FILE) - 1, len(FILE)])
def test_it_goes_on_where_an_earlier_boot_ended(kept: int, tmp_path: Path) -> None:
    into = PartFile(FolderFiles(tmp_path), "slots/b.partial")
    into.append(FILE[:kept])
    source = Parts()
    fetch(source, into)
    assert b"".join(into.read()) == FILE
    assert sum(length for _, length in source.asked) == len(FILE) - kept
    assert all(length <= PART for _, length in source.asked)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(FILE)), max_size=6))
def test_any_number_of_power_cuts_that_lose_the_end_of_what_was_kept(cuts: list[int]) -> None:
    into = MemoryPartial()
    for cut in cuts:
        download = Download(Parts(), WANTED, into)
        download.turn(0)
        into.data = into.data[:cut]
    fetch(Parts(), into)
    assert into.data == FILE


@pytest.mark.parametrize("kept", [b"x", FILE + b"x", bytes(len(FILE)), FILE[:-1] + b"x"])
def test_what_another_file_or_a_power_cut_left_is_thrown_away_and_the_file_fetched(
    kept: bytes,
) -> None:
    """It says nothing of the source, so nothing is refused."""
    into = MemoryPartial(kept)
    fetch(Parts(), into)
    assert b"".join(into.read()) == FILE


@pytest.mark.parametrize("kept", [b"x", FILE[:PART]])
def test_a_source_that_lies_is_refused_however_much_was_kept_before(kept: bytes) -> None:
    source, into = Parts(lambda part: bytes(len(part))), MemoryPartial(kept)
    assert refusal(source, into).reason is Reason.HASH_MISMATCH
    assert not any(into.read())


def test_another_file_of_the_right_size_leaves_nothing() -> None:
    into = MemoryPartial()
    error = refusal(Parts(lambda part: bytes(len(part))), into)
    assert error.reason is Reason.HASH_MISMATCH
    assert into.data == b""


def test_more_than_was_asked_for_is_refused_and_not_kept() -> None:
    into = MemoryPartial()
    error = refusal(Parts(lambda part: part + b"x"), into)
    assert error.reason is Reason.OVERSIZED
    assert into.data == b""


@pytest.mark.parametrize("size", [0, 1, PART - 1])
def test_a_source_that_breaks_off_is_not_asked_again_at_once(size: int) -> None:
    source, into = Parts(lambda part: part[:size]), MemoryPartial()
    error = refusal(source, into)
    assert error.reason is Reason.UNREACHABLE
    assert f"breaks off after {size} of {len(FILE)} bytes" in error.rule
    assert len(source.asked) == 1
    fetch(Parts(), into)
    assert into.data == FILE


@pytest.mark.parametrize(
    ("error", "reason"),
    [(SourceTooSlowError("slow"), Reason.TOO_SLOW), (SourceError("gone"), Reason.UNREACHABLE)],
)
def test_what_came_before_the_source_failed_is_kept(error: Exception, reason: Reason) -> None:
    def broken(part: bytes) -> bytes:
        if len(source.asked) == 3:
            raise error
        return part

    source, into = Parts(broken), MemoryPartial()
    assert refusal(source, into).reason is reason
    assert into.data == FILE[: 2 * PART]


def test_a_file_that_is_not_there() -> None:
    assert refusal(Parts(lambda _: None)).reason is Reason.MISSING_FILE


def test_a_full_disk_stops_it_and_room_lets_it_go_on() -> None:
    into = MemoryPartial(room=PART + 5)
    with pytest.raises(OSError, match="No space left"):
        fetch(Parts(), into)
    into.room = len(FILE)
    fetch(Parts(), into)
    assert into.data == FILE


def test_a_hash_that_this_device_does_not_trust() -> None:
    wanted = Wanted(path="model", length=1, hashes={"md5": "00"})
    with pytest.raises(RefusedError, match="no hash this device trusts"):
        Download(Parts(), wanted, MemoryPartial())


@settings(max_examples=30, deadline=None)
@given(
    rate=st.floats(1e4, 1e7),
    burst=st.integers(PART // 8, PART),
    rng=st.randoms(use_true_random=False),
)
def test_a_shared_link_carries_no_more_than_its_limit_in_any_span(
    rate: float, burst: int, rng: random.Random
) -> None:
    shared, source = link(rate, burst), Parts()
    due_us = {Download(source, WANTED, MemoryPartial(), shared): 0 for _ in range(3)}
    now_us, sent = 0, []
    while due_us:
        now_us = max(now_us, min(due_us.values()) + rng.randrange(3))
        one = rng.choice([one for one, due in due_us.items() if due <= now_us])
        count = len(source.asked)
        again_us = one.turn(now_us)
        sent += [(now_us, length) for _, length in source.asked[count:]]
        if again_us is None:
            del due_us[one]
        else:
            due_us[one] = again_us
    for index, (begin, _) in enumerate(sent):
        within = 0
        for at, length in sent[index:]:
            within += length
            assert within <= burst + rate * (at - begin) / 1e6 + 1
    assert sum(length for _, length in sent) == 3 * len(FILE)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_link_that_lets_nothing_through_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        link(rate)
    with pytest.raises(ValueError, match="lets nothing through"):
        link(1.0, burst=0.5)
