"""The watch file: every threshold of absence and self-watch, with validated defaults."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from schemas import durations
from schemas.yaml_file import YamlFileError, first_fault, read_mapping

DEFAULT_FILE: Final = Path(__file__).with_name("default.yaml")

Duration = Annotated[int, BeforeValidator(durations.parse), Field(gt=0)]
Pause = Annotated[int, BeforeValidator(durations.parse)]
Exact = Annotated[Decimal, BeforeValidator(str)]
Label = Literal["device_class", "region", "hardware"]


class WatchFileError(ValueError):
    """A watch file that cannot be used; the message names file, field, value and rule."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Excess(_Part):
    """More than a share of all and more than a number, for a while.

    Attributes:
        for_us: How long it must hold; also how long it must not, to end.
    """

    share: Exact = Field(ge=0, lt=1)
    above: int = Field(ge=0)
    for_us: Pause = Field(alias="for")

    def exceeded(self, bad: int, total: int) -> bool:
        """Whether bad of total are too many, in whole numbers."""
        share = Fraction(self.share)
        return bad > self.above and bad * share.denominator > share.numerator * total


class SilentAfter(_Part):
    """How long a device may say nothing: so many of its intervals, and never less than this."""

    intervals: int = Field(default=3, ge=1, le=1_000)
    at_least: Duration = 90 * durations.SECOND_US


class Fleet(_Part):
    """When silent devices of a fleet are told, and what a fleet is."""

    group_by: tuple[Label, ...] = Field(default=("device_class", "region"), min_length=1)
    ticket: Excess
    page: Excess

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if len(set(self.group_by)) != len(self.group_by):
            raise ValueError(f"group_by={list(self.group_by)} names a label twice")
        if self.page.share < self.ticket.share:
            raise ValueError(
                f"page.share={self.page.share} is below ticket.share={self.ticket.share}: a page "
                "is the worse of the two"
            )
        return self


class Pipeline(_Part):
    """How long a stage or the canary may be unheard."""

    unheard: Duration


class Lag(_Part):
    """How far a consumer group may be behind, and for how long."""

    behind: Duration
    for_us: Pause = Field(alias="for")


class WatchPolicy(_Part):
    """All of the file. Durations in microseconds."""

    tick: Duration
    silent_after: SilentAfter
    fleet: Fleet
    pipeline: Pipeline
    consumer_lag: Lag
    clock_skew: Excess
    inconsistent: Excess

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.tick > self.silent_after.at_least:
            raise ValueError(
                f"tick={durations.spell(self.tick)} is longer than silent_after.at_least="
                f"{durations.spell(self.silent_after.at_least)}: silence would be seen late"
            )
        return self


def load(path: Path | None) -> WatchPolicy:
    """Read a watch file over the defaults; None: the defaults.

    Raises:
        WatchFileError: It cannot be read, or breaks a rule.
    """
    try:
        content = read_mapping(DEFAULT_FILE, example=DEFAULT_FILE.name)
        if path is not None:
            content = _over(content, read_mapping(path, example=DEFAULT_FILE.name))
        return WatchPolicy.model_validate(content)
    except YamlFileError as error:
        raise WatchFileError(f"watch file {path}: {error}") from error
    except ValidationError as error:
        raise WatchFileError(f"watch file {path}, {first_fault(error)}") from error


def _over(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`more` on top of `base`, mapping by mapping."""
    merged = dict(base)
    for key, value in more.items():
        held = merged.get(key)
        both = isinstance(held, dict) and isinstance(value, dict)
        merged[key] = _over(held, value) if both and held is not None else value
    return merged
