"""Which metrics a policy tests, each with its limit, and whether proof of safety waits for it."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from streams.rollout.metrics import Metric

Ceiling = Annotated[float, Field(gt=0.0, lt=0.5)]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ShareRule(BaseModel):
    """Test of a share of failing devices.

    Attributes:
        ceiling: Share that may fail; None: the policy's own.
        guard: Whether a release is safe only when this test has proven it.
    """

    model_config = _STRICT

    ceiling: Ceiling | None = None
    guard: bool = True


class RateRule(BaseModel):
    """Test of events per distance against the parent release on the road at the same time.

    Attributes:
        margin: Proven safe when the rate is shown to be below so many times the parent's.
        guard: Whether a release is safe only when this test has proven it.
    """

    model_config = _STRICT

    margin: Annotated[float, Field(gt=1.0, le=8.0)] = 1.25
    guard: bool = False


class MetricRules(BaseModel):
    """The tests of a release by name; one that is not named is not made, updates always are."""

    model_config = _STRICT

    updates: ShareRule = ShareRule()
    latency: ShareRule | None = None
    disengagements: RateRule | None = None
    edge_cases: RateRule | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A name with nothing behind it asks for the test with its defaults."""
        return {} if value is None else value

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        shares, rates = dict(self.shares()), dict(self.rates())
        guards = [*(one.guard for one in shares.values()), *(one.guard for one in rates.values())]
        if not any(guards):
            raise ValueError(
                "guard=false in every metric: one at least must guard safety, or each release "
                "would pass for safe without proof"
            )
        return self

    def shares(self) -> Iterator[tuple[Metric, ShareRule]]:
        """Tests of shares of devices."""
        named = ((Metric.UPDATES, self.updates), (Metric.LATENCY, self.latency))
        return ((metric, rule) for metric, rule in named if rule is not None)

    def rates(self) -> Iterator[tuple[Metric, RateRule]]:
        """Tests of events per distance."""
        named = (
            (Metric.DISENGAGEMENTS, self.disengagements),
            (Metric.EDGE_CASES, self.edge_cases),
        )
        return ((metric, rule) for metric, rule in named if rule is not None)

    def tests(self, *, compared: bool) -> int:
        """How many tests a stratum has; without a parent to compare with none of a rate."""
        return len(list(self.shares())) + compared * len(list(self.rates()))


EVERY_METRIC: Final = MetricRules(
    latency=ShareRule(), disengagements=RateRule(), edge_cases=RateRule()
)
