"""The form of an SLO file: OpenSLO v1 objects with our `alerting` block, key by key."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from schemas import durations
from schemas.records import Severity
from streams.slo.objectives import MAX_KEYS, Mode

DEFAULT_BUCKET_US: Final = 10 * durations.SECOND_US
BUCKETS_IN_SHORTEST: Final = 20
RUNBOOK: Final = "docs/runbooks/LatencySLOBurn.md"
KEEP_FIRING: Final = {
    Severity.PAGE: 5 * durations.UNITS_US["m"],
    Severity.TICKET: 30 * durations.UNITS_US["m"],
}


def _exact(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise ValueError("write a number such as 0.99")  # noqa: TRY004 - pydantic tells ValueErrors
    return Decimal(given)


def _within(low_us: int, high_us: int | None = None) -> AfterValidator:
    def check(given: int) -> int:
        if given < low_us:
            raise ValueError(f"must be at least {durations.spell(low_us)}")
        if high_us is not None and given > high_us:
            raise ValueError(f"must be at most {durations.spell(high_us)}")
        return given

    return AfterValidator(check)


def _matches(pattern: str, rule: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(given: str) -> str:
        if not compiled.fullmatch(given):
            raise ValueError(rule)
        return given

    return AfterValidator(check)


Duration = Annotated[int, BeforeValidator(durations.parse)]
Positive = Annotated[Duration, _within(1)]
Exact = Annotated[Decimal, BeforeValidator(_exact)]
Count = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[
    str,
    _matches(
        "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "write 1 to 63 lower-case letters, digits and hyphens, no hyphen at the ends",
    ),
]
Line = Annotated[
    str,
    _matches(
        r"[^\x00-\x1f\x7f\u2028\u2029]{0,1024}",
        "write one line of at most 1024 characters, without control characters",
    ),
]
Text = Annotated[str, StringConstraints(max_length=4_096)]
Label = Literal["release_id", "hardware", "region", "device_class"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TierPart(_Part):
    """One tier; of `budget_share` and `factor` one is given."""

    severity: Literal["page", "ticket"]
    long: Positive
    short: Positive
    budget_share: Exact | None = Field(default=None, gt=0, le=1)
    factor: Exact | None = Field(default=None, gt=0, le=1_000_000)
    enabled: Flag = True


class BySeverity(_Part):
    """A duration for each severity."""

    page: Duration = 0
    ticket: Duration = 0

    def by_severity(self) -> dict[Severity, int]:
        """The same by enum."""
        return {Severity.PAGE: self.page, Severity.TICKET: self.ticket}


class KeepFiringPart(BySeverity):
    """How long a condition must be false before it is resolved."""

    page: Duration = KEEP_FIRING[Severity.PAGE]
    ticket: Duration = KEEP_FIRING[Severity.TICKET]


class NotifyPart(_Part):
    """Whether anybody is told: `shadow` records what would have been sent."""

    mode: Literal["live", "shadow"] = "live"


class AlertingPart(_Part):
    """Ours: what OpenSLO v1 cannot say."""

    group_by: tuple[Label, ...] = Field(default=("release_id", "hardware"), min_length=1)
    mode: Mode = Mode.RATIO
    expected_events: Count | None = Field(default=None, ge=1)
    min_bad: Count = Field(default=3, ge=1)
    min_events: Count = Field(default=0, ge=0)
    max_keys: Count = Field(default=MAX_KEYS, ge=1, le=10_000)
    bucket: Annotated[Duration, _within(durations.SECOND_US)] | None = None
    lateness: Annotated[Duration, _within(0, durations.UNITS_US["h"])] = 30 * durations.SECOND_US
    keep_firing_for: KeepFiringPart = KeepFiringPart()
    for_: BySeverity = Field(default=BySeverity(), alias="for")
    no_data_after: Positive | None = None
    notify: NotifyPart = NotifyPart()
    owner: Line = ""
    runbook_url: Line = RUNBOOK
    tiers: tuple[TierPart, ...] = Field(min_length=1, max_length=8)

    @property
    def enabled(self) -> tuple[TierPart, ...]:
        """Tiers that decide."""
        return tuple(tier for tier in self.tiers if tier.enabled)

    @property
    def bucket_us(self) -> int:
        """The bucket told, or a twentieth of the shortest window within 1 s and 10 s."""
        if self.bucket is not None:
            return self.bucket
        wished = min(tier.short for tier in self.tiers) // BUCKETS_IN_SHORTEST
        whole = wished // durations.SECOND_US * durations.SECOND_US
        return max(durations.SECOND_US, min(DEFAULT_BUCKET_US, whole))


class ObjectivePart(_Part):
    """The promise: a share of events at most so late."""

    displayName: Line = ""  # noqa: N815 - OpenSLO's own spelling
    target: Exact = Field(gt=0, lt=1)
    op: Literal["lte"]
    value: Positive


class TimeWindowPart(_Part):
    """The period of the error budget."""

    duration: Positive
    isRolling: Annotated[Literal[True], BeforeValidator(lambda given: given is True)]  # noqa: N815 - OpenSLO's own spelling


class SpecPart(_Part):
    """OpenSLO's spec with our alerting block."""

    service: Line = Field(min_length=1, max_length=128)
    description: Text = ""
    budgetingMethod: Literal["Occurrences"]  # noqa: N815 - OpenSLO's own spelling
    objectives: tuple[ObjectivePart, ...] = Field(min_length=1, max_length=1)
    timeWindow: tuple[TimeWindowPart, ...] = Field(min_length=1, max_length=1)  # noqa: N815 - OpenSLO's own spelling
    alerting: AlertingPart

    @property
    def budget(self) -> Fraction:
        """Share of events that may be bad."""
        return 1 - Fraction(self.objectives[0].target)

    def factor(self, tier: TierPart) -> Fraction:
        """Burn rate of a tier; budget_share * period / long unless it is told."""
        if tier.factor is not None:
            return Fraction(tier.factor)
        return Fraction(tier.budget_share or 0) * self.timeWindow[0].duration / tier.long


class MetadataPart(_Part):
    """OpenSLO's metadata; labels and annotations are kept for other readers of the file."""

    name: Name
    displayName: Line = ""  # noqa: N815 - OpenSLO's own spelling
    labels: Mapping[Line, Line] = Field(default={}, max_length=64)
    annotations: Mapping[Line, Line] = Field(default={}, max_length=64)


class SloObject(_Part):
    """One document of the file."""

    apiVersion: Literal["openslo/v1"]  # noqa: N815 - OpenSLO's own spelling
    kind: Literal["SLO"]
    metadata: MetadataPart
    spec: SpecPart


def keys() -> frozenset[str]:
    """Every key of the form, for the reader who misspelt one."""
    parts: list[Any] = [
        SloObject,
        MetadataPart,
        SpecPart,
        TimeWindowPart,
        ObjectivePart,
        AlertingPart,
        NotifyPart,
        BySeverity,
        TierPart,
    ]
    return frozenset(
        info.alias or name for part in parts for name, info in part.model_fields.items()
    )
