"""What the update client needs of a device's storage and of where updates come from."""

from typing import Protocol

from producers.device.client.attempt import Attempt
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.known import Known
from producers.device.slots import Model
from schemas.records import AckState, Slot


class FailedError(Exception):
    """A step of an attempt failed; what runs is untouched.

    Attributes:
        state: INSTALL_FAILED, or REJECTED when the device does not believe what it was told.
        reason: Code for programs.
        again: Whether another attempt may go better.
    """

    def __init__(self, state: AckState, reason: str, why: str, *, again: bool) -> None:
        super().__init__(f"{state}, {reason}: {why}")
        self.state, self.reason, self.again = state, reason, again


class Storage(Protocol):
    """A device's two slots, its download and what it keeps.

    Every step may be done again after a power cut in it. Slots: what `install` put there is
    whole and verified; nothing else writes to them.
    """

    def keep(self, flash: Flash) -> None:
        """Make all that a device keeps safe, whole or not at all. Raises OSError."""

    def admit(self, at: Attempt, now_us: int) -> None:
        """Check that the device may install what an attempt wants. Raises FailedError."""

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """Bring a part of it.

        Returns:
            When to come again; None: the download is whole.

        Raises:
            FailedError: It does not come, or not as announced.
        """

    def digest(self, model: Model) -> str | None:
        """SHA-256 of the download as it is stored now, hex; None: there is none.

        Raises:
            FailedError: It cannot be read.
        """

    def install(self, model: Model, slot: Slot) -> bool:
        """Move the download into a slot; done before is done too.

        Returns:
            Whether the slot has the model now, whole; False: it must be downloaded again.

        Raises:
            FailedError: The slot does not take it.
        """

    def sound(self, model: Model, slot: Slot) -> bool:
        """Whether a slot has what it should, byte for byte."""

    def discard(self, model: Model) -> None:
        """Forget a download; one that cannot be removed is in nobody's way."""

    def head(self) -> str | None:
        """Head of the device's evidence, hex; None: it keeps none."""

    def known(self, model: Model, slot: Slot) -> Known | None:
        """Inputs whose answers were signed with a slot's model; None: none were, which is said.

        Raises KnownInputsError or OSError: they cannot be read.
        """

    def engine(self, model: Model, slot: Slot) -> Engine:
        """What a slot has, loaded. Raises EngineError, LookupError or OSError."""


class ShadowStorage(Storage, Protocol):
    """Storage that has room for a model beside those of the slots."""

    def beside(self, model: Model, now_us: int) -> Engine | None:
        """A model to run in shadow, verified and in no slot; None: this device runs none.

        Raises EngineError, LookupError or OSError; FailedError: the device may not run it, now.
        """
