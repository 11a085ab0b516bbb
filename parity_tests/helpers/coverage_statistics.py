"""What conformal coverage must be by theory, and exact tests of whether it is.

Where scores have no ties, all orders of n calibration scores and m test scores are equally
likely, and a test is covered when it comes before the k-th calibration score: so the number
covered of m is BetaBinomial(m, k, n + 1 - k). Here its law is counted out in integers and k is
worked out in fractions, apart from the packages.

Every test asks how many of independent resamples did something of known chance: that is
binomial, so that p-values are exact and no false-alarm rate rests on an approximation.

False alarms: a case fails when the smallest of its p-values, times how many they are
(Bonferroni), is below ``CASE_RATE``: one right implementation in a million would. The files of
``JUDGED`` have fewer than ``MAX_CASES`` = 100 cases together, so fewer than one in 10,000 would
fail any of them. Seeds are fixed, so a result never changes.

Power: each statistic is given what it is there to catch, such as a threshold one rank too low,
in no more resamples than a right one is, and must then be below ``REJECTED``.
"""

import math
from fractions import Fraction

import numpy as np
from scipy import stats

from parity_tests.helpers.word_statistics import flat, smallest, two_sided

CASE_RATE = 1e-6
"""How often a right implementation may fail a case."""

REJECTED = 1e-12
"""How unlikely a wrong one must look."""

MAX_CASES = 100
JUDGED = (
    "test_theory.py",
    "test_shifts.py",
    "test_theory_cross.py",
    "test_theory_adaptive.py",
)

LEVELS = np.arange(1, 20) / 20
"""Where the law of a count is cut into bins."""


def exact_rank(num, alpha):
    """Return ceil((num + 1)(1 - alpha)) for alpha as it is written."""
    return math.ceil((num + 1) * (1 - Fraction(str(alpha))))


def chances(num, num_tests, alpha):
    """Return the chance of each number covered, (num_tests + 1,) float64.

    Of all orders of num + num_tests scores, those with i tests before the k-th calibration score.
    """
    k = exact_rank(num, alpha)
    if k > num:
        return np.eye(num_tests + 1)[-1]
    total = math.comb(num + num_tests, num)
    before = (math.comb(i + k - 1, i) for i in range(num_tests + 1))
    after = (math.comb(num_tests - i + num - k, num - k) for i in range(num_tests + 1))
    return np.array([a * b / total for a, b in zip(before, after, strict=True)])


def _cuts(counts, law):
    """Return how many counts are under each cut of the law, and with what chance one is."""
    below = np.cumsum(law)
    cuts = np.unique(np.searchsorted(below, LEVELS))
    fewer = np.sum(np.ravel(counts)[:, None] < cuts, axis=0)
    return fewer, np.clip(np.concatenate([[0.0], below])[cuts], 0, 1)


def judge(counts, law):
    """Judge whether the numbers covered follow their law.

    Args:
        counts: (resamples,) integers.
        law: chance of each number from 0 on.

    Returns:
        p-values of each pooled bin, and of all bins up to it.
    """
    fewer, chance = _cuts(counts, law)
    num = np.size(counts)
    bins = np.diff(fewer, prepend=0, append=num)
    bin_chances = np.clip(np.diff(chance, prepend=0, append=1), 0, 1)
    cumulative = two_sided(stats.binom, fewer, num, chance)
    return [two_sided(stats.binom, bins, num, bin_chances), cumulative]


def judge_at_least(counts, law):
    """Judge whether the numbers covered are as large as their law says, or larger.

    With ties they are: break ties by lot and the law holds; what then is covered also is with
    the ties left as they are.
    """
    fewer, chance = _cuts(counts, law)
    return stats.binom.sf(fewer - 1, np.size(counts), chance)


def judge_hits(hits, lowest, highest=1.0):
    """Judge whether independent tests are covered with a chance from lowest to highest.

    Where each has a chance of its own, ``lowest`` and ``highest`` are the means of bounds on
    these: the tails of the sum are no heavier than binomial ones beyond a distance of 1 from
    the mean (W. Hoeffding, On the distribution of the number of successes in independent
    trials, 1956).

    Args:
        hits: (resamples,) bool, one test of each resample.
        lowest: least chance allowed.
        highest: largest chance allowed.

    Returns:
        one p-value of each side.
    """
    num, covered = np.size(hits), np.sum(hits)
    return [stats.binom.cdf(covered, num, lowest), stats.binom.sf(covered - 1, num, highest)]


def assert_plausible(p_values):
    assert smallest(p_values) >= CASE_RATE, f"p-values down to {flat(p_values).min():.1e}"


def assert_rejected(p_values):
    assert smallest(p_values) < REJECTED, f"p-values only down to {flat(p_values).min():.1e}"
