"""Stolen keys and a stolen broker: what devices refuse, and what the operator's commands mend.

The thief has the very key files, the devices verify for real, the operator uses the commands.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tuf.api.metadata import Snapshot, TargetFile, Targets, Timestamp

from infra.keys import load_keyring, load_signer
from infra.sealed_key import PASSPHRASE
from infra.trust.signed_file import expiry
from producers.device.trust.agreement import COUNTER
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import ReleaseKind
from schemas.signing import SignatureError
from tests.rollout_log import START, follow, proposal
from tests.trust_company import NOW, Car, Company
from tests.trust_thief import FAR, Thief, ceremony, do, driving, order_of, refused
from tests.tuf_site import predicate

ONLINE = [
    ("director", "timestamp"),
    ("director", "snapshot"),
    ("director", "targets"),
    ("images", "timestamp"),
    ("images", "snapshot"),
]


@pytest.fixture
def company(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    return driving(company, monkeypatch)


def test_a_stolen_timestamp_key_freezes_until_a_new_root_names_another(company: Company) -> None:
    car = Car(company)
    Thief(company, "director").count_ahead()
    car.verify("r1")
    company.issue()
    assert refused(car).reason is Reason.BAD_VERSION
    ceremony(company, "rotate", "--repository", "director", "--role", "timestamp")
    car.verify("r1")
    assert len(company.issue()) == 0


@pytest.mark.parametrize(("repository", "role"), ONLINE)
def test_every_online_key_can_be_replaced_while_devices_go_on(
    company: Company, repository: str, role: str
) -> None:
    car, thief = Car(company), Thief(company, repository)
    car.verify("r1")
    ceremony(company, "rotate", "--repository", repository, "--role", role)
    car.verify("r1")
    thief.follow_root()
    kind = {"timestamp": Timestamp, "snapshot": Snapshot, "targets": Targets}[role]
    with pytest.raises(RefusedError, match=f"{role} version") as why:
        thief.sign(kind(FAR, None, expiry(role, NOW)))
    assert why.value.reason is Reason.UNMET_THRESHOLD
    if role == "timestamp":
        assert refused(car).reason is Reason.UNMET_THRESHOLD
        company.issue()  # the host sees that the file is not its own
    Car(company, "car-2").verify("r1")


def test_a_stolen_director_orders_what_was_signed_and_nothing_else(company: Company) -> None:
    """Three orders that devices refuse, the one they cannot, and the way out of it."""
    car = Car(company)
    company.log.must("r1", ReleaseKind.COMPLETED)
    company.propose("r2", counter=2, parent_release_id="r1")
    company.log.must("r2", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r2", ReleaseKind.WAVE_OPENED, wave=0, share=0.0)
    company.issue()
    signed = Thief(company, "images").newest("targets")
    thief = Thief(company, "director")

    first, second = (signed.signed.targets[path] for path in ("r1.onnx", "r2.onnx"))
    unknown = TargetFile(3, {"sha256": "0" * 64}, "evil.onnx")
    unknown.unrecognized_fields["custom"] = {"release": predicate("evil"), COUNTER: 9}
    thief.order({"evil.onnx": unknown}, FAR)
    assert refused(car, "evil").reason is Reason.TARGET_NOT_FOUND
    thief.order(order_of(first, "r1", **{COUNTER: 99}), FAR + 1)
    assert refused(car).reason is Reason.TARGET_MISMATCH

    thief.order(order_of(second, "r2"), FAR + 2)
    car.verify("r2")  # valid for this hardware, only not for this share: that it can
    thief.order(order_of(first, "r1"), FAR + 3)
    assert refused(car).reason is Reason.COUNTER_ROLLBACK

    roles = [word for role in ("targets", "snapshot", "timestamp") for word in ("--role", role)]
    ceremony(company, "rotate", "--repository", "director", *roles)
    digest = company.log.book.releases["r1"].digest
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest}
    company.log.must("r2", ReleaseKind.ROLLBACK_ORDERED, **back)
    company.issue()
    assert car.take("r2.rollback.onnx").target.hashes == {"sha256": digest}
    thief.follow_root()
    with pytest.raises(RefusedError, match="1 of its keys must sign, 0 did"):
        thief.order(order_of(second, "r2"), 2 * FAR)


def test_a_stolen_broker_forges_nothing_and_a_stolen_signer_is_revoked(company: Company) -> None:
    """Forged and replayed decisions are void, so the Director says what it said; delay is all."""
    car = Car(company)
    company.propose("r2", counter=2, parent_release_id="r1")
    company.log.must("r2", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.issue()
    genuine = company.log.records[-1][0]
    opened = follow(proposal("r2"), ReleaseKind.WAVE_OPENED, 3, wave=0, share=1.0)
    for forged in (replace(opened, signature="00" * 64), replace(opened, signer="x"), genuine):
        assert not company.log.append(forged).valid
    assert company.issue() == {}
    assert refused(car, "r2").reason is Reason.TARGET_NOT_FOUND

    gate = load_signer(company.keys_dir, "gate")
    record = gate.sign(opened)
    load_keyring(company.keys_dir).verify(record, START)
    do("revoke", "gate")
    with pytest.raises(SignatureError, match="was revoked at"):
        load_keyring(company.keys_dir).verify(record, 2 * START)
    load_keyring(company.keys_dir).verify(record, START)  # what it signed before still counts


def test_a_person_whose_key_is_lost_is_revoked_and_one_too_few_is_refused(company: Company) -> None:
    car, folder = Car(company), str(company.people.ceremony.folder)
    do("revoke", "holder-c", "--ceremony", folder)
    mine = company.folder / "offline"
    do("sign", folder, "--as", "holder-a", "--keys", str(mine / "holder-a"))
    assert "not signed by enough yet" in do("publish", folder, code=3)
    do("sign", folder, "--as", "holder-b", "--keys", str(mine / "holder-b"))
    do("publish", folder)
    company.issue()
    car.verify("r1")
    do("sign", folder, "--as", "holder-c", "--keys", str(mine / "holder-c"), code=3)
    assert "needs 2" in do("revoke", "holder-b", "--ceremony", folder, code=2)


def test_a_root_waits_for_the_targets_its_holders_must_sign(company: Company) -> None:
    """The Root is complete, its Targets are not: until they are, devices see no change."""
    ceremony, car = company.people.ceremony, Car(company)
    do("revoke", "holder-c", "--ceremony", str(ceremony.folder))
    awaited = ceremony.folder / "images" / "3.targets.json"
    unsigned = awaited.read_bytes()
    for letter in "ab":
        mine = company.folder / "offline" / f"holder-{letter}"
        do("sign", str(ceremony.folder), "--as", f"holder-{letter}", "--keys", str(mine))
    signed = awaited.read_bytes()
    awaited.write_bytes(unsigned)
    assert "images/3.targets.json" in do("publish", str(ceremony.folder), code=3)
    company.issue()
    car.verify("r1")
    assert not any("image_repo/2.root" in name for name in company.metadata())
    awaited.write_bytes(signed)
    do("publish", str(ceremony.folder))
    company.issue()
    car.verify("r1")


def test_a_person_is_replaced_and_the_new_one_signs(company: Company, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a long passphrase\n")
    secret.chmod(0o600)
    stick = company.folder / "offline" / "holder-d"
    do("new", "holder-d", "--keys", str(stick), "--passphrase-file", str(secret))
    shutil.copy(secret, stick / PASSPHRASE)
    car = Car(company)
    for repository in METADATA:
        words = ("--out", "holder-a", "--into", str(stick / "holder-d.key"))
        ceremony(company, "rotate", "--repository", repository, *words, people="abd")
    car.verify("r1")
    ceremony(company, "rotate", "--repository", "images", people="bd")
    car.verify("r1")


def test_signing_without_a_terminal_or_by_another_passphrase_says_so(company: Company) -> None:
    folder = str(company.people.ceremony.folder)
    mine = company.folder / "offline" / "holder-a"
    (mine / PASSPHRASE).unlink()
    words = ("sign", folder, "--as", "holder-a", "--keys", str(mine))
    assert "no terminal to ask at" in do(*words, code=1)
    wrong = company.folder / "wrong"
    wrong.write_text("not the passphrase")
    wrong.chmod(0o600)
    assert "does not open" in do(*words, "--passphrase-file", str(wrong), code=1)


def test_copies_that_were_signed_apart_are_merged(company: Company, tmp_path: Path) -> None:
    folder, copy = str(company.people.ceremony.folder), str(tmp_path / "copy")
    do("rotate", folder, "--repository", "director")
    shutil.copytree(folder, copy)
    for letter, where in (("a", folder), ("b", copy)):
        mine = company.folder / "offline" / f"holder-{letter}"
        do("sign", where, "--as", f"holder-{letter}", "--keys", str(mine))
    do("publish", folder, code=3)
    do("merge", folder, copy)
    assert "director/2.root.json" in do("publish", folder)
    company.issue()
    Car(company).verify("r1")
