"""A device that updates itself on a disk in memory, whose power goes where a test wants."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from producers.bundles import members_of, packed
from producers.device.acks import Acks
from producers.device.client.file_storage import FileStorage
from producers.device.client.files import Files
from producers.device.client.intake import Origin
from producers.device.client.layout import slot_file
from producers.device.client.ota import OtaClient
from producers.device.engine import DigestMismatchError, Engine
from producers.device.flash import Flash
from producers.device.identity import EventIds
from producers.device.slots import Model
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.known import FIELD, to_custom
from producers.device.trust.paths import image_path
from producers.device.trust.predicate import Identity
from producers.device.trust.state import TrustState
from producers.device.wishes import GoBack, Install, Wish, Withdrawn
from producers.scenario.equipment import Updates
from schemas.records import AckState, OtaAck
from tests import known
from tests.power import Disk, Fuse, PowerCutError
from tests.tuf_site import NOW as MOMENT
from tests.tuf_site import Site, Tree, predicate
from tests.unit.producers.device import kit

DEVICE: Final = "hw4-00001"
NOW_US: Final = round(MOMENT.timestamp()) * 1_000_000
WHO: Final = kit.who(DEVICE, "HW4")
RULES: Final = Updates.model_validate(
    {"download_s": 0.5, "install_s": 0.5, "boot_s": 0.5, "health_s": 1, "jitter": 0, "retry_s": 1}
)
BODIES: Final = {
    "r1": kit.tiny_model(tag="r1" * 15_000),
    "r2": packed({"model": kit.tiny_model(tag="r2"), "lanes": kit.tiny_model(tag="l" * 30_000)}),
    "broken": packed({"model": kit.tiny_model(tag="r3"), "lanes": b"no model"}),
}
"""A model, a bundle, and a bundle of which one member does not load."""


def model(name: str) -> Model:
    """A release's model as a decision names it."""
    digest = kit.sha(BODIES[name])
    return Model(release_id=name, digest=digest, uri="", deadline_us=50_000, wave=0)


R1, R2 = model("r1"), model("r2")


@dataclass(slots=True)
class Repositories:
    """A Director and an image repository that offer all of these to every HW4."""

    director: Site = field(default_factory=lambda: Site("director"))
    images: Site = field(default_factory=lambda: Site("images"))

    def __post_init__(self) -> None:
        for counter, (name, body) in enumerate(BODIES.items(), 1):
            self.offer(name, body, counter)
        self.publish()

    def offer(self, name: str, body: bytes, counter: int, path: str | None = None) -> None:
        digest, path = kit.sha(body), path or image_path(name)
        file: Tree = {"length": len(body), "hashes": {"sha256": digest}}
        order = {"release": predicate(name), "releaseCounter": counter}
        made = {"hardwareIds": ["HW4"], "release": {"release_id": name}, "releaseCounter": counter,
                FIELD: to_custom(known.SIGNED)}  # fmt: skip
        self.director.targets[path] = {**file, "custom": order}
        self.images.targets[path] = {**file, "custom": made}
        self.images.files[f"{digest}.{path}"] = body
        self.images.files[known.SIGNED.path] = known.KNOWN

    def publish(self) -> None:
        self.director.publish()
        self.images.publish()

    def trusted(self, files: Files) -> TrustState:
        """What a device leaves the factory with."""
        state = TrustState(files, "trust")
        for store, site in ((state.director, self.director), (state.images, self.images)):
            store.put("root", site.files["1.root.json"])
        return state


_engines: dict[str, Engine] = {}


def load(body: bytes, digest: str) -> Engine:
    """Load as a device does, each model once for all tests."""
    if (found := hashlib.sha256(body).hexdigest()) != digest:
        raise DigestMismatchError(f"model {digest}: the file's SHA-256 is {found}")
    if digest not in _engines:
        _engines[digest] = Engine(body, digest, cpu_clock=kit.Stepping())
    return _engines[digest]


