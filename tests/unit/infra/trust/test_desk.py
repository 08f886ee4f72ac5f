"""The desk: ceremonies of several people, and a device that follows what they publish."""

from hashlib import sha256
from pathlib import Path

import pytest

from infra.sealed_key import KeysError
from infra.trust.ceremony import CeremonyError, Missing
from infra.trust.image_targets import image_targets
from infra.trust.keystore import make_key, public_key
from infra.trust.orders import orders
from infra.trust.roles import Repo
from producers.device.trust.paths import image_path, way_back_path
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import Artifact
from schemas.records import ReleaseKind as K
from tests.rollout_log import Log
from tests.unit.infra.trust.kit import IMAGES, PEOPLE, Site

MODELS = {name: f"the model of {name}".encode() for name in ("r1", "r2")}


def artifact(name: str) -> Artifact:
    body = MODELS[name]
    return Artifact(
        uri=f"file:///{name}",
        digest=sha256(body).hexdigest(),
        bytes=len(body),
        format="onnx",
        opset=17,
        input_shape=(1, 32, 32, 3),
        runtime="onnxruntime",
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def log(site: Site) -> Log:
    """r1 completed, r2 open to everybody; both are signed by the offline keys."""
    log = Log()
    log.completed("r1", artifact=artifact("r1"))
    log.opened("r2", 1.0, counter=2, parent_release_id="r1", artifact=artifact("r2"))
    first, second = log.book.releases["r1"], log.book.releases["r2"]
    for targets in (image_targets(first, None), image_targets(second, first)):
        site.signed_by_all(site.desk.draft_images(targets))
    for name, body in MODELS.items():
        digest = artifact(name).digest
        site.objects.put_named(f"{IMAGES}/{digest}.{image_path(name)}", body)
    back = f"{IMAGES}/{artifact('r1').digest}.{way_back_path('r2')}"
    site.objects.put_named(back, MODELS["r1"])
    return log


def order(site: Site, log: Log) -> bool:
    newest = site.desk.shelves[Repo.IMAGES].newest("targets")
    assert newest is not None
    images = newest.metadata.signed.targets
    return site.desk.issuer(Repo.DIRECTOR).order(orders(log.book, images))


def refused(site: Site, path: str) -> Reason:
    with pytest.raises(RefusedError) as found:
        site.verify(path)
    return found.value.reason


def test_a_device_installs_what_is_open_and_goes_back_when_ordered(site: Site, log: Log) -> None:
    assert order(site, log)
    assert not order(site, log)
    assert site.verify("r2.onnx").target.hashes["sha256"] == artifact("r2").digest
    assert refused(site, "r2.rollback.onnx") is Reason.TARGET_NOT_FOUND
    assert refused(site, "r1.onnx") is Reason.COUNTER_ROLLBACK
    log.must(
        "r2",
        K.ROLLBACK_ORDERED,
        stratum="HW4",
        rollback_to_release_id="r1",
        rollback_to_digest=artifact("r1").digest,
    )
    assert order(site, log)
    assert site.verify("r2.rollback.onnx").target.hashes["sha256"] == artifact("r1").digest
    assert refused(site, "r2.onnx") is Reason.BAD_HARDWARE_ID


def test_what_the_offline_keys_did_not_sign_is_never_ordered(log: Log) -> None:
    assert orders(log.book, {}) == {}


def test_a_draft_needs_the_old_and_the_new_threshold(site: Site) -> None:
    draft = site.desk.rotate(Repo.DIRECTOR, "timestamp")
    key = site.key("ann", Repo.DIRECTOR, "root")
    needs_two = [Missing("root", 1, 2), Missing("root", 1, 2)]
    assert site.desk.sign(draft, key, PEOPLE["ann"]) == needs_two
    assert site.desk.sign(draft, key, PEOPLE["ann"]) == needs_two
    with pytest.raises(CeremonyError, match="has no say over root; of those that have"):
        site.desk.sign(draft, site.key("bob", Repo.IMAGES, "root"), PEOPLE["bob"])
    with pytest.raises(KeysError, match="does not open with this passphrase"):
        site.desk.sign(draft, site.key("bob", Repo.DIRECTOR, "root"), b"not bob's secret")
    assert site.desk.root(Repo.DIRECTOR).version == 1
    assert site.desk.sign(draft, site.key("bob", Repo.DIRECTOR, "root"), PEOPLE["bob"]) == []
    assert site.desk.root(Repo.DIRECTOR).version == 2
    assert not draft.exists()


def test_a_device_walks_several_rotations_one_version_at_a_time(site: Site, log: Log) -> None:
    order(site, log)
    site.verify("r2.onnx")
    for role in ("timestamp", "snapshot", "targets", "timestamp"):
        site.signed_by_all(site.desk.rotate(Repo.DIRECTOR, role))
    site.verify("r2.onnx")
    assert site.desk.root(Repo.DIRECTOR).version == 5


def test_a_revoked_person_is_replaced_and_every_image_signed_again(site: Site, log: Log) -> None:
    order(site, log)
    lost = public_key(site.key("bob", Repo.IMAGES, "targets")).keyid
    spare = site.offline / "eve" / "spare.key"
    make_key(spare, b"eve's secret")
    (draft,) = site.desk.revoke(lost[:16], by=spare)
    site.signed_by_all(draft)
    assert lost not in site.desk.root(Repo.IMAGES).roles["targets"].keyids
    again = draft.parent / "4.targets.json"
    site.desk.sign(again, spare, b"eve's secret")
    site.verify("r2.onnx")


def test_a_role_is_never_left_without_its_threshold(site: Site) -> None:
    lost = public_key(site.key("bob", Repo.IMAGES, "root")).keyid
    with pytest.raises(CeremonyError, match="root would have 1 keys for a threshold of 2"):
        site.desk.revoke(lost, by=None)
    with pytest.raises(CeremonyError, match="no root names a key 00"):
        site.desk.revoke("00", by=None)


def test_metadata_are_renewed_before_they_expire(site: Site, log: Log) -> None:
    order(site, log)
    issuers = [site.desk.issuer(repo) for repo in Repo]
    assert not any(issuer.renew() for issuer in issuers)
    for _ in range(20):
        site.later(hours=13)
        for issuer in issuers:
            assert issuer.renew()
        site.verify("r2.onnx")
    site.later(days=2)
    assert refused(site, "r2.onnx") is Reason.EXPIRED


def test_a_server_killed_between_two_writes_issues_no_version_twice(
    site: Site, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, allowed = site.objects.put_named, [1]

    def dying(name: str, body: bytes) -> None:
        if not allowed[0]:
            raise KeyboardInterrupt
        allowed[0] -= 1
        put(name, body)

    monkeypatch.setattr(site.objects, "put_named", dying)
    for writes in (0, 1, 2):
        allowed[0] = writes
        with pytest.raises(KeyboardInterrupt):
            order(site, log)
    monkeypatch.undo()
    order(site, log)
    site.verify("r2.onnx")
    names = site.objects.list("updates/director")
    assert len([name for name in names if "targets" in name]) == 4
    assert not order(site, log)


def test_a_second_init_changes_nothing(site: Site) -> None:
    before = site.objects.list("updates")
    with pytest.raises(CeremonyError, match="there are roots already"):
        site.desk.init(PEOPLE, site.offline, {"root": 1, "targets": 1})
    assert site.objects.list("updates") == before
