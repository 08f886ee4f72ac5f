"""A model is run in shadow only where both repositories let it, and by that it is not installed."""

import pytest

from producers.device.trust.paths import image_path, shadow_path
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from tests.trust_company import Car, Company
from tests.unit.infra.trust.road import Road


def beside(road: Road) -> list[str | None]:
    """What devices run in shadow."""
    shadows = [device.shadow for device in road.stage.fleet.devices]
    return [None if one is None else one.model.release_id for one in shadows]


def in_shadow(company: Company) -> Road:
    """Two devices on r1; r2 is decided to be run beside it."""
    road = Road(company)
    road.take("r1", None)
    road.announce("r2", share=None, parent_release_id="r1")
    road.stage.log.must("r2", K.SHADOW_OPENED, share=1.0)
    return road


def test_a_shadow_waits_for_its_metadata_and_raises_no_counter(company: Company) -> None:
    road = in_shadow(company)
    company.issue()
    road.stage.play(3)
    assert beside(road) == [None, None]  # decided, and nobody has vouched for it
    road.vouch("r2")
    road.stage.play(8)
    assert beside(road) == ["r2", "r2"]
    assert road.stage.running() == ["r1", "r1"]
    assert road.counters() == {b"2"}


def test_an_order_to_run_it_beside_is_no_order_to_install_it(company: Company) -> None:
    """The gate's key alone, stolen, opens what the Director has ordered into shadow only."""
    road = in_shadow(company)
    road.vouch("r2")
    road.stage.play(3)
    road.stage.log.must("r2", K.WAVE_OPENED, wave=0, share=1.0)
    road.stage.play(4)
    assert road.ends()[2:] == [("r2", A.REJECTED, "TARGET_NOT_FOUND")] * 2
    car = Car(company, hardware="HW3")
    for path, reason in (
        (image_path("r2"), Reason.TARGET_NOT_FOUND),
        (shadow_path("r2"), Reason.TARGET_NOT_FOUND),
    ):
        with pytest.raises(RefusedError) as refused:
            car.take(path)
        assert refused.value.reason is reason
    company.issue()
    road.stage.play(12)
    assert road.stage.running() == ["r2", "r2"]
    assert beside(road) == [None, None]


def test_a_shadow_that_the_decision_names_otherwise_than_people_signed_is_not_run(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    company.propose("r2", strata=("HW3",), deadline_us={"HW3": 50_000}, counter=2)
    company.log.must("r2", K.VERIFIED, K.APPROVED)
    company.log.must("r2", K.SHADOW_OPENED, share=1.0)
    company.issue()
    road = Road(company)
    road.stage.release("r1")
    road.stage.belief = None  # how they came to r1 is not what is asked
    road.stage.start({})
    road.stage.play(5.5)
    assert road.stage.running() == ["r1"] * 2
    road.stage.log.must("r1", K.COMPLETED)
    road.announce("r2", share=None, parent_release_id="r1")
    road.stage.log.must("r2", K.SHADOW_OPENED, share=1.0)
    road.restart({})
    road.stage.play(4)
    assert beside(road) == [None, None]
    assert road.stage.running() == ["r1"] * 2
    assert "r2 not run beside: REJECTED, TARGET_MISMATCH" in caplog.text
