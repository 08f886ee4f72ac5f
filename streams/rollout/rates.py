"""The test of one rate of events per distance: candidate against same-time control."""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from streams.rollout.evidence import LOG_CAP

RATIOS: Final = np.geomspace(1.05, 8.0, 24)
"""Alternatives of the mixture, as multiples of the null's rate ratio (harm) or its reciprocals."""

Floats = npt.NDArray[np.float64]


class Windows(NamedTuple):
    """Closed calendar windows in order, float64[w] each; leading axes are independent runs.

    Attributes:
        exposure: Distance of the candidates, above 0, in any unit.
        control_exposure: Distance of the control, above 0, in the same unit.
        events: Events of the candidates.
        control_events: Events of the control.
    """

    exposure: Floats
    control_exposure: Floats
    events: Floats
    control_events: Floats


def log_e_rate_harm(windows: Windows) -> Floats:
    """Log of the evidence against "the candidates' rate is at most the control's", per window.

    Returns:
        float64[..., w]: after each window, so that the highest of them is what was ever seen.
    """
    return _log_mixture(windows, null=1.0, alternatives=RATIOS)


def log_e_rate_safe(windows: Windows, margin: float) -> Floats:
    """Log of the evidence against "their rate is at least `margin` times the control's"."""
    return _log_mixture(windows, null=margin, alternatives=margin / RATIOS)


def _log_mixture(windows: Windows, *, null: float, alternatives: Floats) -> Floats:
    """Log of the mean over ratios r of the likelihood ratio of r against the null r0.

    Given a window's exposures x_T, x_C and the events of both arms together, those of the
    candidates are binomial with theta(r) = r x_T / (r x_T + x_C); the rate itself, the time of
    day and the share of the fleet cancel. log L_r grows with each window by
    k_T ln(theta(r)/theta(r0)) + k_C ln((1-theta(r))/(1-theta(r0))), which is
    k_T ln(r/r0) + (k_T+k_C) ln((r0 x_T + x_C)/(r x_T + x_C)). For r beyond r0 it is a
    supermartingale under every ratio on the null's side (Lindon and Malek, NeurIPS 2022,
    arXiv 2011.03567), so is the mean, and P(ever E >= 1/alpha) <= alpha by Ville.
    """
    x_t, x_c = windows.exposure[..., None, :], windows.control_exposure[..., None, :]
    k_t, k_c = windows.events[..., None, :], windows.control_events[..., None, :]
    r = alternatives[:, None]
    steps = k_t * np.log(r / null) + (k_t + k_c) * np.log((null * x_t + x_c) / (r * x_t + x_c))
    log_mean = logsumexp(np.cumsum(steps, axis=-1), axis=-2) - math.log(len(alternatives))
    capped: Floats = np.clip(log_mean, -LOG_CAP, LOG_CAP)
    return capped
