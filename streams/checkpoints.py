"""Checkpoints: the state of one partition, saved together with the offset that it includes.

Any checkpoint ever written is a valid one, because it is a function of a prefix of the log: one
that overwrites a newer one costs reading again, never correctness, so nothing is fenced.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from infra.objects import ObjectMissingError, ObjectStore

FORMAT: Final = 1
KEPT_FOR: Final = timedelta(days=7)
"""State of another build outlives its last write by this: so long one may go back to that build."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used; the message says which and what to do."""


class OtherLogError(CheckpointError):
    """There is state, but of another log of the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State of one partition.

    Attributes:
        topic_id: Identity of the log that was folded.
        generation: Build of the state, see `streams.generation`.
        applied_through: Last offset included.
        high_stamp_us: Highest broker stamp among the records included.
        blind_before_us: See `streams.processor.Position`.
        state: What the fold's `snapshot` gave.
    """

    topic_id: str
    generation: str
    applied_through: int
    high_stamp_us: int
    state: bytes
    blind_before_us: int = 0

    def parts(self) -> tuple[bytes, bytes]:
        """One line of JSON, then the state: not joined, since that would double its memory."""
        head = {
            "format": FORMAT,
            "topic_id": self.topic_id,
            "generation": self.generation,
            "applied_through": self.applied_through,
            "high_stamp_us": self.high_stamp_us,
            "blind_before_us": self.blind_before_us,
            "digest": hashlib.sha256(self.state).hexdigest(),
        }
        return json.dumps(head).encode() + b"\n", self.state

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read what `parts` gave, joined.

        Raises:
            ValueError: It is damaged or of another format; the message says how.
        """
        line, _, state = body.partition(b"\n")
        head: dict[str, Any] = json.loads(line)
        if head.get("format") != FORMAT:
            raise ValueError(f"format {head.get('format')}, this program reads {FORMAT}")
        if hashlib.sha256(state).hexdigest() != head["digest"]:
            raise ValueError(f"the {len(state)} bytes of state do not have the digest written")
        return cls(
            topic_id=head["topic_id"],
            generation=head["generation"],
            applied_through=head["applied_through"],
            high_stamp_us=head["high_stamp_us"],
            state=state,
            blind_before_us=head.get("blind_before_us", 0),
        )


class Checkpoints:
    """The checkpoints of one processor in the object store.

    Args:
        adopt_new_topic: Start afresh on a log that is not the one of the state found.
    """

    def __init__(
        self, objects: ObjectStore, processor: str, *, adopt_new_topic: bool = False
    ) -> None:
        self._objects = objects
        self._processor = processor
        self._adopt_new_topic = adopt_new_topic

    def save(self, topic: str, partition: int, checkpoint: Checkpoint) -> None:
        """Store a checkpoint in one step; `OSError` when the store cannot take it."""
        name = self._name(topic, partition, checkpoint.generation)
        self._objects.put_named(name, *checkpoint.parts())

    def load(
        self, topic: str, partition: int, *, topic_id: str, generation: str
    ) -> Checkpoint | None:
        """The last checkpoint of this generation, None when it has none yet.

        Raises:
            OtherLogError: All state found is of another log of that name; names both.
            CheckpointError: The checkpoint is damaged.
        """
        name = self._name(topic, partition, generation)
        try:
            found = self._read(name)
        except ObjectMissingError:
            self._refuse_other_log(topic, partition, topic_id)
            return None
        if found.topic_id != topic_id or found.generation != generation:
            raise CheckpointError(
                f"checkpoint {name} says log {found.topic_id}, generation {found.generation}; "
                f"wanted {topic_id}, {generation}; remove it"
            )
        return found

    def retire(self, topic: str, partition: int, *, keep: str) -> list[str]:
        """Delete state of other builds that was last written a week ago; what was deleted.

        Only once the build in use has state of its own: until then the others tell which log
        this is, and are what one goes back to.
        """
        kept = self._name(topic, partition, keep)
        oldest = datetime.now(UTC) - KEPT_FOR
        others = [
            name for name in self._objects.list(self._folder(topic, partition)) if name != kept
        ]
        old = [name for name in others if self._objects.modified(name) < oldest]
        for name in old:
            self._objects.delete(name)
        return old

    def _refuse_other_log(self, topic: str, partition: int, topic_id: str) -> None:
        if self._adopt_new_topic:
            return
        others = self._objects.list(self._folder(topic, partition))
        known = {self._read(name).topic_id for name in others}
        if known and topic_id not in known:
            raise OtherLogError(
                f"processor {self._processor} has state of topic {topic} partition {partition} "
                f"for log {', '.join(sorted(known))}, but the broker's log is {topic_id}: the "
                "topic was deleted and made again, or this is another broker; point to the right "
                "one, or start afresh with --adopt-new-topic"
            )

    def _read(self, name: str) -> Checkpoint:
        body = self._objects.get(name)
        try:
            return Checkpoint.from_bytes(body)
        except (ValueError, KeyError) as error:
            raise CheckpointError(
                f"checkpoint {name} is damaged: {error}; remove it, the state is then made "
                "again from the log"
            ) from error

    def _folder(self, topic: str, partition: int) -> str:
        return f"checkpoints/{self._processor}/{topic}/{partition}"

    def _name(self, topic: str, partition: int, generation: str) -> str:
        return f"{self._folder(topic, partition)}/{generation}"
