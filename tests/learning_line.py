"""A dataset line on a real broker, moved on by the real assembly and the real trainer."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring, load_signer, make_keys
from infra.objects import PICTURE_KIND, ObjectStore
from infra.settings import Settings
from producers.camera.camera import EncounterRequest
from producers.camera.rendered import RenderedCamera
from producers.proposing import Desk
from producers.seed_dataset import publish_seed
from producers.trainer import Trainer
from schemas.codec import Codec
from schemas.dataset_lines import LineBook
from schemas.decisions import ReleaseBook
from schemas.film_strips import to_png
from schemas.manifests import Manifest, from_parquet
from schemas.records import DatasetManifest, DeviceClass, LabelRequest
from schemas.registry import FileRegistry
from schemas.tasks import ROAD_SIGNS
from schemas.topics import (
    DATASET_MANIFESTS,
    EDGE_CASES,
    ERASURES,
    LABEL_REQUESTS,
    LABEL_REVIEWS,
    MODEL_RELEASES,
    TopicSpec,
)
from streams.dataset.agent import processor
from streams.processor import Position, Standing
from tests import factories

PATIENCE_S: Final = 30.0
POLICY: Final = """
line: perception
labels_per_ask: 8
min_candidates: 4
validation_share: 0.0
"""


class LearningLine:
    """One line: what devices send goes on its log, and its steps are waited for.

    Args:
        settings: Broker and object store.
        folder: For keys and the policy file.
        publisher: Open while the line is used.
    """

    def __init__(self, settings: Settings, folder: Path, publisher: Publisher) -> None:
        make_keys(folder / "keys")
        (folder / "dataset.yaml").write_text(POLICY)
        self._settings = settings.model_copy(update={"dataset_file": folder / "dataset.yaml"})
        self._publisher = publisher
        self._camera = RenderedCamera(5)
        self._rng = np.random.default_rng(5)
        self._seen: dict[str, int] = {}
        self._keyring = load_keyring(folder / "keys")
        signer = load_signer(folder / "keys", "trainer")
        self.objects = ObjectStore(settings.objects_url)
        self._desk = Desk(
            self.objects, signer, DeviceClass.VEHICLE, ("HW3",), ROAD_SIGNS, None, _now_us
        )
        publish_seed(self._camera, self.objects, publisher, line="perception", now_us=_now_us())

    def drive(self, device: str, encounters: int) -> None:
        """A device meets signs, and sends each with its film strip."""
        first = self._seen.get(device, 0)
        self._seen[device] = first + encounters
        asked = [EncounterRequest(device, first + n) for n in range(encounters)]
        for number, met in enumerate(self._camera.encounters(asked), first):
            strip = self.objects.put(to_png(met.frames), kind=PICTURE_KIND, suffix=".png")
            vector = self._rng.normal(size=16)
            case = factories.edge_case(
                event_id=f"{device}/1/{number}",
                device_id=device,
                encounter_id=met.encounter_id,
                frame=factories.frame(uri=strip.uri, digest=strip.digest),
                embedding=tuple((vector / np.linalg.norm(vector)).tolist()),
            )
            self._publisher.publish(EDGE_CASES, case)
        self._publisher.flush()

    def dataset(self) -> DatasetManifest:
        """Ask, have all answered rightly, cut and assemble: the next dataset of the line."""
        assembly, book = processor(self._settings), LineBook()
        follower = self._follower(DATASET_MANIFESTS, ERASURES)
        try:
            facts = follower.catch_up()
            before = -1
            deadline = time.monotonic() + PATIENCE_S
            while True:
                assembly.observe(facts)
                for fact in facts:
                    if fact.topic == DATASET_MANIFESTS.name:
                        book.observe(fact.record, fact.stamp_us)
                view = book.line("perception")
                before = view.next_seq if before < 0 else before
                if view.dataset is not None and view.dataset.seq >= before:
                    return view.dataset
                assert time.monotonic() < deadline, f"the line stands at {view}"
                for outgoing in assembly.emit(_at_the_end()):
                    self._publisher.publish(outgoing.topic, outgoing.record)
                    if outgoing.topic is LABEL_REQUESTS:
                        self._answer(outgoing.record)
                self._publisher.flush()
                facts = follower.poll(0.2)
        finally:
            follower.close()

    def train(self, releases: int) -> list[str]:
        """Let the trainer act until there are so many releases; their ids, oldest first."""
        trainer = Trainer(self._desk, ReleaseBook(self._keyring))
        book = ReleaseBook(self._keyring)
        follower = self._follower(DATASET_MANIFESTS, MODEL_RELEASES)
        try:
            facts = follower.catch_up()
            deadline = time.monotonic() + PATIENCE_S
            while len(book.releases) < releases:
                assert time.monotonic() < deadline, trainer.refused
                for fact in facts:
                    if fact.topic == MODEL_RELEASES.name:
                        book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us)
                trainer.observe(facts)
                trainer.act(self._publisher)
                facts = follower.poll(0.2)
        finally:
            follower.close()
        return list(book.releases)

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        """What a dataset holds."""
        body = self.objects.get(dataset.manifest_uri or "", digest=dataset.manifest_digest)
        return from_parquet(body)

    def _answer(self, request: LabelRequest) -> None:
        self._publisher.publish(
            LABEL_REVIEWS,
            replace(
                factories.label_review(),
                event_id=f"answer-{request.event_id}",
                device_id=request.device_id,
                edge_case_id=request.edge_case_id,
                encounter_id=request.encounter_id,
                label=self._camera.truth(request.encounter_id),
            ),
        )

    def _follower(self, *topics: TopicSpec) -> Follower:
        return Follower(self._settings.kafka, Codec(FileRegistry()), topics, "learning-line")


def _now_us() -> int:
    return time.time_ns() // 1_000


def _at_the_end() -> Standing:
    """As of a worker that leads the line and has read all there is."""
    position = Position(
        topic_id="t",
        generation="g",
        applied_through=-1,
        end_offset=0,
        asked_us=_now_us(),
        high_stamp_us=0,
    )
    return Standing(now_us=_now_us(), partitions={(EDGE_CASES.name, 0): position})
