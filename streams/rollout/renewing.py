"""Tests that begin anew where a person let a stratum go on (decision 0032).

The person acknowledged the evidence there was, so a test that had found harm is not asked again: it
would be held at once. What comes after it is a test of its own, from a stopping time on, and errs
as rarely as the first.
"""

import math

from schemas.stratum_view import Resumption
from streams.rollout.evidence import LOG_CAP, Counts, log_e_harm
from streams.rollout.judged import RateCounts, Renewed
from streams.rollout.metrics import Metric
from streams.rollout.rates import Windows, log_e_rate_harm


def renewed_share(resumed: Resumption, metric: Metric, counts: Counts, ceiling: float) -> Renewed:
    """A test of a share of devices, over all of them but those that were known to have failed.

    Those that were good by then stay in it: of all devices that had not failed, each fails with no
    greater chance than any does, (p - q) / (1 - q) <= p for q the chance of having failed by then.
    Of the undecided ones alone that is not so: where failures are told late they are worse.
    """
    known = min(round(resumed.seen.get(f"{metric}.failures_low", 0.0)), counts.failures_low)
    since = Counts(counts.n - known, counts.failures_low - known, counts.failures_high - known)
    return Renewed(_seen(resumed, metric), since, log_e_harm(since, ceiling))


def renewed_rate(resumed: Resumption, metric: Metric, since: Windows) -> Renewed:
    """A test of a rate, over the calendar windows that began since."""
    harm = float(log_e_rate_harm(since).max(initial=0.0))
    return Renewed(_seen(resumed, metric), RateCounts.of(since), harm)


def _seen(resumed: Resumption, metric: Metric) -> float:
    e_harm = resumed.seen.get(f"{metric}.e_harm", 0.0)
    return math.log(e_harm) if e_harm > 0.0 else -LOG_CAP
