"""Weighted conformal prediction against theory: coverage under a shift, in both backends.

How often a right implementation would fail, and what a wrong one must look like, is said in
``coverage_statistics``.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from parity_tests.helpers.conformal_cases import tensors
from parity_tests.helpers.coverage_resamples import (
    SEED,
    both_hits,
    is_inside,
    over_resamples,
    own_lac_scores,
)
from parity_tests.helpers.coverage_statistics import assert_plausible, assert_rejected, judge_hits
from zoojax import conformal as ours
from zoojax.conformal import evaluation as ours_coverage
from zootorch import conformal as theirs
from zootorch.conformal import evaluation as theirs_coverage

# Scores drawn from a density have no ties in float64.
pytestmark = pytest.mark.usefixtures("x64")

NUM_CLASSES = 5
SHIFT_ALPHA = 0.1
SHIFT_NUM = 30
SHIFT_RESAMPLES, SHIFT_LOOPED = 20_000, 1500


def largest_share(weights):
    """Return the largest part one sample has in weights (resamples, samples): (resamples,).

    Given all samples but not which is the test, it is each with chance its part of all weights,
    so that coverage is 1 - alpha at least and, without ties, by the largest part more at most.
    """
    return weights.max(1) / weights.sum(1)


def judge_shifted(hits, shares):
    """Judge marginal coverage under a shift: one test of each resample."""
    highest = 1 - SHIFT_ALPHA + np.mean(shares[: len(hits)])
    assert highest < 0.99  # else it would say nothing
    return judge_hits(hits, 1 - SHIFT_ALPHA, highest)


def assert_kept(our_hits, their_hits, *arrays, shares):
    hits, found = both_hits(our_hits, their_hits, *arrays, num=SHIFT_LOOPED)
    assert_plausible([judge_shifted(hits, shares), judge_shifted(found, shares)])


def shifted_inputs(rng):
    """Return uniform inputs, and last a test's of density 2 x: (resamples, SHIFT_NUM + 1)."""
    x = rng.uniform(size=(SHIFT_RESAMPLES, SHIFT_NUM + 1))
    x[:, -1] = np.sqrt(x[:, -1])
    return x


def covariate_shift():
    """Return targets, whose noise grows with x, predictions, and weights: as inputs each."""
    rng = np.random.default_rng(SEED)
    x = shifted_inputs(rng)
    return np.sin(3 * x) + x**2 * rng.normal(size=x.shape), np.sin(3 * x), 2 * x


def weighted_hits(targets, predictions, weights, test_weights):
    """Return whether zoojax covers the test: () bool, of one resample."""
    scores = ours.absolute.score(targets, predictions)
    threshold = ours.calibrate_weighted(
        scores[:-1], weights[:-1], SHIFT_ALPHA, test_weights=test_weights
    )
    return is_inside(ours.absolute.interval(threshold, predictions[-1:]), targets[-1:])[0]


def test_weights_keep_coverage_under_a_covariate_shift():
    targets, predictions, weights = covariate_shift()
    shares = largest_share(weights)
    regressor = theirs.WeightedConformalRegressor(SHIFT_ALPHA)

    def our_hits(targets, predictions, weights):
        return weighted_hits(targets, predictions, weights, weights[-1:])

    def their_hits(targets, predictions, weights):
        regressor.calibrate(targets[:-1], predictions[:-1], weights=weights[:-1])
        interval = regressor.predict_interval(predictions[-1:], weights=weights[-1:])
        return is_inside(interval, targets[-1:])[0]

    assert_kept(our_hits, their_hits, targets, predictions, weights, shares=shares)


WRONG_WEIGHTS = {
    "no weights": lambda weights, of_test: (np.ones_like(weights), np.ones_like(of_test)),
    # A plain inverse has no bound.
    "inverse weights": lambda weights, of_test: (1 / (weights + 0.1), 1 / (of_test + 0.1)),
    "no weight of the test": lambda weights, of_test: (weights, np.zeros_like(of_test)),
}


