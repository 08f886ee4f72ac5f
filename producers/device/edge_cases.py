"""Edge cases: encounters of one device that are kept, within its uplink and its owner's consent."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from infra.objects import PICTURE_KIND
from producers.camera.camera import Encounter
from producers.campaigns.book import Campaign, CampaignBook
from producers.campaigns.collecting import Collecting
from producers.campaigns.signals import Signals
from producers.device.buckets import TokenBucket
from producers.device.identity import EventIds, Who, fraction
from producers.device.shortlist import Shortlist
from producers.device.triggers import Seen, control_sample, trigger
from producers.scenario.equipment import Triggers
from schemas.records import Context, EdgeCase, Frame, Trigger
from schemas.topics import EDGE_CASES

PLACE_CELLS: Final = 16
_DOUBTS: Final = frozenset({Trigger.LOW_CONFIDENCE, Trigger.MARGIN})


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


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An encounter that waits for the end of its window, lost when the process dies before."""

    seen: Seen
    why: Trigger
    at_us: int


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
        self._doubts: Shortlist[_Waiting] = Shortlist(rules.shortlist)
        self._novel: Shortlist[_Waiting] = Shortlist(rules.shortlist_novel)
        self._window_end_us = 0

    def consider(self, seen: Seen, now_us: int) -> list[EdgeCase]:
        """The edge cases to send now, their frames stored.

        What chance, a campaign, a takeover, a flip or two models that differ keep is sent at once;
        of mere doubts the greatest of each shortlist window, and of what is new the newest, at
        its end.

        Raises:
            OSError: Its frames cannot be stored.
        """
        if not self._who.consent_pictures:
            return []
        sent = self.close(now_us) if now_us >= self._window_end_us else []
        why, campaign = self._reason(seen, now_us)
        name = seen.encounter.encounter_id
        if why in _DOUBTS:
            self._doubts.offer(seen.glimpse.margin, name, _Waiting(seen, why, now_us))
        elif why is Trigger.NOVELTY:
            self._novel.offer(-seen.novelty, name, _Waiting(seen, why, now_us))
        elif why is not None:
            sent += self._sent(seen, why, campaign, seen_us=now_us, now_us=now_us)
        return sent

    def close(self, now_us: int) -> list[EdgeCase]:
        """End the shortlist window early or in time: the doubts and what is new to send.

        Raises:
            OSError: Its frames cannot be stored.
        """
        self._window_end_us = now_us + round(self._rules.shortlist_s * 1_000_000)
        return [
            case
            for one in (*self._doubts.drain(), *self._novel.drain())
            for case in self._sent(one.seen, one.why, None, seen_us=one.at_us, now_us=now_us)
        ]

    def _sent(
        self, seen: Seen, why: Trigger, campaign: Campaign | None, *, seen_us: int, now_us: int
    ) -> list[EdgeCase]:
        """The edge case, when the uplink bears it."""
        if not self._cases.holds(now_us):
            return []
        strip = self._who.medium.encode(seen.encounter.frames)
        if not self._bytes.holds(now_us, len(strip)):
            return []
        self._cases.spend()
        self._bytes.spend(len(strip))
        if campaign is not None:
            self._collecting.sent(campaign, len(strip))
        return [self._case(seen, why, campaign, self._stored(strip, seen.encounter), seen_us)]

    def _case(
        self, seen: Seen, why: Trigger, campaign: Campaign | None, frame: Frame, seen_us: int
    ) -> EdgeCase:
        glimpse = seen.glimpse
        return EdgeCase(
            event_id=self._ids.next(EDGE_CASES),
            **self._who.common(),
            release_id=seen.model.release_id,
            model_digest=seen.model.digest,
            captured_ts=seen_us,
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
        return trigger(self._rules, seen), None

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
        medium = self._who.medium
        stored = self._pictures.put(strip, kind=PICTURE_KIND, suffix=medium.suffix)
        width, height = medium.size(len(encounter.frames))
        return Frame(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            width=width,
            height=height,
            media_type=medium.media_type,
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
