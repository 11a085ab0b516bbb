"""Prediction sets and intervals: every score with every calibration, MAPIE, and what must hold."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from parity_tests.helpers.builders import check_refused
from parity_tests.helpers.conformal_cases import (
    ALL_SCORES,
    DETERMINISTIC,
    RAPS_OPTIONS,
    RESIDUALS,
    jax_score,
    numbers,
    plain_score,
    plain_threshold,
    probabilities,
    same,
    tensor,
    tensors,
    torch_score,
    uniforms,
)
from zoojax import conformal as ours
from zoojax.spec.conformal import Interval, calibrated
from zootorch import conformal as theirs

ALPHA, NUM_CLASSES, NUM_GROUPS = 0.2, 4, 3
ALPHAS = (0.9, 0.5, 1 / 3, 0.2, 0.1, 0.05)
PROBS, LABELS = probabilities(60, NUM_CLASSES, 1)
TESTS, _ = probabilities(40, NUM_CLASSES, 2)
_GENERATOR = np.random.default_rng(3)
GROUPS, TEST_GROUPS = (_GENERATOR.integers(0, NUM_GROUPS, num) for num in (60, 40))
WEIGHTS, TEST_WEIGHTS = (_GENERATOR.exponential(size=num) for num in (60, 40))
CLASS_WEIGHTS = np.array([0.1, 1.0, 4.0, 0.5])


@pytest.fixture(autouse=True)
def float64():
    """Let JAX keep float64 where it is given."""
    with jax.enable_x64(True):
        yield


# Every score of classes with every calibration. Each takes the scores of calibration samples.

OF_CLASSES = {
    "split": (ours.calibrate, plain_threshold),
    "class-conditional": (
        lambda scores, alpha: ours.calibrate_groups(scores, LABELS, alpha, num_groups=NUM_CLASSES),
        lambda scores, alpha: [
            plain_threshold(scores[label == LABELS], alpha) for label in range(NUM_CLASSES)
        ],
    ),
    "label shift": (
        lambda scores, alpha: ours.calibrate_weighted(
            scores, CLASS_WEIGHTS[LABELS], alpha, test_weights=CLASS_WEIGHTS
        ),
        lambda scores, alpha: [
            plain_threshold(scores, alpha, CLASS_WEIGHTS[LABELS], each) for each in CLASS_WEIGHTS
        ],
    ),
    "group": (
        lambda scores, alpha: ours.calibrate_groups(scores, GROUPS, alpha, num_groups=NUM_GROUPS)[
            TEST_GROUPS
        ][:, None],
        lambda scores, alpha: [
            [plain_threshold(scores[group == GROUPS], alpha)] for group in TEST_GROUPS
        ],
    ),
    "weighted": (
        lambda scores, alpha: ours.calibrate_weighted(
            scores, WEIGHTS, alpha, test_weights=TEST_WEIGHTS
        )[:, None],
        lambda scores, alpha: [
            [plain_threshold(scores, alpha, WEIGHTS, each)] for each in TEST_WEIGHTS
        ],
    ),
}


def jax_sets(calibration, name, alpha=ALPHA, **options):
    """Return sets by functions: a randomised score has draw 0 to calibrate, 1 to predict."""
    scores = ours.label_scores(jax_score(name, 0)(PROBS), LABELS)
    threshold = OF_CLASSES[calibration][0](scores, alpha)
    sets = ours.prediction_sets(TESTS, threshold, score=jax_score(name, 1), **options)
    return np.asarray(sets)


def torch_sets(calibration, name, alpha=ALPHA, **options):
    """Return sets by an object."""
    options["score"] = torch_score(name)
    probs, labels, tests = tensors(PROBS, LABELS, TESTS)
    more, new = [], []
    if calibration == "group":
        classifier = theirs.GroupConformalClassifier(alpha, NUM_GROUPS, **options)
        more, new = tensors(GROUPS), tensors(TEST_GROUPS)
    elif calibration == "weighted":
        classifier = theirs.WeightedConformalClassifier(alpha, **options)
        more, new = tensors(WEIGHTS), tensors(TEST_WEIGHTS)
    elif calibration == "label shift":
        classifier = theirs.LabelShiftClassifier(alpha, tensor(CLASS_WEIGHTS), **options)
    elif calibration == "class-conditional":
        classifier = theirs.ClassConditionalClassifier(alpha, **options)
    else:
        classifier = theirs.SplitConformalClassifier(alpha, **options)
    classifier.calibrate(probs, labels, *more)
    return classifier.predict_sets(tests, *new).numpy()


def plain_sets(calibration, name, alpha=ALPHA):
    """Return sets by loops over samples and labels."""
    name, is_randomised = name.removesuffix(", randomised"), name.endswith("randomised")

    def scores(probs, draw):
        u = uniforms(len(probs), draw) if is_randomised else np.zeros(len(probs))
        return np.array(list(map(functools.partial(plain_score, name), probs.tolist(), u)))

    own = scores(PROBS, 0)[np.arange(len(LABELS)), LABELS]
    return scores(TESTS, 1) <= np.array(OF_CLASSES[calibration][1](own, alpha))


@pytest.mark.parametrize("name", ALL_SCORES)
@pytest.mark.parametrize("calibration", OF_CLASSES)
def test_every_score_and_calibration_gives_the_same_sets_as_plain_loops(calibration, name):
    expected = plain_sets(calibration, name)
    for found in (jax_sets(calibration, name), torch_sets(calibration, name)):
        assert found.dtype == bool
        assert (found == expected).all()
    assert 0.2 < expected.mean() < 0.95


def test_another_alpha_gives_other_sets():
    for sets in (jax_sets, torch_sets):
        assert (sets("split", "aps", 0.3) != plain_sets("split", "aps")).any()


def test_calibrations_give_different_sets():
    found = [jax_sets(calibration, "aps").tobytes() for calibration in OF_CLASSES]
    assert len(set(found)) == len(found)


# Every score of numbers with every calibration, of two outputs each.

SHAPE = (60, 2)
OF_NUMBERS = {
    "split": ours.calibrate,
    "group": lambda scores, alpha: ours.calibrate_groups(
        scores, GROUPS, alpha, num_groups=NUM_GROUPS
    )[TEST_GROUPS],
    "weighted": lambda scores, alpha: ours.calibrate_weighted(
        scores, WEIGHTS, alpha, test_weights=TEST_WEIGHTS
    ),
}


def plain_interval(name, threshold, predicted):
    """Return both ends for one number: a threshold for each end, and what was predicted."""
    first, second = predicted[0], predicted[-1]
    if name == "normalized":
        return first - threshold[0] * second, first + threshold[1] * second
    return first - threshold[0], second + threshold[1]


def plain_residuals(name, target, predicted):
    """Return the score of one number for each end."""
    first, second = predicted[0], predicted[-1]
    if name == "asymmetric_cqr":
        return first - target, target - second
    both = {
        "absolute": abs(target - first),
        "normalized": abs(target - first) / second,
        "cqr": max(first - target, target - second),
    }[name]
    return both, both


def plain_intervals(calibration, name, data, tests):
    """Return intervals by loops over tests, outputs and ends."""
    alpha = ALPHA / 2 if name == "asymmetric_cqr" else ALPHA
    ends = np.empty((2, len(tests[0]), SHAPE[1]))
    for output in range(SHAPE[1]):
        samples = zip(*(each[:, output].tolist() for each in data), strict=True)
        scores = np.array([plain_residuals(name, target, rest) for target, *rest in samples])
        for test in range(len(tests[0])):
            kept = scores if calibration != "group" else scores[TEST_GROUPS[test] == GROUPS]
            options = {}
            if calibration == "weighted":
                options = {"weights": WEIGHTS, "test_weight": TEST_WEIGHTS[test]}
            threshold = [plain_threshold(end.tolist(), alpha, **options) for end in kept.T]
            predicted = [each[test, output] for each in tests]
            ends[:, test, output] = plain_interval(name, threshold, predicted)
    return Interval(*ends)


def jax_intervals(calibration, name, data, tests):
    """Return intervals by functions."""
    residual = RESIDUALS[name][0]
    threshold = OF_NUMBERS[calibration](residual.score(*data), ALPHA / residual.num_tails)
    return residual.interval(threshold, *tests)


def torch_intervals(calibration, name, data, tests):
    """Return intervals by an object."""
    residual, data, tests = RESIDUALS[name][1], tensors(*data), tensors(*tests)
    if calibration == "group":
        regressor = theirs.GroupConformalRegressor(ALPHA, NUM_GROUPS, residual)
        regressor.calibrate(*data, groups=tensor(GROUPS))
        return regressor.predict_interval(*tests, groups=tensor(TEST_GROUPS))
    if calibration == "weighted":
        regressor = theirs.WeightedConformalRegressor(ALPHA, residual)
        regressor.calibrate(*data, weights=tensor(WEIGHTS))
        return regressor.predict_interval(*tests, weights=tensor(TEST_WEIGHTS))
    regressor = theirs.SplitConformalRegressor(ALPHA, residual)
    regressor.calibrate(*data)
    return regressor.predict_interval(*tests)


@pytest.mark.parametrize("name", RESIDUALS)
@pytest.mark.parametrize("calibration", OF_NUMBERS)
def test_every_residual_and_calibration_gives_the_same_intervals_as_plain_loops(calibration, name):
    num_predicted = RESIDUALS[name][2]
    targets, predicted = numbers(SHAPE, 4, num_predicted)
    data, (_, tests) = (targets, *predicted), numbers((40, 2), 5, num_predicted)
    expected = plain_intervals(calibration, name, data, tests)
    same(jax_intervals(calibration, name, data, tests), expected)
    same(torch_intervals(calibration, name, data, tests), expected)
    assert np.isfinite(expected).mean() > 0.5
    data[0][expected.lower.argmax() % 60] += 100
    data[0][:30] -= 1e-6
    with pytest.raises(AssertionError):
        same(jax_intervals(calibration, name, data, tests), expected)


# MAPIE 1.6, away from (n + 1) alpha that is an integer: there it may round up by a rank.

NUM = 203
assert (NUM + 1) * 0.15 % 1 > 0.1


class Echo(ClassifierMixin, BaseEstimator):
    """A classifier to which pictures are their own probabilities."""

    def __init__(self, num_classes=5):
        self.num_classes = num_classes
        self.classes_ = np.arange(num_classes)

    def fit(self, inputs, labels):
        raise AssertionError("is fitted already")

    def predict_proba(self, inputs):
        return np.asarray(inputs)

    def predict(self, inputs):
        return np.asarray(inputs).argmax(1)


class Column(RegressorMixin, BaseEstimator):
    """A regressor that predicts one of its inputs."""

    def __init__(self, place=0):
        self.place = place
        self.n_features_in_ = 3

    def fit(self, inputs, targets):
        raise AssertionError("is fitted already")

    def predict(self, inputs):
        return np.asarray(inputs)[:, self.place]


@pytest.mark.parametrize("name", ["lac", "top_k"])
def test_split_sets_are_those_of_mapie(name):
    mapie = pytest.importorskip("mapie.classification")
    probs, labels = probabilities(NUM, 5, 6)
    tests, _ = probabilities(100, 5, 7)
    classifier = mapie.SplitConformalClassifier(
        Echo(), confidence_level=0.85, conformity_score=name
    )
    expected = classifier.conformalize(probs, labels).predict_set(tests)[1][:, :, 0]
    assert 0.2 < expected.mean() < 0.9
    function = DETERMINISTIC[name][0]
    threshold = ours.calibrate(ours.label_scores(function(probs), labels), 0.15)
    assert (np.asarray(ours.prediction_sets(tests, threshold, score=function)) == expected).all()
    twin = theirs.SplitConformalClassifier(0.15, score=torch_score(name))
    twin.calibrate(*tensors(probs, labels))
    assert (twin.predict_sets(tensor(tests)).numpy() == expected).all()


@pytest.mark.parametrize("name", ["aps", "raps"])
@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.95])
def test_sets_of_cumulated_probabilities_are_those_of_mapie(name, threshold):
    # With the same threshold, since it calibrates on randomised scores alone. Without the label
    # that crosses the threshold, but never empty: with the top label forced here.
    sets = pytest.importorskip("mapie.conformity_scores.sets")
    probs, _ = probabilities(100, 5, 8)
    score = {"aps": sets.APSConformityScore, "raps": sets.RAPSConformityScore}[name]()
    score.quantiles_ = np.array([threshold])
    score.lambda_star, score.k_star = RAPS_OPTIONS["penalty"], RAPS_OPTIONS["k_reg"]
    expected = score.get_prediction_sets(
        probs[:, :, None], np.zeros(1), np.zeros(1), cv="prefit", include_last_label=False
    )[:, :, 0]
    assert 0.2 <= expected.mean() < 0.9
    found = ours.prediction_sets(probs, threshold, score=jax_score(name), force_top=True)
    assert (np.asarray(found) == expected).all()
    classifier = theirs.SplitConformalClassifier(0.1, score=torch_score(name), force_top=True)
    classifier.threshold = torch.tensor(threshold, dtype=torch.float64)
    assert (classifier.predict_sets(tensor(probs)).numpy() == expected).all()


def check_intervals(name, alpha, data, tests, expected):
    """Assert that both backends give the intervals of MAPIE: (tests, 2, 1)."""
    residual, twin, _ = RESIDUALS[name]
    threshold = ours.calibrate(residual.score(*data), alpha / residual.num_tails)
    same(residual.interval(threshold, *tests), Interval(*expected[:, :, 0].T))
    regressor = theirs.SplitConformalRegressor(alpha, twin)
    regressor.calibrate(*tensors(*data))
    same(regressor.predict_interval(*tensors(*tests)), Interval(*expected[:, :, 0].T))


def test_intervals_of_one_width_are_those_of_mapie():
    mapie = pytest.importorskip("mapie.regression")
    targets, predicted = numbers((NUM,), 9, 1)
    _, tests = numbers((50,), 10, 1)
    regressor = mapie.SplitConformalRegressor(Column(), confidence_level=0.85)
    inputs, test_inputs = (np.repeat(each[0][:, None], 3, 1) for each in (predicted, tests))
    expected = regressor.conformalize(inputs, targets).predict_interval(test_inputs)[1]
    check_intervals("absolute", 0.15, (targets, *predicted), tests, expected)


@pytest.mark.parametrize(("name", "symmetric"), [("cqr", True), ("asymmetric_cqr", False)])
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_intervals_of_quantiles_are_those_of_mapie(name, symmetric):
    mapie = pytest.importorskip("mapie.regression")
    targets, (lower, upper) = numbers((NUM,), 11, 2)
    _, tests = numbers((50,), 12, 2)
    regressor = mapie.ConformalizedQuantileRegressor(
        [Column(0), Column(1), Column(2)], confidence_level=0.85, prefit=True
    )
    inputs, test_inputs = (
        np.stack([low, high, (low + high) / 2], axis=1) for low, high in ((lower, upper), tests)
    )
    regressor.conformalize(inputs, targets)
    expected = regressor.predict_interval(test_inputs, symmetric_correction=symmetric)[1]
    check_intervals(name, 0.15, (targets, lower, upper), tests, expected)


# What holds of all sets.


@pytest.mark.parametrize("calibration", OF_CLASSES)
@pytest.mark.parametrize("name", ["lac", "raps", "saps, randomised", "top_k"])
def test_sets_grow_as_alpha_falls(calibration, name):
    for sets in (jax_sets, torch_sets):
        found = [sets(calibration, name, alpha) for alpha in ALPHAS]
        for smaller, larger in itertools.pairwise(found):
            assert (larger >= smaller).all()
        assert found[-1].sum() > found[0].sum()


def split_sets(name, probs, labels, tests, alpha=ALPHA, **options):
    """Return split sets of any data in both backends."""
    function = DETERMINISTIC[name][0]
    threshold = ours.calibrate(ours.label_scores(function(probs), labels), alpha)
    sets = ours.prediction_sets(tests, threshold, score=function, **options)
    classifier = theirs.SplitConformalClassifier(alpha, score=torch_score(name), **options)
    classifier.calibrate(*tensors(probs, labels))
    return np.asarray(sets), classifier.predict_sets(tensor(tests)).numpy()


@given(st.integers(0, 10**6), st.sampled_from(tuple(DETERMINISTIC)), st.sampled_from(ALPHAS))
def test_the_order_of_calibration_samples_changes_no_set(seed, name, alpha):
    order = np.random.default_rng(seed).permutation(60)
    first = split_sets(name, PROBS, LABELS, TESTS, alpha)
    second = split_sets(name, PROBS[order], LABELS[order], TESTS, alpha)
    for each, again in zip(first, second, strict=True):
        assert (each == again).all()


@given(st.integers(0, 10**6), st.sampled_from(tuple(DETERMINISTIC)), st.sampled_from(ALPHAS))
def test_sets_of_tied_probabilities_are_the_same(seed, name, alpha):
    probs, _ = probabilities(60, 4, seed, ties=True)
    tests, _ = probabilities(40, 4, seed + 1, ties=True)
    labels = np.random.default_rng(seed).integers(0, 4, 60)
    found = split_sets(name, probs, labels, tests, alpha)
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("name", DETERMINISTIC)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_sample_allows_its_own_score_or_all(name, dtype):
    probs, tests = PROBS[:1].astype(dtype), TESTS.astype(dtype)
    for alpha, is_all in ((0.49, True), (0.5, False), (0.99, False)):
        for sets in split_sets(name, probs, LABELS[:1], tests, alpha):
            assert sets.all() == is_all
        own = [plain_score(name, row)[LABELS[0]] for row in PROBS[:1].tolist()]
        expected = np.array([plain_score(name, row) for row in TESTS.tolist()]) <= own
        for sets in split_sets(name, probs, LABELS[:1], tests, alpha):
            assert is_all or (sets == expected).all()


def test_calibration_on_one_class_only_leaves_the_other_labels_in_all_sets():
    labels = np.full(60, 2)
    threshold = ours.calibrate_groups(ours.lac(PROBS)[:, 2], labels, 0.5, num_groups=NUM_CLASSES)
    classifier = theirs.ClassConditionalClassifier(0.5)
    classifier.calibrate(*tensors(PROBS, labels))
    found = ours.prediction_sets(TESTS, threshold), classifier.predict_sets(tensor(TESTS))
    assert (np.asarray(found[0]) == found[1].numpy()).all()
    for sets in map(np.asarray, found):
        assert sets[:, [0, 1, 3]].all()
        assert 0 < sets[:, 2].mean() < 1


def test_equal_scores_give_sets_of_all_samples_like_them():
    probs, labels = np.full((19, 4), 0.25), np.zeros(19, int)
    tests = np.array([[0.25] * 4, [0.25 + 2**-20, 0.25 - 2**-20, 0.25, 0.25]])
    for dtype in (np.float32, np.float64):
        found = split_sets("lac", probs.astype(dtype), labels, tests.astype(dtype), 0.1)
        for sets in found:
            assert sets.tolist() == [[True] * 4, [True, False, True, True]]


def test_sets_may_be_empty_and_the_top_label_may_be_forced():
    probs = np.array([[0.4, 0.6, 0.0], [0.4, 0.2, 0.4], [0.1, 0.1, 0.8]])
    for force_top, expected in (
        (False, [[0, 0, 0], [0, 0, 0], [0, 0, 1]]),
        # Of equal ones the lower label is the top.
        (True, [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    ):
        classifier = theirs.SplitConformalClassifier(0.5, force_top=force_top)
        classifier.threshold = torch.tensor(0.25)
        found = ours.prediction_sets(probs, 0.25, force_top=force_top)
        assert np.asarray(found).tolist() == expected
        assert classifier.predict_sets(tensor(probs)).tolist() == expected


@pytest.mark.parametrize("calibration", OF_CLASSES)
def test_forcing_the_top_label_adds_it_alone(calibration):
    top = np.eye(NUM_CLASSES, dtype=bool)[TESTS.argmax(1)]
    for sets in (jax_sets, torch_sets):
        for name in ("saps", "aps, randomised"):
            expected = sets(calibration, name, 0.7) | top
            assert (sets(calibration, name, 0.7, force_top=True) == expected).all()


def test_sets_of_no_tests_are_none():
    for force_top in (False, True):
        for sets in split_sets("aps", PROBS, LABELS, TESTS[:0], force_top=force_top):
            assert sets.shape == (0, NUM_CLASSES)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_sets_in_float32_are_those_in_float64(name):
    # No score here is nearer to a threshold than float32 can tell.
    expected = plain_sets("split", name)
    with jax.enable_x64(False):
        probs, tests = PROBS.astype(np.float32), TESTS.astype(np.float32)
        for sets in split_sets(name, probs, LABELS.astype(np.int32), tests):
            assert (sets == expected).all()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_of_any_integers_give_the_same_scores(dtype):
    for found in (
        ours.label_scores(PROBS, LABELS.astype(dtype)),
        theirs.label_scores(*tensors(PROBS, LABELS.astype(dtype))),
    ):
        same(found, PROBS[np.arange(60), LABELS], 0)


PREDICTIONS = np.random.default_rng(4).normal(size=(3, 60))
OBJECTS = {
    "split": (theirs.SplitConformalClassifier(ALPHA), (PROBS, LABELS), (TESTS,), {}),
    "class-conditional": (
        theirs.ClassConditionalClassifier(ALPHA, force_top=True),
        (PROBS, LABELS),
        (TESTS,),
        {},
    ),
    "groups": (
        theirs.GroupConformalClassifier(ALPHA, NUM_GROUPS),
        (PROBS, LABELS, GROUPS),
        (TESTS, TEST_GROUPS),
        {},
    ),
    "weighted": (
        theirs.WeightedConformalClassifier(ALPHA),
        (PROBS, LABELS, WEIGHTS),
        (TESTS, TEST_WEIGHTS),
        {},
    ),
    "label shift": (
        theirs.LabelShiftClassifier(ALPHA, CLASS_WEIGHTS),
        (PROBS, LABELS),
        (TESTS,),
        {},
    ),
    "cross": (
        theirs.CrossConformalClassifier(ALPHA),
        (PROBS[:, 0], GROUPS),
        (np.stack([TESTS] * NUM_GROUPS),),
        {},
    ),
    "numbers": (theirs.SplitConformalRegressor(ALPHA), PREDICTIONS[:2], PREDICTIONS[:1], {}),
    "numbers in groups": (
        theirs.GroupConformalRegressor(ALPHA, NUM_GROUPS),
        PREDICTIONS[:2],
        PREDICTIONS[:1],
        {"groups": GROUPS},
    ),
    "weighted numbers": (
        theirs.WeightedConformalRegressor(ALPHA),
        PREDICTIONS[:2],
        PREDICTIONS[:1],
        {"weights": WEIGHTS},
    ),
    "cross numbers": (
        theirs.CrossConformalRegressor(ALPHA),
        (WEIGHTS, GROUPS),
        (PREDICTIONS,),
        {},
    ),
    "sequence": (
        theirs.AdaptiveConformalRegressor(ALPHA, step_size=0.1),
        PREDICTIONS[:2],
        (PREDICTIONS[0, :1],),
        {},
    ),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_take_numpy_arrays_as_they_take_tensors(name):
    predictor, samples, tests, options = OBJECTS[name]
    found = []
    for make in (np.asarray, tensor):
        of_samples = {} if name.startswith("cross") else {k: make(v) for k, v in options.items()}
        predictor.calibrate(*map(make, samples), **of_samples)
        predict = getattr(predictor, "predict_sets", None) or predictor.predict_interval
        of_tests = {k: make(v[: len(tests[0])]) for k, v in options.items()}
        found.append(predict(*map(make, tests), **of_tests))
    arrays, tensors_ = (
        torch.stack([*each]) if isinstance(each, Interval) else each for each in found
    )
    assert isinstance(arrays, torch.Tensor)
    assert torch.equal(arrays, tensors_)


def test_objects_that_evaluate_take_numpy_arrays():
    sets = PROBS >= 0.2
    for metric in (theirs.Coverage(), theirs.ClassCoverage(4), theirs.SizeStratifiedCoverage(4)):
        metric.update(sets, LABELS)
        assert metric.compute().nanmean() > 0
    sizes = theirs.SetSizes(4)
    sizes.update(sets)
    assert sizes.compute().sum() == 60
    ends = Interval(PREDICTIONS[0] - 1, PREDICTIONS[0] + 1)
    covered, width = theirs.IntervalCoverage(), theirs.IntervalWidth()
    covered.update(ends, PREDICTIONS[0])
    width.update(ends)
    assert covered.compute() == 1
    assert width.compute() == pytest.approx(2)


def test_a_second_calibration_replaces_the_first():
    classifier = theirs.SplitConformalClassifier(ALPHA)
    classifier.calibrate(*tensors(PROBS[:30], LABELS[:30]))
    first = classifier.threshold
    classifier.calibrate(*tensors(PROBS, LABELS))
    assert classifier.threshold != first
    same(classifier.threshold, ours.calibrate(ours.label_scores(ours.lac(PROBS), LABELS), ALPHA))


# Compiled and mapped.


@pytest.mark.parametrize("name", ALL_SCORES)
def test_sets_compile(name):
    score = jax_score(name)
    scores = score(PROBS)
    same(jax.jit(score)(PROBS), scores)
    same(jax.jit(ours.label_scores)(scores, LABELS), ours.label_scores(scores, LABELS), 0)
    predict = functools.partial(ours.prediction_sets, score=score, force_top=True)
    threshold = 0.7 if name != "top_k" else 2.0
    assert (jax.jit(predict)(TESTS, threshold) == predict(TESTS, threshold)).all()


def test_sets_map_over_resamples_as_a_loop_would():
    orders = np.stack([np.random.default_rng(seed).permutation(60)[:30] for seed in range(5)])

    def sets(probs, labels):
        threshold = ours.calibrate(ours.label_scores(ours.aps(probs), labels), ALPHA)
        return ours.prediction_sets(TESTS, threshold, score=ours.aps)

    resamples = jnp.asarray(PROBS)[orders], jnp.asarray(LABELS)[orders]
    expected = np.stack([sets(*each) for each in zip(*resamples, strict=True)])
    assert (jax.jit(jax.vmap(sets))(*resamples) == expected).all()
    assert (expected != expected[0]).any()


@pytest.mark.parametrize("name", RESIDUALS)
def test_intervals_compile(name):
    residual, _, num_predicted = RESIDUALS[name]
    targets, predicted = numbers(SHAPE, 4, num_predicted)
    scores = residual.score(targets, *predicted)
    same(jax.jit(residual.score)(targets, *predicted), scores)
    threshold = ours.calibrate(scores, ALPHA)
    expected = residual.interval(threshold, *predicted)
    same(jax.jit(residual.interval)(threshold, *predicted), expected)


# What is refused.


def classifiers():
    """Return one of each classifier with what it needs to be calibrated and to predict."""
    return (
        (theirs.SplitConformalClassifier(0.1), [], []),
        (theirs.ClassConditionalClassifier(0.1), [], []),
        (theirs.LabelShiftClassifier(0.1, tensor(CLASS_WEIGHTS)), [], []),
        (theirs.GroupConformalClassifier(0.1, 3), [GROUPS], [TEST_GROUPS]),
        (theirs.WeightedConformalClassifier(0.1), [WEIGHTS], [TEST_WEIGHTS]),
    )


def regressors():
    """Return one of each regressor with what it needs to predict."""
    return (
        (theirs.SplitConformalRegressor(0.1), {}),
        (theirs.GroupConformalRegressor(0.1, 3), {"groups": tensor(TEST_GROUPS)}),
        (theirs.WeightedConformalRegressor(0.1), {"weights": tensor(TEST_WEIGHTS)}),
    )


def test_nothing_is_predicted_before_calibration():
    message = "calibrate has to be called before anything can be predicted"
    check_refused(message, lambda: calibrated(None))
    for classifier, _, new in classifiers():
        check_refused(message, lambda c=classifier, n=new: c.predict_sets(*tensors(TESTS, *n)))
    for regressor, new in regressors():
        check_refused(message, lambda r=regressor, n=new: r.predict_interval(torch.zeros(40), **n))


def test_labels_of_other_samples_or_classes_are_refused_alike():
    for message, labels in (
        ("labels must have shape (60,), one a sample, got (59,)", LABELS[:59]),
        ("labels must have shape (60,), one a sample, got (60, 1)", LABELS[:, None]),
        ("labels must be integers from 0 to 3, got int64 from 1 to 4", LABELS + 1),
        ("labels must be integers from 0 to 3, got int64 from -1 to 2", LABELS - 1),
        ("labels must be integers from 0 to 3, got float64 from 0.0 to 3.0", LABELS * 1.0),
    ):
        calls = [
            lambda c=classifier, m=more, y=labels: c.calibrate(*tensors(PROBS, y, *m))
            for classifier, more, _ in classifiers()
        ]
        check_refused(message, lambda y=labels: ours.label_scores(PROBS, y), *calls)
    check_refused(
        "labels go with an array (samples, classes), got shape (60,)",
        lambda: ours.label_scores(PROBS[:, 0], LABELS),
        lambda: theirs.label_scores(*tensors(PROBS[:, 0], LABELS)),
    )


def test_calibration_without_samples_is_refused():
    message = "calibration needs scores of at least one sample, got shape (0,)"
    for classifier, more, _ in classifiers():
        arrays = tensors(PROBS[:0], LABELS[:0], *(each[:0] for each in more))
        check_refused(message, lambda c=classifier, a=arrays: c.calibrate(*a))
    for regressor, new in regressors():
        none = {name: each[:0] for name, each in new.items()}
        check_refused(message, lambda r=regressor, n=none: r.calibrate(*[torch.zeros(0)] * 2, **n))


@pytest.mark.parametrize("shape", [(3,), (40,), (1, 4), (4, 1), (40, 3), (1, 40, 4)])
def test_thresholds_of_another_shape_are_refused_alike(shape):
    classifier = theirs.SplitConformalClassifier(0.1)
    classifier.threshold = torch.zeros(shape)
    check_refused(
        f"threshold must have one of the shapes (), (4,), (40, 1), (40, 4), got {shape}",
        lambda: ours.prediction_sets(TESTS, np.zeros(shape)),
        lambda: classifier.predict_sets(tensor(TESTS)),
    )


def test_probabilities_of_another_shape_are_refused_alike():
    classifier = theirs.SplitConformalClassifier(0.1)
    classifier.threshold = torch.zeros(())
    check_refused(
        "probs must have shape (samples, classes), got (40,)",
        lambda: ours.prediction_sets(TESTS[:, 0], 0.0),
        lambda: classifier.predict_sets(tensor(TESTS[:, 0])),
    )


def test_groups_and_weights_of_other_samples_are_refused():
    probs, labels, tests = tensors(PROBS, LABELS, TESTS)
    (grouped, groups, _), (weighted, weights, _) = classifiers()[3:]
    grouped.calibrate(probs, labels, *tensors(*groups))
    weighted.calibrate(probs, labels, *tensors(*weights))
    numbers_of = theirs.GroupConformalRegressor(0.1, 3), theirs.WeightedConformalRegressor(0.1)
    targets = torch.arange(60.0)
    numbers_of[0].calibrate(targets, targets, groups=tensor(GROUPS))
    numbers_of[1].calibrate(targets, targets, weights=tensor(WEIGHTS))
    predicted, one, bad = torch.zeros(40), torch.ones(1), torch.full((40,), 3)
    check_refused(
        "groups must have shape (40,), one a sample, got (1,)",
        lambda: grouped.predict_sets(tests, one.long()),
        lambda: numbers_of[0].predict_interval(predicted, groups=one.long()),
    )
    check_refused(
        "groups must be integers from 0 to 2, got int64 from 3 to 3",
        lambda: grouped.predict_sets(tests, bad),
        lambda: numbers_of[0].predict_interval(predicted, groups=bad),
    )
    check_refused(
        "weights must have shape (40,), got (1,)",
        lambda: weighted.predict_sets(tests, one),
        lambda: numbers_of[1].predict_interval(predicted, weights=one),
    )
    check_refused(
        "test_weights must be finite numbers of at least 0",
        lambda: weighted.predict_sets(tests, -bad),
        lambda: numbers_of[1].predict_interval(predicted, weights=-bad),
    )
    check_refused(
        "weights must be finite numbers of at least 0",
        lambda: weighted.calibrate(probs, labels, torch.full((60,), math.nan)),
        lambda: numbers_of[1].calibrate(targets, targets, weights=torch.full((60,), -1.0)),
    )


def test_class_weights_of_other_classes_are_refused():
    for class_weights, message in (
        (torch.ones(5), "class_weights must have shape (4,), got (5,)"),
        (torch.ones(3), "class_weights must have shape (4,), got (3,)"),
        (-torch.ones(4), "class_weights must be finite numbers of at least 0"),
        (torch.zeros(4), "class_weights must not all be 0"),
    ):
        classifier = theirs.LabelShiftClassifier(0.1, class_weights)
        check_refused(message, lambda c=classifier: c.calibrate(*tensors(PROBS, LABELS)))
