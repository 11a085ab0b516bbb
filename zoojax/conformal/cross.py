"""CV+ and jackknife+: every sample both trains and calibrates, for where there are few.

K models are trained, each without one fold of the samples, and each sample's score is that of
the model which did not see it. With a fold for every sample that is the jackknife+, whose
predictions are (samples, tests) numbers: quadratic where there are as many tests as samples.
All else here needs memory for some tests at a time.

Coverage is 1 - 2 alpha at least (for CV+ less by at most sqrt(2 / samples)) and in practice close
to 1 - alpha, where training does not depend on the order of samples: R. Barber, E. Candes, A.
Ramdas and R. Tibshirani, Predictive inference with the jackknife+, 2021, theorems 1 and 4.
"""

from fractions import Fraction

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.conformal.residual_scores import Residual, absolute
from zoojax.conformal.thresholds import calibrate
from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import Interval, as_fraction, check_cross, rank

TESTS_AT_A_TIME = 64


def cross_interval(
    scores: ArrayLike,
    folds: ArrayLike,
    *predictions: ArrayLike,
    alpha: float | Fraction,
    residual: Residual = absolute,
) -> Interval[Array]:
    """Return the CV+ interval of each test; with ``folds = arange(samples)`` the jackknife+.

    Every sample gives an interval around what the model that did not see it predicts for the
    test, as wide as its score; of these n the lower end is the floor(alpha (n + 1))-th smallest
    lower end, the upper end the ceil((1 - alpha)(n + 1))-th smallest upper end: Barber and others,
    2021, sections 2 and 3 (equations 9 and 11 of arXiv:1905.02928).

    Args:
        scores: (samples, ...) float, ``residual.score`` of each sample, of the model that did
            not see it.
        folds: (samples,) integers from 0 to models - 1, which model did not see it.
        predictions: all that the residual needs, (models, tests, ...) each.
        alpha: part of new samples that may be missed, over 0 and under 1.
        residual: what the scores are of.

    Returns:
        an ``Interval`` of (tests, ...) each.

    Raises:
        ValueError: when there are no samples, shapes do not belong together, or something is NaN.
    """
    known = not is_traced(scores, folds, *predictions)
    check_cross(scores, folds, *predictions, num_tails=residual.num_tails, values=known)
    # Only for its own checks of numbers, which it could not make inside the map.
    residual.interval(jnp.zeros((2,) * (residual.num_tails == 2)), *predictions)
    tail = as_fraction(alpha) / residual.num_tails
    scores, folds = jnp.asarray(scores), jnp.asarray(folds)

    def of_test(predicted: tuple[Array, ...]) -> Interval[Array]:
        ends = residual.interval(scores, *(each[folds] for each in predicted))
        # The j-th smallest is minus the (n + 1 - j)-th smallest of all with the other sign.
        return Interval(-calibrate(-ends.lower, tail), calibrate(ends.upper, tail))

    tests_first = tuple(jnp.moveaxis(jnp.asarray(each), 1, 0) for each in predictions)
    # A few at a time, since all at once would be (tests, samples).
    interval: Interval[Array] = jax.lax.map(of_test, tests_first, batch_size=TESTS_AT_A_TIME)
    return interval


def cross_sets(
    scores: ArrayLike, folds: ArrayLike, test_scores: ArrayLike, *, alpha: float | Fraction
) -> Array:
    """Return the CV+ set of each test; with ``folds = arange(samples)`` that of the jackknife+.

    A label is left out where its scores are over those of at least ceil((1 - alpha)(n + 1))
    samples, each compared within the model that did not see it (randomised scores of one test take
    one draw in all models): Y. Romano, M. Sesia and E. Candes, Classification with valid and
    adaptive coverage, 2020, section 2.3, algorithm 2 and theorem 2.

    Args:
        scores: (samples,) float, of each sample's own label, of the model that did not see it.
        folds: (samples,) integers from 0 to models - 1, which model did not see it.
        test_scores: (models, tests, classes) float, of every label by every model.
        alpha: part of new samples that may be missed, over 0 and under 1.

    Returns:
        (tests, classes) bool.

    Raises:
        ValueError: when there are no samples, shapes do not belong together, or something is NaN.
    """
    known = not is_traced(scores, folds, test_scores)
    check_cross(scores, folds, test_scores, num_tails=None, values=known)
    scores, folds, test_scores = (jnp.asarray(each) for each in (scores, folds, test_scores))

    def add(counts: Array, sample: tuple[Array, Array]) -> tuple[Array, None]:
        score, fold = sample
        return counts + (score < test_scores[fold]), None

    counts = jnp.zeros(test_scores.shape[1:], jnp.int32)
    counts, _ = jax.lax.scan(add, counts, (scores, folds))
    return counts < rank(len(scores), alpha)
