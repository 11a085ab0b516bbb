"""Nonconformity scores of numbers, and the intervals they make: pairs of pure functions.

A ``Residual`` pairs a score with its inverse, as optax pairs ``init`` with ``update``: the
interval of a threshold holds the numbers whose score is not over it, to rounding. Calibrate at
``alpha / residual.num_tails``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import (
    Interval,
    check_interval_threshold,
    check_predictions,
    check_spread,
)


class Residual(NamedTuple):
    """A score of numbers, and the interval of a threshold.

    Attributes:
        score: function of targets (samples, ...) and then of all that is predicted for them,
            (samples, ...) each; returns (samples, ...) float, and with two tails
            (samples, ..., 2).
        interval: function of a threshold, of the shape of one sample's score or of all, and
            then of all that is predicted; returns an ``Interval`` of (samples, ...) each.
        num_tails: 1, or 2 where each end has a score, to be calibrated at alpha / 2.
    """

    score: Callable[..., Array]
    interval: Callable[..., Interval[Array]]
    num_tails: int = 1


def _arrays(*given: ArrayLike) -> list[Array]:
    """Return arrays of one shape as floats."""
    check_predictions(*given)
    arrays = [jnp.asarray(each) for each in given]
    return [each.astype(jnp.result_type(*arrays, 0.0)) for each in arrays]


def _threshold_and_arrays(
    threshold: ArrayLike, *predictions: ArrayLike, num_tails: int = 1
) -> list[Array]:
    arrays = _arrays(*predictions)
    check_interval_threshold(jnp.shape(threshold), arrays[0].shape, num_tails)
    return [jnp.asarray(threshold), *arrays]


def _spread(spread: ArrayLike) -> ArrayLike:
    if not is_traced(spread):
        check_spread(spread)
    return spread


def _absolute_score(targets: ArrayLike, predictions: ArrayLike) -> Array:
    targets, predictions = _arrays(targets, predictions)
    return jnp.abs(targets - predictions)


def _absolute_interval(threshold: ArrayLike, predictions: ArrayLike) -> Interval[Array]:
    threshold, predictions = _threshold_and_arrays(threshold, predictions)
    return Interval(predictions - threshold, predictions + threshold)


def _normalized_score(targets: ArrayLike, predictions: ArrayLike, spread: ArrayLike) -> Array:
    targets, predictions, spread = _arrays(targets, predictions, _spread(spread))
    return jnp.abs(targets - predictions) / spread


def _normalized_interval(
    threshold: ArrayLike, predictions: ArrayLike, spread: ArrayLike
) -> Interval[Array]:
    threshold, predictions, spread = _threshold_and_arrays(threshold, predictions, _spread(spread))
    return Interval(predictions - threshold * spread, predictions + threshold * spread)


def _cqr_score(targets: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    targets, lower, upper = _arrays(targets, lower, upper)
    return jnp.maximum(lower - targets, targets - upper)


def _cqr_interval(threshold: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Interval[Array]:
    threshold, lower, upper = _threshold_and_arrays(threshold, lower, upper)
    return Interval(lower - threshold, upper + threshold)


def _asymmetric_cqr_score(targets: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    targets, lower, upper = _arrays(targets, lower, upper)
    return jnp.stack([lower - targets, targets - upper], axis=-1)


def _asymmetric_cqr_interval(
    threshold: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> Interval[Array]:
    threshold, lower, upper = _threshold_and_arrays(threshold, lower, upper, num_tails=2)
    return Interval(lower - threshold[..., 0], upper + threshold[..., 1])


absolute = Residual(_absolute_score, _absolute_interval)
"""|y - prediction|, and intervals of one width around predictions.

J. Lei, M. G'Sell, A. Rinaldo, R. Tibshirani and L. Wasserman, Distribution-free predictive
inference for regression, 2018, algorithm 2. Predicted: the number.
"""

normalized = Residual(_normalized_score, _normalized_interval)
"""|y - prediction| / spread, and intervals as wide as the spread of each sample says.

H. Papadopoulos, A. Gammerman and V. Vovk, Normalized nonconformity measures for regression
conformal prediction, 2008; Lei and others, 2018 (see ``absolute``), section 5.2. Predicted: the
number, and its spread, over 0 and in the same unit, such as a standard deviation.
"""

cqr = Residual(_cqr_score, _cqr_interval)
"""How far y is outside two predicted quantiles, negative inside; both ends move alike.

Conformalized quantile regression: Y. Romano, E. Patterson and E. Candes, 2019, algorithm 1.
Predicted: the lower and the upper quantile.
"""

asymmetric_cqr = Residual(_asymmetric_cqr_score, _asymmetric_cqr_interval, num_tails=2)
"""How far y is below the lower quantile, and how far above the upper; each end moves alone.

Romano and others, 2019 (see ``cqr``), theorem 2. Calibrate at alpha / 2: each end may miss
that part, which holds for each alone and often makes intervals wider than those of ``cqr``.
"""
