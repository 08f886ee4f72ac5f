"""A wave predicate says to each device what the gate says of it."""

from hypothesis import given
from hypothesis import strategies as st

from producers.device.trust.predicate import Identity, Predicate, Wave, from_custom
from schemas.cohorts import membership


def predicate(share: float, charge: float = 0.5) -> Predicate:
    return Predicate(
        release_id="perception-2",
        salt="5ca1ab1e",
        strata={"HW4": Wave(wave=1, share=share)},
        parked=True,
        min_state_of_charge=charge,
        network="WIFI",
    )


@given(share=st.floats(0.0, 1.0), charge=st.floats(0.0, 1.0))
def test_it_survives_the_metadata_to_the_last_bit(share: float, charge: float) -> None:
    written = predicate(share, charge)
    assert from_custom(written.to_custom()) == written


@given(share=st.floats(0.0, 1.0), device_id=st.text(min_size=1, max_size=20))
def test_a_device_is_in_it_exactly_when_the_cohort_says_so(share: float, device_id: str) -> None:
    me = Identity(ecu=device_id, hardware="HW4")
    assert predicate(share).includes(me) == (membership("5ca1ab1e", device_id) < share)
    assert not predicate(share).includes(Identity(ecu=device_id, hardware="HW3"))
