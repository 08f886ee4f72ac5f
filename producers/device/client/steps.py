"""The steps of an attempt, each kept before it counts.

OFFER ─▶ DOWNLOAD ─▶ VERIFY ─▶ INSTALL ─▶ TRIAL_BOOT ─▶ HEALTH ─▶ commit
  │ ▲        └────┬─────┴─────────┘            └────┬──────┘
  ▼ │             ▼                                 ▼
DEFERRED    INSTALL_FAILED                       revert

What runs changes at TRIAL_BOOT, commit and revert only, each a single write. INSTALL first says
that the other slot is empty, then fills it, then says what it has: no slot is ever named whole
that is not.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from producers.device.client.attempt import Attempt, Phase
from producers.device.client.journal import Journal
from producers.device.client.storage import FailedError, Storage
from producers.device.engine import EngineError
from producers.device.flash import Tried
from producers.device.health import HEALTHY, HealthWindow
from producers.device.identity import fraction
from producers.device.postponement import Consent
from producers.device.readiness import Household, deferral
from producers.device.slots import Model
from producers.device.wishes import Install, Withdrawn
from producers.scenario.equipment import Updates
from schemas.reasons import INTERRUPTED, ROLLBACK_ORDERED
from schemas.records import AckState

log = logging.getLogger(__name__)

DIGEST_MISMATCH: Final = "DIGEST_MISMATCH"
DOES_NOT_LOAD: Final = "DOES_NOT_LOAD"
WRONG_ANSWER: Final = "WRONG_ANSWER"
OFFER_EXPIRED: Final = "OFFER_EXPIRED"

TRIAL_BOOTS: Final = 3
"""Boots that a new model is given to prove itself."""

_LONGEST_DOUBLING: Final = 10


def pause_us(rules: Updates, doublings: int = _LONGEST_DOUBLING) -> int:
    """Pause before one more try, in microseconds; without a number of doublings the longest."""
    return round(rules.retry_s * 2.0 ** min(doublings, _LONGEST_DOUBLING) * 1e6)


class Steps:
    """Carries out attempts, one step at a time.

    Args:
        boot: Loads a model to run, None for none; raises EngineError, LookupError or OSError.
        answers_right: Whether what was booted answers known pictures.
        household: What the device bears and its owner wishes.
        temperature_c: Degrees Celsius at a time in UTC microseconds; None: not measured.
    """

    def __init__(
        self,
        *,
        rules: Updates,
        seed: int,
        journal: Journal,
        storage: Storage,
        boot: Callable[[Model | None], None],
        answers_right: Callable[[], bool],
        household: Household,
        temperature_c: Callable[[int], float | None],
    ) -> None:
        self._rules, self._seed, self._journal = rules, seed, journal
        self._flash, self._acks = journal.flash, journal.acks
        self._storage, self._boot, self._answers_right = storage, boot, answers_right
        self._household, self._temperature_c = household, temperature_c
        self.health: HealthWindow | None = None
        self._retry_at: dict[str, int] = {}
        self._load_again_us: int | None = None

    def begin(self, wanted: Install, now_us: int, *, recovery: bool = False) -> None:
        """Offer a release to the device."""
        release_id = wanted.model.release_id
        number = self._flash.tried.get(release_id, Tried()).attempt + 1
        self._flash.remember(release_id, Tried(attempt=number))
        # A way back is not asked for: what runs was ordered back.
        asked = self._household.asks and not recovery
        at = Attempt(
            wanted=wanted,
            number=number,
            phase=Phase.OFFER,
            due_us=now_us,
            offered_us=now_us,
            recovery=recovery,
            consent=Consent.ask(now_us) if asked else Consent(),
        )
        self._wait(at, now_us, self._rules.accept_s)
        self._say(at, AckState.OFFERED, now_us)

    def pauses(self, model: Model, now_us: int) -> bool:
        """Whether the pause before another attempt is not over, by any clock."""
        left_us = self._retry_at.get(model.release_id, 0) - now_us
        return 0 < left_us <= pause_us(self._rules)

    def take(self, at: Attempt, now_us: int) -> bool:
        """Do the step that is due; False when it has to wait for more than time.

        Raises:
            NotKeptError: The storage does not take it; it is due again.
        """
        try:
            return self._take(at, now_us)
        except FailedError as error:
            log.warning("%s: %s: %s", self._acks.device_id, at.wanted.model.release_id, error)
            with self._journal.step():
                self.end(at, error.state, now_us, error.reason, again=error.again)
            self._storage.discard(at.wanted.model)
        return True

    def _take(self, at: Attempt, now_us: int) -> bool:
        match at.phase:
            case Phase.OFFER:
                return self._accept(at, now_us)
            case Phase.DOWNLOAD:
                return self._download(at, now_us)
            case Phase.VERIFY:
                self._verify(at, now_us)
            case Phase.INSTALL:
                self._install(at, now_us)
            case Phase.TRIAL_BOOT:
                self._boot_trial(at, now_us)
            case Phase.HEALTH:
                return self._judge(at, now_us)
        return True

    def _accept(self, at: Attempt, now_us: int) -> bool:
        self._check_offer(at, now_us)
        consent = at.consent.at(now_us, self._household.postponing)
        at = replace(at, consent=consent, offered_us=min(at.offered_us, now_us))
        reason = deferral(
            at.wanted.preconditions,
            self._acks.conditions(now_us),
            self._temperature_c(now_us),
            self._household,
            at.consent,
            now_us,
        )
        if reason is None:
            self._storage.admit(at, now_us)
            self._reach(at, Phase.DOWNLOAD, AckState.ACCEPTED, now_us, self._rules.download_s)
            return True
        with self._journal.step():
            self._wait(replace(at, deferred=reason), now_us, self._rules.defer_s)
            if reason != at.deferred:
                self._say(at, AckState.DEFERRED, now_us, reason)
        return False

    def _check_offer(self, at: Attempt, now_us: int) -> None:
        """What was offered long ago is not begun, nor was what its owner said meant for today."""
        if now_us - at.offered_us > self._rules.offer_s * 1e6:
            why = f"not accepted in {self._rules.offer_s:g} s; offered anew if it is still wanted"
            raise FailedError(AckState.REJECTED, OFFER_EXPIRED, why, again=True)

    def _download(self, at: Attempt, now_us: int) -> bool:
        again_us = self._storage.fetch(at, now_us)
        if again_us is not None:
            self._flash.attempt = replace(at, due_us=again_us)
            return False  # a part a turn: what runs has frames to answer
        self._reach(at, Phase.VERIFY, AckState.DOWNLOADED, now_us, 0.0)
        return True

    def _verify(self, at: Attempt, now_us: int) -> None:
        """By what is stored, not by what was once received: there may have been a reboot."""
        found = self._storage.digest(at.wanted.model)
        if found is None:
            self._download_again(at)
            return
        if found != at.wanted.model.digest:
            why = f"the download has SHA-256 {found}, announced {at.wanted.model.digest}"
            raise FailedError(AckState.INSTALL_FAILED, DIGEST_MISMATCH, why, again=False)
        self._reach(at, Phase.INSTALL, AckState.VERIFIED, now_us, self._rules.install_s)

    def _install(self, at: Attempt, now_us: int) -> None:
        slots, model = self._flash.slots, at.wanted.model
        with self._journal.step():
            self._flash.slots = slots.empty_standby()
        if not self._storage.install(model, slots.other):
            self._download_again(at)
            return
        with self._journal.step():
            self._flash.slots = self._flash.slots.install(model)
            self._wait(replace(at, phase=Phase.TRIAL_BOOT), at.due_us, self._rules.boot_s)
            self._say(at, AckState.INSTALLED, now_us)

    def _download_again(self, at: Attempt) -> None:
        """A power cut took the download although it was whole."""
        with self._journal.step():
            self._flash.attempt = replace(at, phase=Phase.DOWNLOAD)

    # The trial

    def _boot_trial(self, at: Attempt, now_us: int) -> None:
        with self._journal.step():
            self._flash.slots = self._flash.slots.boot_trial()
            self._flash.attempt = replace(at, phase=Phase.HEALTH)
        self.boot_again(now_us)

    def boot_again(self, now_us: int) -> None:
        """Boot the slot on trial, counted before it is tried; too often is back to the other."""
        at, self.health, self._load_again_us = self._flash.attempt, None, None
        if at is None or at.boots >= TRIAL_BOOTS:
            self.revert(now_us, INTERRUPTED)
            return
        with self._journal.step():
            self._flash.attempt = at = replace(at, boots=at.boots + 1, due_us=now_us)
        try:
            self._boot(at.wanted.model)
        except (EngineError, LookupError, OSError) as error:
            log.warning("%s: %s", self._acks.device_id, error)
            self.revert(now_us, DOES_NOT_LOAD)
            return
        if not self._answers_right():
            self.revert(now_us, WRONG_ANSWER)
            return
        self.health = HealthWindow(self._rules, now_us)
        with self._journal.step():
            self._say(at, AckState.TRIAL_BOOT, now_us)

    def _judge(self, at: Attempt, now_us: int) -> bool:
        if self.health is None:  # the storage did not take the last step of the boot
            self.boot_again(now_us)
            return True
        verdict = self.health.verdict(now_us)
        if verdict is None:
            return False
        if verdict != HEALTHY:
            self.revert(now_us, verdict)
            return True
        with self._journal.step():
            self._flash.slots = self._flash.slots.commit()
            self.end(at, AckState.COMMITTED, now_us)
            if at.wanted.replaces is not None:
                self.say_returned(at.wanted.replaces, now_us)
        return True

    def revert(self, now_us: int, reason: str) -> None:
        """Leave the slot on trial, and run what the other one has."""
        lost, at = self._flash.slots.running, self._flash.attempt
        with self._journal.step():
            self._flash.slots = self._flash.slots.switch_back()
            if at is not None:
                self.end(at, AckState.REVERTED, now_us, reason, again=reason == INTERRUPTED)
            elif lost is not None:
                self._acks.say(lost.release_id, lost.wave, AckState.REVERTED, now_us, reason)
        self.boot_running(now_us)

    def boot_running(self, now_us: int) -> None:
        """Load what the active slot has; what does not load is tried again after a pause."""
        self._load_again_us = None
        try:
            self._boot(self._flash.slots.running)
        except (EngineError, LookupError, OSError) as error:
            # Until it does, the device reports each frame as missing.
            log.warning("%s: nothing runs: %s; loaded again later", self._acks.device_id, error)
            self._load_again_us = now_us + round(self._rules.retry_s * 1e6)

    def load_again(self, now_us: int) -> None:
        """Load what did not load, once the pause is over, by any clock."""
        again_us = self._load_again_us
        if again_us is not None and not 0 < again_us - now_us <= self._rules.retry_s * 1e6:
            self.boot_running(now_us)

    # Ends and words; their callers keep them

    def end(
        self, at: Attempt, state: AckState, now_us: int, reason: str = "", *, again: bool = False
    ) -> None:
        """End an attempt, for good unless another one may go better."""
        self._flash.attempt = None
        self._say(at, state, now_us, reason)
        release_id = at.wanted.model.release_id
        # A device that does not believe its orders asks again for as long as they stand.
        again = again and (state is AckState.REJECTED or at.number < self._rules.attempts)
        tried = self._flash.tried[release_id]
        self._flash.remember(release_id, replace(tried, over=not again))
        self._retry_at = {}
        if again:
            self._retry_at[release_id] = now_us + pause_us(self._rules, at.number - 1)

    def say_returned(self, withdrawn: Withdrawn, now_us: int) -> None:
        """Tell that an order back was obeyed."""
        tried = self._flash.tried.get(withdrawn.release_id, Tried())
        self._flash.remember(withdrawn.release_id, replace(tried, over=True))
        self._acks.say(
            withdrawn.release_id, withdrawn.wave, AckState.REVERTED, now_us, ROLLBACK_ORDERED
        )

    def _reach(
        self, at: Attempt, phase: Phase, state: AckState, now_us: int, seconds: float
    ) -> None:
        with self._journal.step():
            # From when the step was due, not from the frame that found it due: no time adds up.
            self._wait(replace(at, phase=phase), at.due_us, seconds)
            self._say(at, state, now_us)

    def _wait(self, at: Attempt, from_us: int, seconds: float) -> None:
        chance = fraction(
            self._seed, self._acks.device_id, at.wanted.model.release_id, at.number, at.phase
        )
        share = 1 + self._rules.jitter * (2 * chance - 1)
        self._flash.attempt = replace(at, due_us=from_us + round(seconds * share * 1e6))

    def _say(self, at: Attempt, state: AckState, now_us: int, reason: str = "") -> None:
        model = at.wanted.model
        self._acks.say(model.release_id, model.wave, state, now_us, reason)
