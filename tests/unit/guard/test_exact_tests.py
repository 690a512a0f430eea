"""Tails from the library against sums of whole fractions."""

from fractions import Fraction
from math import comb, isclose

from hypothesis import given
from hypothesis import strategies as st

from workflows.exact_tests import p_worse_than, p_worse_than_rate
from workflows.model.live import Counts

SIDES = st.integers(1, 200).flatmap(
    lambda requests: st.builds(Counts, requests=st.just(requests), failed=st.integers(0, requests))
)


@given(SIDES, st.sampled_from([Fraction(1, 1000), Fraction(1, 100), Fraction(1, 5)]))
def test_binomial_tail(side: Counts, rate: Fraction) -> None:
    n = side.requests
    tail = sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(side.failed, n + 1))
    assert isclose(p_worse_than_rate(side, float(rate)), tail, rel_tol=1e-9, abs_tol=1e-290)


@given(SIDES, SIDES)
def test_hypergeometric_tail(sample: Counts, reference: Counts) -> None:
    failed, drawn = sample.failed + reference.failed, sample.requests
    fine = drawn + reference.requests - failed
    ways = sum(
        comb(failed, k) * comb(fine, drawn - k)
        for k in range(sample.failed, min(failed, drawn) + 1)
    )
    tail = Fraction(ways, comb(failed + fine, drawn))
    assert isclose(p_worse_than(sample, reference), tail, rel_tol=1e-9, abs_tol=1e-290)


def test_counts_of_a_long_busy_step_are_no_trouble() -> None:
    sample = Counts(requests=6_000_000, failed=61_500)
    reference = Counts(requests=54_000_000, failed=540_000)
    assert 0 < p_worse_than(sample, reference) < 1e-5
    assert 0 < p_worse_than_rate(sample, 0.01) < 1e-5
