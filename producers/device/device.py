"""One device: its parts put together, driven by a clock and the answers of a shared engine."""

import logging
from dataclasses import dataclass
from typing import Final

from producers.camera.camera import Encounter
from producers.campaigns.book import CampaignBook
from producers.device.acks import Acks
from producers.device.client.ota import OtaClient
from producers.device.client.storage import FailedError, ShadowStorage
from producers.device.disengagements import Driver
from producers.device.edge_cases import EdgeCases, Pictures
from producers.device.encounters import Meeting
from producers.device.engine import Answers, Engine, EngineError
from producers.device.flash import Flash
from producers.device.home import Home
from producers.device.identity import EventIds, Send, Who, fraction
from producers.device.orders import beside, wish
from producers.device.shadow import Shadow
from producers.device.slots import Model, Slots
from producers.device.triggers import Seen
from producers.device.windows import Windows
from producers.device.wishes import Wish
from producers.scenario.scenario import Scenario
from schemas.catalogue import CATALOGUE
from schemas.decisions import ReleaseBook
from schemas.known_inputs import KnownInputsError
from schemas.media import Frames
from schemas.records import Device as DeviceRecord
from schemas.records import Lifecycle
from schemas.topics import DEVICES, DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS

log = logging.getLogger(__name__)

LOOK_AHEAD: Final = 2
_NEVER: Final = 2**63
"""Frames before the end of an encounter at which the next one is ordered from the camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What a device stands on: its storage and home, and what it shares with others."""

    storage: ShadowStorage
    home: Home
    pictures: Pictures
    send: Send
    classes: tuple[str, ...]
    campaigns: CampaignBook


