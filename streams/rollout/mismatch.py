"""The test of how devices spread over a rollout's arms: the wave holds the share it should."""

import math
from typing import Final

from scipy.special import betaln

from streams.rollout.evidence import LOG_CAP

TOLERANCE: Final = 0.1
"""Of the share: devices that are just restarting into the release are heard of a little later."""
PRIOR_DEVICES: Final = 100.0
"""Weight of the prior around the share: it looks for gaps of some tenths."""


def log_e_mismatch(candidates: int, control: int, share: float) -> float:
    """Log of the evidence against "a device is a candidate with a chance within 10 % of `share`".

    Devices are counted once each. A Beta prior with a = PRIOR_DEVICES share, b the rest, over the
    most likely chance q0 that the claim allows: E = B(a + k, b + m) / (B(a, b) q0^k (1-q0)^m).
    For any chance that the claim allows, that is at most the martingale of the sample-ratio test
    (Lindon and Malek, NeurIPS 2022, arXiv 2011.03567), so P(ever E >= 1/alpha) <= alpha.

    Raises:
        ValueError: The share is not within (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share} must be above 0 and at most 1")
    heard = candidates + control
    if share == 1.0 or heard == 0:
        return 0.0  # everybody is a candidate
    least, most = share * (1 - TOLERANCE), min(share * (1 + TOLERANCE), 1.0)
    q0 = min(max(candidates / heard, least), most)
    null = candidates * math.log(q0) + (control * math.log1p(-q0) if control else 0.0)
    a, b = PRIOR_DEVICES * share, PRIOR_DEVICES * (1 - share)
    log_e = betaln(a + candidates, b + control) - betaln(a, b) - null
    return float(min(max(log_e, -LOG_CAP), LOG_CAP))
