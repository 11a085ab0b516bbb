"""What theory says of the coverage of one test set."""

import math
import numbers
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.conformal.ranks import rank


def log_beta_binomial(num: int, a: float, b: float) -> NDArray[np.float64]:
    """Return the log-probability of 0 to num successes where the chance of one is Beta(a, b).

    Args:
        num: number of trials.
        a: first parameter of the beta distribution, over 0.
        b: second parameter, over 0.

    Returns:
        (num + 1,) float64.
    """
    gamma = math.lgamma
    beginning = gamma(num + 1) + gamma(a + b) - gamma(a) - gamma(b) - gamma(num + a + b)
    return np.array(
        [
            beginning + (gamma(i + a) - gamma(i + 1)) + (gamma(num - i + b) - gamma(num - i + 1))
            for i in range(num + 1)
        ]
    )


def coverage_band(
    num_calibration: int | Sequence[int],
    num_tests: int | Sequence[int],
    alpha: float | Fraction,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return between which two coverages a test set's own lies with probability ``level``.

    Of num_tests samples the number covered is BetaBinomial(num_tests, k, n + 1 - k) where scores
    have no ties, with n = num_calibration and k its rank: V. Vovk, Conditional validity of
    inductive conformal predictors, 2012, proposition 2b; Angelopoulos and Bates, 2021, section
    3.2 and appendix C. Where each group or class has its own threshold it is a sum of such numbers.

    Args:
        num_calibration: number of calibration scores; where there are groups, of each.
        num_tests: number of test samples; where there are groups, of each.
        alpha: part of the samples that may be missed.
        level: probability of the band, in equal tails; over 0 and under 1.

    Returns:
        its ends, both from 0 to 1; (1, 1) where every threshold is infinite.

    Raises:
        ValueError: when level, or alpha, is no number over 0 and under 1.
    """
    if not isinstance(level, numbers.Real) or not 0 < level < 1:
        raise ValueError(f"level must be a number over 0 and under 1, got {level!r}")
    given = (np.atleast_1d(num_calibration), np.atleast_1d(num_tests))
    are_counts = all(each.dtype.kind in "iu" and each.min(initial=0) >= 0 for each in given)
    if not are_counts or given[0].shape != given[1].shape or not given[1].sum():
        raise ValueError(
            "num_calibration and num_tests must be integers of at least 0, as many of the one as "
            f"of the other, and some tests among them, got {num_calibration} and {num_tests}"
        )
    chances = np.ones(1)
    for n, m in zip(*given, strict=True):
        chances = np.convolve(chances, _num_covered(int(n), int(m), alpha))
    below, tail = np.cumsum(chances), (1 - level) / 2
    ends = np.searchsorted(below, (tail, 1 - tail))
    num = len(chances) - 1
    return int(ends[0]) / num, min(int(ends[1]), num) / num


def _num_covered(
    num_calibration: int, num_tests: int, alpha: float | Fraction
) -> NDArray[np.float64]:
    """Return the probability that 0 to num_tests samples are covered, (num_tests + 1,)."""
    k = rank(num_calibration, alpha)
    if k > num_calibration:
        return np.append(np.zeros(num_tests), 1.0)
    return np.exp(log_beta_binomial(num_tests, k, num_calibration + 1 - k))
