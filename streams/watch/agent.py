"""The watch processor: who is silent, what has stalled, and the alerts that say so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from infra.settings import Settings
from schemas.alert_log import AlertBook
from schemas.facts import Fact
from schemas.records import Alert, SloPartial
from schemas.topics import ALERTS, DEVICES, INFERENCE_EVENTS, SLO_PARTIALS, TopicSpec
from streams.generation import generation
from streams.processor import Fold, Outgoing, Position, Standing
from streams.slo import partials
from streams.watch import cells, watch_file
from streams.watch.announcing import Announcer
from streams.watch.enrolling import EnrollingFold
from streams.watch.listening import ListeningFold, Tick
from streams.watch.watch_file import WatchPolicy
from streams.watch.watching import WatchFold

VERSION: Final = "2"
HOME: Final = 0
"""The partition of slo-partials that all of the watch goes to: one owner sees everything."""
PROGRESS_EVERY_US: Final = 1_000_000


class WatchProcessor:
    """Both stages of absence and self-watch.

    Args:
        policy: The watch file.
    """

    name: Final = "watch"
    batched: Final[Sequence[TopicSpec]] = (DEVICES, INFERENCE_EVENTS, SLO_PARTIALS)
    followed: Final[Sequence[TopicSpec]] = (ALERTS,)

    def __init__(self, policy: WatchPolicy) -> None:
        self._policy = policy
        self._book = AlertBook()
        self._enrolling: dict[int, EnrollingFold] = {}
        self._listening: dict[int, ListeningFold] = {}
        self._watching: WatchFold | None = None
        self._announcer = Announcer(self._book)
        self._generations: dict[str, str] = {}
        self._told: dict[int, tuple[int, int]] = {}
        self._heard: dict[tuple[int, str], int] = {}
        self._progress_at = 0

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """State is bound to the log, to that of the topics before it, to policy and code."""
        before = "/".join(self._generations.values())
        digest = f"{self._policy.model_dump_json()}/{before}"
        made = generation(topic_id, f"watch.{topic.name}", digest, VERSION)
        self._generations[topic.name] = made
        return made

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Fold:
        """Make the fold of a newly assigned partition."""
        made: EnrollingFold | ListeningFold | WatchFold
        if topic == DEVICES.name:
            made = self._enrolling[partition] = EnrollingFold(self._policy)
        elif topic == INFERENCE_EVENTS.name:
            made = self._listening[partition] = ListeningFold(self._policy)
        else:
            made = WatchFold(self._policy, self._generations[INFERENCE_EVENTS.name])
            if partition == HOME:
                self._watching = made
        if snapshot is not None:
            made.restore(snapshot)
        return made

    def drop(self, topic: str, partition: int) -> None:
        """Forget the fold of a partition that was taken away."""
        if topic == DEVICES.name:
            self._enrolling.pop(partition, None)
        elif topic == INFERENCE_EVENTS.name:
            self._listening.pop(partition, None)
            self._told.pop(partition, None)
        elif partition == HOME:
            self._watching = None

    def observe(self, facts: Sequence[Fact]) -> None:
        """Read back what was said of alerts."""
        for fact in facts:
            if isinstance(fact.record, Alert):
                self._book.observe(fact.record)

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """Cells and progress of stage one, alerts of stage two."""
        said = [
            Outgoing(topic=SLO_PARTIALS, record=record, partition=HOME)
            for record in self._stage_one(standing)
        ]
        fold = self._watching
        if fold is not None and fold.caught_up(standing.now_us):
            news = self._announcer.news(fold, standing.now_us)
            said += [Outgoing(topic=ALERTS, record=alert) for alert in news]
        return said

    def _stage_one(self, standing: Standing) -> Iterator[SloPartial]:
        due = not 0 <= standing.now_us - self._progress_at < PROGRESS_EVERY_US
        if due:
            self._progress_at = standing.now_us
        for partition, listening in self._listening.items():
            enrolling = self._enrolling.get(partition)
            if enrolling is None:
                continue  # the other half is with another worker for a moment
            at = standing.partitions[INFERENCE_EVENTS.name, partition]
            registry_at = standing.partitions[DEVICES.name, partition]
            through_us = min(at.ingest_us, registry_at.ingest_us)
            for tick in listening.judge(enrolling, through_us):
                yield from self._ticked(tick, enrolling, partition)
            if due:
                yield from self._progressed(listening, partition, at, through_us)

    def _ticked(self, tick: Tick, enrolling: EnrollingFold, partition: int) -> Iterator[SloPartial]:
        labels = self._policy.fleet.group_by
        for found in tick.silences:
            key: Mapping[str, str] = dict(zip(labels, enrolling.keys[found.group], strict=True))
            yield cells.silence(
                found,
                key,
                generation=self._generations[INFERENCE_EVENTS.name],
                partition=partition,
                moment_us=tick.moment_us,
            )

    def _progressed(
        self, listening: ListeningFold, partition: int, at: Position, through_us: int
    ) -> Iterator[SloPartial]:
        version = (listening.last_offset, at.high_stamp_us)
        for name, minute in listening.quality.changed(through_us):
            yield cells.quality(
                name, minute, generation=at.generation, partition=partition, version=version
            )
        for who, (stamp_us, count) in listening.heard.items():
            if count and self._heard.get((partition, who)) != stamp_us:
                self._heard[partition, who] = stamp_us
                yield cells.heard(
                    who,
                    stamp_us,
                    count,
                    generation=at.generation,
                    partition=partition,
                    last_offset=listening.last_offset,
                )
        told = (at.applied_through, through_us)
        if through_us and told != self._told.get(partition):
            self._told[partition] = told
            yield partials.progress(
                generation=at.generation,
                partition=partition,
                last_offset=at.applied_through,
                ingest_ts=through_us,
                watermark=listening.judged_us,
                target=HOME,
            )


def processor(settings: Settings) -> WatchProcessor:
    """The processor of an installation.

    Raises:
        WatchFileError: The watch file breaks a rule.
    """
    return WatchProcessor(watch_file.load(settings.watch_file))
