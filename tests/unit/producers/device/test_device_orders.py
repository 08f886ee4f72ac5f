"""What the log wants of a device, from the book of decisions."""

from typing import Any

import pytest

from producers.device.orders import wish
from producers.device.slots import Model, Slots
from producers.device.wishes import GiveUp, GoBack, Install, Refuse, Withdrawn
from schemas.records import Preconditions
from schemas.records import ReleaseKind as K
from tests.rollout_log import Log, digest_of
from tests.unit.producers.device.kit import who


def held(release_id: str, wave: int = 0) -> Model:
    return Model(
        release_id=release_id,
        digest=digest_of(release_id),
        uri=f"file:///models/{release_id}.onnx",
        deadline_us=50_000,
        wave=wave,
    )


R1, R2, R3 = held("r1"), held("r2"), held("r3")
ON_R2 = Slots(a=R1).install(R2).boot_trial().commit()


def log(*shares: float) -> Log:
    found = Log()
    found.completed("r1")
    found.opened("r2", *shares, counter=2, parent_release_id="r1")
    return found


def back(found: Log, release_id: str = "r2", to: str = "r1") -> None:
    found.must(
        release_id,
        K.ROLLBACK_ORDERED,
        rollback_to_release_id=to,
        rollback_to_digest=digest_of(to),
    )


def asked(found: Log, slots: Slots, trying: Model | None = None, **changes: Any) -> Any:
    return wish(found.book, who(**changes), slots, trying, found.now)


def test_a_new_device_installs_what_is_complete() -> None:
    found = Log()
    found.completed("r1")
    assert asked(found, Slots()) == Install(
        model=R1, preconditions=Preconditions(parked=False, min_state_of_charge=0.0, network="any")
    )


def test_a_member_of_the_open_wave_installs_with_that_wave() -> None:
    order = asked(log(0.0, 1.0), Slots(a=R1))
    assert order.model == held("r2", wave=1)


def test_who_is_no_member_or_runs_it_already_goes_on() -> None:
    assert asked(log(0.0), Slots(a=R1)) is None
    assert asked(log(1.0), ON_R2) is None
    assert asked(Log(), Slots()) is None


def test_an_attempt_under_way_goes_on_in_trial_and_on_hold() -> None:
    found = log(1.0)
    found.must("r2", K.HELD)
    trial = Slots(a=R1).install(R2).boot_trial()
    assert asked(found, trial, R2).model == R2
    assert asked(found, Slots(a=R1)) is None


@pytest.mark.parametrize("slots", [Slots(a=R1), Slots(a=R1).install(R2).boot_trial()])
def test_an_attempt_at_a_withdrawn_release_is_given_up(slots: Slots) -> None:
    found = log(1.0)
    back(found)
    assert asked(found, slots, R2) == GiveUp(withdrawn=Withdrawn(release_id="r2", wave=0))


def test_a_withdrawn_release_leads_back_to_its_parent() -> None:
    found = log(1.0)
    back(found)
    lost = Withdrawn(release_id="r2", wave=0)
    assert asked(found, ON_R2) == GoBack(withdrawn=lost, to=R1, way_back_of="r2")
    assert asked(found, Slots(a=R1)) is None
    assert asked(found, Slots()).way_back_of == "r2"  # whoever comes may have had it


def test_a_fix_that_is_open_replaces_the_withdrawn_release() -> None:
    found = log(1.0)
    back(found)
    found.opened("r3", 1.0, counter=3, parent_release_id="r1")
    order = asked(found, ON_R2)
    assert isinstance(order, Install)
    assert (order.model, order.replaces) == (R3, Withdrawn(release_id="r2", wave=0))


def test_only_the_ordered_generation_goes_back() -> None:
    found = log(1.0)
    found.must(
        "r2",
        K.ROLLBACK_ORDERED,
        stratum="HW3",
        rollback_to_release_id="r1",
        rollback_to_digest=digest_of("r1"),
    )
    assert isinstance(asked(found, ON_R2), GoBack)
    assert asked(found, ON_R2, hardware="HW4") is None


def test_a_way_back_from_before_this_log_is_used_when_the_device_still_has_it() -> None:
    found = Log()
    found.opened("r2", 1.0)
    back(found, to="r1")
    assert asked(found, ON_R2) == GoBack(withdrawn=Withdrawn(release_id="r2", wave=0), to=R1)
    assert asked(found, Slots(a=R2)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"deadline_us": {"HW4": 1}}, "NO_DEADLINE"), ({"deadline_us": {"HW3": 0}}, "NO_DEADLINE")],
)
def test_a_release_without_a_deadline_for_this_hardware_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    found = Log()
    found.opened("r1", 1.0, **changes)
    assert asked(found, Slots()) == Refuse(release_id="r1", wave=0, reason=reason)
