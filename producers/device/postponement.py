"""The owner's word about an update: consent, and "later" as often and as long as is allowed."""

from dataclasses import dataclass, replace
from typing import Final

NO_CONSENT: Final = "NO_CONSENT"
POSTPONED: Final = "POSTPONED"

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponing:
    """How an owner may put an update off.

    Attributes:
        times: "Later" said at most so often.
        once_s: Seconds that one of them lasts at most.
        whole_s: Seconds after the owner was first asked in which an update may be put off, by
            words or by silence; then it begins at the next occasion on which all else holds.
    """

    times: int = 3
    once_s: float = DAY_S
    whole_s: float = 7 * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What an owner has said about one release; every word gives a new value to be kept.

    Attributes:
        asked_us: When the owner was first asked, UTC microseconds; None: need not be asked.
        given: Said yes.
        postponed: How often "later" was said.
        until_us: End of the last "later".
    """

    asked_us: int | None = None
    given: bool = False
    postponed: int = 0
    until_us: int = 0

    @classmethod
    def ask(cls, now_us: int) -> "Consent":
        """The owner is asked now."""
        return cls(asked_us=now_us)

    def at(self, now_us: int, rules: Postponing) -> "Consent":
        """The same by the clock as it goes now: one that was a year ahead makes nobody wait a year.

        To be kept like any word, and asked for before each look at what is waited for.
        """
        if self.asked_us is None:
            return self
        longest_us = now_us + round(rules.once_s * 1e6)
        return replace(
            self, asked_us=min(self.asked_us, now_us), until_us=min(self.until_us, longest_us)
        )

    def give(self) -> "Consent":
        """The owner says yes, which ends a "later" too."""
        return replace(self, given=True, until_us=0)

    def postpone(self, rules: Postponing, seconds: float, now_us: int) -> "Consent":
        """The owner says "later".

        Raises:
            ValueError: So often, or at this time, it cannot be said any more; for a person to read.
        """
        if self.asked_us is None:
            raise ValueError("this update asks for no consent; it cannot be postponed")
        if self.postponed >= rules.times:
            raise ValueError(f"postponed {self.postponed} times; {rules.times} are allowed")
        last_us = _last_us(self.asked_us, rules)
        if now_us >= last_us:
            raise ValueError(f"offered {rules.whole_s / DAY_S:g} days ago; it begins when it can")
        end_us = now_us + round(min(max(0.0, seconds), rules.once_s) * 1e6)
        return replace(
            self, given=False, postponed=self.postponed + 1, until_us=min(end_us, last_us)
        )


def waits_for(consent: Consent, rules: Postponing, now_us: int) -> str | None:
    """Reason code why the owner's word is waited for; None: it is not, or not any more."""
    if consent.asked_us is None or now_us >= _last_us(consent.asked_us, rules):
        return None
    if now_us < consent.until_us:
        return POSTPONED
    return None if consent.given else NO_CONSENT


def _last_us(asked_us: int, rules: Postponing) -> int:
    return asked_us + round(rules.whole_s * 1e6)
