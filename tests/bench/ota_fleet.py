"""Ten thousand update clients take one release, with real verification in each and without."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from producers.device.acks import Acks
from producers.device.client.admission import Admission
from producers.device.client.evidence import Notes
from producers.device.client.fleet_evidence import FleetEvidence
from producers.device.client.fleet_trust import Belief
from producers.device.client.known_shelf import KnownShelf
from producers.device.client.layout import TRUST
from producers.device.client.memory_files import MemoryFiles
from producers.device.client.ota import OtaClient
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.evidence.log import EvidenceLog
from producers.device.flash import Flash
from producers.device.identity import EventIds
from producers.device.slots import Model
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.predicate import Identity
from producers.device.trust.reading import OWN, Reader, SharedReader
from producers.device.trust.state import TrustState
from producers.device.wishes import Install
from producers.scenario.equipment import Updates
from schemas.records import AckState
from tests.bench.figures import figure
from tests.bench.ota_site import HARDWARE, digest, sites
from tests.unit.producers.device import kit

DEVICES: Final = 10_000
ALONE: Final = 500
RULES: Final = Updates.model_validate({"jitter": 0})
WANTED: Final = Install(
    model=Model(release_id="r20", digest=digest("r20"), uri="r20", deadline_us=50_000, wave=4)
)


class Shelf(kit.Files):
    """A shelf with the one model, which is downloaded and loaded elsewhere."""

    def digest(self, uri: str) -> str:
        """As the repositories announce it."""
        return digest(uri)


def fleet_figures() -> dict[str, dict[str, Any]]:
    """CPU time of the same fleet, verification on over verification off, by turns."""
    off = min(_takes(DEVICES, None) for _ in range(2))
    shared = min(_takes(DEVICES, SharedReader()) for _ in range(2))
    with TemporaryDirectory() as folder:
        noted = _takes(DEVICES, SharedReader(), Path(folder))
        size = (Path(folder) / EvidenceLog.NAME).stat().st_size / DEVICES
    alone = _takes(ALONE, OWN) / ALONE * DEVICES
    return {
        "10,000 clients take a release, verification off": figure(off, "s CPU", None),
        "the same, verified in each, over off": figure(shared / off, "times", 3.0, at_most=True),
        "the same, with the evidence of each, over off": figure(
            noted / off, "times", 3.0, at_most=True
        ),
        "evidence of one update": figure(size, "bytes", None),
        "the same without sharing what is true of bytes, over off": figure(
            alone / off, "times", None
        ),
    }


def _takes(count: int, reader: Reader | None, evidence: Path | None = None) -> float:
    """CPU seconds until all have committed; with a folder each notes its evidence there."""
    pair = sites()
    roots = [site.files["1.root.json"] for site in pair]
    known = KnownShelf(pair[1])
    shared = None if evidence is None else FleetEvidence(evidence)

    def storage(identity: Identity) -> ShelfStorage:
        if reader is None:
            return ShelfStorage(Shelf())
        files = MemoryFiles({})
        state = TrustState(files, TRUST)
        state.director.put("root", roots[0])
        state.images.put("root", roots[1])
        cycle = UpdateCycle(
            director=pair[0], images=pair[1], state=state, me=identity, reader=reader
        )
        belief = Belief(admission=Admission(cycle), files=files, known=known)
        notes = None
        if shared is not None:
            notes = Notes(shared.log(identity.ecu))
        return ShelfStorage(Shelf(), belief, notes)

    acks: list[Any] = []
    phones = [_client(at, storage, acks) for at in range(count)]
    gc.collect()
    began = time.process_time()
    for now_us in _moments():
        for phone in phones:
            phone.observe(produced=True, judged=True, late=False)
            phone.turn(now_us, WANTED)
    took = time.process_time() - began
    committed = sum(ack.state is AckState.COMMITTED for ack in acks)
    if committed != count:
        raise AssertionError(f"{committed} of {count} devices committed")
    return took


def _moments() -> Iterator[int]:
    """A minute, two looks a second: long enough for the rules above."""
    for half in range(20):
        yield kit.NOW + half * kit.SECOND // 2


def _client(at: int, storage: Any, acks: list[Any]) -> OtaClient:
    hardware = HARDWARE[at % len(HARDWARE)]
    name = f"{hardware.lower()}-{at:05d}"
    flash = Flash(boot=1, registered_ts=kit.NOW)
    store = storage(Identity(ecu=name, hardware=hardware))
    told = Acks(
        kit.who(name, hardware),
        flash,
        EventIds(name, 1),
        conditions=lambda _: kit.READY,
        send=lambda _, ack: acks.append(ack),
        head=store.head,
    )
    return OtaClient(
        rules=RULES,
        seed=1,
        flash=flash,
        acks=told,
        storage=store,
        boot=lambda _: None,
        answers_right=lambda: True,
    )
