"""Replays dead letters: the original bytes to the original partition, each letter once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consumers.clickhouse.completeness import Stretch
from infra.kafka.dead_letters import REPLAY_HEADER, erased, replay_headers
from infra.kafka.publisher import Publisher
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.erasures import ErasureBook
from schemas.errors import RecordError
from schemas.records import DeadLetter
from schemas.topics import DEAD_LETTERS, TOPICS
from schemas.validation import check

# Records behind the letters that are searched for earlier replays of them.
SEARCH_LIMIT: Final = 5_000_000


class ReplayError(RuntimeError):
    """The replay stopped; the message names the letter or the limit."""


class Policy(StrEnum):
    """What to do with a letter that this version still could not use."""

    STOP = "stop"
    RE_DEAD_LETTER = "re-dead-letter"  # send it all the same: the next letter has the next attempt
    DROP = "drop"


class Outcome(StrEnum):
    """What becomes of a letter."""

    SENT = "SENT"
    REFUSED_AGAIN = "REFUSED_AGAIN"  # sent, and known to become a letter again
    ALREADY = "ALREADY"  # it was replayed before
    DROPPED = "DROPPED"
    ERASED = "ERASED"  # its device is erased; sent now it would be of later than that


SENDING: Final = frozenset({Outcome.SENT, Outcome.REFUSED_AGAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters; an empty condition holds for all.

    Attributes:
        ids: Event ids.
        stretch: Where the records stand that the letters are about.
        limit: Letters at most.
    """

    ids: frozenset[str] = frozenset()
    topic: str = ""
    error_class: str = ""
    stage: str = ""
    stretch: Stretch | None = None
    limit: int = 1_000

    def chooses(self, letter: DeadLetter) -> bool:
        """Whether all conditions hold."""
        return (
            (not self.ids or letter.event_id in self.ids)
            and self.topic in {"", letter.topic}
            and self.error_class in {"", letter.error_class}
            and self.stage in {"", letter.stage}
            and (self.stretch is None or _is_in(self.stretch, letter))
        )


def letters(kafka: KafkaSettings, codec: Codec, selection: Selection) -> list[DeadLetter]:
    """Chosen letters of the log, oldest first, one of each event id.

    Raises:
        AdminError: The broker does not answer, or has no dead-letters topic.
    """
    found: dict[str, DeadLetter] = {}
    reader = RangeReader(kafka)
    for message in reader.read(reader.held([DEAD_LETTERS.name])):
        try:
            letter = codec.decode(DEAD_LETTERS, message.value or b"")
        except RecordError:
            continue  # a letter that cannot be read has a letter of its own
        if isinstance(letter, DeadLetter) and selection.chooses(letter):
            found.setdefault(letter.event_id, letter)
            if len(found) >= selection.limit:
                break
    return list(found.values())


def _is_in(stretch: Stretch, letter: DeadLetter) -> bool:
    there = (letter.topic, letter.partition) == (stretch.topic, stretch.partition)
    return there and stretch.range.first <= letter.offset <= stretch.range.last


def unusable(codec: Codec, letter: DeadLetter, now_us: int) -> str:
    """Why this version would refuse the letter's record now; empty when it would not."""
    try:
        check(letter.topic, codec.decode(letter.topic, letter.body), now_us)
    except RecordError as error:
        return str(error)
    return ""


def plan(
    kafka: KafkaSettings,
    codec: Codec,
    chosen: Sequence[DeadLetter],
    policy: Policy,
    book: ErasureBook,
    now_us: int,
) -> list[tuple[DeadLetter, Outcome]]:
    """What a replay with about this stamp does with each letter; nothing is sent.

    A letter whose replay already stands behind it in its partition is not sent again, so a
    replay that died half-way is simply run again. Two replays at the same time may both send.

    Raises:
        ReplayError: By `Policy.STOP` a letter would be refused again; or it is of no topic of ours.
        RangeUnreadableError, KafkaUnreachableError: Earlier replays cannot be searched for.
    """
    done = _replayed(kafka, chosen)
    return [(each, _outcome(codec, each, done, policy, book, now_us)) for each in chosen]


def send(publisher: Publisher, planned: Sequence[tuple[DeadLetter, Outcome]]) -> None:
    """Publish what a plan says: the original bytes to the original partition.

    Raises:
        DeliveryError: Not everything was acknowledged.
    """
    for letter, outcome in planned:
        if outcome in SENDING:
            publisher.publish_bytes(
                TOPICS[letter.topic],
                letter.key,
                letter.body,
                partition=letter.partition,
                headers=replay_headers(letter),
            )
    publisher.flush()


def _outcome(
    codec: Codec,
    letter: DeadLetter,
    done: Collection[str],
    policy: Policy,
    book: ErasureBook,
    now_us: int,
) -> Outcome:
    if erased(letter, book):
        return Outcome.ERASED
    if letter.event_id in done:
        return Outcome.ALREADY
    why = _refusal(codec, letter, now_us)
    if not why:
        return Outcome.SENT
    if policy is Policy.STOP:
        raise ReplayError(
            f"letter {letter.event_id} ({letter.topic}/{letter.partition} offset "
            f"{letter.offset}) would be refused again: {why}. Nothing was sent; leave such letters "
            "out with --policy drop, or have them refused again with --policy re-dead-letter"
        )
    return Outcome.DROPPED if policy is Policy.DROP else Outcome.REFUSED_AGAIN


def _refusal(codec: Codec, letter: DeadLetter, now_us: int) -> str:
    if letter.topic not in TOPICS:
        raise ReplayError(f"letter {letter.event_id} is of topic {letter.topic}, not one of ours")
    return unusable(codec, letter, now_us)


def _replayed(kafka: KafkaSettings, chosen: Sequence[DeadLetter]) -> set[str]:
    """Letters whose replay stands in the log behind them."""
    firsts: dict[tuple[str, int], int] = {}
    for letter in chosen:
        place = letter.topic, letter.partition
        firsts[place] = min(firsts.get(place, letter.offset + 1), letter.offset + 1)
    reader = RangeReader(kafka)
    spans = [
        replace(span, first_offset=max(span.first_offset, firsts[span.topic, span.partition]))
        for span in reader.held({topic for topic, _ in firsts})
        if (span.topic, span.partition) in firsts
    ]
    length = sum(max(0, span.last_offset - span.first_offset + 1) for span in spans)
    if length > SEARCH_LIMIT:
        raise ReplayError(
            f"{length} records stand behind the letters, at most {SEARCH_LIMIT} are searched for "
            "earlier replays: choose younger letters, or fewer topics"
        )
    return {
        (value or b"").decode(errors="replace")
        for message in reader.read(spans)
        for name, value in message.headers
        if name == REPLAY_HEADER
    }