class Device:
    """A device. It does nothing by itself: `turn` when a frame is due, then `take` or `miss`.

    Attributes:
        engine: What runs; None: nothing does, or the model in the slot does not load.
        shadow: What runs beside it, outputs unused.
    """

    def __init__(
        self, who: Who, scenario: Scenario, flash: Flash, surface: Surface, now_us: int
    ) -> None:
        self.who, self.flash, self._surface = who, flash, surface
        self._rules, seed = scenario, scenario.seed
        self._ids = EventIds(who.device_id, flash.boot)
        self._factor = CATALOGUE.hardware[who.hardware].latency_factor
        self._speed = scenario.drive.speed_mps * (0.6 + 0.8 * fraction(seed, "v", who.device_id))
        self._metres = self._speed * scenario.frame_period_us / 1e6
        self._windows = Windows(
            who, self._ids, round(scenario.reporting.window_s * 1e6), scenario.reporting.exemplars
        )
        self._edge_cases = EdgeCases(
            who,
            self._ids,
            scenario.triggers,
            seed=seed,
            pictures=surface.pictures,
            campaigns=surface.campaigns,
        )
        self._driver = Driver(who, self._ids, scenario.drive, seed)
        home = self._home = surface.home
        acks = Acks(
            who,
            flash,
            self._ids,
            conditions=home.conditions,
            send=surface.send,
            head=surface.storage.head,
        )
        self.ota = OtaClient(
            rules=scenario.updates,
            seed=seed,
            flash=flash,
            acks=acks,
            storage=surface.storage,
            boot=self._boot,
            answers_right=self._answers_right,
            household=home.household,
            temperature_c=home.temperature_c,
        )
        self.engine: Engine | None = None
        self.shadow: Shadow | None = None
        self._warmup_left = 0
        self._meeting: Meeting | None = None
        self._upcoming: Encounter | None = None
        self._told: tuple[Slots, Lifecycle] | None = None
        self._seen: tuple[int, Slots, Model | None] | None = None
        self._wish: Wish = None
        self._look_us = _NEVER
        self._start(now_us)

    # Life

    def _start(self, now_us: int) -> None:
        self.ota.restart(now_us)
        self._tell(now_us)

    def _boot(self, model: Model | None) -> None:
        self.engine = None
        if self._meeting is not None:
            self._meeting.whole = False
        if model is not None:
            self.engine = self._surface.storage.engine(model, self.flash.slots.active)
            self._warmup_left = self._rules.reporting.warmup_frames

    def _answers_right(self) -> bool:
        """What cannot be asked is not answered: nothing drives on inputs that were lost."""
        model = self.flash.slots.running
        if model is None or self.engine is None:
            return True
        try:
            known = self._surface.storage.known(model, self.flash.slots.active)
        except (KnownInputsError, OSError) as error:
            log.warning("%s: %s: %s", self.who.device_id, model.release_id, error)
            return False
        return known is None or known.answered_by(self.engine)

    def obey(self, book: ReleaseBook, version: int, now_us: int) -> None:
        """Do what the current decision wants; `version` rises with each valid decision."""
        slots, attempt = self.flash.slots, self.ota.attempt
        trying = attempt.wanted.model if attempt is not None else None
        seen = (version, slots, trying)
        if seen != self._seen or now_us >= self._look_us:
            self._seen = seen
            self._wish = wish(book, self.who, slots, trying, now_us)
            who = self.who
            due_us = book.reaches_us(who.device_id, who.device_class, who.hardware, now_us)
            self._look_us = _NEVER if due_us is None else due_us
            self._run_beside(beside(book, who, slots.running), now_us)
        runs_nothing = self.engine is None and slots.running is not None
        if self._wish is not None or attempt is not None or runs_nothing:
            self.ota.turn(now_us, self._wish)
            self._home.speak(self.ota, now_us)
            self._tell(now_us)

    def _run_beside(self, model: Model | None, now_us: int) -> None:
        if model is None or (self.shadow is not None and self.shadow.model == model):
            self.shadow = None if model is None else self.shadow
            return
        try:
            engine = self._surface.storage.beside(model, now_us)
            if engine is None:
                self.shadow = None
                return
        except FailedError as error:
            # A decision is heard before its metadata stand: that says nothing of the model.
            log.warning("%s: %s not run beside: %s", self.who.device_id, model.release_id, error)
            self.shadow = None
            self._look_us = min(self._look_us, now_us + round(self._rules.updates.retry_s * 1e6))
            return
        except (EngineError, LookupError, OSError):
            engine = None  # none of its frames is answered, which is what it would do when live
        self.shadow = Shadow(
            model, engine, warmup=self._rules.reporting.warmup_frames, factor=self._factor
        )

    def _tell(self, now_us: int, lifecycle: Lifecycle = Lifecycle.ACTIVE) -> None:
        """The registry record, at the start and whenever slots or lifecycle changed."""
        slots = self.flash.slots
        if (slots, lifecycle) == self._told:
            return
        self._told = (slots, lifecycle)
        self._surface.send(
            DEVICES,
            DeviceRecord(
                event_id=self._ids.next(DEVICES),
                **self.who.common(),
                lifecycle=lifecycle,
                slot_a_digest=slots.a.digest if slots.a else None,
                slot_b_digest=slots.b.digest if slots.b else None,
                active_slot=slots.active,
                heartbeat_interval_ms=round(self._rules.reporting.window_s * 1000),
                consent_pictures=self.who.consent_pictures,
                consent_location=self.who.consent_location,
                consent_compute=self.who.consent_compute,
                registered_ts=self.flash.registered_ts,
                updated_ts=now_us,
            ),
        )

    def park(self, now_us: int) -> None:
        """Say goodbye: the process ends in order, and its silence will mean nothing."""
        self.flush(now_us)
        self._tell(now_us, Lifecycle.PARKED)

    def flush(self, now_us: int) -> None:
        """Close the windows early: the device parks or vanishes."""
        record = self._windows.close(now_us)
        if record is not None:
            self._surface.send(INFERENCE_EVENTS, record)
        for edge_case in self._edge_cases.close(now_us):
            self._surface.send(EDGE_CASES, edge_case)

    # Looking

    @property
    def wants_encounter(self) -> bool:
        """Whether the camera should picture the next encounter now."""
        if self.flash.slots.running is None or self._upcoming is not None:
            return False
        return self._meeting is None or self._meeting.left <= LOOK_AHEAD

    def meet(self, encounter: Encounter) -> None:
        """The next encounter, number `flash.encounters`."""
        self._upcoming = encounter
        self.flash.encounters += 1

    def look(self, now_us: int) -> Frames | None:
        """A frame is due: the one to answer; None when there is none.

        A frame that no model can answer counts as missing at once.
        """
        model = self.flash.slots.running
        if model is None or not self._next_meeting():
            return None
        classes = len(self.engine.classes) if self.engine is not None else 0
        shadow = self.shadow.model.release_id if self.shadow and self.engine else None
        record = self._windows.due(now_us, model, classes, self._metres, shadow)
        if record is not None:
            self._surface.send(INFERENCE_EVENTS, record)
        picture = self._current.look()
        if self.engine is None:
            self.miss()
            return None
        return picture

    def _next_meeting(self) -> bool:
        if self._meeting is None or self._meeting.over:
            if self._upcoming is None:
                return False
            self._meeting, self._upcoming = Meeting(self._upcoming), None
        return True

    @property
    def _current(self) -> Meeting:
        if self._meeting is None:
            raise RuntimeError(f"{self.who.device_id}: answered without having looked")
        return self._meeting

    def answered_beside(self, answers: Answers | None, row: int = 0) -> None:
        """What the shadow made of the picture of `look`, before `take`; None: it gave no answer."""
        report = self._windows.shadow
        if self.shadow is not None and report is not None:
            self.shadow.take(self._current, answers, row, report)

    def take(self, answers: Answers, row: int, now_us: int) -> None:
        """The answer to the picture of `look`, as row `row` of a batch.

        Raises:
            OSError: Frames of an edge case cannot be stored.
        """
        meeting, model = self._current, self.flash.slots.running
        if model is None:
            raise RuntimeError(f"{self.who.device_id}: answered without a model")
        latency_us = round(answers.core_ns[row] * self._factor / 1000)
        judged, late = self._warmup_left == 0, latency_us > model.deadline_us
        self._warmup_left -= not judged
        top1, confidence = answers.top1[row], answers.confidence[row]
        self._windows.deliver(now_us, latency_us, top1, confidence, judged=judged)
        self.ota.observe(produced=True, judged=judged, late=judged and late)
        meeting.late += judged and late
        report = self._windows.shadow
        if self.shadow and report and self.engine:
            self.shadow.beside(meeting, self.engine.classes[top1], report)
        margin, entropy = answers.margin[row], answers.entropy[row]
        if meeting.answer(top1, confidence, margin, entropy, answers.emb[row]):
            self._windows.flip()
        if meeting.over:
            self._look_back(meeting, model, now_us)

    def miss(self) -> None:
        """No answer came to the picture of `look`."""
        self._current.whole = False
        self.ota.observe(produced=False, judged=False, late=False)

    def _look_back(self, meeting: Meeting, model: Model, now_us: int) -> None:
        """At the end of an encounter: did the human take over, and is it worth keeping?"""
        glimpse = meeting.glimpse()
        if glimpse is None or self.engine is None:
            return
        report, named = self._windows.shadow, self.engine.classes[glimpse.last_top1]
        differs = False
        if self.shadow is not None and report is not None:
            differs = self.shadow.compare(meeting, glimpse.last_top1, named, report)
        # The driver sees the sign itself, which the model only guesses.
        truth = self._surface.classes[meeting.encounter.label]
        takeover = self._driver.watch(
            model,
            meeting.encounter.encounter_id,
            glimpse,
            wrong=named != truth,
            speed_mps=self._speed,
            now_us=now_us,
        )
        if takeover is not None:
            self._surface.send(DISENGAGEMENTS, takeover)
        known = self.engine.prototypes
        seen = Seen(
            model=model,
            classes=self.engine.classes,
            encounter=meeting.encounter,
            glimpse=glimpse,
            speed_mps=self._speed,
            taken_over=takeover is not None,
            shadow_differs=differs,
            novelty=known.novelty(glimpse.embedding) if known is not None else 0.0,
        )
        for edge_case in self._edge_cases.consider(seen, now_us):
            self._surface.send(EDGE_CASES, edge_case)