class Boot:
    """One boot of the device, until its power goes.

    Args:
        sent: Where its acks arrive.
        late: Releases whose models miss their deadline.
    """

    def __init__(
        self,
        files: Files,
        sites: Repositories,
        sent: list[OtaAck],
        now: int,
        late: frozenset[str] = frozenset(),
    ) -> None:
        self.now, self._sent, self._late = now, sent, late
        cycle = UpdateCycle(
            director=sites.director,
            images=sites.images,
            state=TrustState(files, "trust"),
            me=Identity(ecu=DEVICE, hardware="HW4"),
        )
        self.storage = FileStorage(DEVICE, files, Origin(cycle=cycle, images=sites.images), load)
        kept = self.storage.kept()
        self.flash = Flash(boot=1, registered_ts=now) if kept is None else kept
        self.flash.boot += 1
        self.held = kit.READY
        acks = Acks(
            WHO,
            self.flash,
            EventIds(DEVICE, self.flash.boot),
            conditions=lambda _: self.held,
            send=lambda _, ack: sent.append(ack),
            head=self.storage.head,
        )
        self.engine: Engine | None = None
        self.right = True
        self.ota = OtaClient(
            rules=RULES,
            seed=1,
            flash=self.flash,
            acks=acks,
            storage=self.storage,
            boot=self._load,
            answers_right=self._answers_right,
        )

    def _answers_right(self) -> bool:
        """What was signed with a model must be there when it is tried, whatever cuts the power."""
        running, slot = self.flash.slots.running, self.flash.slots.active
        if running is None or self.engine is None:
            return True
        asked = self.storage.known(running, slot)
        return self.right and asked is not None and asked.answered_by(self.engine)

    def start(self) -> None:
        self.ota.restart(self.now)

    def run(self, wish: Callable[[Flash], Wish], seconds: float) -> None:
        """Obey, and answer two frames a second."""
        for _ in range(round(seconds * 2)):
            self.ota.turn(self.now, wish(self.flash))
            running = self.flash.slots.running
            late = running is not None and running.release_id in self._late
            self.ota.observe(produced=self.engine is not None, judged=True, late=late)
            self.now += 500_000

    def _load(self, wanted: Model | None) -> None:
        self.engine = None
        if wanted is not None:
            self.engine = self.storage.engine(wanted, self.flash.slots.active)


def install(name: str) -> Callable[[Flash], Wish]:
    """The log wants a release."""
    wanted = Install(model=model(name))

    def wish(flash: Flash) -> Wish:
        slots = flash.slots
        old = slots.standby if slots.trial else slots.running
        return None if old is not None and old.release_id == name else wanted

    return wish


