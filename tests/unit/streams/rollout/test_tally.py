"""Stage two's sums, time and peaks."""

from typing import Any

import pytest

from schemas.records import PartialKind, RolloutPartial
from schemas.topics import INFERENCE_EVENTS, OTA_ACKS
from streams.rollout import tally as tally_module
from streams.rollout.policy import Policy
from streams.rollout.tally import Tally, TallyLimitError
from tests import factories

POLICY = Policy(ceiling=0.1)
SOURCES = [(OTA_ACKS.name, 0), (OTA_ACKS.name, 1)]
COUNTED_BY = {OTA_ACKS.name: "g1", INFERENCE_EVENTS.name: "g1"}


def partial(**changes: Any) -> RolloutPartial:
    fields: dict[str, Any] = {
        "kind": PartialKind.CELL,
        "generation": "g1",
        "source_topic": OTA_ACKS.name,
        "source_partition": 0,
        "release_id": "r1",
        "stratum": "HW3",
        "last_offset": 0,
        "ingest_ts": 0,
        "accepted": 0,
        "committed": 0,
        "failed": 0,
        "silent": 0,
        "critical": 0,
        "rolled_back": 0,
        "window_start": None,
    }
    return factories.rollout_partial(**{**fields, **changes})


def progress(partition: int, at: int, **changes: Any) -> RolloutPartial:
    fields = {"kind": PartialKind.PROGRESS, "source_partition": partition, "ingest_ts": at}
    return partial(**{**fields, **changes})


def told(*records: RolloutPartial) -> Tally:
    made = Tally(POLICY, SOURCES, COUNTED_BY)
    for offset, record in enumerate(records):
        made.include(record, offset)
    return made


def test_sums_run_over_source_partitions() -> None:
    found = told(partial(accepted=5, failed=1), partial(source_partition=1, accepted=7, silent=2))
    sums = found.sums(OTA_ACKS.name, "r1", "HW3")
    assert (sums.accepted, sums.failed, sums.silent) == (12, 1, 2)
    assert sums.counts == (12, 3, 12)


def test_the_furthest_cell_counts_whatever_arrives_when() -> None:
    # The trace of a zombie: A hands on 100-179 late, C has handed on through 259 by then.
    newest = partial(last_offset=259, accepted=60)
    late = partial(last_offset=179, accepted=40)
    again = partial(last_offset=259, accepted=60)
    silent = partial(last_offset=259, ingest_ts=9, accepted=60, silent=3)
    for order in ([late, newest], [newest, late], [newest, late, again]):
        assert told(*order).sums(OTA_ACKS.name, "r1", "HW3").accepted == 60
    assert told(silent, newest).sums(OTA_ACKS.name, "r1", "HW3").silent == 3


def test_there_is_no_time_before_every_partition_was_heard_and_then_the_earliest() -> None:
    # The trace of a dead stage one: its partition's failures are unread, so time stands.
    assert told(progress(0, 100)).now_us is None
    assert told(progress(0, 100), progress(1, 40)).now_us == 40
    assert told(progress(0, 100), progress(1, 40), progress(0, 90)).now_us == 40
    assert told(progress(0, 100), progress(1, 40), progress(1, 120)).now_us == 100


def test_peaks_stay_and_undecided_devices_do_not_raise_them() -> None:
    bad = partial(last_offset=1, accepted=15, failed=15)
    later = partial(last_offset=2, accepted=400, failed=15, committed=385)
    found = told(bad, later)
    assert found.peak(OTA_ACKS.name, "r1", "HW3").harm > 20
    assert told(partial(accepted=400)).peak(OTA_ACKS.name, "r1", "HW3").safe < 0
    assert told(partial(accepted=40, committed=40)).peak(OTA_ACKS.name, "r1", "HW3").safe > 3


def test_latency_is_its_own_test() -> None:
    slow = partial(source_topic=INFERENCE_EVENTS.name, accepted=15, failed=15)
    assert told(slow).peak(INFERENCE_EVENTS.name, "r1", "HW3").harm > 20
    assert told(slow).sums(OTA_ACKS.name, "r1", "HW3").accepted == 0


def test_only_the_expected_generation_of_a_source_counts() -> None:
    found = told(
        partial(generation="g0", last_offset=500, accepted=90, failed=90),
        progress(0, 9, generation="g0"),
        progress(1, 9, generation="g2"),
        partial(last_offset=3, accepted=4),
    )
    assert found.sums(OTA_ACKS.name, "r1", "HW3").accepted == 4
    assert found.now_us is None
    assert found.peak(OTA_ACKS.name, "r1", "HW3").harm < 0


def test_a_snapshot_goes_on_like_the_original() -> None:
    records = [
        partial(accepted=9, failed=2),
        progress(0, 5),
        partial(source_partition=1, accepted=3),
        progress(1, 7),
        partial(last_offset=4, accepted=11, failed=2),
    ]
    whole = told(*records)
    for cut in range(len(records)):
        part = Tally(POLICY, SOURCES, COUNTED_BY, told(*records[:cut]).snapshot())
        for offset, record in enumerate(records[cut:], cut):
            part.include(record, offset)
        assert part.snapshot() == whole.snapshot()
        assert (part.now_us, part.last_offset) == (5, 4)


def test_one_cell_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "MAX_CELLS", 1)
    with pytest.raises(TallyLimitError, match="r2 in HW3 is one more than MAX_CELLS=1"):
        told(partial(), partial(release_id="r2"))
