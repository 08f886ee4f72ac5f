"""The trainer: one proposal for each dataset, whatever is killed, repeated or taken."""

import dataclasses
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.objects import ObjectStore
from producers import seed_dataset, training
from producers.bundles import members_of, packed
from producers.camera.rendered import RenderedCamera
from producers.model.form import BUNDLE
from producers.proposing import Desk, card_name, proposal, store_model
from producers.seed_dataset import seed_record
from producers.trainer import Trainer, TrainerError, run
from schemas.decisions import ReleaseBook
from schemas.media import PICTURES
from schemas.records import DatasetManifest, DeviceClass, ManifestKind, ModelRelease
from schemas.signing import Keyring, PublicKey, Role, Signer
from schemas.tasks import ROAD_SIGNS, SPOKEN_DIGITS
from schemas.topics import DATASET_MANIFESTS, MODEL_RELEASES
from schemas.validation import check
from tests.unit.producers.learning_kit import NOW_US, Log


class Bench:
    """Objects, keys and a log on which trainers can be started, killed and started again."""

    def __init__(self, folder: Path, role: Role = Role.TRAINER) -> None:
        self.log = Log()
        signer = Signer("trainer", Ed25519PrivateKey.generate())
        key = signer.public().key
        self.keyring = Keyring({"trainer": PublicKey(key, frozenset({role}))})
        self.objects = ObjectStore(f"file://{folder}")
        self.desk = Desk(
            objects=self.objects,
            signer=signer,
            device_class=DeviceClass.VEHICLE,
            strata=("HW3", "HW4"),
            task=ROAD_SIGNS,
            held_back=None,
            now_us=lambda: NOW_US,
        )
        self.read = 0

    def trainer(self) -> Trainer:
        self.read = 0
        return Trainer(self.desk, ReleaseBook(self.keyring))

    def turn(self, trainer: Trainer) -> None:
        """Tell what is new, then let it act."""
        news, self.read = self.log.facts[self.read :], len(self.log.facts)
        trainer.observe(news)
        trainer.act(self.log)

    @property
    def releases(self) -> list[ModelRelease]:
        return self.log.of(MODEL_RELEASES)


