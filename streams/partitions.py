"""State of one partition while it is open, and where it comes from."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streams.checkpoints import Checkpoint, Checkpoints
from streams.ports import Ends
from streams.processor import Fold, Processor, Source

logger = logging.getLogger("fleetloop.worker")


@dataclass(slots=True)
class Partition:
    """What is folded of a partition, how far, and how far that is stored.

    Attributes:
        stored: There is a checkpoint of it. unread: No record was ever folded into it.
        tried_at, saved_at: Monotonic seconds of the last storing, begun and ended.
    """

    fold: Fold
    topic_id: str
    generation: str
    applied_through: int
    high_stamp_us: int
    saved_through: int
    saved_at: float
    tried_at: float
    blind_before_us: int
    stored: bool
    unread: bool
    end_offset: int = 0
    asked_us: int = 0

    def checkpoint(self) -> Checkpoint:
        """Its state as it is now."""
        return Checkpoint(
            topic_id=self.topic_id,
            generation=self.generation,
            applied_through=self.applied_through,
            high_stamp_us=self.high_stamp_us,
            blind_before_us=self.blind_before_us,
            state=self.fold.snapshot(),
        )


class Opening:
    """Makes partitions from their checkpoints, or from nothing.

    Args:
        topic_ids: Identity of the log of each batched topic; generations: of the state of each.
        clock_us: Wall clock, UTC microseconds. monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        topic_ids: Mapping[str, str],
        ends: Ends,
        checkpoints: Checkpoints,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._processor = processor
        self._topic_ids = topic_ids
        self._generations = {
            spec.name: processor.generation(spec, topic_ids[spec.name])
            for spec in processor.batched
        }
        self._ends = ends
        self._checkpoints = checkpoints
        self._clock_us = clock_us
        self._monotonic = monotonic

    def load(self, source: Source) -> Partition:
        """A partition as it was stored, or at the beginning of what its log still holds.

        Raises:
            OtherLogError: The state found is of another log of that name.
        """
        topic, number = source
        topic_id = self._topic_ids[topic]
        generation = self._generations[topic]
        found = self._checkpoints.load(topic, number, topic_id=topic_id, generation=generation)
        if found is not None:
            self._retire(source, generation)
        start = found if found and found.high_stamp_us else self._beginning(source)
        return Partition(
            fold=self._processor.fold(topic, number, found.state if found else None),
            topic_id=topic_id,
            generation=generation,
            applied_through=start.applied_through,
            high_stamp_us=start.high_stamp_us,
            saved_through=start.applied_through,
            saved_at=self._monotonic(),
            tried_at=self._monotonic(),
            blind_before_us=start.blind_before_us,
            stored=found is not None,
            unread=start.high_stamp_us == 0,
        )

    def _beginning(self, source: Source) -> Checkpoint:
        """Where state is made from nothing: before the first record that the log still holds."""
        topic, number = source
        generation, begin = self._generations[topic], self._ends.ask_begin([source])[source]
        if begin > 0:
            logger.warning(
                "processor %s, topic %s partition %d: no state of generation %s; it is made "
                "without the %d records before offset %d, which the log no longer holds",
                *(self._processor.name, topic, number, generation, begin, begin),
            )
        return Checkpoint(
            topic_id=self._topic_ids[topic],
            generation=generation,
            applied_through=begin - 1,
            high_stamp_us=0,
            state=b"",
            blind_before_us=self._clock_us() if begin > 0 else 0,  # until the first stamp is read
        )

    def _retire(self, source: Source, generation: str) -> None:
        try:
            gone = self._checkpoints.retire(*source, keep=generation)
        except OSError as error:
            logger.warning("old state of %s partition %d is left: %s", *source, error)
        else:
            for name in gone:
                logger.info("old state deleted: %s", name)
