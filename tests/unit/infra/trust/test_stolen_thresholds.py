"""Several keys stolen at once: what devices still refuse, and what an operator can still mend.

As in test_stolen_keys.py: the very key files, the real verifier, the operator's commands.
"""

import shutil

import pytest
from tuf.api.metadata import Snapshot, TargetFile, Targets, Timestamp

from infra.sealed_key import PASSPHRASE, KeysError
from infra.trust.issuer import IssueError
from infra.trust.pinned import PINNED
from infra.trust.signed_file import expiry, verified
from producers.device.trust.agreement import COUNTER
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import ReleaseKind
from tests.trust_company import NOW, Car, Company
from tests.trust_thief import FAR, Thief, ceremony, do, driving, order_of, refused, sign


@pytest.fixture
def company(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    return driving(company, monkeypatch)


def _stick(company: Company, letter: str) -> str:
    """A new person's key, made by the command on a stick of their own; its file."""
    stick, name = company.folder / "offline" / f"holder-{letter}", f"holder-{letter}"
    stick.mkdir()
    secret = stick / PASSPHRASE
    secret.write_text("a long passphrase\n")
    secret.chmod(0o600)
    do("new", name, "--keys", str(stick))
    return str(stick / f"{name}.key")


def _evil(path: str, release_id: str, counter: int) -> dict[str, TargetFile]:
    """An image of the thief's, vouched for as one of the company's would be."""
    release = {"release_id": release_id}
    custom = {"hardwareIds": ["HW4"], "release": release, COUNTER: counter}
    return {path: TargetFile(3, {"sha256": "0" * 64}, path, {"custom": custom})}


def _propose_second(company: Company) -> None:
    company.log.must("r1", ReleaseKind.COMPLETED)
    company.propose("r2", counter=2, parent_release_id="r1")
    company.issue()


def _open_second(company: Company) -> None:
    company.log.must("r2", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r2", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    company.issue()


@pytest.mark.parametrize("repository", METADATA)
def test_snapshot_and_timestamp_mix_and_count_ahead_until_both_are_replaced(
    company: Company, repository: str
) -> None:
    car, thief = Car(company), Thief(company, repository)
    old = thief.newest("targets")
    _propose_second(company)
    _open_second(company)
    car.verify("r2")
    current = thief.newest("targets")
    assert old.version < current.version

    thief.name(old)
    assert (refused(car).reason, refused(car).role) == (Reason.BAD_VERSION, "targets")
    thief.name(current, FAR + 1)
    car.verify("r2")  # the same as before under a version far ahead: that they can
    for version in (FAR, FAR + 1):  # and take it away again, so that the host does not see it
        company.objects.delete(f"{METADATA[repository]}/{version}.snapshot.json")
    company.issue()
    assert refused(car, "r2").reason is Reason.BAD_VERSION

    roles = ("--role", "snapshot", "--role", "timestamp")
    ceremony(company, "rotate", "--repository", repository, *roles)
    car.verify("r2")
    thief.follow_root()
    for kind, role in ((Snapshot, "snapshot"), (Timestamp, "timestamp")):
        with pytest.raises(RefusedError, match="1 of its keys must sign, 0 did"):
            thief.sign(kind(2 * FAR, None, expiry(role, NOW)))


def test_targets_named_by_a_stolen_snapshot_must_still_be_signed_by_their_own_keys(
    company: Company,
) -> None:
    car, thief = Car(company), Thief(company, "images")
    forged = Targets(FAR, None, expiry("targets", NOW), _evil("r1.onnx", "r1", 2))
    with pytest.raises(RefusedError):
        thief.sign(forged)
    data = company.objects.get(f"{METADATA['images']}/{FAR}.targets.json")
    thief.name(verified(data, "targets", "images", []))
    assert (refused(car).reason, refused(car).role) == (Reason.UNMET_THRESHOLD, "targets")


def test_image_targets_at_the_threshold_sign_an_image_that_nobody_orders(company: Company) -> None:
    """Two of three people's keys, not yet used for a Root: each is replaced, and so is Snapshot."""
    car, thief = Car(company), Thief(company, "images", people="ab")
    evil = {**_evil("evil.onnx", "evil", 99), **_evil("r1.onnx", "r1", 2)}
    thief.sign(Targets(3, None, expiry("targets", NOW), evil))  # where the company's next would be
    thief.sign(Targets(FAR, None, expiry("targets", NOW), evil))
    company.issue()  # the host names what is signed by a threshold
    unordered = refused(car, "evil")
    assert (unordered.repo, unordered.reason) == ("director", Reason.TARGET_NOT_FOUND)
    assert refused(car, "r1").reason is Reason.TARGET_MISMATCH

    for gone, come, signers in (("a", "d", "bc"), ("b", "e", "cd")):
        words = ("--out", f"holder-{gone}", "--into", _stick(company, come))
        folder = str(company.people.ceremony.folder)
        do("rotate", folder, "--repository", "images", *words)
        sign(company, signers)
    roles = ("--role", "snapshot", "--role", "timestamp")
    ceremony(company, "rotate", "--repository", "images", *roles, people="cd")
    car.verify("r1")
    assert refused(car, "evil").reason is Reason.TARGET_NOT_FOUND
    thief.follow_root()
    with pytest.raises(RefusedError, match="2 of its keys must sign, 0 did"):
        thief.sign(Targets(2 * FAR, None, expiry("targets", NOW), evil))


def test_an_image_root_at_its_threshold_still_needs_the_directors_order(company: Company) -> None:
    car, thief = Car(company), Thief(company, "images", people="ab")
    thief.seize()
    thief.order({**_evil("evil.onnx", "evil", 99), **_evil("r1.onnx", "r1", 2)})
    unordered = refused(car, "evil")
    assert (unordered.repo, unordered.reason) == ("director", Reason.TARGET_NOT_FOUND)
    assert refused(car, "r1").reason is Reason.TARGET_MISMATCH
    with pytest.raises(KeysError, match="thief"):  # the host does not sign beside such a Root
        company.issue()
    _begin_anew(company, car)
    car.verify("r1")


def test_a_director_root_at_its_threshold_still_needs_an_image_that_is_signed(
    company: Company,
) -> None:
    _propose_second(company)
    signed = Thief(company, "images").newest("targets")
    first, second = (signed.signed.targets[path] for path in ("r1.onnx", "r2.onnx"))
    car, thief = Car(company), Thief(company, "director", people="ab")
    thief.seize()
    (evil,) = _evil("evil.onnx", "evil", 99).values()
    thief.order(order_of(evil, "evil"))
    assert refused(car, "evil").repo == "image_repo"
    thief.order(order_of(first, "r1", **{COUNTER: 99}), FAR + 1)
    assert refused(car).reason is Reason.TARGET_MISMATCH
    thief.order(order_of(second, "r2"), FAR + 2)
    car.verify("r2")  # signed for this hardware, though no gate opened it: that it can
    thief.order(order_of(first, "r1"), FAR + 3)
    assert refused(car).reason is Reason.COUNTER_ROLLBACK
    with pytest.raises(IssueError, match="another director is ahead"):
        company.issue()
    _begin_anew(company, car, "r1", "r2")
    _open_second(company)
    car.verify("r2")


def _begin_anew(company: Company, car: Car, *releases: str) -> None:
    """What docs/security.md says where a Root is lost: other people, other keys, another Root.

    The metadata and the pinned Roots are put aside; the images stay, and so does what a device
    counts by.
    """
    for place in METADATA.values():
        shutil.move(company.folder / "objects" / place, company.folder / "stolen" / place)
    for repository in METADATA:
        (company.keys_dir / PINNED.format(repository)).unlink()
    for key in company.keys_dir.glob("*-[0-9]*.key"):
        key.unlink()
    folder, holders = company.folder / "again", [_stick(company, letter) for letter in "def"]
    named = [word for holder in holders for word in ("--holder", holder)]
    do("init", str(folder), *named, "--threshold", "2")
    sign(company, "de", folder)
    for release_id in releases or ("r1",):
        do("vouch", release_id, str(folder))
        sign(company, "ef", folder)
    do("publish", str(folder))
    company.restart()
    company.issue()
    company.provision(car.state)