@pytest.fixture(autouse=True)
def quick(small_model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learnt matters to other tests; here every training gives the small model."""
    monkeypatch.setattr(training, "fit_apart", lambda *_: small_model)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def dataset(
    bench: Bench, camera: RenderedCamera, monkeypatch: pytest.MonkeyPatch
) -> DatasetManifest:
    monkeypatch.setattr(seed_dataset, "ENCOUNTERS", 12)
    record = seed_record(camera, bench.objects, line="perception", now_us=NOW_US)
    bench.log.write(DATASET_MANIFESTS, record)
    return record


def following(dataset: DatasetManifest, seq: int, kind: ManifestKind) -> DatasetManifest:
    name = f"perception-{seq}" if kind is ManifestKind.ASSEMBLED else "perception-ask"
    return dataclasses.replace(
        dataset, seq=seq, kind=kind, dataset_id=name, parent=dataset.dataset_id
    )


def test_a_dataset_becomes_one_signed_proposal(bench: Bench, dataset: DatasetManifest) -> None:
    trainer = bench.trainer()
    for _ in range(4):
        bench.turn(trainer)
    (release,) = bench.releases
    check(MODEL_RELEASES.name, release, NOW_US)
    book = ReleaseBook(bench.keyring)
    assert book.observe(release, offset=0, stamp_us=NOW_US).valid
    assert (release.release_id, release.counter) == ("perception-1", 1)
    assert (release.dataset_id, release.parent_release_id) == (dataset.dataset_id, None)
    assert release.deadline_us == {"HW3": 50_000, "HW4": 50_000}
    assert release.artifact is not None
    model = bench.objects.get(release.artifact.uri, digest=release.artifact.digest)
    assert len(model) == release.artifact.bytes
    assert dataset.dataset_id in bench.objects.get(card_name(release.artifact.digest)).decode()
    assert "accuracy" in release.metrics


def test_until_it_is_read_back_it_is_not_proposed_again(
    bench: Bench, dataset: DatasetManifest
) -> None:
    trainer = bench.trainer()
    bench.turn(trainer)
    trainer.act(bench.log)
    trainer.act(bench.log)
    assert [release.dataset_id for release in bench.releases] == [dataset.dataset_id]


def test_after_a_restart_nothing_is_proposed_twice(bench: Bench, dataset: DatasetManifest) -> None:
    bench.turn(bench.trainer())
    again = bench.trainer()
    bench.turn(again)
    bench.turn(again)
    assert [release.dataset_id for release in bench.releases] == [dataset.dataset_id]


def test_the_next_dataset_has_the_first_release_as_parent(
    bench: Bench, dataset: DatasetManifest
) -> None:
    trainer = bench.trainer()
    bench.turn(trainer)
    for seq, kind in enumerate((ManifestKind.ASK, ManifestKind.CUT, ManifestKind.ASSEMBLED), 1):
        bench.log.write(DATASET_MANIFESTS, following(dataset, seq, kind))
    bench.turn(trainer)
    bench.turn(trainer)
    assert [(one.release_id, one.parent_release_id) for one in bench.releases] == [
        ("perception-1", None),
        ("perception-2", "perception-1"),
    ]


def test_the_next_release_of_a_bundle_keeps_what_is_beside_the_model(
    bench: Bench, dataset: DatasetManifest, small_model: bytes
) -> None:
    first = proposal(bench.desk, ReleaseBook(bench.keyring), dataset)
    bundle = store_model(
        bench.objects, packed({"model": b"old model", "lanes": b"lanes"}), PICTURES
    )
    signed = bench.desk.signer.sign(dataclasses.replace(first, artifact=bundle))
    bench.log.write(MODEL_RELEASES, signed)
    for seq, kind in enumerate((ManifestKind.ASK, ManifestKind.CUT, ManifestKind.ASSEMBLED), 1):
        bench.log.write(DATASET_MANIFESTS, following(dataset, seq, kind))
    trainer = bench.trainer()
    bench.turn(trainer)
    release = bench.releases[-1]
    assert release.parent_release_id == first.release_id
    assert release.artifact is not None
    assert release.artifact.format == BUNDLE
    body = bench.objects.get(release.artifact.uri, digest=release.artifact.digest)
    assert members_of(body) == {"model": small_model, "lanes": b"lanes"}


def test_a_record_of_a_line_counts_only_when_its_seq_is_the_next(
    bench: Bench, dataset: DatasetManifest
) -> None:
    trainer = bench.trainer()
    bench.turn(trainer)
    zombie = dataclasses.replace(dataset, dataset_id="zombie")
    for record in (zombie, following(dataset, 3, ManifestKind.ASSEMBLED)):
        bench.log.write(DATASET_MANIFESTS, record)
    bench.turn(trainer)
    assert [release.dataset_id for release in bench.releases] == [dataset.dataset_id]


def test_two_trainers_propose_one_release(bench: Bench, dataset: DatasetManifest) -> None:
    one, other = bench.trainer(), bench.trainer()
    seen = list(bench.log.facts)
    for trainer in (one, other):
        trainer.observe(seen)
        trainer.act(bench.log)
    for trainer in (one, other):
        trainer.observe(bench.log.facts[len(seen) :])
        trainer.act(bench.log)
    book = ReleaseBook(bench.keyring)
    verdicts = [book.observe(r, offset=i, stamp_us=1) for i, r in enumerate(bench.releases)]
    assert [verdict.valid for verdict in verdicts] == [True, False]
    assert [view.proposal.dataset_id for view in book.releases.values()] == [dataset.dataset_id]


def test_a_taken_name_is_followed_by_the_next(bench: Bench, dataset: DatasetManifest) -> None:
    """Somebody proposed another release under the name while this one was in training."""
    trainer = bench.trainer()
    trainer.observe(list(bench.log.facts))
    trainer.act(bench.log)
    mine = bench.log.facts.pop()
    unsigned = dataclasses.replace(mine.record, dataset_id="other", signature="")
    stranger = bench.desk.signer.sign(unsigned)
    news = [bench.log.write(MODEL_RELEASES, record) for record in (stranger, mine.record)]
    trainer.observe(news)
    trainer.act(bench.log)
    assert [(one.release_id, one.dataset_id) for one in bench.releases] == [
        ("perception-1", "other"),
        ("perception-1", dataset.dataset_id),
        ("perception-2", dataset.dataset_id),
    ]


def test_a_trainer_without_the_role_stops_and_says_so(
    tmp_path: Path, camera: RenderedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_dataset, "ENCOUNTERS", 12)
    bench = Bench(tmp_path, Role.OPERATOR)
    record = seed_record(camera, bench.objects, line="perception", now_us=NOW_US)
    bench.log.write(DATASET_MANIFESTS, record)
    trainer = bench.trainer()
    bench.turn(trainer)
    with pytest.raises(TrainerError, match=r"perception-1: the proposal is void .* signature"):
        bench.turn(trainer)


def test_a_dataset_that_is_not_as_announced_is_named_and_left(
    bench: Bench, dataset: DatasetManifest
) -> None:
    broken = dataclasses.replace(dataset, line="other", manifest_digest="00" * 32)
    bench.log.facts.insert(0, bench.log.facts[0])
    bench.log.facts[0] = dataclasses.replace(bench.log.facts[0], record=broken)
    bench.log.facts[1] = dataclasses.replace(
        bench.log.facts[1], record=dataclasses.replace(dataset, dataset_id="good")
    )
    trainer = bench.trainer()
    bench.turn(trainer)
    bench.turn(trainer)
    assert [release.dataset_id for release in bench.releases] == ["good"]
    assert list(trainer.refused) == [dataset.dataset_id]
    assert "announced 00" in trainer.refused[dataset.dataset_id]


def test_a_dataset_about_something_else_is_another_trainers(
    bench: Bench, dataset: DatasetManifest
) -> None:
    bench.desk = dataclasses.replace(bench.desk, task=SPOKEN_DIGITS)
    trainer = bench.trainer()
    bench.turn(trainer)
    bench.turn(trainer)
    assert bench.releases == []
    assert trainer.refused == {}
    assert dataset.dataset_id not in trainer._waiting


def test_without_a_scenario_nobody_knows_whom_it_is_for() -> None:
    from infra.settings import Settings  # noqa: PLC0415 - reads the environment when it is made

    with pytest.raises(ValueError, match="scenario_file: not set"):
        run(Settings())


def test_a_step_that_may_not_follow_is_void_for_the_trainer_too(
    bench: Bench, dataset: DatasetManifest
) -> None:
    """A dataset without its question and its cut: assembly reads it as void, so does this."""
    trainer = bench.trainer()
    bench.turn(trainer)
    bench.log.write(DATASET_MANIFESTS, following(dataset, 1, ManifestKind.ASSEMBLED))
    bench.turn(trainer)
    bench.turn(trainer)
    assert [release.dataset_id for release in bench.releases] == [dataset.dataset_id]
