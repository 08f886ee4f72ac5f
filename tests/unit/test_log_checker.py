"""The checker says nothing about a clean run and names each anomaly that is put in on purpose."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.log_checker import Anomaly, Name, Read, Row, RunLog, Sent, check

SENDERS = ("a", "b", "c")
EACH = 30


def clean(rng: random.Random) -> RunLog:
    """Three senders, two partitions, two readers one after the other, and a gap in the offsets."""
    sent = [Sent(sender, f"{sender}/{n}") for sender in SENDERS for n in range(EACH)]
    rng.shuffle(sent)
    sent.sort(key=lambda each: int(each.value.split("/")[1]))
    ends = [0, 0]
    rows = []
    for each in sent:
        partition = SENDERS.index(each.sender) % 2
        rows.append(Row(("t", partition, ends[partition]), each.value))
        ends[partition] += rng.choice([1, 1, 2])  # compaction and transactions leave gaps
    split = len(rows) // 2
    read = [Read("one" if n < split else "two", *row) for n, row in enumerate(rows)]
    return RunLog(sent, read, rows)


def lose(run: RunLog, rng: random.Random) -> tuple[RunLog, Anomaly]:
    """A row that was sent and read is not stored."""
    gone = rng.choice(run.rows)
    return replace(run, rows=[row for row in run.rows if row != gone]), Anomaly(
        Name.LOST, gone.value
    )


def double(run: RunLog, rng: random.Random) -> tuple[RunLog, Anomaly]:
    """A row is stored twice."""
    twice = rng.choice(run.rows)
    return replace(run, rows=[*run.rows, twice]), Anomaly(Name.DUPLICATE, twice.value)


def skip(run: RunLog, rng: random.Random) -> tuple[RunLog, Anomaly]:
    """A reader does not see a value between two others of its partition."""
    lane = [seen for seen in run.read if seen.reader == "one" and seen.place[1] == 0]
    unseen = rng.choice(lane[1:-1])
    return replace(run, read=[seen for seen in run.read if seen != unseen]), Anomaly(
        Name.SKIPPED, unseen.value
    )


def reorder(run: RunLog, rng: random.Random) -> tuple[RunLog, Anomaly]:
    """Two values of a sender stand in the log the other way round; all agree on it."""
    sender = rng.choice(SENDERS)
    mine = [row for row in run.rows if row.value.startswith(sender)]
    at = rng.randrange(len(mine) - 1)
    other = {mine[at].value: mine[at + 1].value, mine[at + 1].value: mine[at].value}
    rows = [Row(row.place, other.get(row.value, row.value)) for row in run.rows]
    read = [Read(seen.reader, seen.place, other.get(seen.value, seen.value)) for seen in run.read]
    return replace(run, read=read, rows=rows), Anomaly(Name.REORDERED, mine[at + 1].value)


Mutant = Callable[[RunLog, random.Random], tuple[RunLog, Anomaly]]


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_run_has_no_anomaly(seed: int) -> None:
    assert check(clean(random.Random(seed))) == set()


@pytest.mark.parametrize("mutant", [lose, double, skip, reorder])
@pytest.mark.parametrize("seed", range(20))
def test_one_bug_is_one_anomaly_with_its_value(mutant: Mutant, seed: int) -> None:
    rng = random.Random(seed)
    broken, anomaly = mutant(clean(rng), rng)
    assert check(broken) == {anomaly}


def test_a_value_at_two_places_of_the_log_is_a_duplicate() -> None:
    """A producer's retry without idempotence: both copies are stored as rows of their own."""
    run = RunLog([Sent("a", "v")], [], [Row(("t", 0, 0), "v"), Row(("t", 0, 1), "v")])
    assert Anomaly(Name.DUPLICATE, "v") in check(run)


def test_a_reader_that_goes_back_has_read_out_of_order() -> None:
    read = [Read("one", ("t", 0, offset), f"v{offset}") for offset in (0, 1, 2, 1)]
    rows = [Row(("t", 0, offset), f"v{offset}") for offset in range(3)]
    assert check(RunLog([], read, rows)) == {Anomaly(Name.REORDERED, "v1")}


def test_another_reader_may_begin_anywhere() -> None:
    read = [Read("one", ("t", 0, 5), "v5"), Read("two", ("t", 0, 2), "v2")]
    rows = [Row(("t", 0, offset), f"v{offset}") for offset in range(6)]
    assert check(RunLog([], read, rows)) == set()
