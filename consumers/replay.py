"""Replays dead letters: the original bytes to the original partition, each letter once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from consumers.dead_letters import REPLAY_HEADER, replay_headers
from infra.kafka.publisher import Publisher
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings
from schemas.codec import Codec
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
    SKIP = "skip"
    SEND = "send"


class Outcome(StrEnum):
    """What became of a letter."""

    SENT = "SENT"
    ALREADY = "ALREADY"  # it was replayed before
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which letters; an empty condition holds for all.

    Attributes:
        ids: Event ids.
        limit: Letters at most.
    """

    ids: frozenset[str] = frozenset()
    topic: str = ""
    error_class: str = ""
    stage: str = ""
    limit: int = 1_000

    def chooses(self, letter: DeadLetter) -> bool:
        """Whether all conditions hold."""
        return (
            (not self.ids or letter.event_id in self.ids)
            and self.topic in {"", letter.topic}
            and self.error_class in {"", letter.error_class}
            and self.stage in {"", letter.stage}
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


def unusable(codec: Codec, letter: DeadLetter, now_us: int) -> str:
    """Why this version would refuse the letter's record now; empty when it would not."""
    try:
        check(letter.topic, codec.decode(letter.topic, letter.body), now_us)
    except RecordError as error:
        return str(error)
    return ""


def replay(
    kafka: KafkaSettings,
    codec: Codec,
    publisher: Publisher,
    chosen: Sequence[DeadLetter],
    policy: Policy,
    now_us: int,
) -> dict[str, Outcome]:
    """Publish letters again, stamped with about `now_us`; outcomes by event id.

    A letter whose replay already stands behind it in its partition is not sent again, so a
    replay that died half-way is simply run again. Two replays at the same time may both send.

    Raises:
        ReplayError: By `Policy.STOP` before anything is sent; or a topic is not one of ours.
        DeliveryError: Not everything was acknowledged.
    """
    refusals = {letter.event_id: _refusal(codec, letter, now_us) for letter in chosen}
    for letter in chosen:
        if policy is Policy.STOP and (why := refusals[letter.event_id]):
            raise ReplayError(
                f"letter {letter.event_id} ({letter.topic}/{letter.partition} offset "
                f"{letter.offset}) would be refused again: {why}. Nothing was sent; leave such "
                "letters out with --policy skip, or send them all the same with --policy send"
            )
    done = _replayed(kafka, chosen)
    outcomes = {}
    for letter in chosen:
        outcomes[letter.event_id] = _outcome(letter, done, policy, refusals[letter.event_id])
        if outcomes[letter.event_id] is Outcome.SENT:
            publisher.publish_bytes(
                TOPICS[letter.topic],
                letter.key,
                letter.body,
                partition=letter.partition,
                headers=replay_headers(letter),
            )
    publisher.flush()
    return outcomes


def _outcome(letter: DeadLetter, done: Collection[str], policy: Policy, refusal: str) -> Outcome:
    if letter.event_id in done:
        return Outcome.ALREADY
    return Outcome.SKIPPED if refusal and policy is Policy.SKIP else Outcome.SENT


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
