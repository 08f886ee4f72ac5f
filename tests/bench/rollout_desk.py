"""Who releases and orders in the benchmark, and what the log of decisions then says."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring, load_signer
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import CommandKind, DeviceClass, ReleaseKind
from schemas.registry import FileRegistry
from schemas.strata import StratumStatus
from schemas.topics import MODEL_RELEASES, ROLLOUT_COMMANDS
from tests.rollout_log import command, proposal

POLICY: Final = """
ceiling: 0.02
waves: [1.0]
commit_timeout_s: 86400
soak_s: 86400
"""


class Desk:
    """Trainer and operator with the installation's keys.

    Attributes:
        facts: The valid decisions so far, in log order.
    """

    def __init__(self, kafka: KafkaSettings, keys: Path) -> None:
        codec = Codec(FileRegistry())
        self._trainer, self._operator = load_signer(keys, "trainer"), load_signer(keys, "operator")
        self._publisher = Publisher(kafka, codec, "bench-desk", linger_s=0.0)
        self._follower = Follower(kafka, codec, [MODEL_RELEASES], "bench-decisions")
        self._book = ReleaseBook(load_keyring(keys))
        self._proposed = 0
        self.facts: list[Fact] = []

    def propose(
        self, release_id: str, strata: Sequence[str], kind: DeviceClass = DeviceClass.VEHICLE
    ) -> None:
        """Propose a release for some strata, and approve it."""
        self._proposed += 1
        record = dataclasses.replace(
            proposal(release_id, strata=tuple(strata), counter=self._proposed),
            device_class=kind,
            deadline_us=dict.fromkeys(strata, 50_000),
        )
        self._publisher.publish(MODEL_RELEASES, self._trainer.sign(record))
        self._publisher.flush()  # an approval counts only when it was given after the proposal
        self.order(release_id, CommandKind.APPROVE)

    def order(self, release_id: str, kind: CommandKind) -> None:
        """Give an order as the operator."""
        told = self._operator.sign(command(release_id, kind))
        self._publisher.publish(ROLLOUT_COMMANDS, told)
        self._publisher.flush()

    def look(self) -> list[Fact]:
        """Valid decisions since the last look."""
        new = [
            fact
            for fact in self._follower.poll(0.0)
            if self._book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us).valid
        ]
        self.facts += new
        return new

    def status(self, release_id: str, stratum: str) -> StratumStatus | None:
        """Where a release stands; None: it was not read yet."""
        view = self._book.releases.get(release_id)
        return view.strata[stratum].status if view else None

    def is_open(self, release_id: str, stratum: str) -> bool:
        """Look, and see whether the release is open in the stratum."""
        self.look()
        return self.status(release_id, stratum) is StratumStatus.OPEN

    def openings(self, release_id: str) -> int:
        """Records that opened waves of a release."""
        return sum(
            fact.record.kind is ReleaseKind.WAVE_OPENED and fact.record.release_id == release_id
            for fact in self.facts
        )

    def close(self) -> None:
        """Give the connections back."""
        self._publisher.close()
        self._follower.close()
