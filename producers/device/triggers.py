"""Edge cases: which encounters a device keeps, and how many it may send."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from infra.objects import PICTURE_KIND, PICTURE_SUFFIX
from producers.camera.camera import Encounter
from producers.camera.strips import to_png
from producers.campaigns.book import CampaignBook
from producers.campaigns.collecting import Collecting
from producers.campaigns.signals import Signals
from producers.device.encounters import Glimpse
from producers.device.identity import EventIds, Who, fraction
from producers.device.slots import Model
from producers.scenario import Triggers
from schemas.records import Context, EdgeCase, Frame, Trigger
from schemas.topics import EDGE_CASES

HOUR_US: Final = 3_600_000_000
PLACE_CELLS: Final = 16


class Stored(Protocol):
    """A stored object: address, SHA-256 in hex, length in bytes."""

    @property
    def uri(self) -> str:
        """Address."""

    @property
    def digest(self) -> str:
        """SHA-256, hex."""

    @property
    def bytes(self) -> int:
        """Length."""


class Pictures(Protocol):
    """Where pictures go."""

    def put(self, body: bytes, *, kind: str, suffix: str = "") -> Stored:
        """Store bytes under their own SHA-256."""


@dataclass(slots=True)
class TokenBucket:
    """A quota: `burst` at once, `per_hour` in the long run.

    Formula: tokens(t) = min(burst, tokens + (t - last) x per_hour / 1 h).
    """

    burst: float
    per_hour: float
    tokens: float
    last_us: int = 0

    def take(self, now_us: int) -> bool:
        """Spend one token if there is one; a clock that goes back gives none."""
        elapsed = max(0, now_us - self.last_us)
        self.tokens = min(self.burst, self.tokens + elapsed * self.per_hour / HOUR_US)
        self.last_us = max(self.last_us, now_us)
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


def trigger(rules: Triggers, glimpse: Glimpse, chance: float) -> Trigger | None:
    """Why to keep an encounter, None: not at all.

    RANDOM comes first: it is the control sample, and would be biased if the others came before
    it. Then the strongest sign of doubt.

    Args:
        rules: Thresholds and shares.
        glimpse: What the model made of the encounter.
        chance: Uniform in [0, 1).
    """
    if chance < rules.random_share:
        return Trigger.RANDOM
    if glimpse.flips >= rules.flips_at_least:
        return Trigger.FLIP
    if glimpse.confidence < rules.confidence_below:
        return Trigger.LOW_CONFIDENCE
    if glimpse.margin < rules.margin_below:
        return Trigger.MARGIN
    return None


class EdgeCases:
    """Keeps encounters of one device, within its quota and its owner's consent."""

    def __init__(
        self,
        who: Who,
        ids: EventIds,
        rules: Triggers,
        *,
        seed: int,
        pictures: Pictures,
        campaigns: CampaignBook,
    ) -> None:
        self._who, self._ids, self._rules = who, ids, rules
        self._seed, self._pictures = seed, pictures
        self._collecting = Collecting(who.device_id, campaigns)
        self._quota = TokenBucket(rules.burst, rules.per_hour, tokens=rules.burst)

    def consider(
        self,
        model: Model,
        encounter: Encounter,
        glimpse: Glimpse,
        speed_mps: float,
        now_us: int,
        classes: Sequence[str],
    ) -> EdgeCase | None:
        """The edge case to send, its film strip stored; None: nothing worth it or not allowed.

        The control sample comes before campaigns, and what was asked for before signs of doubt.

        Args:
            model: What runs.
            encounter: The whole encounter.
            glimpse: What the model made of it.
            speed_mps: Metres a second.
            now_us: Now, UTC microseconds.
            classes: Names of the model's classes.

        Raises:
            OSError: The film strip cannot be stored.
        """
        chance = fraction(self._seed, "random", encounter.encounter_id)
        why = trigger(self._rules, glimpse, chance)
        campaign = None
        if why is not Trigger.RANDOM:
            signals = self._signals(encounter, glimpse, speed_mps, classes)
            campaign = self._collecting.wanting(signals, now_us)
            why = why if campaign is None else Trigger.CAMPAIGN
        if why is None or not self._who.consent_pictures or not self._quota.take(now_us):
            return None
        frame = self._film_strip(encounter)
        if campaign is not None:
            self._collecting.sent(campaign, frame.bytes)
        return EdgeCase(
            event_id=self._ids.next(EDGE_CASES),
            **self._who.common(),
            release_id=model.release_id,
            model_digest=model.digest,
            captured_ts=now_us,
            trigger=why,
            campaign_id=None if campaign is None else campaign.record.campaign_id,
            encounter_id=encounter.encounter_id,
            frame=frame,
            top1=glimpse.top1,
            confidence=glimpse.confidence,
            margin=glimpse.margin,
            entropy=glimpse.entropy,
            embedding=tuple(glimpse.embedding.astype(np.float32).tolist()),
            context=self._context(encounter, speed_mps),
            consent=self._who.consent_pictures,
            uplink_bytes=frame.bytes,
        )

    def _signals(
        self, encounter: Encounter, glimpse: Glimpse, speed_mps: float, classes: Sequence[str]
    ) -> Signals:
        return Signals(
            confidence=glimpse.confidence,
            margin=glimpse.margin,
            entropy=glimpse.entropy,
            flips=glimpse.flips,
            late=glimpse.late,
            speed_mps=speed_mps,
            top1=classes[glimpse.top1],
            last_top1=classes[glimpse.last_top1],
            weather=encounter.weather.value if encounter.weather is not None else None,
            light=encounter.light.value,
            region=self._who.region,
            hardware=self._who.hardware,
            device_class=self._who.device_class.value,
        )

    def _film_strip(self, encounter: Encounter) -> Frame:
        stored = self._pictures.put(
            to_png(encounter.frames), kind=PICTURE_KIND, suffix=PICTURE_SUFFIX
        )
        height, width = encounter.frames.shape[1:3]
        return Frame(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            width=width * len(encounter.frames),
            height=height,
            media_type="image/png",
        )

    def _context(self, encounter: Encounter, speed_mps: float) -> Context:
        cell = int(fraction(self._seed, "cell", encounter.encounter_id) * PLACE_CELLS)
        place = f"{self._who.region}-{cell}" if self._who.consent_location else None
        return Context(
            speed_mps=speed_mps,
            weather=encounter.weather.value if encounter.weather is not None else None,
            light=encounter.light.value,
            place_cell=place,
        )
