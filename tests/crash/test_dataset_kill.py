"""The dataset worker killed with kill -9 behind each of its records, on real Kafka."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from infra.datasets.ordering import cut_order
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.dataset_lines import LineBook
from schemas.examples import Example, Split
from schemas.film_strips import to_png
from schemas.manifests import from_parquet, to_parquet
from schemas.records import DatasetManifest, Frame, LabelRequest, ManifestKind
from schemas.registry import FileRegistry
from schemas.topics import (
    DATASET_MANIFESTS,
    EDGE_CASES,
    LABEL_REQUESTS,
    LABEL_REVIEWS,
    TopicSpec,
)
from tests.crash.dataset_again import assembled_again, trained
from tests.factories import dataset_manifest, edge_case, frame, label_review

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(400)]

POLICY: Final = """
line: signs
budget: 32
reviews: 2
labels_per_ask: 8
second_review_share: 0.0
classes: [stop]
min_candidates: 40
patience_s: 600
"""
LABELS: Final = ("stop", "yield")
ROUND: Final = [ManifestKind.ASK, ManifestKind.CUT, ManifestKind.ASSEMBLED]
ORDERED: Final = [ManifestKind.ASK, ManifestKind.CUT_ORDERED, *ROUND[1:]]


class Desk:
    """A log, an object store with a first dataset, and one dataset worker after the other."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.codec = Codec(FileRegistry())
        self.objects = ObjectStore(f"file://{folder}/objects")
        self.publisher = Publisher(kafka, self.codec, "test")
        self.workers: list[subprocess.Popen[bytes]] = []
        (folder / "policy.yaml").write_text(POLICY)
        strip = self._strip(-1)
        seed = Example(
            example_id="a",
            encounter_id="test-drive/1",
            device_id="test-drive",
            split=Split.TRAIN,
            label="yield",
            frame_uri=strip.uri,
            frame_digest=strip.digest,
        )
        stored = self.objects.put(to_parquet([seed], {"classes": '["yield"]'}), kind="manifests")
        first = dataset_manifest(
            event_id="seed",
            seq=0,
            dataset_id="signs-seed",
            manifest_uri=stored.uri,
            manifest_digest=stored.digest,
            label_cost=0,
            inputs=(),
        )
        self.publisher.publish(DATASET_MANIFESTS, first)

    def start(self) -> None:
        environment = os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": "6",
            "FLEETLOOP_OBJECTS_URL": f"file://{self.folder}/objects",
            "FLEETLOOP_DATASET_FILE": str(self.folder / "policy.yaml"),
        }
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as said:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "infra.cli.main", "worker", "run", "dataset"],
                    env=environment,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            )

    def kill(self) -> None:
        self.workers[-1].kill()
        self.workers[-1].wait()

    def see(self, numbers: range) -> None:
        for number in numbers:
            draw = random.Random(number)
            vector = [draw.gauss(0, 1) for _ in range(16)]
            length = sum(x * x for x in vector) ** 0.5
            case = edge_case(
                event_id=f"d{number % 7}/1/{number}",
                device_id=f"d{number % 7}",
                encounter_id=f"d{number % 7}/{number}",
                frame=self._strip(number),
                margin=draw.random(),
                embedding=tuple(x / length for x in vector),
            )
            self.publisher.publish(EDGE_CASES, case)
        self.publisher.flush()

    def _strip(self, number: int) -> Frame:
        """A film strip of its own for each encounter, near to no other."""
        coarse = np.random.default_rng([number + 1]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = np.repeat(np.repeat(coarse, 4, axis=0), 4, axis=1)
        stored = self.objects.put(to_png(picture[None]), kind="frames", suffix=".png")
        return frame(uri=stored.uri, digest=stored.digest, bytes=stored.bytes)

    def answer(self, requests: list[LabelRequest]) -> None:
        for one in requests:
            review = label_review(
                event_id=f"review/{one.event_id}",
                device_id=one.device_id,
                edge_case_id=one.edge_case_id,
                encounter_id=one.encounter_id,
                reviewer=f"reviewer-{one.review}",
                label=LABELS[int(one.encounter_id.rpartition("/")[2]) % 2],
            )
            self.publisher.publish(LABEL_REVIEWS, review)
        self.publisher.flush()

    def order_cut(self) -> None:
        """As `fleetloop datasets build` does, while one answer to a question never comes."""
        book = LineBook()
        for record in self.read(DATASET_MANIFESTS):
            book.observe(record, 0)
        view = book.line("signs")
        assert view.ask is not None
        name, now_us = view.ask.dataset_id, time.time_ns() // 1_000
        order = cut_order(view, name, by="ann", reason="the release is due", now_us=now_us)
        self.publisher.publish(DATASET_MANIFESTS, order)
        self.publisher.flush()

    def read(self, topic: TopicSpec) -> list[Any]:
        follower = Follower(self.kafka, self.codec, [topic], "test")
        try:
            return [fact.record for fact in follower.catch_up()]
        finally:
            follower.close()

    def steps(self) -> list[DatasetManifest]:
        book = LineBook()
        return [one for one in self.read(DATASET_MANIFESTS) if book.observe(one, 0)]

    def requests(self) -> list[LabelRequest]:
        """One for each id, as a reviewer takes them."""
        return list({one.event_id: one for one in self.read(LABEL_REQUESTS)}.values())

    def wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, self.said()
            assert self.workers[-1].poll() is None, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        logs = sorted(self.folder.glob("worker-*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text()[-2_000:]}" for path in logs)

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.publisher.close(0)


@pytest.fixture
def desk(fresh_kafka: KafkaSettings, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(fresh_kafka, tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_no_question_is_paid_twice_and_no_answer_lost_whenever_it_is_killed(
    desk: Desk, tmp_path: Path
) -> None:
    desk.see(range(60))
    desk.start()
    desk.wait(lambda: len(desk.steps()) >= 2)  # the question stands, its requests may not
    desk.kill()
    desk.start()
    desk.wait(lambda: len(desk.requests()) >= 16)
    desk.kill()
    asked = desk.requests()
    desk.answer(asked)
    desk.start()
    desk.wait(lambda: len(desk.steps()) >= 3)  # the cut stands, its dataset may not
    desk.kill()
    desk.start()
    desk.wait(lambda: len(desk.steps()) >= 4)
    desk.see(range(60, 120))
    desk.wait(lambda: len(desk.requests()) >= 32)
    later = [one for one in desk.requests() if one not in asked]
    unanswered = later[-1].encounter_id
    desk.answer([one for one in later if one.encounter_id != unanswered])
    desk.order_cut()
    desk.wait(lambda: len(desk.steps()) >= 8)
    assert [step.kind for step in desk.steps()][1:] == [*ROUND, *ORDERED]
    last = desk.steps()[-1]
    assert (last.label_cost, last.slices) == (32, {"inherited": 9, "added": 7})
    assert last.excluded["UNANSWERED"] == 1
    assert last.manifest_uri is not None
    body = desk.objects.get(last.manifest_uri, digest=last.manifest_digest)
    examples = from_parquet(body).examples
    assert {one.encounter_id for one in examples} == {
        "test-drive/1",
        *(one.encounter_id for one in (*asked, *later) if one.encounter_id != unanswered),
    }
    assert len(examples) == 16
    built = [one for one in desk.steps()[1:] if one.kind is ManifestKind.ASSEMBLED]
    again = assembled_again(desk.kafka, desk.objects, tmp_path / "policy.yaml", desk.steps())
    assert [one.manifest_digest for one in again] == [one.manifest_digest for one in built]
    assert trained(desk.objects, again[-1]) == trained(desk.objects, built[-1])
