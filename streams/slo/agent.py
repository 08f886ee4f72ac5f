"""The latency-SLO processor: two folds, the alerts they lead to, and what they must know."""

from collections.abc import Iterator, Sequence
from typing import Final

from infra.keys import load_keyring
from infra.settings import Settings
from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Alert, ModelRelease
from schemas.topics import ALERTS, INFERENCE_EVENTS, MODEL_RELEASES, SLO_PARTIALS, TopicSpec
from streams.generation import generation
from streams.processor import Fold, Outgoing, Standing, Tally
from streams.slo import slo_file
from streams.slo.announcing import Announcer
from streams.slo.burning import BurnFold
from streams.slo.counting import CountingFold
from streams.slo.objectives import Slo, alerting_digest, counting_digest
from streams.withdrawals import Withdrawal, withdrawal

COUNTING_VERSION: Final = "4"
BURNING_VERSION: Final = "3"
WINDOWS: Final = "fleetloop_slo_windows"
WINDOWS_TOLD: Final = (
    "Reporting windows that were clamped or late and counted, or too_old, duplicate or uncovered "
    "and left out."
)
OVERFLOW: Final = "fleetloop_slo_overflow_events"
OVERFLOW_TOLD: Final = "Events counted under __overflow__: an SLO has more than max_keys keys."


class SloProcessor:
    """Both stages of the latency SLO.

    Args:
        slos: The SLO file.
        releases: Reader of model-releases: only valid decisions withdraw a release.
    """

    name: Final = "slo"
    batched: Final[Sequence[TopicSpec]] = (INFERENCE_EVENTS, SLO_PARTIALS)
    followed: Final[Sequence[TopicSpec]] = (ALERTS, MODEL_RELEASES)

    def __init__(self, slos: Sequence[Slo], releases: ReleaseBook) -> None:
        self._slos = tuple(slos)
        self._releases = releases
        self._book = AlertBook()
        self._withdrawals: dict[Withdrawal, int] = {}
        self._counting: dict[int, CountingFold] = {}
        self._burning: dict[int, BurnFold] = {}
        self._announcers: dict[int, Announcer] = {}
        self._counted_by = ""

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """State is bound to the log, the SLO file as far as the stage reads it, and the code."""
        if topic.name == SLO_PARTIALS.name:
            # Another count begins with history: it must be caught up with before it is news.
            digest = f"{alerting_digest(self._slos)}/{self._counted_by}"
            return generation(topic_id, "slo.burning", digest, BURNING_VERSION)
        digest = counting_digest(self._slos)
        self._counted_by = generation(topic_id, "slo.counting", digest, COUNTING_VERSION)
        return self._counted_by

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Fold:
        """Make the fold of a newly assigned partition."""
        made: CountingFold | BurnFold
        if topic == INFERENCE_EVENTS.name:
            made = self._counting[partition] = CountingFold(self._slos, partition)
        else:
            made = self._burning[partition] = BurnFold(
                self._slos, self._counted_by, self._withdrawals
            )
            self._announcers[partition] = Announcer(self._slos, self._book)
        if snapshot is not None:
            made.restore(snapshot)
        return made

    def drop(self, topic: str, partition: int) -> None:
        """Forget the fold of a partition that was taken away."""
        if topic == INFERENCE_EVENTS.name:
            self._counting.pop(partition, None)
        else:
            self._burning.pop(partition, None)
            self._announcers.pop(partition, None)

    def observe(self, facts: Sequence[Fact]) -> None:
        """Read back what was said of alerts, and learn which releases were rolled back."""
        for fact in facts:
            if isinstance(fact.record, Alert):
                self._book.observe(fact.record)
            elif isinstance(fact.record, ModelRelease):
                self._decided(fact, fact.record)

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """Cells and progress of stage one, alerts of stage two."""
        return [*self._counted(standing), *self._announced(standing)]

    def tallies(self) -> Iterator[Tally]:
        """What stage one counted apart, left out or counted together, by source partition."""
        for partition, fold in tuple(self._counting.items()):
            for reason, value in fold.tally.items():
                labels = {"reason": reason, "partition": str(partition)}
                yield Tally(name=WINDOWS, told=WINDOWS_TOLD, labels=labels, value=value)
            labels = {"partition": str(partition)}
            yield Tally(name=OVERFLOW, told=OVERFLOW_TOLD, labels=labels, value=fold.overflowed)

    def _counted(self, standing: Standing) -> Iterator[Outgoing]:
        for (topic, partition), position in standing.partitions.items():
            if topic == INFERENCE_EVENTS.name and partition in self._counting:
                yield from self._counting[partition].emit(position, standing.now_us)

    def _announced(self, standing: Standing) -> Iterator[Outgoing]:
        for topic, partition in standing.partitions:
            if topic != SLO_PARTIALS.name or partition not in self._burning:
                continue
            fold = self._burning[partition]
            if fold.caught_up(standing.now_us):
                for alert in self._announcers[partition].news(fold, standing.now_us):
                    yield Outgoing(topic=ALERTS, record=alert)

    def _decided(self, fact: Fact, record: ModelRelease) -> None:
        release = withdrawal(self._releases, fact, record)
        if release is None:
            return
        self._withdrawals[release] = max(fact.stamp_us, self._withdrawals.get(release, 0))
        for fold in self._burning.values():
            fold.withdraw(*release, self._withdrawals[release])


def processor(settings: Settings) -> SloProcessor:
    """The processor of an installation.

    Raises:
        SloFileError: The SLO file breaks a rule.
        KeysError: The keyring of the installation is missing or wrong.
    """
    keyring = load_keyring(settings.keys_dir)
    return SloProcessor(slo_file.load(settings.slo_file), ReleaseBook(keyring))
