"""The test of how devices spread over a rollout's arms: each arm holds the share it should."""

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from streams.rollout.evidence import LOG_CAP

PRIOR_DEVICES = 100.0
"""Weight of the prior around the expected shares: it looks for gaps of about a tenth and more."""


def log_e_mismatch(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Log of the evidence against "every device is in arm i with chance shares[i]".

    Devices are counted once each. The mean of the likelihood ratio over a Dirichlet prior with
    a_i = PRIOR_DEVICES * share_i (Lindon and Malek, NeurIPS 2022, arXiv 2011.03567):
    E = B(a + k) / (B(a) prod share_i^k_i), B the multivariate beta function. A martingale under
    the null in whatever order the devices come, so P(ever E >= 1/alpha) <= alpha.

    Args:
        counts: Devices of each arm.
        shares: Expected share of each arm; they add up to 1. An arm of share 0 may hold nobody.

    Raises:
        ValueError: The shares are no distribution, or there is not one for each count.
    """
    found, expected = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if found.shape != expected.shape or (expected < 0).any() or abs(expected.sum() - 1) > 1e-9:
        raise ValueError(f"shares={list(shares)} must be one for each of {len(counts)} arms, sum 1")
    if found[expected == 0].any():
        return LOG_CAP
    found, expected = found[expected > 0], expected[expected > 0]
    prior = PRIOR_DEVICES * expected
    log_e = (
        gammaln(prior + found).sum()
        - gammaln(PRIOR_DEVICES + found.sum())
        - gammaln(prior).sum()
        + gammaln(PRIOR_DEVICES)
        - found @ np.log(expected)
    )
    return float(np.clip(log_e, -LOG_CAP, LOG_CAP))
