"""A device that takes a release and tells of it, as acknowledgements and as evidence."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from producers.device.evidence.chain import read
from producers.device.evidence.claim import Claim
from producers.device.evidence.entry import Entry, Kind
from producers.device.evidence.facts import of_ack, of_verified
from producers.device.evidence.log import EvidenceLog
from producers.device.evidence.published import Published
from producers.device.trust.limits import DIRECTOR, IMAGES
from schemas.facts import Fact
from schemas.records import AckState
from schemas.strata import StratumStatus
from schemas.stratum_view import StratumView
from tests import factories
from tests.power import Disk
from tests.tuf_site import ME, MODEL, World

RUNS: Final = hashlib.sha256(MODEL).hexdigest()
OPENED_US: Final = 1_000
STEPS: Final = (AckState.ACCEPTED, AckState.VERIFIED, AckState.COMMITTED)


class Story:
    """A device that takes r1, and then r2, and tells of it; a test changes what it shows."""

    def __init__(self, folder: Path, limit: int = 1 << 20) -> None:
        self.world, self.disk = World(folder), Disk()
        self.log = EvidenceLog(self.disk, limit)
        self.acks: list[Fact] = []
        self.take("r1")

    def take(self, release_id: str) -> None:
        """One update, from the metadata to its last acknowledgement."""
        verified = self.world.update()
        self.log.note(Kind.VERIFIED, of_verified(verified, release_id), at_us=1)
        for seq, state in enumerate(STEPS):
            digest = RUNS if state is AckState.COMMITTED else "00" * 32
            ack = factories.ota_ack(
                device_id=ME.ecu,
                hardware=ME.hardware,
                release_id=release_id,
                seq=seq,
                state=state,
                model_digest=digest,
            )
            head = self.log.note(Kind.DID, of_ack(ack), at_us=2)
            self.say(replace(ack, evidence_head=head))

    def say(self, ack: Any) -> None:
        at = len(self.acks)
        stamp_us = OPENED_US + 10 + at
        fact = Fact(topic="ota-acks", partition=0, offset=at, stamp_us=stamp_us, record=ack)
        self.acks.append(fact)

    def claim(self, **over: Any) -> Claim:
        stratum = StratumView(
            status=StratumStatus.OPEN, since_us=OPENED_US, openings=((OPENED_US, 1.0),)
        )
        fields: dict[str, Any] = {
            "release_id": "r1",
            "digest": RUNS,
            "salt": "salt",
            "device": ME,
            "stratum": stratum,
            "acks": [fact for fact in self.acks if fact.record.release_id == "r1"],
            "chain": read(self.log.data()),
        }
        return Claim(**(fields | over))

    def published(self) -> tuple[Published, Published]:
        """Director and image repository, by the roots of the factory."""
        return (
            Published(self.world.director, DIRECTOR, self.world.director.files["1.root.json"]),
            Published(self.world.images, IMAGES, self.world.images.files["1.root.json"]),
        )

    def rewritten(self, change: Callable[[int, Entry], Entry]) -> Claim:
        """A claim whose evidence was written anew, with hashes that fit."""
        lines, prev = [], ""
        for index, entry in enumerate(read(self.log.data()).entries):
            new = replace(change(index, entry), prev=prev)
            lines.append(new.line())
            prev = new.hash
        return self.claim(chain=read(b"".join(lines)))
