"""What `releases get --explain` tells people about each kind of test."""

from typing import Any

from infra.cli.evidence_words import in_words
from infra.cli.release_evidence import evidence_rows
from tests.unit.streams.rollout.test_standing import arms, desk_of, drive, standing


def test_every_kind_of_test_is_told_in_its_own_words() -> None:
    desk = desk_of()
    desk.count("HW3", accepted=40, committed=12, failed=2)
    arms(desk, candidates=9, control=91)
    drive(desk, km=10, control_km=90, events=3, control_events=9)
    desk.wait(6)
    told: dict[str, Any] = {row["test"]: row for row in in_words(evidence_rows(standing(desk)))}
    assert told["updates"]["counted"] == "40 devices, 2 failed, 26 undecided; ceiling 10.00%"
    assert told["updates"]["harm"].endswith(" of 400")
    assert told["updates"]["safe"].endswith(" of 20 (guard)")
    assert "more failures: harm; " in told["updates"]["would_move_it"]
    assert told["updates"]["would_move_it"].endswith(" more good: proven")
    rate = told["disengagements"]
    assert rate["counted"] == "3 events in 10.0 km; parent 9 in 90.0 km; margin 1.25"
    assert rate["would_move_it"].endswith(" more events: harm")
    assert not rate["safe"].endswith("(guard)")
    assert told["arms"]["counted"] == "9 of 100 devices are in the wave of 10.00%"
    assert (told["arms"]["safe"], told["arms"]["would_move_it"]) == ("", "")
    assert told["arms"]["waits_for"].endswith(" s of soak"), "the first wave proves nothing"
