"""What goes wrong with one update, in words, and a device that goes through it.

Words are separated by commas: `kill MOMENT` and `fail MOMENT` are faults of the storage
(`tests.faulty_files`); `server metadata|image|slow [xTIMES]` is the image repository;
`model late|wrong` is the new model; `withdraw PHASE` and `refuse` are what the log says;
`lose once|always` are the reports from the new model on; `offer the same file` is a release that
changes nothing.
"""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from producers.device.client.attempt import Phase
from producers.device.client.layout import slot_file
from producers.device.flash import Flash
from producers.device.orders import NO_DEADLINE
from producers.device.slots import Model
from producers.device.trust.sources import SourceError, SourceTooSlowError
from producers.device.wishes import GiveUp, Install, Refuse, Wish, Withdrawn
from schemas.records import AckState, OtaAck
from tests.faulty_files import Fault, FaultyFiles, parse
from tests.power import Disk, PowerCutError
from tests.tuf_site import Site
from tests.unit.producers.device import kit
from tests.updating_device import BODIES, NOW_US, R1, R2, Boot, Factory, Repositories

SEED: Final = 20261126
LIVES: Final = 14
SECONDS: Final = 14
DARK_US: Final = 20_000_000
"""Between a power cut and the next boot."""

_FACTORY: Final = Factory()
_FROM_THE_NEW: Final = frozenset({AckState.TRIAL_BOOT, AckState.COMMITTED})


class Server(Site):
    """An image repository that does not give what it should, so many times."""

    def __init__(self) -> None:
        super().__init__("images")
        self._left = dict.fromkeys(("metadata", "image", "slow"), 0)
        self._failed = False

    def fail(self, what: str, times: int) -> None:
        """Fail so often: at metadata, at an image, or by an image that comes too slowly.

        Raises:
            KeyError: There is no such thing.
        """
        self._left[what] += times

    @property
    def is_idle(self) -> bool:
        """Whether it should have failed and never did."""
        return any(self._left.values()) and not self._failed

    def metadata(self, name: str, limit: int) -> bytes | None:
        if self._is_due("metadata"):
            raise SourceError(f"{name}: connection refused")
        return super().metadata(name, limit)

    def part(self, path: str, start: int, length: int) -> bytes | None:
        if self._is_due("image"):
            raise SourceError(f"{path}: connection reset")
        if self._is_due("slow"):
            raise SourceTooSlowError(f"{path}: 1 byte a second")
        return super().part(path, start, length)

    def _is_due(self, what: str) -> bool:
        if not self._left[what]:
            return False
        self._left[what] -= 1
        self._failed = True
        return True


@dataclass(slots=True)
class Scene:
    """What goes wrong."""

    server: Server = field(default_factory=Server)
    faults: list[Fault] = field(default_factory=list)
    offered: Model = R2
    is_late: bool = False
    is_wrong: bool = False
    refuses: bool = False
    withdraws_in: Phase | None = None
    loses: str = ""
    _withdrawn: bool = False

    def wish(self, flash: Flash) -> Wish:
        """What the log wants now."""
        at, name = flash.attempt, self.offered.release_id
        if self.refuses:
            return Refuse(release_id=name, wave=0, reason=NO_DEADLINE)
        self._withdrawn |= at is not None and at.phase is self.withdraws_in
        if self._withdrawn:
            return None if at is None else GiveUp(withdrawn=Withdrawn(release_id=name, wave=0))
        old = flash.slots.standby if flash.slots.trial else flash.slots.running
        is_there = old is not None and old.release_id == name
        return None if is_there else Install(model=self.offered)

    def missing(self) -> list[str]:
        """What should have gone wrong and did not."""
        found = [one.words for one in self.faults if not one.happened]
        return [*found, "server"] if self.server.is_idle else found

    def arrive(self, told: list[OtaAck], life: int) -> list[OtaAck]:
        """What reaches the log of what was told in a life of the device."""
        if self.loses == "always" or (self.loses == "once" and life == 0):
            return [ack for ack in told if ack.state not in _FROM_THE_NEW]
        return told


def scene(words: str) -> Scene:
    """Read what goes wrong. Raises KeyError or ValueError: there is nothing like it."""
    made = Scene()
    for line in filter(None, words.split(", ")):
        verb, _, rest = line.partition(" ")
        match verb, rest:
            case (("kill" | "fail"), _):
                made.faults.append(parse(line))
            case "server", _:
                what, _, times = rest.partition(" x")
                made.server.fail(what, int(times or 1))
            case "model", "late":
                made.is_late = True
            case "model", "wrong":
                made.is_wrong = True
            case "withdraw", _:
                made.withdraws_in = Phase(rest)
            case "refuse", "":
                made.refuses = True
            case "lose", ("once" | "always"):
                made.loses = rest
            case "offer", "the same file":
                made.offered = replace(R1, release_id="r3")
            case _:
                raise ValueError(f"{line!r}: nothing like it goes wrong")
    return made


@dataclass(frozen=True, slots=True)
class Played:
    """How it went: what arrived in the log, and the release that runs; None: nothing does."""

    acks: tuple[OtaAck, ...]
    runs: str | None


def play(made: Scene, *, is_new: bool) -> Played:
    """Let a device go through it; power that went comes back until it goes no more.

    Args:
        made: What goes wrong; it is used up.
        is_new: The device has no model; else it runs r1.
    """
    sites = _sites(made)
    disk, arrived, now = _disk(sites, is_new=is_new), dict[str, OtaAck](), NOW_US
    random = Random(SEED)
    for life in range(LIVES):
        # What the first boot does is not the update's.
        files, told = FaultyFiles(disk, made.faults, armed=life > 0), list[OtaAck]()
        try:
            boot = Boot(files, sites, told, now, frozenset({"r2"} if made.is_late else ()))
            boot.right = not made.is_wrong
            boot.start()
            files.armed = True
            boot.run(made.wish, SECONDS)
        except PowerCutError:
            disk.cut(random)  # and what was told before it never arrives
            now += DARK_US
            continue
        for ack in made.arrive(told, life):
            assert arrived.setdefault(ack.event_id, ack) == ack, "one id, one record"
        if made.loses and life == 0:
            now = boot.now
            continue
        return Played(tuple(arrived.values()), _running(boot, disk))
    raise AssertionError(f"the power went in each of {LIVES} boots")


def _sites(made: Scene) -> Repositories:
    sites = Repositories(images=made.server)
    if made.offered.release_id not in BODIES:
        sites.offer(made.offered.release_id, BODIES["r1"], 3)
        sites.director.renew()
        sites.images.renew()
    return sites


def _disk(sites: Repositories, *, is_new: bool) -> Disk:
    if not is_new:
        return _FACTORY.disk()
    disk = Disk()
    sites.trusted(disk)
    return disk


def _running(boot: Boot, disk: Disk) -> str | None:
    """What is loaded: what its slot has and the device keeps."""
    running, active = boot.flash.slots.running, boot.flash.slots.active
    if boot.engine is None or running is None:
        return None
    assert kit.sha(disk.read(slot_file(active)) or b"") == running.digest
    assert boot.engine.digest == running.digest
    return running.release_id
