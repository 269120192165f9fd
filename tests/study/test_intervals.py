"""Intervals of shares, differences and medians cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from rdverify.study.intervals import difference, difference_of_means, median, middle, share
from rdverify.study.tolerance import interval_of


def test_a_difference_agrees_with_scipy_and_with_its_own_summary() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 12), rng.normal(0, 2, 20)
    ours = difference(a, b)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    deviations = float(a.std(ddof=1)), float(b.std(ddof=1))
    summary = difference_of_means(float(a.mean()), float(b.mean()), deviations, (12, 20))
    assert (summary.value, summary.n) == (pytest.approx(ours.value), ours.n)
    assert (summary.low, summary.high) == pytest.approx((ours.low, ours.high))


@pytest.mark.parametrize(("m", "n"), [(2, 2), (2, 9), (3, 2)])
def test_a_difference_is_welch_s_for_samples_of_any_size(m: int, n: int) -> None:
    rng = np.random.default_rng(m + 10 * n)
    a, b = rng.normal(size=m), rng.normal(size=n)
    ours = difference(a, b)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert ours.ends == pytest.approx((theirs.low, theirs.high))
    assert (ours.value, ours.n, ours.how) == (a.mean() - b.mean(), min(m, n), "welch")


@pytest.mark.parametrize("exact", [[1.0], [1.0, 1.0, 1.0]])
def test_a_difference_from_what_has_no_scatter_is_as_wide_as_the_other_s_mean(
    exact: list[float],
) -> None:
    values = np.array([2.0, 2.5, 4.0, 3.0, 2.0])
    alone = interval_of(values)
    found, turned = difference(values, exact), difference(exact, values)
    assert found.ends == pytest.approx((alone.low - 1, alone.high - 1))
    assert turned.ends == pytest.approx((1 - alone.high, 1 - alone.low))
    assert found.n == turned.n == len(exact) if len(exact) < 5 else 5


def test_what_differs_by_rounding_alone_has_no_scatter_and_what_differs_by_more_has() -> None:
    for values, scatters in (
        ([1e12, 1e12 - 1], False),  # a trillionth of the largest
        ([1 - 1e12, -1e12], False),
        ([1.0, 1 + 9e-13], False),
        ([1e12, 1e12 - 2], True),
        ([0.0, 1e-100], True),
    ):
        low, high = difference(values, [0.0]).ends
        assert (low < high) == scatters


def test_samples_without_scatter_have_a_difference_without_a_width() -> None:
    for found in (difference([2.0, 2.0], [1.0, 1.0]), difference_of_means(2, 1, (0, 0), (2, 2))):
        assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)
    assert difference_of_means(2, 1, (0, 0), (5, 3)).n == 3


@pytest.mark.parametrize(("hits", "n"), [(0, 12), (4, 4), (7, 20)])
def test_a_share_s_exact_interval_ends_where_a_binomial_test_would(hits: int, n: int) -> None:
    found = share(hits, n)
    assert (found.value, found.n, found.how) == (hits / n, n, "clopper-pearson")
    assert found.low is not None
    assert found.high is not None
    if hits:
        assert stats.binom.sf(hits - 1, n, found.low) == pytest.approx(0.025)
    if hits < n:
        assert stats.binom.cdf(hits, n, found.high) == pytest.approx(0.025)
    wilson = share(hits, n, "wilson")
    assert wilson.low is not None
    assert wilson.how == "wilson"
    z = stats.norm.ppf(0.975)
    if hits:  # the end at which the score test just does not reject
        assert (hits / n - wilson.low) == pytest.approx(
            z * (wilson.low * (1 - wilson.low) / n) ** 0.5
        )


def test_a_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    values = np.random.default_rng(3).normal(size=10)
    found, ordered = median(values), np.sort(values)
    assert (found.low, found.high, found.n) == (ordered[1], ordered[8], 10)
    assert found.value == np.median(values)
    # P(the median lies between them) = 1 - 2 P(at most 1 of 10 below) = 0.979
    assert 1 - 2 * stats.binom.cdf(1, 10, 0.5) > 0.95


@pytest.mark.parametrize("n", [*range(1, 30), 100])
def test_a_median_s_interval_is_the_narrowest_that_covers_it(n: int) -> None:
    values = np.random.default_rng(n).permutation(np.arange(float(n)))
    found = median(values)
    low, high = (round(end) for end in found.ends)
    assert low + high == n - 1  # as many below as above
    assert (found.value, found.n, found.runs) == (np.median(values), n, tuple(np.sort(values)))
    assert found.how == "order-statistics"
    # a value k places from an end is beyond the median with P(at most k of n on its side)
    assert low == 0 or stats.binom.cdf(low, n, 0.5) < 0.025
    assert stats.binom.cdf(low + 1, n, 0.5) >= 0.025


def test_a_difference_of_tiny_numbers_scales_with_them() -> None:
    """Their squares' squares underflow."""
    a, b = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.7])
    plain, tiny = difference(a, b), difference(1e-90 * a, 1e-90 * b)
    assert_allclose(np.array(tiny.ends) * 1e90, plain.ends)


def test_the_middle_of_curves_leaves_as_many_above_as_below() -> None:
    ranks = np.arange(1001.0)
    curves = np.stack([ranks, -2 * ranks], axis=1)  # (curves, steps)
    low, high = middle(np.random.default_rng(0).permutation(curves))
    assert low == pytest.approx([25, -1950])
    assert high == pytest.approx([975, -50])
    assert middle(curves[:1]) == ([0, 0], [0, 0])
