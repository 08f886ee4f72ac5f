"""The update client of a device: from an offer to a committed model, or back, one step at a time.

OFFERED ─▶ ACCEPTED ─▶ DOWNLOADED, VERIFIED ─▶ INSTALLED ─▶ TRIAL_BOOT ─▶ COMMITTED
   │ ▲                       │                                  │             │
   ▼ │                       ▼                                  ▼             ▼
DEFERRED              INSTALL_FAILED                         REVERTED ◀── ordered back
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from producers.device.acks import Acks
from producers.device.conditions import hindrance
from producers.device.engine import EngineError
from producers.device.flash import Flash, Tried
from producers.device.health import HEALTHY, HealthWindow
from producers.device.identity import fraction
from producers.device.slots import Model
from producers.device.wishes import GiveUp, GoBack, Install, Refuse, Wish, Withdrawn
from producers.scenario import Updates
from schemas.records import AckState

DIGEST_MISMATCH: Final = "DIGEST_MISMATCH"
DOWNLOAD_FAILED: Final = "DOWNLOAD_FAILED"
DOES_NOT_LOAD: Final = "DOES_NOT_LOAD"
INTERRUPTED: Final = "INTERRUPTED"
ROLLBACK_ORDERED: Final = "ROLLBACK_ORDERED"


class Phase(StrEnum):
    """Where an attempt stands; named after the last acknowledged step."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    VERIFIED = "VERIFIED"
    INSTALLED = "INSTALLED"
    TRIAL = "TRIAL"


class Files(Protocol):
    """Where model files are."""

    def digest(self, uri: str) -> str:
        """SHA-256 of the file, downloaded; raises LookupError or OSError."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt at one release. `recovery`: it fetches again what a rollback returns to."""

    wanted: Install
    number: int
    phase: Phase
    due_us: int
    deferred: str = ""
    recovery: bool = False
    health: HealthWindow | None = None


