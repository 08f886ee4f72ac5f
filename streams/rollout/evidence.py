"""The test of one share of failing devices: how sure one may be of harm and of safety."""

import math
from functools import cache
from typing import Final, NamedTuple

from scipy.special import betainc, betaincc, betaln

LOG_CAP: Final = 700.0
"""Log e-values are told within +-LOG_CAP, so that e stays a finite double."""


class Counts(NamedTuple):
    """Devices under test: all, known to have failed, and not known to be good."""

    n: int = 0
    failures_low: int = 0
    failures_high: int = 0


def log_e_harm(counts: Counts, ceiling: float) -> float:
    """Log of the evidence against "at most `ceiling` of the devices fail".

    Undecided devices count as good, so the value only understates the final one: late
    acknowledgements cannot raise a false alarm.
    """
    return _log_mixture(counts.n, counts.failures_low, ceiling, above=True)


def log_e_safe(counts: Counts, ceiling: float) -> float:
    """Log of the evidence against "at least `ceiling` of the devices fail".

    Undecided devices count as failed, so the value only understates the final one.
    """
    return _log_mixture(counts.n, counts.failures_high, ceiling, above=False)


def _log_mixture(n: int, s: int, p0: float, *, above: bool) -> float:
    """Log of the mixture of likelihood ratios of q against p0, q on one side of p0.

    With a = 1/2, b = 1/(2 p0), B the beta function and I the regularised incomplete beta at p0:
    E = B(a+s, b+n-s) (1 - I(a+s, b+n-s)) / [B(a, b) (1 - I(a, b)) p0^s (1-p0)^(n-s)] for q above
    p0, with I in place of 1 - I below it. A supermartingale under the whole one-sided null, so
    P(ever E >= 1/alpha) <= alpha (Ville; Howard et al., Ann. Stat. 2021; Lindon and Malek,
    NeurIPS 2022).
    """
    if not 0 <= s <= n:
        raise ValueError(f"failures={s} must be between 0 and n={n}")
    a, b, prior = _prior(p0, above=above)
    tail = betaincc if above else betainc
    mass = float(tail(a + s, b + n - s, p0))
    if mass == 0.0:  # the data stand so far on the other side that no float can tell
        return -LOG_CAP
    posterior = betaln(a + s, b + n - s) + math.log(mass)
    null = s * math.log(p0) + (n - s) * math.log1p(-p0)
    return float(min(max(posterior - prior - null, -LOG_CAP), LOG_CAP))


@cache
def _prior(p0: float, *, above: bool) -> tuple[float, float, float]:
    """a, b and the log of B(a, b) times the prior's mass on one side of p0: of a ceiling only."""
    a, b = 0.5, 0.5 / p0
    tail = betaincc if above else betainc
    return a, b, float(betaln(a, b)) + math.log(float(tail(a, b, p0)))
