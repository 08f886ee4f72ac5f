"""Thousands of devices in one process: one clock, one camera, one engine for each model.

A step takes the devices whose frame is due, lets them look, runs their pictures through the
engines of their models in batches, and hands the answers back. When the machine is too slow for
the schedule, the schedule is shifted and the process says so: no frame is dropped, because a
frame that the simulator could not run in time would look like a failure of the device.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from producers.camera.camera import Camera, EncounterRequest
from producers.campaigns.book import CampaignBook
from producers.device.client.storage import ShadowStorage
from producers.device.conditions import is_away
from producers.device.device import Device, Surface
from producers.device.edge_cases import Pictures
from producers.device.engine import Engine, EngineError
from producers.device.figures import Figures
from producers.device.flash import Flash
from producers.device.home import Home, simulated
from producers.device.identity import Who, fraction, next_boot
from producers.device.schedule import Schedule
from producers.device.world import Surroundings
from producers.keeping import Keeper
from producers.publishing import Publishing
from producers.scenario.scenario import Scenario
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.media import Frames
from schemas.records import CollectionCampaign, ModelRelease
from schemas.topics import TopicSpec

log = logging.getLogger(__name__)

BATCH: Final = 64
"""Devices in one step: enough to share its overhead, few enough for 20 ms."""

TICK_US: Final = 40_000
"""A step waits this long for more devices to come due."""

ENCOUNTERS: Final = 24
"""Encounters pictured at once at most."""


class Following(Protocol):
    """Where releases and campaigns come from: `infra.kafka.follower.Follower`."""

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        """What has arrived, waiting up to `timeout_s` for the first."""

    def catch_up(self) -> list[Fact]:
        """Everything up to where the log ends now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shore:
    """What a fleet stands on; tests and benchmarks put their own in.

    Attributes:
        storage: Where a device has its models, and what it believes.
        clock: UTC microseconds.
        save: Takes the storage of all devices, by id, whenever what one keeps has changed.
        background: One thread for what the devices do not wait for.
        home: That of its one device; None: each has the one of the scenario.
    """

    camera: Camera
    storage: Callable[[Who], ShadowStorage]
    pictures: Pictures
    publisher: Publishing
    follower: Following
    book: ReleaseBook
    clock: Callable[[], int]
    save: Callable[[dict[str, Flash]], None]
    background: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "fleet-keeper"))
    home: Home | None = None