class OtaClient:
    """The update client; all of its state is the flash and the attempt under way.

    Args:
        boot: Loads a model to run, None for none; raises EngineError or LookupError.
    """

    def __init__(
        self,
        *,
        rules: Updates,
        seed: int,
        flash: Flash,
        acks: Acks,
        files: Files,
        boot: Callable[[Model | None], None],
    ) -> None:
        self._rules, self._seed, self._flash = rules, seed, flash
        self._acks, self._files, self._boot = acks, files, boot
        self._retry_at: dict[str, int] = {}
        self._recoveries, self._recover_at_us = 0, 0
        self.attempt: Attempt | None = None

    def restart(self, now_us: int) -> None:
        """After a boot: what was on trial when the power went is not trusted."""
        lost = self._flash.slots.running
        if self._flash.slots.trial and lost is not None:
            self._flash.slots = self._flash.slots.switch_back()
            self._acks.say(lost.release_id, lost.wave, AckState.REVERTED, now_us, INTERRUPTED)

    def turn(self, now_us: int, wish: Wish) -> None:
        """Obey the log, then do the steps that are due."""
        match wish:
            case Refuse():
                self._refuse(wish, now_us)
            case GiveUp():
                self._give_up(wish.withdrawn, now_us)
            case GoBack():
                self._go_back(wish, now_us)
            case Install():
                self._follow(wish, now_us)
            case None:
                self._drop_offer()
        while self.attempt is not None and self.attempt.due_us <= now_us:
            if not self._step(self.attempt, now_us):
                break

    def observe(self, *, produced: bool, judged: bool, late: bool) -> None:
        """Tell of one frame that was due, for the health window."""
        if self.attempt is not None and self.attempt.health is not None:
            self.attempt.health.observe(produced=produced, judged=judged, late=late)

    # Offers

    def _follow(self, wish: Install, now_us: int) -> None:
        """Take up an offer, or see whether the attempt under way is still what is wanted."""
        at, model = self.attempt, wish.model
        if at is not None and at.wanted.model.release_id == model.release_id:
            at.wanted = replace(at.wanted, replaces=wish.replaces)
            return
        self._drop_offer()
        tried = self._flash.tried.get(model.release_id, Tried())
        waits = now_us < self._retry_at.get(model.release_id, 0)
        if self.attempt is None and not tried.over and not waits:
            self._offer(wish, now_us)

    def _offer(self, wanted: Install, now_us: int, *, recovery: bool = False) -> None:
        tried = self._flash.tried.get(wanted.model.release_id, Tried())
        number = tried.attempt + 1
        self._flash.remember(wanted.model.release_id, Tried(attempt=number))
        self.attempt = Attempt(
            wanted=wanted, number=number, phase=Phase.OFFERED, due_us=now_us, recovery=recovery
        )
        self._wait(self.attempt, now_us, self._rules.accept_s)
        self._say(self.attempt, AckState.OFFERED, now_us)

    def _drop_offer(self) -> None:
        """An offer that was not accepted yet falls with the order behind it."""
        if self.attempt is not None and self.attempt.phase is Phase.OFFERED:
            self.attempt = None

    def _refuse(self, wish: Refuse, now_us: int) -> None:
        tried = self._flash.tried.get(wish.release_id, Tried())
        if not tried.over:
            self._flash.remember(wish.release_id, Tried(attempt=tried.attempt + 1, over=True))
            self._acks.say(wish.release_id, wish.wave, AckState.REJECTED, now_us, wish.reason)

    # Steps

    def _step(self, at: Attempt, now_us: int) -> bool:
        """Do the step that is due; False when it has to wait for more than time."""
        match at.phase:
            case Phase.OFFERED:
                return self._accept(at, now_us)
            case Phase.ACCEPTED:
                self._download(at, now_us)
            case Phase.VERIFIED:
                self._flash.slots = self._flash.slots.install(at.wanted.model)
                self._reach(at, Phase.INSTALLED, AckState.INSTALLED, now_us, self._rules.boot_s)
            case Phase.INSTALLED:
                self._boot_trial(at, now_us)
            case Phase.TRIAL:
                return self._judge(at, now_us)
        return True

    def _accept(self, at: Attempt, now_us: int) -> bool:
        reason = hindrance(at.wanted.preconditions, self._acks.conditions(now_us))
        if reason is None:
            self._reach(at, Phase.ACCEPTED, AckState.ACCEPTED, now_us, self._rules.download_s)
            return True
        if reason != at.deferred:
            at.deferred = reason
            self._say(at, AckState.DEFERRED, now_us, reason)
        self._wait(at, now_us, self._rules.defer_s)
        return False

    def _download(self, at: Attempt, now_us: int) -> None:
        model = at.wanted.model
        try:
            found = self._files.digest(model.uri)
        except (LookupError, OSError):
            self._end(at, AckState.INSTALL_FAILED, now_us, DOWNLOAD_FAILED)
            return
        self._say(at, AckState.DOWNLOADED, now_us)
        if found != model.digest:
            self._end(at, AckState.INSTALL_FAILED, now_us, DIGEST_MISMATCH)
            return
        self._reach(at, Phase.VERIFIED, AckState.VERIFIED, now_us, self._rules.install_s)

    def _boot_trial(self, at: Attempt, now_us: int) -> None:
        self._flash.slots = self._flash.slots.boot_trial()
        try:
            self._boot(at.wanted.model)
        except (EngineError, LookupError, OSError):
            self._revert(at, now_us, DOES_NOT_LOAD)
            return
        at.health = HealthWindow(self._rules, now_us)
        self._reach(at, Phase.TRIAL, AckState.TRIAL_BOOT, now_us, 0.0)

    def _judge(self, at: Attempt, now_us: int) -> bool:
        verdict = at.health.verdict(now_us) if at.health is not None else None
        if verdict is None:
            return False
        if verdict != HEALTHY:
            self._revert(at, now_us, verdict)
            return True
        self._flash.slots = self._flash.slots.commit()
        self._end(at, AckState.COMMITTED, now_us)
        self._recoveries, self._recover_at_us = 0, 0
        if at.wanted.replaces is not None:
            self._say_returned(at.wanted.replaces, now_us)
        return True

    def _revert(self, at: Attempt, now_us: int, reason: str) -> None:
        self._switch_back()
        self._end(at, AckState.REVERTED, now_us, reason)

    def _end(self, at: Attempt, state: AckState, now_us: int, reason: str = "") -> None:
        self.attempt = None
        self._say(at, state, now_us, reason)
        release_id = at.wanted.model.release_id
        again = reason == DOWNLOAD_FAILED and at.number < self._rules.attempts
        tried = self._flash.tried[release_id]
        self._flash.remember(release_id, replace(tried, over=not again))
        self._retry_at = {}
        if again:
            pause_s = self._rules.retry_s * 2 ** (at.number - 1)
            self._retry_at[release_id] = now_us + round(pause_s * 1e6)

    # Orders back

    def _go_back(self, wish: GoBack, now_us: int) -> None:
        at, running = self.attempt, self._flash.slots.running
        if running is None or running.release_id != wish.withdrawn.release_id:
            return
        if at is not None and (at.recovery or at.phase is not Phase.OFFERED):
            at.wanted = replace(at.wanted, replaces=wish.withdrawn)
        elif self._standby_is(wish.to):
            self._drop_offer()
            self._switch_back()
            self._say_returned(wish.withdrawn, now_us)
        else:
            self._drop_offer()
            self._fetch_again(wish, now_us)

    def _give_up(self, withdrawn: Withdrawn, now_us: int) -> None:
        self._drop_offer()
        at = self.attempt
        if at is None or at.wanted.model.release_id != withdrawn.release_id:
            return
        if at.phase is Phase.TRIAL:
            self._switch_back()
        self._end(at, AckState.REVERTED, now_us, ROLLBACK_ORDERED)

    def _fetch_again(self, wish: GoBack, now_us: int) -> None:
        """The way back is not in the other slot: download it, at most `attempts` times."""
        if self._recoveries < self._rules.attempts and now_us >= self._recover_at_us:
            self._recoveries += 1
            pause_s = self._rules.retry_s * 2**self._recoveries
            self._recover_at_us = now_us + round(pause_s * 1e6)
            self._offer(Install(model=wish.to, replaces=wish.withdrawn), now_us, recovery=True)

    def _say_returned(self, withdrawn: Withdrawn, now_us: int) -> None:
        tried = self._flash.tried.get(withdrawn.release_id, Tried())
        self._flash.remember(withdrawn.release_id, replace(tried, over=True))
        self._acks.say(
            withdrawn.release_id, withdrawn.wave, AckState.REVERTED, now_us, ROLLBACK_ORDERED
        )

    def _standby_is(self, model: Model) -> bool:
        standby = self._flash.slots.standby
        return standby is not None and standby.digest == model.digest

    def _switch_back(self) -> None:
        self._flash.slots = self._flash.slots.switch_back()
        # A device whose old model does not load any more reports each frame as missing.
        with suppress(EngineError, LookupError, OSError):
            self._boot(self._flash.slots.running)

    # Words

    def _reach(
        self, at: Attempt, phase: Phase, state: AckState, now_us: int, seconds: float
    ) -> None:
        at.phase = phase
        self._say(at, state, now_us)
        # From when the step was due, not from the frame that found it due: no time adds up.
        self._wait(at, at.due_us, seconds)

    def _wait(self, at: Attempt, from_us: int, seconds: float) -> None:
        chance = fraction(
            self._seed, self._acks.device_id, at.wanted.model.release_id, at.number, at.phase
        )
        share = 1 + self._rules.jitter * (2 * chance - 1)
        at.due_us = from_us + round(seconds * share * 1e6)

    def _say(self, at: Attempt, state: AckState, now_us: int, reason: str = "") -> None:
        self._acks.say(at.wanted.model.release_id, at.wanted.model.wave, state, now_us, reason)
