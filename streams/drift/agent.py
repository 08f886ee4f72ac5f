"""The drift processor: answers are counted, compared with validation, and drift is said."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from infra.keys import load_keyring
from infra.settings import Settings
from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import Alert, AlertKind, ModelRelease, ReleaseKind
from schemas.topics import ALERTS, DRIFT_PARTIALS, INFERENCE_EVENTS, MODEL_RELEASES, TopicSpec
from streams.conditions import ConditionTeller
from streams.drift.comparing import ComparingFold, shifted
from streams.drift.counting import CountingFold
from streams.drift.partials import Place
from streams.drift.validations import Validations
from streams.drift.wording import condition
from streams.generation import generation
from streams.processor import Fold, Outgoing, Standing, Tally
from streams.withdrawals import Withdrawal, withdrawal

COUNTING_VERSION: Final = "1"
COMPARING_VERSION: Final = "3"
WINDOWS: Final = "fleetloop_drift_windows"
WINDOWS_TOLD: Final = "Reporting windows that stage one left out: duplicate or uncompared."
CELLS: Final = "fleetloop_drift_cells"
CELLS_TOLD: Final = (
    "What stage two left out: cells of closed minutes; windows of unlike classes or places beyond "
    "the limit."
)


class DriftProcessor:
    """Both stages of drift.

    Args:
        releases: Reader of model-releases: only valid proposals say what is compared with.
    """

    name: Final = "drift"
    batched: Final[Sequence[TopicSpec]] = (INFERENCE_EVENTS, DRIFT_PARTIALS)
    followed: Final[Sequence[TopicSpec]] = (ALERTS, MODEL_RELEASES)

    def __init__(self, releases: ReleaseBook) -> None:
        self._releases = releases
        self._validations = Validations()
        self._book = AlertBook()
        self._gone: dict[Withdrawal, int] = {}
        self._counting: dict[int, CountingFold] = {}
        self._comparing: dict[int, ComparingFold] = {}
        self._teller = ConditionTeller(self._book)
        self._counted_by = ""

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """State is bound to the log, stage two's to that of the counts as well, and to the code."""
        if topic.name == DRIFT_PARTIALS.name:
            return generation(topic_id, "drift.comparing", self._counted_by, COMPARING_VERSION)
        made = generation(topic_id, "drift.counting", "minutes", COUNTING_VERSION)
        self._counted_by = made
        return made

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Fold:
        """Make the fold of a newly assigned partition."""
        made: CountingFold | ComparingFold
        if topic == INFERENCE_EVENTS.name:
            made = self._counting[partition] = CountingFold(partition)
        else:
            made = self._comparing[partition] = ComparingFold(self._validations, self._counted_by)
        if snapshot is not None:
            made.restore(snapshot)
        return made

    def drop(self, topic: str, partition: int) -> None:
        """Forget the fold of a partition that was taken away."""
        if topic == INFERENCE_EVENTS.name:
            self._counting.pop(partition, None)
        else:
            self._comparing.pop(partition, None)

    def observe(self, facts: Sequence[Fact]) -> None:
        """Read back what was said of alerts; learn of validations and of releases withdrawn."""
        for fact in facts:
            if isinstance(fact.record, Alert):
                self._book.observe(fact.record)
            elif isinstance(fact.record, ModelRelease):
                self._decided(fact, fact.record)

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """Cells and progress of stage one, alerts of stage two."""
        said: list[Outgoing] = []
        for (topic, partition), position in standing.partitions.items():
            if topic == INFERENCE_EVENTS.name and partition in self._counting:
                said += self._counting[partition].emit(position, standing.now_us)
            elif topic == DRIFT_PARTIALS.name and partition in self._comparing:
                said += self._told(self._comparing[partition], standing.now_us)
        return said

    def tallies(self) -> Iterator[Tally]:
        """What was left out, by partition."""
        for partition, counting in tuple(self._counting.items()):
            yield from _tallies(WINDOWS, WINDOWS_TOLD, partition, counting.tally)
        for partition, comparing in tuple(self._comparing.items()):
            yield from _tallies(CELLS, CELLS_TOLD, partition, comparing.tally)

    def _told(self, fold: ComparingFold, now_us: int) -> Iterator[Outgoing]:
        if not fold.caught_up(now_us):
            return
        holding = [
            condition(place, held, held.shift)
            for place, held in shifted(fold)
            if held.shift is not None and not self._is_gone(place)
        ]

        def over(last: Alert) -> bool:
            if last.kind is not AlertKind.DRIFT or fold.ingest_us < last.watermark:
                return False
            return Place(*(last.labels[label] for label in Place._fields)) in fold.places

        for alert in self._teller.news(holding, over, fold.ingest_us, now_us):
            yield Outgoing(topic=ALERTS, record=alert)

    def _is_gone(self, place: Place) -> bool:
        return any((place.release_id, stratum) in self._gone for stratum in (place.hardware, None))

    def _decided(self, fact: Fact, record: ModelRelease) -> None:
        known = len(self._releases.releases)
        gone = withdrawal(self._releases, fact, record)
        if gone is not None:
            self._gone[gone] = fact.stamp_us
        if record.kind is ReleaseKind.PROPOSED and len(self._releases.releases) > known:
            self._validations.observe(record)


def _tallies(name: str, told: str, partition: int, counts: Mapping[str, int]) -> Iterator[Tally]:
    for reason, value in counts.items():
        labels = {"reason": reason, "partition": str(partition)}
        yield Tally(name=name, told=told, labels=labels, value=value)


def processor(settings: Settings) -> DriftProcessor:
    """The processor of an installation.

    Raises:
        KeysError: The keyring of the installation is missing or wrong.
    """
    return DriftProcessor(ReleaseBook(load_keyring(settings.keys_dir)))
