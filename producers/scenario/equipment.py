"""The devices of a scenario: what they report and keep, how they update, what owners allow."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from producers.scenario.values import Celsius, HoursOfDay, Part, Seconds, Share


class Reporting(Part):
    """Reporting windows of inference-events."""

    window_s: Annotated[float, Field(gt=0.0, le=600.0)] = 10.0
    warmup_frames: Annotated[int, Field(ge=0, le=1000)] = 1
    exemplars: Annotated[int, Field(ge=0, le=8)] = 2


class Triggers(Part):
    """Which encounters are kept as edge cases, and how many of them, and bytes, a device may send.

    Attributes:
        far_near_at_least: Both the farthest and the nearest frame are at least so sure, of
            different classes.
        shortlist: Of the encounters of a window that only confidence or margin speak for, so many
            of the smallest margin are sent, at its end.
        shortlist_novel: Of those that nothing but novelty speaks for, so many of the newest.
        shortlist_s: Length of that window, seconds.
    """

    confidence_below: Share = 0.5
    margin_below: Share = 0.2
    flips_at_least: Annotated[int, Field(ge=1)] = 2
    far_near_at_least: Share = 0.6
    random_share: Share = 0.02
    shortlist: Annotated[int, Field(ge=1, le=1000)] = 4
    shortlist_novel: Annotated[int, Field(ge=1, le=1000)] = 1
    shortlist_s: Seconds = 3600.0
    burst: Annotated[float, Field(ge=1.0, le=1000.0)] = 4.0
    per_hour: Annotated[float, Field(ge=0.0)] = 60.0
    burst_bytes: Annotated[float, Field(ge=1.0)] = 131_072.0
    bytes_per_hour: Annotated[float, Field(ge=0.0)] = 2_097_152.0


class Updates(Part):
    """How an update runs on a device. Durations are seconds and vary by `jitter` around them."""

    offer_s: Seconds = 14 * 86_400.0
    """An offer that was not accepted by then is over; this does not vary."""
    accept_s: Seconds = 0.0
    download_s: Seconds = 1.0
    install_s: Seconds = 0.3
    boot_s: Seconds = 0.2
    health_s: Annotated[float, Field(gt=0.0, le=3600.0)] = 2.0
    health_frames: Annotated[int, Field(ge=1)] = 3
    """Judged frames the health window needs, however long that takes."""
    max_late_share: Share = 0.5
    max_missing_share: Share = 0.5
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    retry_s: Seconds = 5.0
    defer_s: Seconds = 2.0
    jitter: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2

    @property
    def longest_s(self) -> float:
        """No step waits longer for the next one."""
        steps = (self.accept_s, self.download_s, self.install_s, self.boot_s, self.defer_s)
        return max(steps) * (1 + self.jitter)


class Owners(Part):
    """What the people around the devices allow and do; shares of the fleet.

    Attributes:
        charge_low: Lowest battery charge of a device; its charge lies between this and 1.
        parked: Share of the time a device stands still.
        away: Share of devices that vanish (ignition off, no network) for `away_for_s` in every
            `away_every_s`.
    """

    consent_pictures: Share = 0.95
    consent_location: Share = 0.8
    consent_compute: Share = 0.5
    charge_low: Share = 0.4
    parked: Share = 1.0
    away: Share = 0.0
    away_every_s: Annotated[float, Field(gt=0.0)] = 60.0
    away_for_s: Seconds = 20.0


class Households(Part):
    """What devices bear and their owners wish before an update begins, whatever the release.

    Attributes:
        coldest_c, hottest_c: Degrees Celsius between which an update may begin.
        temperature_c: Lowest and highest temperature of a device's computer; None: not measured.
        quiet_hours: Parts of every day, local time, in which nothing begins.
        utc_offset_min: Local time, minutes east of UTC.
        asks: Share of owners who are asked before each update.
        answer_s: How long such an owner takes to answer.
        later: Share of their answers that are "later" and no yes, as long as it may be said.
        later_s: How long a "later" puts the update off.
    """

    coldest_c: Celsius = -20.0
    hottest_c: Celsius = 60.0
    temperature_c: tuple[Celsius, Celsius] | None = None
    quiet_hours: tuple[HoursOfDay, ...] = Field(default=(), max_length=8)
    utc_offset_min: Annotated[int, Field(ge=-720, le=840)] = 0
    asks: Share = 0.0
    answer_s: Seconds = 10.0
    later: Share = 0.0
    later_s: Seconds = 60.0

    @model_validator(mode="after")
    def _cold_is_below_hot(self) -> Self:
        low, high = self.temperature_c or (0.0, 0.0)
        if self.coldest_c > self.hottest_c or low > high:
            raise ValueError("temperatures: the lower one comes first")
        return self
