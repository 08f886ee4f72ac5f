"""The owner of a simulated device: what the household asks for, and what is said to an update."""

from contextlib import suppress
from datetime import time

from producers.device.client.attempt import Attempt, Phase
from producers.device.client.journal import NotKeptError
from producers.device.client.ota import OtaClient
from producers.device.identity import fraction
from producers.device.postponement import NO_CONSENT, waits_for
from producers.device.readiness import DAY_MINUTES, Hours, Household
from producers.scenario.equipment import Households


class Owner:
    """The owner of one device, the same in every run of a scenario.

    Attributes:
        household: What the device bears and the owner wishes.
    """

    def __init__(self, rules: Households, seed: int, device_id: str) -> None:
        self._rules, self._seed, self._device_id = rules, seed, device_id
        self.household = Household(
            coldest_c=rules.coldest_c,
            hottest_c=rules.hottest_c,
            quiet=tuple(map(_hours, rules.quiet_hours)),
            utc_offset_min=rules.utc_offset_min,
            asks=fraction(seed, "asks", device_id) < rules.asks,
        )

    def speak(self, client: OtaClient, now_us: int) -> None:
        """Answer what is offered, once the time to think is over."""
        at = client.attempt
        if at is None or not self._has_thought(at, now_us):
            return
        with suppress(NotKeptError):  # said again at the next frame
            if self._wants_later(at):
                client.postpone(self._rules.later_s, now_us)
            else:
                client.agree()

    def _has_thought(self, at: Attempt, now_us: int) -> bool:
        said = at.consent
        if at.phase is not Phase.OFFER or said.asked_us is None:
            return False
        if waits_for(said, self.household.postponing, now_us) != NO_CONSENT:
            return False
        return now_us >= max(said.asked_us, said.until_us) + round(self._rules.answer_s * 1e6)

    def _wants_later(self, at: Attempt) -> bool:
        release_id, count = at.wanted.model.release_id, at.consent.postponed
        chance = fraction(self._seed, "later", self._device_id, release_id, count)
        return chance < self._rules.later and count < self.household.postponing.times


def _hours(text: str) -> Hours:
    begin, until = map(_minute, text.split("-"))
    return Hours(begin, until)


def _minute(text: str) -> int:
    if text == "24:00":
        return DAY_MINUTES
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute
