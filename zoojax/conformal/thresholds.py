"""Thresholds of calibration scores: what a new sample's score exceeds with chance alpha at most.

All are functions of scores alone, and so go with every score there is. They sort: time grows as
n log n, memory as n. They compile, with alpha and num_groups static, and map over batches of
scores.
"""

from collections.abc import Callable
from fractions import Fraction

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import (
    SLACK,
    as_fraction,
    check_indices,
    check_scores,
    check_weights,
    rank,
    ranks,
)


def calibrate(scores: ArrayLike, alpha: float | Fraction) -> Array:
    """Return the k-th smallest score, k = ceil((n + 1)(1 - alpha)); infinite where k > n.

    If calibration samples and a new one are exchangeable, the new one's score is not over the
    threshold with chance 1 - alpha at least, and without ties 1 - alpha + 1 / (n + 1) at most:
    V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005; R.
    Tibshirani and others (see ``calibrate_weighted``), 2019, lemma 1.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        alpha: part of new samples that may be missed, over 0 and under 1.

    Returns:
        (...) float.

    Raises:
        ValueError: when there are no scores, one is NaN, or alpha is not allowed.
    """
    scores = _checked(scores)
    k = rank(len(scores), alpha)
    if k > len(scores):
        return jnp.full(scores.shape[1:], jnp.inf, scores.dtype)
    return jnp.sort(scores, axis=0)[k - 1]


def calibrate_groups(
    scores: ArrayLike, groups: ArrayLike, alpha: float | Fraction, *, num_groups: int
) -> Array:
    """Return the threshold of each group: coverage then holds in each, not on average alone.

    With labels as groups it is class-conditional, where each label is compared with its own
    threshold (``prediction_sets`` takes them as they are): V. Vovk, D. Lindsay, I. Nouretdinov
    and A. Gammerman, Mondrian confidence machine, 2003. Samples need to be exchangeable within
    each group. A group of n samples with n < 1 / alpha - 1 has an infinite threshold.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        groups: (n,) integers from 0 to num_groups - 1.
        alpha: part of new samples of each group that may be missed, over 0 and under 1.
        num_groups: number of groups.

    Returns:
        (num_groups, ...) float.

    Raises:
        ValueError: as ``calibrate`` does, or when groups are not of these samples.
    """
    scores = _checked(scores)
    check_indices("groups", groups, (len(scores), num_groups), values=not is_traced(groups))
    rank_of_count = jnp.asarray(ranks(len(scores), alpha))
    groups = jnp.asarray(groups)

    def of_column(column: Array) -> Array:
        by_group = column[jnp.lexsort((column, groups))]
        counts = jnp.zeros(num_groups, jnp.int32).at[groups].add(1)
        k = rank_of_count[counts]
        places = jnp.cumsum(counts) - counts + k - 1
        return jnp.where(k > counts, jnp.inf, by_group[jnp.minimum(places, len(column) - 1)])

    return _each_column(of_column, scores)


def calibrate_weighted(
    scores: ArrayLike, weights: ArrayLike, alpha: float | Fraction, *, test_weights: ArrayLike
) -> Array:
    """Return thresholds for tests of another distribution than the calibration samples.

    The smallest score at which the weights of all scores up to it are 1 - alpha of all weights,
    that of the test itself among them, as of an infinite score: R. Tibshirani, R. Barber, E.
    Candes and A. Ramdas, Conformal prediction under covariate shift, 2019, corollary 1.

    Covariate shift, where inputs x are drawn otherwise and targets follow them as before: weights
    are w(x), the density of tests over that of calibration samples, known up to a factor. For the
    sets of m tests give ``threshold[:, None]``.

    Label shift, where labels y are drawn otherwise and inputs follow them as before: weights are
    w(y), the part of each label among tests over that among calibration samples; those of tests
    are of each possible label, (classes,), and so are thresholds: A. Podkopaev and A. Ramdas,
    Distribution-free uncertainty quantification for classification under label shift, 2021,
    theorem 2.

    Coverage holds where weights are right, and is lost as far as they are not. Without float64 a
    level may be reached 1e-5 of it too early: from about 100,000 samples on, a rank or more.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        weights: (n,) numbers, at least 0 and not all 0.
        alpha: part of new samples that may be missed, over 0 and under 1.
        test_weights: () or (tests,) numbers, at least 0.

    Returns:
        (...) or (tests, ...) float.

    Raises:
        ValueError: as ``calibrate`` does, or when weights are not of that kind.
    """
    scores = _checked(scores)
    dtype = jnp.result_type(float)
    # Checked as they will be used: without float64 the smallest are 0, the largest infinite.
    weights, test_weights = jnp.asarray(weights, dtype), jnp.asarray(test_weights, dtype)
    check_weights("weights", weights, (len(scores),), values=not is_traced(weights))
    check_weights("test_weights", test_weights, values=not is_traced(test_weights))
    # A factor changes nothing; without it no sum of weights is infinite.
    weights, test_weights = weights / weights.max(), test_weights / weights.max()
    # A sum that is the level on paper counts as such, whatever its rounding.
    level = float(1 - as_fraction(alpha)) * (1 - SLACK[dtype.name])

    def of_column(column: Array) -> Array:
        order = jnp.argsort(column)
        up_to_each = jnp.cumsum(weights[order])
        places = jnp.searchsorted(up_to_each, level * (up_to_each[-1] + test_weights))
        return jnp.append(column[order], jnp.inf)[places]

    return _each_column(of_column, scores)


def _checked(scores: ArrayLike) -> Array:
    check_scores(scores, values=not is_traced(scores))
    scores = jnp.asarray(scores)
    is_float = jnp.issubdtype(scores.dtype, jnp.floating)
    return scores if is_float else scores.astype(jnp.result_type(float))


def _each_column(rule: Callable[[Array], Array], scores: Array) -> Array:
    """Apply a rule for (n,) scores to every column of (n, ...), whose axes stay the last ones."""
    for _ in scores.shape[1:]:
        rule = jax.vmap(rule, in_axes=-1, out_axes=-1)
    return rule(scores)
