"""Exact one-sided tests on failure counts, as plain floats; called by `workflows.guard` only.

scipy has no types and takes a second to import, so it enters here and nowhere else, and no module
that a workflow imports may import this one.
"""

from scipy.special import bdtrc
from scipy.stats import hypergeom

from workflows.model.live import Counts


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
    return float(hypergeom.sf(sample.failed - 1, requests, failed, sample.requests))
