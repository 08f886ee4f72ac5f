"""Conditions of an erasure: an id never ends its constant, and each device keeps its own time."""

from consumers.erasure.conditions import HOLDINGS, any_of, is_one_of, literal
from schemas.erasures import OF_DEVICES, Erased

NASTY = "x' OR 1=1 --\\"


def test_an_id_stands_in_hexadecimal() -> None:
    assert literal(NASTY) == f"unhex('{NASTY.encode().hex()}')"
    assert NASTY not in is_one_of([Erased("e", NASTY, 1)], "device_id")


def test_each_device_is_covered_up_to_its_own_erasure() -> None:
    batch = [Erased("e1", "a", 5), Erased("e2", "b", 7)]
    assert any_of(batch, "d", "s") == (
        "(d = unhex('61') AND s <= fromUnixTimestamp64Micro(5, 'UTC')) OR "
        "(d = unhex('62') AND s <= fromUnixTimestamp64Micro(7, 'UTC'))"
    )


def test_every_topic_about_devices_and_the_letters_are_held() -> None:
    assert {each.topic for each in HOLDINGS} == OF_DEVICES | {"dead-letters"}
