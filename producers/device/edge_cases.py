"""Edge cases: encounters of one device that are kept, within its uplink and its owner's consent."""

from typing import Final, Protocol

import numpy as np

from infra.objects import PICTURE_KIND, PICTURE_SUFFIX
from producers.camera.camera import Encounter
from producers.camera.strips import to_png
from producers.campaigns.book import Campaign, CampaignBook
from producers.campaigns.collecting import Collecting
from producers.campaigns.signals import Signals
from producers.device.buckets import TokenBucket
from producers.device.identity import EventIds, Who, fraction
from producers.device.triggers import Seen, control_sample, trigger
from producers.scenario import Triggers
from schemas.records import Context, EdgeCase, Frame, Trigger
from schemas.topics import EDGE_CASES

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


class EdgeCases:
    """Keeps encounters of one device.

    Args:
        rules: Thresholds, shares and what the uplink bears.
        campaigns: What operators ask for; shared by the devices of a process.
    """

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
        self._cases = TokenBucket.full(rules.burst, rules.per_hour)
        self._bytes = TokenBucket.full(rules.burst_bytes, rules.bytes_per_hour)

    def consider(self, seen: Seen, now_us: int) -> EdgeCase | None:
        """The edge case to send, its film strip stored; None: nothing worth it or not allowed.

        Raises:
            OSError: The film strip cannot be stored.
        """
        if not self._who.consent_pictures:
            return None
        why, campaign = self._reason(seen, now_us)
        if why is None or not self._cases.holds(now_us):
            return None
        strip = to_png(seen.encounter.frames)
        if not self._bytes.holds(now_us, len(strip)):
            return None
        self._cases.spend()
        self._bytes.spend(len(strip))
        if campaign is not None:
            self._collecting.sent(campaign, len(strip))
        frame, glimpse = self._stored(strip, seen.encounter), seen.glimpse
        return EdgeCase(
            event_id=self._ids.next(EDGE_CASES),
            **self._who.common(),
            release_id=seen.model.release_id,
            model_digest=seen.model.digest,
            captured_ts=now_us,
            trigger=why,
            campaign_id=None if campaign is None else campaign.record.campaign_id,
            encounter_id=seen.encounter.encounter_id,
            frame=frame,
            top1=glimpse.top1,
            confidence=glimpse.confidence,
            margin=glimpse.margin,
            entropy=glimpse.entropy,
            embedding=tuple(glimpse.embedding.astype(np.float32).tolist()),
            context=self._context(seen.encounter, seen.speed_mps),
            consent=self._who.consent_pictures,
            uplink_bytes=frame.bytes,
        )

    def _reason(self, seen: Seen, now_us: int) -> tuple[Trigger | None, Campaign | None]:
        """Chance first, then what was asked for, then the device's own signs."""
        if control_sample(self._rules, fraction(self._seed, "random", seen.encounter.encounter_id)):
            return Trigger.RANDOM, None
        campaign = self._collecting.wanting(self._signals(seen), now_us)
        if campaign is not None:
            return Trigger.CAMPAIGN, campaign
        return trigger(self._rules, seen.glimpse, taken_over=seen.taken_over), None

    def _signals(self, seen: Seen) -> Signals:
        glimpse, encounter = seen.glimpse, seen.encounter
        return Signals(
            confidence=glimpse.confidence,
            margin=glimpse.margin,
            entropy=glimpse.entropy,
            flips=glimpse.flips,
            late=glimpse.late,
            speed_mps=seen.speed_mps,
            top1=seen.classes[glimpse.top1],
            last_top1=seen.classes[glimpse.last_top1],
            weather=encounter.weather.value if encounter.weather is not None else None,
            light=encounter.light.value,
            region=self._who.region,
            hardware=self._who.hardware,
            device_class=self._who.device_class.value,
        )

    def _stored(self, strip: bytes, encounter: Encounter) -> Frame:
        stored = self._pictures.put(strip, kind=PICTURE_KIND, suffix=PICTURE_SUFFIX)
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
