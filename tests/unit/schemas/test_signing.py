"""Signatures over canonical bytes."""

import dataclasses

import pytest

from schemas.records import CommandKind, ReleaseKind
from schemas.signing import SignatureError, canonical
from tests.rollout_log import KEYRING, START, command, evidence, follow, proposal


def test_a_signed_record_verifies_and_a_changed_one_does_not() -> None:
    record = command("r1", CommandKind.APPROVE)
    KEYRING.verify(record, START)
    for changed in (
        dataclasses.replace(record, command=CommandKind.ROLLBACK),
        dataclasses.replace(record, stratum="HW3"),
        dataclasses.replace(record, signature="zz" * 64),
        dataclasses.replace(record, signature=""),
    ):
        with pytest.raises(SignatureError, match="does not match"):
            KEYRING.verify(changed, START)


def test_a_whole_number_in_a_double_signs_like_the_float_avro_gives_back() -> None:
    record = follow(proposal("r1"), ReleaseKind.WAVE_OPENED, 3, wave=0, share=1)
    KEYRING.verify(dataclasses.replace(record, share=1.0), START)


def test_a_later_nullable_field_changes_no_old_signature() -> None:
    assert b"recall_id" not in canonical(proposal("r1"))
    assert b"recall_id" in canonical(proposal("r1", recall_id="23V-862"))


def test_the_two_kinds_of_record_never_share_signed_bytes() -> None:
    assert canonical(proposal("r1")).startswith(b"fleetloop/ModelRelease\n")
    assert canonical(command("r1", CommandKind.KILL)).startswith(b"fleetloop/RolloutCommand\n")


def test_a_number_that_is_not_finite_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        follow(proposal("r1"), ReleaseKind.HELD, 3, evidence=evidence(e_harm=float("inf")))
