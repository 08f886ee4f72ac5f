"""The update client of a device: what the log wants, and what the device makes of it.

It carries out one attempt at a time (`steps`). All it must know after a power cut is the `Flash`,
changed by the `Journal` only. The same class runs in simulated devices and in a process of its
own; they differ in their `Storage`.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from producers.device.acks import Acks
from producers.device.client.attempt import Attempt, Phase
from producers.device.client.journal import Journal, NotKeptError
from producers.device.client.steps import Steps, pause_us
from producers.device.client.storage import Storage
from producers.device.flash import Flash, Tried
from producers.device.postponement import Consent
from producers.device.readiness import Household
from producers.device.slots import Model
from producers.device.wishes import GiveUp, GoBack, Install, Refuse, Wish, Withdrawn
from producers.scenario.equipment import Updates
from schemas.reasons import ROLLBACK_ORDERED
from schemas.records import AckState

log = logging.getLogger(__name__)

SLOT_DAMAGED: Final = "SLOT_DAMAGED"


class OtaClient:
    """The update client.

    Args:
        boot: Loads a model to run, None for none; raises EngineError, LookupError or OSError.
        answers_right: Whether what was booted last answers known pictures rightly.
        household: What the device bears and its owner wishes; None: nothing beyond the release's
            preconditions.
        temperature_c: Degrees Celsius at a time in UTC microseconds; None: not measured.
    """

    def __init__(
        self,
        *,
        rules: Updates,
        seed: int,
        flash: Flash,
        acks: Acks,
        storage: Storage,
        boot: Callable[[Model | None], None],
        answers_right: Callable[[], bool],
        household: Household | None = None,
        temperature_c: Callable[[int], float | None] = lambda _: None,
    ) -> None:
        self._household = household or Household()
        self._rules, self._flash, self._acks, self._storage = rules, flash, acks, storage
        self._journal = Journal(flash, acks, storage)
        self._steps = Steps(
            rules=rules,
            seed=seed,
            journal=self._journal,
            storage=storage,
            boot=boot,
            answers_right=answers_right,
            household=self._household,
            temperature_c=temperature_c,
        )
        self._recovering, self._recoveries, self._recovered_us = "", 0, 0

    @property
    def attempt(self) -> Attempt | None:
        """The attempt under way."""
        return self._flash.attempt

    def restart(self, now_us: int) -> None:
        """Boot: send what was left unsaid, run what is sound, go on with what was under way.

        Raises:
            OSError: The storage does not take the number of the boot.
        """
        self._journal.begin()
        if self._flash.slots.trial:
            self._steps.boot_again(now_us)
            return
        self._leave_damaged(now_us)
        self._steps.boot_running(now_us)

    def turn(self, now_us: int, wish: Wish) -> None:
        """Obey the log, then do the steps that are due."""
        try:
            active = self._flash.slots.active
            with self._journal.step():
                self._obey(wish, now_us)
            if self._flash.slots.active is not active:
                self._steps.boot_running(now_us)
            else:
                self._steps.load_again(now_us)
            self._take_steps(now_us)
        except NotKeptError as error:
            log.warning("%s: %s; tried again", self._acks.device_id, error)

    def agree(self) -> None:
        """The owner says yes to what is offered; without an offer nothing changes.

        Raises:
            NotKeptError: The storage does not take the word; nothing was said.
        """
        self._say(Consent.give)

    def postpone(self, seconds: float, now_us: int) -> None:
        """The owner says "later" to what is offered; without an offer nothing changes.

        Raises:
            NotKeptError: The storage does not take the word; nothing was said.
            ValueError: It cannot be said any more; for the owner to read.
        """
        rules = self._household.postponing
        self._say(lambda consent: consent.postpone(rules, seconds, now_us))

    def _say(self, word: Callable[[Consent], Consent]) -> None:
        at = self.attempt
        if at is not None and at.phase is Phase.OFFER:
            with self._journal.step():
                self._flash.attempt = replace(at, consent=word(at.consent))

    def observe(self, *, produced: bool, judged: bool, late: bool) -> None:
        """Tell of one frame that was due, for the health window."""
        if self._steps.health is not None:
            self._steps.health.observe(produced=produced, judged=judged, late=late)

    def _take_steps(self, now_us: int) -> None:
        while (at := self.attempt) is not None and self._is_due(at, now_us):
            if not self._steps.take(at, now_us):
                return

    def _is_due(self, at: Attempt, now_us: int) -> bool:
        """No step waits longer than the longest, so what seems to was timed by a wrong clock."""
        return not 0 < at.due_us - now_us <= self._rules.longest_s * 1e6

    def _leave_damaged(self, now_us: int) -> None:
        """What runs must be what was installed; else the other slot, else nothing, runs."""
        slots = self._flash.slots
        lost = slots.running
        if lost is None or self._storage.sound(lost, slots.active):
            return
        spare = slots.standby
        if spare is not None and not self._storage.sound(spare, slots.other):
            slots = slots.empty_standby()
        with self._journal.step():
            self._flash.slots = slots.switch_back()
            self._flash.attempt = None
            tried = self._flash.tried.get(lost.release_id, Tried())
            self._flash.remember(lost.release_id, replace(tried, over=False))
            self._acks.say(lost.release_id, lost.wave, AckState.REVERTED, now_us, SLOT_DAMAGED)

    # What the log wants

    def _obey(self, wish: Wish, now_us: int) -> None:
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

    def _follow(self, wish: Install, now_us: int) -> None:
        """Take up an offer, or see whether the attempt under way is still what is wanted."""
        at, model = self.attempt, wish.model
        if at is not None and at.wanted.model.release_id == model.release_id:
            wanted = replace(at.wanted, replaces=wish.replaces, way_back_of=wish.way_back_of)
            self._flash.attempt = replace(at, wanted=wanted)
            return
        self._drop_offer()
        tried = self._flash.tried.get(model.release_id, Tried())
        waits = self._steps.pauses(model, now_us)
        if self.attempt is None and not tried.over and not waits:
            self._steps.begin(wish, now_us)

    def _drop_offer(self) -> None:
        """An offer that was not accepted yet falls with the order behind it."""
        if self.attempt is not None and self.attempt.phase is Phase.OFFER:
            self._flash.attempt = None

    def _refuse(self, wish: Refuse, now_us: int) -> None:
        tried = self._flash.tried.get(wish.release_id, Tried())
        if not tried.over:
            self._flash.remember(wish.release_id, Tried(attempt=tried.attempt + 1, over=True))
            self._acks.say(wish.release_id, wish.wave, AckState.REJECTED, now_us, wish.reason)

    # Orders back

    def _go_back(self, wish: GoBack, now_us: int) -> None:
        at, running = self.attempt, self._flash.slots.running
        if running is None or running.release_id != wish.withdrawn.release_id:
            return
        if at is not None and (at.recovery or at.phase is not Phase.OFFER):
            self._flash.attempt = replace(at, wanted=replace(at.wanted, replaces=wish.withdrawn))
        elif self._standby_is(wish.to):
            self._drop_offer()
            self._flash.slots = self._flash.slots.switch_back()
            self._steps.say_returned(wish.withdrawn, now_us)
        else:
            self._drop_offer()
            self._fetch_again(wish, now_us)

    def _give_up(self, withdrawn: Withdrawn, now_us: int) -> None:
        self._drop_offer()
        at = self.attempt
        if at is None or at.wanted.model.release_id != withdrawn.release_id:
            return
        if at.phase is Phase.HEALTH:
            self._flash.slots = self._flash.slots.switch_back()
        self._steps.end(at, AckState.REVERTED, now_us, ROLLBACK_ORDERED)

    def _fetch_again(self, wish: GoBack, now_us: int) -> None:
        """The way back is not in the other slot: download it, for as long as the order stands."""
        if self._recovering != wish.withdrawn.release_id:
            self._recovering, self._recoveries = wish.withdrawn.release_id, 0
        pause = pause_us(self._rules, self._recoveries)
        # A clock that was ahead makes no pause longer than it is.
        if self._recoveries and 0 <= now_us - self._recovered_us < pause:
            return
        self._recoveries += 1
        self._recovered_us = now_us
        wanted = Install(model=wish.to, replaces=wish.withdrawn, way_back_of=wish.way_back_of)
        self._steps.begin(wanted, now_us, recovery=True)

    def _standby_is(self, model: Model) -> bool:
        """Whether the other slot has a model, whole: what rotted there must not be run."""
        slots = self._flash.slots
        standby = slots.standby
        if standby is None or standby.digest != model.digest:
            return False
        return self._storage.sound(standby, slots.other)
