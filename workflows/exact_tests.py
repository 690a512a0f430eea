"""Exact one-sided tests on failure counts, as plain floats; called by `workflows.guard` only.

scipy has no types and is slow to import (`scipy.stats` takes three times as long as all of the
special functions), so it enters here and nowhere else, and no module that a workflow imports may
import this one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, gammaln

from workflows.model.live import Counts

Whole = NDArray[np.int_]
Numbers = NDArray[np.float64]


def p_worse_than_rate(sample: Counts, rate: float) -> float:
    """Binomial: the chance of at least this many failures if each request fails at `rate`."""
    if sample.failed == 0:
        return 1.0
    return float(bdtrc(sample.failed - 1, sample.requests, rate))


def p_worse_than(sample: Counts, reference: Counts) -> float:
    """Hypergeometric: the chance that this many of all failures fall on `sample` by lot."""
    if sample.failed == 0:
        return 1.0
    requests = sample.requests + reference.requests
    failed = sample.failed + reference.failed
    ways = _log_choose(requests, np.asarray(sample.requests))
    fewest = max(sample.failed, failed - reference.requests)
    hits = np.arange(fewest, min(failed, sample.requests) + 1)
    chances = _log_choose(failed, hits) + _log_choose(requests - failed, sample.requests - hits)
    return min(1.0, float(np.exp(chances - ways).sum()))


def _log_choose(total: int, chosen: Whole) -> Numbers:
    return np.asarray(gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1))
