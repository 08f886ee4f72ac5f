"""The two model slots of a device: install beside what runs, boot on trial, commit or go back."""

from dataclasses import dataclass, replace

from schemas.records import Slot


class SlotError(RuntimeError):
    """A step that the state of the slots does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of a release as a device holds it; `wave` is the one it came with."""

    release_id: str
    digest: str
    uri: str
    deadline_us: int
    wave: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What is in the slots; every step gives new slots. `trial`: the active one is not committed.

    A power cut at any moment leaves either the old or the new value of the whole.
    """

    a: Model | None = None
    b: Model | None = None
    active: Slot = Slot.A
    trial: bool = False

    @property
    def running(self) -> Model | None:
        """The model of the active slot."""
        return self.a if self.active is Slot.A else self.b

    @property
    def standby(self) -> Model | None:
        """The model of the other slot."""
        return self.b if self.active is Slot.A else self.a

    @property
    def other(self) -> Slot:
        """The slot that does not run."""
        return _other(self.active)

    def empty_standby(self) -> "Slots":
        """Hold nothing in the slot that does not run: it is about to be written.

        Raises:
            SlotError: A trial boot is not decided yet: its way back must not be overwritten.
        """
        return self._with_standby(None)

    def install(self, model: Model) -> "Slots":
        """Write a model into the slot that does not run.

        Raises:
            SlotError: A trial boot is not decided yet: its way back must not be overwritten.
        """
        return self._with_standby(model)

    def _with_standby(self, model: Model | None) -> "Slots":
        if self.trial:
            raise SlotError(f"install {model and model.release_id}: {self.active} is on trial")
        return replace(self, b=model) if self.active is Slot.A else replace(self, a=model)

    def boot_trial(self) -> "Slots":
        """Run the other slot until it is committed or reverted.

        Raises:
            SlotError: The other slot is empty, or a trial is not decided yet.
        """
        if self.trial or self.standby is None:
            raise SlotError(f"trial boot: slot {_other(self.active)} is empty or on trial already")
        return replace(self, active=_other(self.active), trial=True)

    def commit(self) -> "Slots":
        """Stay in the slot on trial.

        Raises:
            SlotError: None is on trial.
        """
        if not self.trial:
            raise SlotError(f"commit: slot {self.active} is not on trial")
        return replace(self, trial=False)

    def switch_back(self) -> "Slots":
        """Run what the other slot holds, maybe nothing, and empty the slot that was left."""
        kept = {"a": None, "b": self.b} if self.active is Slot.A else {"a": self.a, "b": None}
        return Slots(a=kept["a"], b=kept["b"], active=_other(self.active))


def _other(slot: Slot) -> Slot:
    return Slot.B if slot is Slot.A else Slot.A
