"""A fleet on a stage: a clock that the follower moves, and a log that the test writes."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cache, partial
from pathlib import Path
from typing import Any

from producers.camera.camera import Camera
from producers.device.client.evidence import Notes
from producers.device.client.fleet_evidence import FleetEvidence
from producers.device.client.fleet_trust import Belief
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.identity import Who
from producers.device.models import ModelShelf
from producers.device.people import people
from producers.fleet import Fleet, Shore
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Artifact, ModelRelease
from schemas.topics import MODEL_RELEASES
from tests.rollout_log import KEYRING, Log
from tests.unit.producers.device import kit


def _sound(_hardware: str, body: bytes, digest: str, clock: Any) -> Engine:
    return Engine(body, digest, cpu_clock=clock)


class Inline(Executor):
    """Does at once what a thread would do beside the devices."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the result
            done.set_exception(error)
        return done


class Stage:
    """A fleet whose time passes only while it waits, and its surroundings.

    Args:
        factor_ns: CPU time of one inference, by release.
        belief: What a device believes by; None: every valid decision.
        evidence: Folder of the devices' evidence; None: they keep none.
        runtime: Makes an engine of a device's hardware, a file and its digest.
        camera: What the devices perceive; else pictures whose brightness tells the sign.
    """

    def __init__(
        self,
        *,
        factor_ns: dict[str, int] | None = None,
        belief: Callable[[Who], Belief] | None = None,
        evidence: Path | None = None,
        runtime: Callable[[str, bytes, str, Any], Engine] | None = None,
        camera: Camera | None = None,
        **scenario: Any,
    ) -> None:
        self.now = kit.NOW
        self.scenario = kit.scenario(**scenario)
        self.log, self.outbox, self.album = Log(), kit.Outbox(), kit.Album()
        self.pictured = kit.FakeCamera()
        self.camera: Camera = camera or self.pictured
        self.models: dict[str, bytes] = {}
        self.saved: dict[str, Flash] = {}
        self.told = 0
        self._steps, self.belief = factor_ns or {}, belief
        self._runtime, self._evidence = runtime or _sound, evidence
        self.fleet = self.start({})

    def start(self, flashes: dict[str, Flash]) -> Fleet:
        """A process begins: it knows what the devices kept, and reads the log from its start."""
        self.told = 0
        shore = Shore(
            camera=self.camera,
            storage=self._storage(),
            pictures=self.album,
            publisher=self.outbox,
            follower=self,
            book=ReleaseBook(KEYRING),
            clock=lambda: self.now,
            save=self._save,
            background=Inline(),
        )
        self.fleet = Fleet(self.scenario, shore, people(self.scenario), flashes)
        return self.fleet

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        self.now += round(timeout_s * 1e6)
        new = self.log.records[self.told :]
        first, self.told = self.told, len(self.log.records)
        return [
            Fact(topic=MODEL_RELEASES.name, partition=0, offset=first + index, stamp_us=at,
                 record=record)
            for index, (record, at) in enumerate(new)
        ]  # fmt: skip

    def catch_up(self) -> list[Fact]:
        return self.poll()

    def release(
        self, name: str, share: float | None = 1.0, body: bytes | None = None, **changes: Any
    ) -> ModelRelease:
        """Propose and approve a release with a model of its own; open its first wave, or none."""
        body = body or kit.tiny_model(tag=name)
        uri = f"memory://{name}"
        self.models[uri] = body
        artifact = Artifact(uri=uri, digest=kit.sha(body), bytes=len(body), format="onnx",
                            opset=18, input_shape=(1, 32, 32, 3), runtime="ort")  # fmt: skip
        given = changes.pop("artifact", {})
        counter = len(self.log.book.releases) + 1
        return self.log.opened(
            name,
            *(() if share is None else (share,)),
            artifact=dataclasses.replace(artifact, **given),
            **{"strata": ("HW3",), "deadline_us": {"HW3": 50_000}, "counter": counter, **changes},
        )

    def play(self, seconds: float) -> None:
        until = self.now + round(seconds * 1e6)
        while self.now < until:
            self.fleet.step()

    def running(self) -> list[str | None]:
        slots = [device.flash.slots for device in self.fleet.devices]
        return [one.running.release_id if one.running else None for one in slots]

    def _storage(self) -> Callable[[Who], ShelfStorage]:
        belief, folder = self.belief, self._evidence
        evidence = None if folder is None else FleetEvidence(folder)

        @cache
        def shelf(hardware: str) -> ModelShelf:
            return ModelShelf(self._fetch, kit.sha, partial(self._load, hardware))

        return lambda who: ShelfStorage(
            shelf(who.hardware),
            None if belief is None else belief(who),
            None if evidence is None else Notes(evidence.log(who.device_id)),
        )

    def _fetch(self, uri: str) -> bytes:
        return self.models[uri]

    def _load(self, hardware: str, body: bytes, digest: str) -> Any:
        name = next(
            uri.removeprefix("memory://") for uri, kept in self.models.items() if kept == body
        )
        clock = kit.Stepping(self._steps.get(name, 100_000))
        return self._runtime(hardware, body, digest, clock)

    def _save(self, flashes: dict[str, Flash]) -> None:
        self.saved = flashes
