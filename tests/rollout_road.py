"""Acknowledgements of single devices, as one partition's fold of the gate counts them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.facts import Fact
from schemas.records import AckState
from schemas.registry import FileRegistry
from schemas.topics import MODEL_RELEASES, OTA_ACKS
from streams.processor import LogBatch
from streams.rollout.ack_fold import AckFold
from streams.rollout.cells import CellCounts
from streams.rollout.ledger import Ledger
from streams.rollout.policy import Policy
from tests import factories
from tests.rollout_log import KEYRING, SECOND, Log, digest_of

_REGISTRY: Final = FileRegistry()
_CODEC: Final = Codec(_REGISTRY)
_POLICY: Final = Policy(commit_timeout_s=10.0)


class Road:
    """Acknowledgements about r2, which is open to all, as one partition's fold counts them."""

    def __init__(self, share: float = 1.0) -> None:
        self.log = Log()
        self.log.completed("r1")
        self.log.opened("r2", share, counter=2, parent_release_id="r1")
        self.offset = 0
        self.now = self.log.now + SECOND
        self.ledger = self._ledger()
        self.fold = AckFold(_POLICY, self.ledger.proposal, None, self.ledger)

    def say(self, *told: Mapping[str, Any]) -> None:
        """Acknowledgements arrive, a second later."""
        self.now += SECOND
        records = [
            factories.ota_ack(
                **{
                    "device_id": "a",
                    "release_id": "r2",
                    "model_digest": digest_of("r2"),
                    "state": AckState.ACCEPTED,
                    **fields,
                }
            )
            for fields in told
        ]
        columns = ColumnDecoder(_REGISTRY).decode(
            OTA_ACKS, [_CODEC.encode(OTA_ACKS, record) for record in records]
        )
        first, self.offset = self.offset, self.offset + len(records)
        self.fold.apply(
            LogBatch(
                topic=OTA_ACKS.name,
                partition=0,
                rows=columns.rows,
                offsets=np.arange(first, self.offset),
                stamps_us=np.full(len(records), self.now, dtype=np.int64),
                last_offset=self.offset - 1,
                high_stamp_us=self.now,
            )
        )

    @property
    def counts(self) -> CellCounts:
        """Of r2 on HW3."""
        return self.fold.cells.counts.get(("r2", "HW3"), CellCounts())

    def refused(self) -> list[tuple[str, str]]:
        """Field and reason of what was refused since the last call."""
        return [(one.field, one.reason) for one in self.fold.refused()]

    def _ledger(self) -> Ledger:
        made = Ledger(KEYRING)
        made.observe(
            [
                Fact(topic=MODEL_RELEASES.name, partition=0, offset=at, stamp_us=us, record=record)
                for at, (record, us) in enumerate(self.log.records)
            ]
        )
        return made
