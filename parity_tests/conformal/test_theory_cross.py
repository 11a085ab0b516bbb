"""CV+ and the jackknife+ against theory: what coverage must be, in both backends.

How often a right implementation would fail, and what a wrong one must look like, is said in
``coverage_statistics``.
"""

import numpy as np
import pytest
import torch

from parity_tests.helpers.coverage_resamples import (
    NUM_LOOPED,
    NUM_RESAMPLES,
    SEED,
    both_hits,
    is_inside,
    same_thresholds,
)
from parity_tests.helpers.coverage_statistics import assert_plausible, assert_rejected, judge_hits
from zoojax import conformal as ours
from zootorch import conformal as theirs

# Scores drawn from a density have no ties in float64.
pytestmark = pytest.mark.usefixtures("x64")

ALPHA = 0.1
NUM = 20
NEAR = 0.03
"""Within this of 1 - alpha, and of one rank more, coverage is where models are stable."""

FOLDS = {"CV+": np.arange(NUM) % 5, "jackknife+": np.arange(NUM)}


def judge_cross(hits):
    """Judge coverage: over 1 - 2 alpha, as is proved, and near 1 - alpha, as is common."""
    highest = 1 - ALPHA + 1 / (NUM + 1) + NEAR
    proved = judge_hits(hits, 1 - 2 * ALPHA)
    return [proved, judge_hits(hits, 1 - ALPHA - NEAR, highest)]


def seen(folds):
    """Return which samples each model is trained on, (models, samples) float."""
    return np.float64(np.arange(folds.max() + 1)[:, None] != folds)


def ridge(x, targets, keep):
    """Return what each model predicts for all samples, (resamples, models, samples).

    Args:
        x: (resamples, samples + 1, features), the test last.
        targets: (resamples, samples).
        keep: (models, samples), which samples each is trained on.
    """
    own = x[:, :-1]
    squares = np.einsum("rni,kn,rnj->rkij", own, keep, own, optimize=True)
    products = np.einsum("rni,kn,rn->rki", own, keep, targets, optimize=True)
    coefficients = np.linalg.solve(squares + 0.1 * np.eye(x.shape[2]), products[..., None])[..., 0]
    return np.einsum("rni,rki->rkn", x, coefficients)


def regression_data(model, num_features):
    """Return inputs (resamples, samples + 1, features) and targets (resamples, samples + 1)."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(NUM_RESAMPLES, NUM + 1, num_features))
    noise = rng.standard_t(4, size=x.shape[:2])
    # A ridge on nothing but ones is, but for the penalty, the mean.
    return (x if model == "ridge" else np.ones_like(x[..., :1])), x.sum(-1) + noise


def own_predictions(predictions, folds):
    """Return what the model that did not see each sample predicts for it, (resamples, samples)."""
    return predictions[:, folds, np.arange(len(folds))]


@pytest.mark.parametrize("model", ["ridge", "mean"])
@pytest.mark.parametrize("how", FOLDS)
def test_intervals_of_few_samples(how, model):
    folds = FOLDS[how]
    x, targets = regression_data(model, 2)
    predictions = ridge(x, targets[:, :-1], seen(folds))
    scores = np.abs(targets[:, :-1] - own_predictions(predictions, folds))
    tests = predictions[:, :, -1:]

    def our_hits(scores, tests, target):
        interval = ours.cross_interval(scores, folds, tests, alpha=ALPHA)
        return is_inside(interval, target)[0]

    regressor = theirs.CrossConformalRegressor(ALPHA)

    def their_hits(scores, tests, target):
        regressor.calibrate(scores, torch.from_numpy(folds))
        return is_inside(regressor.predict_interval(tests), target[None])[0]

    hits, found = both_hits(our_hits, their_hits, scores, tests, targets[:, -1])
    assert_plausible([judge_cross(hits), judge_cross(found)])


def test_models_that_saw_their_own_samples_are_rejected():
    # The mistake that folds are there to avoid: with 12 features of 20 samples, residuals of
    # samples a model was trained on are much too small.
    x, targets = regression_data("ridge", 12)
    predictions = ridge(x, targets[:, :-1], np.ones((1, NUM)))[:, 0]
    threshold = same_thresholds(np.abs(targets - predictions)[:, :-1].T, ALPHA)
    hits = np.abs(targets - predictions)[:, -1] <= threshold
    assert_rejected(judge_hits(hits[:NUM_LOOPED], 1 - 2 * ALPHA))


def centroid_scores(x, labels, keep):
    """Return 1 - the probability of each class by each model, (resamples, models, samples, 3).

    A model knows the mean of each class among the samples it is trained on; probabilities fall
    with the squared distance from it.

    Args:
        x: (resamples, samples + 1, features), the test last.
        labels: (resamples, samples).
        keep: (models, samples), which samples each is trained on.
    """
    members = np.eye(3)[labels]
    sums = np.einsum("kn,rnc,rnd->rkcd", keep, members, x[:, :-1], optimize=True)
    counts = np.einsum("kn,rnc->rkc", keep, members)[..., None]
    centroids = sums / (counts + 1)
    distances = np.sum((x[:, None, :, None] - centroids[:, :, None]) ** 2, axis=-1)
    weights = np.exp(-distances / 2)
    return 1 - weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize("how", FOLDS)
def test_sets_of_few_samples(how):
    folds = FOLDS[how]
    rng = np.random.default_rng(SEED)
    labels = rng.integers(3, size=(NUM_RESAMPLES, NUM + 1))
    x = 1.5 * np.eye(3)[labels] + rng.normal(size=(*labels.shape, 3))
    all_scores = centroid_scores(x, labels[:, :-1], seen(folds))
    samples = np.arange(NUM)
    scores = all_scores[np.arange(NUM_RESAMPLES)[:, None], folds, samples, labels[:, :-1]]
    tests = all_scores[:, :, -1:]

    def our_hits(scores, tests, label):
        sets = ours.cross_sets(scores, folds, tests, alpha=ALPHA)
        return sets[0, label]

    classifier = theirs.CrossConformalClassifier(ALPHA)

    def their_hits(scores, tests, label):
        classifier.calibrate(scores, torch.from_numpy(folds))
        return classifier.predict_sets(tests)[0, label]

    hits, found = both_hits(our_hits, their_hits, scores, tests, labels[:, -1])
    assert_plausible([judge_cross(hits), judge_cross(found)])
