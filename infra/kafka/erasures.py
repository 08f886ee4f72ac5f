"""Erasures as a process knows them: the topic read whole, and again whenever somebody asks."""

import threading
import time
from collections.abc import Callable
from typing import Final

from infra.kafka.follower import Follower
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.erasures import ErasureBook
from schemas.topics import ERASURES

_LOOK_EVERY_S: Final = 1.0


class KnownErasures:
    """Follows `erasures`; safe to ask from several threads.

    Args:
        client_id: Name of this reader in the broker's logs.
        clock: Monotonic seconds.

    Raises:
        UnknownTopicError: The topic is missing.
        CatchUpError, KafkaUnreachableError: It cannot be read to its end of now.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        codec: Codec,
        client_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = ErasureBook()
        self._clock = clock
        self._lock = threading.Lock()
        self._follower = Follower(kafka, codec, [ERASURES], f"{client_id}-erasures")
        try:
            for fact in self._follower.catch_up():
                self._book.observe(fact)
        except BaseException:
            self._follower.close()
            raise
        self._looked_at_s = clock()

    def now(self) -> ErasureBook:
        """All that were known at the start, and those that came since, up to a second ago.

        Raises:
            LogReadError: The broker refuses to give out the topic.
        """
        with self._lock:
            if self._clock() - self._looked_at_s >= _LOOK_EVERY_S:
                for fact in self._follower.poll():
                    self._book.observe(fact)
                self._looked_at_s = self._clock()
        return self._book

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            self._follower.close()


def erasures_of(kafka: KafkaSettings, codec: Codec, client_id: str) -> ErasureBook:
    """All erasures written before this call. Raises as `KnownErasures`."""
    known = KnownErasures(kafka, codec, client_id)
    known.close()
    return known.now()