def back(flash: Flash) -> Wish:
    """The log orders r2 back as soon as it is committed, and r1 is what it leads to."""
    if flash.tried.get("r2") is not None and flash.tried["r2"].over:
        running, lost = flash.slots.running, Withdrawn(release_id="r2", wave=0)
        on_r2 = running is not None and running.release_id == "r2"
        return GoBack(withdrawn=lost, to=R1, way_back_of="r2") if on_r2 else None
    return install("r2")(flash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What the log wants of a device on r1, how it should end, and the acks that say so."""

    name: str
    wish: Callable[[Flash], Wish]
    ends: str
    last: tuple[AckState, str]
    release: str = "r2"
    late: frozenset[str] = frozenset()


PLOTS: Final = {
    plot.name: plot
    for plot in (
        Plot(name="commit", wish=install("r2"), ends="r2", last=(AckState.COMMITTED, "")),
        Plot(
            name="late",
            wish=install("r2"),
            ends="r1",
            last=(AckState.REVERTED, "DEADLINE_MISSES"),
            late=frozenset({"r2"}),
        ),
        Plot(
            name="broken member",
            wish=install("broken"),
            ends="r1",
            last=(AckState.REVERTED, "DOES_NOT_LOAD"),
            release="broken",
        ),
        Plot(
            name="ordered back",
            wish=back,
            ends="r1",
            last=(AckState.REVERTED, "ROLLBACK_ORDERED"),
        ),
    )
}


@dataclass(slots=True)
class Factory:
    """Devices that run r1, all alike."""

    sites: Repositories = field(default_factory=Repositories)
    _disk: Disk | None = None

    def disk(self) -> Disk:
        """A disk of a device that runs r1, of its own."""
        if self._disk is None:
            self._disk = Disk()
            self.sites.trusted(self._disk)
            boot = Boot(self._disk, self.sites, [], NOW_US)
            boot.start()
            boot.run(install("r1"), 10)
            boot.flash.delivered(boot.flash.posted)
            boot.storage.keep(boot.flash)
        return copy.deepcopy(self._disk)


@dataclass(frozen=True, slots=True)
class Cut:
    """Power goes at operation `at` of a boot, before or after it is done."""

    at: int
    before: bool


def operations(factory: Factory, plot: Plot) -> int:
    """Operations on files of a plot that nothing interrupts."""
    fuse = Fuse(factory.disk())
    boot = Boot(fuse, factory.sites, [], NOW_US, plot.late)
    boot.start()
    boot.run(plot.wish, SECONDS)
    return fuse.count


SECONDS: Final = 12
BOOTS: Final = 12


def play(factory: Factory, plot: Plot, cuts: list[Cut], seed: int) -> dict[str, Any]:
    """Play a plot through its power cuts; what was found, with `broken` for broken promises."""
    random, disk, sent = Random(seed), factory.disk(), list[OtaAck]()
    broken: list[str] = []
    now, left, done = NOW_US, list(cuts), 0
    while True:
        cut = left.pop(0) if left else None
        fuse = Fuse(disk) if cut is None else Fuse(disk, cut.at, before=cut.before)
        before = len(sent)
        try:
            boot = Boot(fuse, factory.sites, sent, now, plot.late)
            boot.start()
            broken += _wrong_slots(boot, disk)
            boot.run(plot.wish, SECONDS)
        except PowerCutError:
            done += 1
            disk.cut(random)
            # What was sent and not yet acknowledged by the broker may never have arrived.
            del sent[before + random.randint(0, len(sent) - before) :]
            now += 20_000_000
            continue
        break
    return {"plot": plot.name, "cuts": done, "broken": broken + _wrong_end(plot, boot, sent)}


def _wrong_slots(boot: Boot, disk: Disk) -> list[str]:
    """What runs is a model or all members of a bundle, whole, from its slot."""
    running, slots = boot.flash.slots.running, boot.flash.slots
    if running is None or boot.engine is None:
        return ["no model runs"]
    body = disk.read(slot_file(slots.active)) or b""
    if kit.sha(body) != running.digest or boot.engine.digest != running.digest:
        return [f"slot {slots.active} should have {running.release_id}, and has other bytes"]
    if boot.engine.members != tuple(members_of(body)):
        return [f"slot {slots.active}: of {running.release_id} only {boot.engine.members} run"]
    return []


def _wrong_end(plot: Plot, boot: Boot, sent: list[OtaAck]) -> list[str]:
    found = _wrong_words(sent)
    running = boot.flash.slots.running
    if running is None or running.release_id != plot.ends or boot.flash.slots.trial:
        found.append(f"ends on {running}, should on {plot.ends}")
    about = [ack for ack in sent if ack.release_id == plot.release]
    last = max(about, key=lambda ack: (ack.attempt, ack.seq), default=None)
    if last is None or (last.state, last.reason_code) != plot.last:
        found.append(f"the last ack is {last}")
    elif running is not None and last.model_digest != running.digest:
        found.append(f"the last ack tells of {last.model_digest}, {running.digest} runs")
    return found


def _wrong_words(sent: list[OtaAck]) -> list[str]:
    """One id, one record; one place in an attempt, one step; COMMITTED from the new slot only."""
    found, ids, places = list[str](), dict[str, OtaAck](), dict[tuple[str, int, int], OtaAck]()
    for ack in sent:
        if ids.setdefault(ack.event_id, ack) != ack:
            found.append(f"{ack.event_id} tells of two steps")
        place = (ack.release_id, ack.attempt, ack.seq)
        same = places.setdefault(place, ack)
        if (same.state, same.event_id) != (ack.state, ack.event_id):
            found.append(f"ack {place} is {same.state} and {ack.state}")
        if ack.state is AckState.COMMITTED and ack.model_digest != model(ack.release_id).digest:
            found.append(f"{ack.event_id} says COMMITTED while another model runs")
    return found


def seeded(random: Random, count: int) -> list[Cut]:
    """One to three cuts, in boots that follow each other."""
    return [
        Cut(random.randrange(count), random.random() < 0.5) for _ in range(random.randint(1, 3))
    ]