class Fleet:
    """Runs devices until told to stop.

    Args:
        who: Its devices.
        flashes: What they kept from an earlier run, by device id.
    """

    def __init__(
        self, scenario: Scenario, shore: Shore, who: Sequence[Who], flashes: dict[str, Flash]
    ) -> None:
        self._scenario, self._shore = scenario, shore
        self._start_us = shore.clock()
        self._world = Surroundings(scenario, self._start_us)
        self._version = 0
        self._campaigns = CampaignBook()
        self.figures = Figures()
        self._flashes = {one.device_id: self._booted(flashes.get(one.device_id)) for one in who}
        self._keeper = Keeper(shore.publisher.flush, shore.save, shore.background)
        self._keeper.begin(self._flashes, self._start_us)
        self.devices = [
            Device(one, scenario, self._flashes[one.device_id], self._surface(one), self._start_us)
            for one in who
        ]
        # Half a log would order a device back to the release before the one it runs.
        self._follow(shore.follower.catch_up())
        phases = [fraction(scenario.seed, "phase", one.device_id) for one in who]
        self._schedule = Schedule(scenario.frame_period_us, phases, shore.clock())

    @property
    def on_schedule(self) -> bool:
        """Whether the next frame is not overdue by more than the limit."""
        lag_us = self._schedule.lag_us(self._shore.clock())
        return lag_us <= self._scenario.pace.lag_s * 1e6

    def run(self, stopping: Callable[[], bool]) -> None:
        """Step until `stopping()`, then park all devices and save.

        Raises:
            OSError: The object store does not take a picture or the devices' storage.
            DeliveryError: The log did not take a record.
        """
        try:
            while not stopping():
                self.step()
        finally:
            self.stop()

    def stop(self) -> None:
        """Park all devices, wait for the log, save what the devices keep."""
        now_us = self._shore.clock()
        for device in self.devices:
            device.park(now_us)
        self._keeper.close(self._flashes)

    def step(self) -> None:
        """Wait for the next tick or decision, then do everything that is due."""
        wait_us = max(0, self._schedule.next_due_us + TICK_US - self._shore.clock())
        self._follow(self._shore.follower.poll(min(wait_us, TICK_US) / 1e6))
        now_us = self._shore.clock()
        self._keep_pace(now_us)
        due = [self.devices[index] for index in self._schedule.take(now_us, BATCH)]
        if due:
            self._drive(due, now_us)
        self._keeper.turn(self._flashes, now_us)

    # Decisions

    def _follow(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact.record, CollectionCampaign):
                self._campaigns.observe(fact.record)
            if not isinstance(fact.record, ModelRelease):
                continue
            verdict = self._shore.book.observe(
                fact.record, offset=fact.offset, stamp_us=fact.stamp_us
            )
            if verdict.valid:
                self._world.observe(fact)
                self._version += 1

    # Frames

    def _keep_pace(self, now_us: int) -> None:
        lag_us = self._schedule.lag_us(now_us)
        self.figures.behind(lag_us)
        if lag_us > self._scenario.pace.lag_s * 1e6:
            self._schedule.shift(lag_us)
            self.figures.shift(lag_us)
            log.warning(
                "fleet: %.1f s behind its schedule (limit pace.lag_s = %s): frames come later, "
                "none is dropped; give the process more CPU or fewer devices",
                lag_us / 1e6,
                self._scenario.pace.lag_s,
            )

    def _drive(self, due: Sequence[Device], now_us: int) -> None:
        here = [device for device in due if self._is_here(device, now_us)]
        for device in here:
            device.obey(self._shore.book, self._version, now_us)
        self._picture(here, now_us)
        looks: dict[Engine, list[tuple[Device, Frames]]] = {}
        for device in here:
            picture = device.look(now_us)
            if picture is not None and device.engine is not None:
                looks.setdefault(device.engine, []).append((device, picture))
        for engine, pairs in looks.items():
            self._answer_beside(pairs)
            self._answer(engine, pairs, now_us)

    def _is_here(self, device: Device, now_us: int) -> bool:
        owners = self._scenario.owners
        if owners.away == 0.0:
            return True
        elapsed_us = now_us - self._start_us
        if is_away(owners, self._scenario.seed, device.who.device_id, elapsed_us):
            device.flush(now_us)
            return False
        return True

    def _picture(self, due: Sequence[Device], now_us: int) -> None:
        """Have the camera picture encounters a little ahead, in batches."""
        waiting = [device for device in due if device.wants_encounter]
        for first in range(0, len(waiting), ENCOUNTERS):
            batch = waiting[first : first + ENCOUNTERS]
            requests = [self._request(device, now_us) for device in batch]
            pictured = self._shore.camera.encounters(requests)
            for device, encounter in zip(batch, pictured, strict=True):
                device.meet(encounter)

    def _request(self, device: Device, now_us: int) -> EncounterRequest:
        who, number = device.who, device.flash.encounters
        world = self._world.world(who.device_id, who.region, number, now_us)
        return EncounterRequest(who.device_id, number, world)

    def _answer_beside(self, pairs: Sequence[tuple[Device, Frames]]) -> None:
        """Shadows answer first: nothing waits for them, and their time is not the live model's."""
        beside: dict[Engine | None, list[tuple[Device, Frames]]] = {}
        for device, picture in pairs:
            if device.shadow is not None:
                beside.setdefault(device.shadow.engine, []).append((device, picture))
        for engine, its in beside.items():
            try:
                answers = engine.answer([picture for _, picture in its]) if engine else None
            except EngineError as error:
                log.warning("fleet: %d frames of a shadow missing: %s", len(its), error)
                answers = None
            for row, (device, _) in enumerate(its):
                device.answered_beside(answers, row)

    def _answer(
        self,
        engine: Engine,
        pairs: Sequence[tuple[Device, Frames]],
        now_us: int,
    ) -> None:
        try:
            answers = engine.answer([picture for _, picture in pairs])
        except EngineError as error:
            log.warning("fleet: %d frames missing: %s", len(pairs), error)
            self.figures.miss(len(pairs))
            for device, _ in pairs:
                device.miss()
            return
        for row, (device, _) in enumerate(pairs):
            device.take(answers, row, now_us)
        self.figures.answer(answers)

    # Records

    def _send(self, topic: TopicSpec, record: Any) -> None:
        self._shore.publisher.publish(topic, record)
        self.figures.publish(topic.name)

    def _booted(self, kept: Flash | None) -> Flash:
        boot = next_boot(kept.boot if kept else None, self._start_us // 1_000_000)
        if kept is None:
            return Flash(boot=boot, registered_ts=self._start_us)
        kept.boot = boot
        # A crash lost the last numbers: begin above all that fit into the device's life.
        life_us = max(0, self._start_us - kept.registered_ts)
        each_us = self._scenario.frame_period_us * self._scenario.drive.frames_per_encounter
        kept.encounters = max(kept.encounters, -(-life_us // each_us))
        return kept

    def _surface(self, one: Who) -> Surface:
        return Surface(
            storage=self._shore.storage(one),
            home=self._shore.home or simulated(self._scenario, one.device_id),
            pictures=self._shore.pictures,
            send=self._send,
            classes=self._shore.camera.classes,
            campaigns=self._campaigns,
        )
