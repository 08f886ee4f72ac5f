"""The SLO file: OpenSLO v1 objects with our `alerting` block, read strictly."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas.records import Severity
from streams.slo import durations
from streams.slo.objectives import Slo, Tier

DEFAULT_FILE: Final = Path(__file__).with_name("default.yaml")
DEFAULT_BUCKET_US: Final = 10 * durations.SECOND_US
BUCKETS_IN_SHORTEST: Final = 20
MAX_WINDOW_US: Final = 30 * durations.UNITS_US["d"]
RUNBOOK: Final = "docs/runbooks/LatencySLOBurn.md"
KEEP_FIRING: Final = {
    Severity.PAGE: 5 * durations.UNITS_US["m"],
    Severity.TICKET: 30 * durations.UNITS_US["m"],
}

Duration = Annotated[int, BeforeValidator(durations.parse)]
Exact = Annotated[Decimal, BeforeValidator(str)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Label = Literal["release_id", "hardware", "region", "device_class"]


class SloFileError(ValueError):
    """An SLO file that cannot be used; the message names file, field, value and rule."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TierPart(_Part):
    """One tier of the alerting block."""

    severity: Literal["page", "ticket"]
    long: Duration
    short: Duration
    budget_share: Exact = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.short < self.long:
            raise ValueError(
                f"short={durations.spell(self.short)} must be above 0 and below "
                f"long={durations.spell(self.long)}; a twelfth of it is usual"
            )
        if self.long > MAX_WINDOW_US:
            raise ValueError(
                f"long={durations.spell(self.long)} is longer than the partial counts are kept "
                f"({durations.spell(MAX_WINDOW_US)})"
            )
        return self


class KeepFiringPart(_Part):
    """How long a condition must be false, by severity."""

    page: Duration = KEEP_FIRING[Severity.PAGE]
    ticket: Duration = KEEP_FIRING[Severity.TICKET]


class AlertingPart(_Part):
    """Ours: what OpenSLO v1 cannot say."""

    group_by: tuple[Label, ...] = Field(default=("release_id", "hardware"), min_length=1)
    mode: Literal["ratio"] = "ratio"
    min_bad: int = Field(default=3, ge=1)
    bucket: Duration | None = None
    lateness: Duration = 30 * durations.SECOND_US
    keep_firing_for: KeepFiringPart = KeepFiringPart()
    runbook_url: str = RUNBOOK
    tiers: tuple[TierPart, ...] = Field(min_length=1, max_length=8)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.group_by)) != len(self.group_by):
            raise ValueError(f"group_by={list(self.group_by)} names a label twice")
        if self.bucket_us <= 0:
            raise ValueError("bucket=0s: a bucket is at least 1s")
        for tier in self.tiers:
            for name, window in (("long", tier.long), ("short", tier.short)):
                if window % self.bucket_us:
                    raise ValueError(
                        f"{name}={durations.spell(window)} must be a multiple of the bucket, "
                        f"{durations.spell(self.bucket_us)}"
                    )
        return self

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

    target: Exact = Field(gt=0, lt=1)
    op: Literal["lte"]
    value: Duration = Field(gt=0)


class TimeWindowPart(_Part):
    """The period of the error budget."""

    duration: Duration = Field(gt=0)
    isRolling: Literal[True]  # noqa: N815 - OpenSLO's own spelling


class SpecPart(_Part):
    """OpenSLO's spec with our alerting block."""

    service: str = Field(min_length=1, max_length=128)
    description: str = ""
    budgetingMethod: Literal["Occurrences"]  # noqa: N815 - OpenSLO's own spelling
    objectives: tuple[ObjectivePart, ...] = Field(min_length=1, max_length=1)
    timeWindow: tuple[TimeWindowPart, ...] = Field(min_length=1, max_length=1)  # noqa: N815 - OpenSLO's own spelling
    alerting: AlertingPart

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        budget = 1 - Fraction(self.objectives[0].target)
        for index, tier in enumerate(self.alerting.tiers):
            limit = self.factor(tier) * budget
            if limit >= 1:
                raise ValueError(
                    f"alerting.tiers[{index}].budget_share={tier.budget_share} can never fire: it "
                    f"asks for {float(limit):.0%} bad events; below "
                    f"{float(tier.budget_share / Decimal(float(limit))):.4g} it can"
                )
        return self

    def factor(self, tier: TierPart) -> Fraction:
        """Burn rate that spends the tier's share of the budget within its long window."""
        return Fraction(tier.budget_share) * self.timeWindow[0].duration / tier.long


class MetadataPart(_Part):
    """OpenSLO's metadata."""

    name: Name
    displayName: str = ""  # noqa: N815 - OpenSLO's own spelling


class SloObject(_Part):
    """One document of the file."""

    apiVersion: Literal["openslo/v1"]  # noqa: N815 - OpenSLO's own spelling
    kind: Literal["SLO"]
    metadata: MetadataPart
    spec: SpecPart

    def slo(self) -> Slo:
        """Its meaning."""
        spec, alerting = self.spec, self.spec.alerting
        objective = Fraction(spec.objectives[0].target)
        keep = alerting.keep_firing_for
        return Slo(
            name=self.metadata.name,
            service=spec.service,
            objective=objective,
            threshold_us=spec.objectives[0].value,
            period_us=spec.timeWindow[0].duration,
            group_by=tuple(sorted(alerting.group_by)),
            min_bad=alerting.min_bad,
            bucket_us=alerting.bucket_us,
            lateness_us=alerting.lateness,
            tiers=tuple(
                Tier(
                    severity=Severity(tier.severity.upper()),
                    long_us=tier.long,
                    short_us=tier.short,
                    factor=spec.factor(tier),
                    limit=spec.factor(tier) * (1 - objective),
                )
                for tier in alerting.tiers
            ),
            keep_firing_us={Severity.PAGE: keep.page, Severity.TICKET: keep.ticket},
            runbook_url=alerting.runbook_url,
        )


def load(path: Path | None) -> tuple[Slo, ...]:
    """Read an SLO file; None: the one that ships with the project.

    Raises:
        SloFileError: It cannot be read, or breaks a rule.
    """
    path = path or DEFAULT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SloFileError(f"SLO file {path}: {error}; make it a readable text file") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[Slo, ...]:
    """Read the text of an SLO file; `name` stands in the messages.

    Raises:
        SloFileError: It breaks a rule.
    """
    slos = tuple(_objects(text, name))
    names = [slo.name for slo in slos]
    if not slos:
        raise SloFileError(f"SLO file {name}: holds no SLO; write at least one document")
    if doubled := sorted({slo for slo in names if names.count(slo) > 1}):
        raise SloFileError(
            f"SLO file {name}: metadata.name={doubled[0]} stands twice; a name is given once"
        )
    return slos


def _objects(text: str, name: str) -> Iterator[Slo]:
    try:
        documents: list[Any] = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise SloFileError(f"SLO file {name}: no YAML: {error}") from error
    for number, document in enumerate(documents, start=1):
        try:
            yield SloObject.model_validate(document).slo()
        except ValidationError as error:
            raise SloFileError(_told(name, number, error)) from error


def _told(name: str, number: int, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "document"
    rule = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        rule = "unknown key; remove it or correct its spelling"
    given = first["input"]
    value = "" if isinstance(given, dict | BaseModel) else f"={given!r}"
    return f"SLO file {name}, document {number}, {field}{value}: {rule}"