@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_wrong_weights_lose_coverage_under_a_covariate_shift(wrong):
    targets, predictions, weights = covariate_shift()
    shares = largest_share(weights)
    given = WRONG_WEIGHTS[wrong](weights, weights[:, -1:])
    hits = over_resamples(weighted_hits, targets, predictions, *given)
    assert_rejected(judge_shifted(hits, shares))
    # The weight of one sample in 31 shows only in many resamples.
    if wrong != "no weight of the test":
        assert_rejected(judge_shifted(hits[:SHIFT_LOOPED], shares))


CLASS_CHANCES = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
"""Of calibration samples, and of tests."""

CLASS_WEIGHTS = CLASS_CHANCES[1] / CLASS_CHANCES[0]


def label_shift():
    """Return probs and labels, the test last: (resamples, SHIFT_NUM + 1, ...) each.

    The class that is rare in calibration is the one hardest to tell.
    """
    rng = np.random.default_rng(SEED)
    size = (SHIFT_RESAMPLES, SHIFT_NUM + 1)
    labels = rng.choice(3, size, p=CLASS_CHANCES[0])
    labels[:, -1] = rng.choice(3, SHIFT_RESAMPLES, p=CLASS_CHANCES[1])
    gammas = rng.standard_gamma(1 + np.array([6, 2, 0])[labels][..., None] * np.eye(3)[labels])
    return gammas / gammas.sum(-1, keepdims=True), labels


def label_shift_hits(class_weights):
    def hits(probs, labels):
        threshold = ours.calibrate_weighted(
            own_lac_scores(probs[:-1], labels[:-1]),
            class_weights[labels[:-1]],
            SHIFT_ALPHA,
            test_weights=class_weights,
        )
        return ours_coverage.is_covered(ours.prediction_sets(probs[-1:], threshold), labels[-1:])[0]

    return hits


def test_weights_keep_coverage_under_a_label_shift():
    probs, labels = label_shift()
    shares = largest_share(CLASS_WEIGHTS[labels])
    classifier = theirs.LabelShiftClassifier(SHIFT_ALPHA, *tensors(CLASS_WEIGHTS))

    def their_hits(probs, labels):
        classifier.calibrate(probs[:-1], labels[:-1])
        return theirs_coverage.is_covered(classifier.predict_sets(probs[-1:]), labels[-1:])[0]

    our_hits = label_shift_hits(jnp.asarray(CLASS_WEIGHTS))
    assert_kept(our_hits, their_hits, probs, labels, shares=shares)


def test_sets_without_weights_lose_coverage_under_a_label_shift():
    probs, labels = label_shift()
    hits = over_resamples(label_shift_hits(jnp.ones(3)), probs, labels)
    assert_rejected(judge_hits(hits[:SHIFT_LOOPED], 1 - SHIFT_ALPHA))


def test_sets_keep_coverage_under_a_covariate_shift():
    # A model that is the more often wrong the larger x is, which it does not know.
    rng = np.random.default_rng(SEED)
    x = shifted_inputs(rng)
    probs = rng.dirichlet(np.ones(NUM_CLASSES), x.shape)
    place = (rng.uniform(size=x.shape) < 0.9 * x**4) * rng.integers(1, NUM_CLASSES, x.shape)
    labels = np.take_along_axis(np.argsort(-probs, -1), place[..., None], -1)[..., 0]
    weights = 2 * x
    classifier = theirs.WeightedConformalClassifier(SHIFT_ALPHA)

    def our_hits(probs, labels, weights):
        scores = own_lac_scores(probs, labels)
        threshold = ours.calibrate_weighted(
            scores[:-1], weights[:-1], SHIFT_ALPHA, test_weights=weights[-1:]
        )
        sets = ours.prediction_sets(probs[-1:], threshold[:, None])
        return ours_coverage.is_covered(sets, labels[-1:])[0]

    def their_hits(probs, labels, weights):
        classifier.calibrate(probs[:-1], labels[:-1], weights[:-1])
        sets = classifier.predict_sets(probs[-1:], weights[-1:])
        return theirs_coverage.is_covered(sets, labels[-1:])[0]

    shares = largest_share(weights)
    assert_kept(our_hits, their_hits, probs, labels, weights, shares=shares)
    unweighted = over_resamples(our_hits, probs, labels, np.ones_like(weights))
    assert_rejected(judge_shifted(unweighted[:SHIFT_LOOPED], shares))
