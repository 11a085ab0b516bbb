"""The exact part: alpha as a fraction, ranks as integers, and what an interval is.

A threshold is the k-th smallest of n calibration scores with k = ceil((n + 1)(1 - alpha)), or
infinite where k > n: V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random
World, 2005; A. Angelopoulos and S. Bates, A Gentle Introduction to Conformal Prediction,
2021, section 1.
"""

import math
import numbers
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

A_co = TypeVar("A_co", covariant=True)
"""An array of a backend."""

LARGEST_DENOMINATOR = 10**9
"""Of alpha as a fraction: (n + 1) times it fits an int64 for n below 2^31."""

SLACK = {"float64": 1e-9, "float32": 1e-5}
"""Part of a level by which a sum of weights may fall short and still count as reaching it.

Sums round; without this a sum that equals the level on paper would miss it, and the threshold
would be one rank too high. Coverage changes by no more than this part."""


class Interval(NamedTuple, Generic[A_co]):
    """Both ends of prediction intervals, as arrays of the backend that made them.

    Attributes:
        lower: (samples, ...) float; -inf where nothing bounds it.
        upper: (samples, ...) float; under ``lower`` where the interval is empty.
    """

    lower: A_co
    upper: A_co


def as_fraction(alpha: float | Fraction) -> Fraction:
    """Return alpha as the fraction that is meant: 0.1 is one tenth, and so is 1 - 0.9.

    It is the nearest one with a denominator of at most 10^9. One with a denominator of at most
    10^6 is further from all these than the rounding of a float in [0, 1], so that no float that
    stands for it is taken for another.

    Args:
        alpha: part of the samples that may be missed, over 0 and under 1.

    Raises:
        ValueError: when alpha is no number over 0 and under 1.
    """
    if isinstance(alpha, np.floating):
        # As it is written: float32(0.1) is 0.10000000149 to a float64.
        alpha = float(str(alpha))
    if not isinstance(alpha, numbers.Real) or not 0 < alpha < 1:
        raise ValueError(f"alpha must be a number over 0 and under 1, got {alpha!r}")
    fraction = Fraction(alpha).limit_denominator(LARGEST_DENOMINATOR)
    if not 0 < fraction < 1:
        raise ValueError(f"alpha must be at least 1e-9 away from 0 and from 1, got {alpha!r}")
    return fraction


def rank(num: int, alpha: float | Fraction) -> int:
    """Return k = ceil((num + 1)(1 - alpha)), from 1 to num + 1, without rounding."""
    fraction = as_fraction(alpha)
    return num + 1 - math.floor((num + 1) * fraction)


def ranks(largest: int, alpha: float | Fraction) -> NDArray[np.int32]:
    """Return ``rank(num, alpha)`` of every num from 0 to ``largest``, (largest + 1,) int32."""
    fraction = as_fraction(alpha)
    counts = np.arange(1, largest + 2, dtype=np.int64)
    return (counts - counts * fraction.numerator // fraction.denominator).astype(np.int32)
