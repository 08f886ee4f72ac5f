"""Storage that fails, or loses its power, at a named moment of an update.

A fault is a line of words, `VERB MOMENT [xTIMES]`, such as `kill rename`, `fail boot x9` or
`kill before COMMITTED`. TIMES is 1 unless said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from producers.device.client.attempt import Phase
from producers.device.client.files import Files
from producers.device.client.layout import DOWNLOADS, STATE, TRUST
from producers.device.flash import Flash
from producers.device.flash_json import from_json
from schemas.records import AckState
from tests.power import PowerCutError

T = TypeVar("T")
_STATE_WRITTEN: Final = f"{STATE}.partial"
_MODELS: Final = ("a/model.onnx", "b/model.onnx")


@dataclass(frozen=True, slots=True)
class Call:
    """One operation on one file, and the state of the device as it was written last."""

    operation: str
    name: str
    flash: Flash | None

    @property
    def said(self) -> AckState | None:
        """The last thing that this state says."""
        return self.flash.outbox[-1].state if self.flash and self.flash.outbox else None

    @property
    def phase(self) -> Phase | None:
        return self.flash.attempt.phase if self.flash and self.flash.attempt else None

    @property
    def on_trial(self) -> bool:
        return self.flash is not None and self.flash.slots.trial


_MOMENTS: Final[dict[str, Callable[[Call], bool]]] = {
    "state": lambda at: (at.operation, at.name) == ("write", _STATE_WRITTEN),
    "metadata": lambda at: at.operation == "write" and at.name.startswith(f"{TRUST}/"),
    "download": lambda at: at.operation == "append" and at.name.startswith(f"{DOWNLOADS}/"),
    "digest": lambda at: (
        at.operation == "read" and at.name.startswith(f"{DOWNLOADS}/") and at.phase is Phase.VERIFY
    ),
    "rename": lambda at: at.operation == "rename" and at.name.startswith(f"{DOWNLOADS}/"),
    "switch": lambda at: (
        (at.operation, at.name) == ("write", _STATE_WRITTEN)
        and at.on_trial
        and at.said is AckState.INSTALLED
    ),
    "boot": lambda at: at.operation == "read" and at.name in _MODELS and at.on_trial,
    "way back": lambda at: (
        at.operation == "read" and at.name in _MODELS and at.said is AckState.REVERTED
    ),
    "cleaning": lambda at: (
        at.operation == "remove"
        and at.name.startswith(f"{DOWNLOADS}/")
        and at.said is AckState.INSTALL_FAILED
    ),
    "evidence": lambda at: at.operation == "append" and at.name == "evidence.log",
}


@dataclass(slots=True)
class Fault:
    """What goes wrong, how often still, and whether it did at all."""

    words: str
    kill: bool
    moment: Callable[[Call], bool]
    left: int
    after: bool = False
    happened: bool = False


def parse(words: str) -> Fault:
    """Read a fault. Raises KeyError or ValueError: there is none like it."""
    line, _, times = words.partition(" x")
    verb, _, moment = line.partition(" ")
    if verb not in {"kill", "fail"}:
        raise ValueError(f"{words!r}: kill or fail")
    place, _, state = moment.partition(" ")
    if place in {"before", "after"}:
        said, after = AckState(state), place == "after"
        operation, name = ("sync_names", STATE) if after else ("write", _STATE_WRITTEN)
        return Fault(
            words=words,
            kill=verb == "kill",
            moment=lambda at: (at.operation, at.name, at.said) == (operation, name, said),
            left=int(times or 1),
            after=after,
        )
    return Fault(words=words, kill=verb == "kill", moment=_MOMENTS[moment], left=int(times or 1))


class FaultyFiles:
    """`Files` with faults; `armed` is when they begin to count."""

    def __init__(self, files: Files, faults: list[Fault], *, armed: bool) -> None:
        self._files, self._faults, self.armed = files, faults, armed
        self._flash: Flash | None = None

    def read(self, name: str) -> bytes | None:
        found = self._at("read", name, lambda: self._files.read(name))
        if name == STATE and found is not None:
            (self._flash,) = from_json(found).values()
        return found

    def write(self, name: str, data: bytes) -> None:
        if name == _STATE_WRITTEN:
            (self._flash,) = from_json(data).values()
        self._at("write", name, lambda: self._files.write(name, data))

    def append(self, name: str, data: bytes) -> None:
        self._at("append", name, lambda: self._files.append(name, data))

    def sync(self, name: str) -> None:
        self._at("sync", name, lambda: self._files.sync(name))

    def rename(self, old: str, new: str) -> None:
        self._at("rename", old, lambda: self._files.rename(old, new))

    def remove(self, name: str) -> None:
        self._at("remove", name, lambda: self._files.remove(name))

    def sync_names(self, name: str) -> None:
        self._at("sync_names", name, lambda: self._files.sync_names(name))

    def names(self, folder: str) -> list[str]:
        return self._at("names", folder, lambda: self._files.names(folder))

    def _at(self, operation: str, name: str, do: Callable[[], T]) -> T:
        fault = self._due(Call(operation, name, self._flash))
        if fault is None:
            return do()
        fault.left, fault.happened = fault.left - 1, True
        if fault.after:
            do()
        if fault.kill:
            raise PowerCutError
        raise OSError(5, "Input/output error", name)

    def _due(self, call: Call) -> Fault | None:
        if not self.armed:
            return None
        return next((one for one in self._faults if one.left and one.moment(call)), None)
