"""Stolen keys and a stolen broker: what devices refuse, and what the operator's commands mend.

The thief has the very key files, the devices verify for real, the operator uses the commands.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Snapshot, TargetFile, Targets, Timestamp
from typer.testing import CliRunner

from infra.cli import keys
from infra.cli.main import command_for
from infra.keys import load_keyring, load_signer
from infra.sealed_key import PASSPHRASE
from infra.trust.key_folder import KeyFolder
from infra.trust.pinned import pinned_root
from infra.trust.shelf import Shelf, listed
from infra.trust.signed_file import expiry, signed_by, verified
from producers.device.trust.agreement import COUNTER
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import ReleaseKind
from schemas.signing import SignatureError
from tests.rollout_log import START, follow, proposal
from tests.trust_company import NOW, Car, Company
from tests.tuf_site import predicate

ONLINE = [
    ("director", "timestamp"),
    ("director", "snapshot"),
    ("director", "targets"),
    ("images", "timestamp"),
    ("images", "snapshot"),
]
FAR = 1_000


class Thief:
    """Has an online host's key files of one repository, and writes where devices read."""

    def __init__(self, company: Company, repository: str) -> None:
        self._company, self._repository = company, repository
        folder = company.folder / "stolen"
        shutil.copytree(company.keys_dir, folder)
        self._keys = KeyFolder(folder)
        self._shelf = Shelf(company.objects, repository)
        self.follow_root()

    def follow_root(self) -> None:
        """See which keys count now."""
        pinned = pinned_root(self._company.keys_dir, self._repository)
        self._root = self._shelf.root(pinned).signed

    def sign(self, signed: Any) -> Any:
        """Publish a file of a role by the stolen key."""
        role = signed.type
        data = signed_by(signed, [self._keys.load(f"{self._repository}-{role}-1")])
        name = f"{signed.version}.{role}.json" if role != "timestamp" else "timestamp.json"
        self._company.objects.put_named(f"{METADATA[self._repository]}/{name}", data)
        return verified(data, role, self._repository, [self._root])

    def count_ahead(self) -> None:
        """Name the present state under a version that the company will never reach."""
        snapshot = self._shelf.newest("snapshot", self._root)
        assert snapshot is not None
        self.sign(Timestamp(FAR, None, expiry("timestamp", NOW), listed(snapshot)))

    def order(self, targets: dict[str, TargetFile], version: int = FAR) -> None:
        """Publish Targets of the Director's, with all that names them."""
        order = self.sign(Targets(version, None, expiry("targets", NOW), targets))
        meta = {"targets.json": listed(order)}
        snapshot = self.sign(Snapshot(version, None, expiry("snapshot", NOW), meta))
        self.sign(Timestamp(version, None, expiry("timestamp", NOW), listed(snapshot)))


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    made = Company(tmp_path)
    monkeypatch.setattr(keys, "_now", lambda: made.now)
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", str(made.keys_dir))
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", (tmp_path / "objects").as_uri())
    made.propose("r1", counter=1)
    made.log.must("r1", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    made.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    made.issue()
    return made


def _do(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(command_for(["keys"]), ["keys", *words])
    assert done.exit_code == code, done.output
    return done.output


def _ceremony(company: Company, *words: str, people: str = "ab") -> None:
    """Lay out, let people sign, publish; the online host then does its round."""
    folder = str(company.people.ceremony.folder)
    _do(words[0], folder, *words[1:])
    for letter in people:
        mine = company.folder / "offline" / f"holder-{letter}"
        _do("sign", folder, "--as", f"holder-{letter}", "--keys", str(mine))
    _do("publish", folder)
    company.issue()


def _refused(car: Car, release_id: str = "r1") -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        car.verify(release_id)
    return refused.value


def test_a_stolen_timestamp_key_freezes_until_a_new_root_names_another(company: Company) -> None:
    car = Car(company)
    Thief(company, "director").count_ahead()
    car.verify("r1")
    company.issue()
    assert _refused(car).reason is Reason.BAD_VERSION
    _ceremony(company, "rotate", "--repository", "director", "--role", "timestamp")
    car.verify("r1")
    assert len(company.issue()) == 0


@pytest.mark.parametrize(("repository", "role"), ONLINE)
def test_every_online_key_can_be_replaced_while_devices_go_on(
    company: Company, repository: str, role: str
) -> None:
    car, thief = Car(company), Thief(company, repository)
    car.verify("r1")
    _ceremony(company, "rotate", "--repository", repository, "--role", role)
    car.verify("r1")
    thief.follow_root()
    kind = {"timestamp": Timestamp, "snapshot": Snapshot, "targets": Targets}[role]
    with pytest.raises(RefusedError, match=f"{role} version") as refused:
        thief.sign(kind(FAR, None, expiry(role, NOW)))
    assert refused.value.reason is Reason.UNMET_THRESHOLD
    if role == "timestamp":
        assert _refused(car).reason is Reason.UNMET_THRESHOLD
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
    images = Shelf(company.objects, "images")
    root = images.root(pinned_root(company.keys_dir, "images")).signed
    signed = images.newest("targets", root)
    assert signed is not None
    thief = Thief(company, "director")

    def order(path: str, release_id: str, **changes: Any) -> dict[str, TargetFile]:
        image = signed.signed.targets[path]
        custom = {"release": predicate(release_id), COUNTER: image.custom[COUNTER], **changes}
        return {path: TargetFile(image.length, image.hashes, path, {"custom": custom})}

    unknown = TargetFile(3, {"sha256": "0" * 64}, "evil.onnx")
    unknown.unrecognized_fields["custom"] = {"release": predicate("evil"), COUNTER: 9}
    thief.order({"evil.onnx": unknown}, FAR)
    assert _refused(car, "evil").reason is Reason.TARGET_NOT_FOUND
    thief.order(order("r1.onnx", "r1", **{COUNTER: 99}), FAR + 1)
    assert _refused(car).reason is Reason.TARGET_MISMATCH

    thief.order(order("r2.onnx", "r2"), FAR + 2)
    car.verify("r2")  # valid for this hardware, only not for this share: that it can
    thief.order(order("r1.onnx", "r1"), FAR + 3)
    assert _refused(car).reason is Reason.COUNTER_ROLLBACK

    roles = [word for role in ("targets", "snapshot", "timestamp") for word in ("--role", role)]
    _ceremony(company, "rotate", "--repository", "director", *roles)
    digest = company.log.book.releases["r1"].digest
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest}
    company.log.must("r2", ReleaseKind.ROLLBACK_ORDERED, **back)
    company.issue()
    assert car.take("r2.rollback.onnx").target.hashes == {"sha256": digest}
    thief.follow_root()
    with pytest.raises(RefusedError, match="1 of its keys must sign, 0 did"):
        thief.order(order("r2.onnx", "r2"), 2 * FAR)


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
    assert _refused(car, "r2").reason is Reason.TARGET_NOT_FOUND

    gate = load_signer(company.keys_dir, "gate")
    record = gate.sign(opened)
    load_keyring(company.keys_dir).verify(record, START)
    _do("revoke", "gate")
    with pytest.raises(SignatureError, match="was revoked at"):
        load_keyring(company.keys_dir).verify(record, 2 * START)
    load_keyring(company.keys_dir).verify(record, START)  # what it signed before still counts


def test_a_person_whose_key_is_lost_is_revoked_and_one_too_few_is_refused(company: Company) -> None:
    car, folder = Car(company), str(company.people.ceremony.folder)
    _do("revoke", "holder-c", "--ceremony", folder)
    mine = company.folder / "offline"
    _do("sign", folder, "--as", "holder-a", "--keys", str(mine / "holder-a"))
    assert "not signed by enough yet" in _do("publish", folder, code=3)
    _do("sign", folder, "--as", "holder-b", "--keys", str(mine / "holder-b"))
    _do("publish", folder)
    company.issue()
    car.verify("r1")
    _do("sign", folder, "--as", "holder-c", "--keys", str(mine / "holder-c"), code=3)
    assert "needs 2" in _do("revoke", "holder-b", "--ceremony", folder, code=2)


def test_a_root_waits_for_the_targets_its_holders_must_sign(company: Company) -> None:
    """The Root is complete, its Targets are not: until they are, devices see no change."""
    ceremony, car = company.people.ceremony, Car(company)
    _do("revoke", "holder-c", "--ceremony", str(ceremony.folder))
    awaited = ceremony.folder / "images" / "3.targets.json"
    unsigned = awaited.read_bytes()
    for letter in "ab":
        mine = company.folder / "offline" / f"holder-{letter}"
        _do("sign", str(ceremony.folder), "--as", f"holder-{letter}", "--keys", str(mine))
    signed = awaited.read_bytes()
    awaited.write_bytes(unsigned)
    assert "images/3.targets.json" in _do("publish", str(ceremony.folder), code=3)
    company.issue()
    car.verify("r1")
    assert not any("image_repo/2.root" in name for name in company.metadata())
    awaited.write_bytes(signed)
    _do("publish", str(ceremony.folder))
    company.issue()
    car.verify("r1")


def test_a_person_is_replaced_and_the_new_one_signs(company: Company, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a long passphrase\n")
    secret.chmod(0o600)
    stick = tmp_path / "offline" / "holder-d"
    _do("new", "holder-d", "--keys", str(stick), "--passphrase-file", str(secret))
    shutil.copy(secret, stick / PASSPHRASE)
    car = Car(company)
    for repository in METADATA:
        words = ("--out", "holder-a", "--into", str(stick / "holder-d.key"))
        _ceremony(company, "rotate", "--repository", repository, *words, people="abd")
    car.verify("r1")
    _ceremony(company, "rotate", "--repository", "images", people="bd")
    car.verify("r1")


def test_signing_without_a_terminal_or_by_another_passphrase_says_so(company: Company) -> None:
    folder = str(company.people.ceremony.folder)
    mine = company.folder / "offline" / "holder-a"
    (mine / PASSPHRASE).unlink()
    words = ("sign", folder, "--as", "holder-a", "--keys", str(mine))
    assert "no terminal to ask at" in _do(*words, code=1)
    wrong = company.folder / "wrong"
    wrong.write_text("not the passphrase")
    wrong.chmod(0o600)
    assert "does not open" in _do(*words, "--passphrase-file", str(wrong), code=1)


def test_copies_that_were_signed_apart_are_merged(company: Company, tmp_path: Path) -> None:
    folder, copy = str(company.people.ceremony.folder), str(tmp_path / "copy")
    _do("rotate", folder, "--repository", "director")
    shutil.copytree(folder, copy)
    for letter, where in (("a", folder), ("b", copy)):
        mine = company.folder / "offline" / f"holder-{letter}"
        _do("sign", where, "--as", f"holder-{letter}", "--keys", str(mine))
    _do("publish", folder, code=3)
    _do("merge", folder, copy)
    assert "director/2.root.json" in _do("publish", folder)
    company.issue()
    Car(company).verify("r1")
