"""Ratios of counts, curves of scores, and regression, against scikit-learn and SciPy."""

import math
import warnings

import jax
import numpy as np
import pytest
import scipy.stats
import sklearn.exceptions
import sklearn.metrics as sk
import torch
from hypothesis import given
from hypothesis import strategies as st

import zootorch
from parity_tests.helpers.builders import check_refused
from parity_tests.tolerances import check
from zoojax import metrics
from zoojax.spec.metrics import UndefinedMetricWarning

NAME = "float64, metrics against scikit-learn"
AVERAGES = (None, "macro", "micro", "weighted")
TWINS = {"precision": zootorch.Precision, "recall": zootorch.Recall, "f1": zootorch.F1}
SCIKIT = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


def compute(metric, *arrays, cuts=()):
    """Update an object with the arrays in parts, and return what it computes, as NumPy."""
    parts = [np.split(np.asarray(array), cuts) for array in arrays]
    for batch in zip(*parts, strict=True):
        if len(batch[0]):
            metric.update(*map(torch.from_numpy, batch))
    result = metric.compute()
    return [each.numpy() for each in result] if isinstance(result, tuple) else result.numpy()


def same(ours, theirs):
    """Check that numbers are scikit-learn's, NaN where it has NaN."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(ours[~finite], theirs[~finite])
    check(NAME, np.abs(ours[finite] - theirs[finite]).max(initial=0.0))


@pytest.fixture(autouse=True)
def quiet_float64():
    """Compute in float64, and let values be undefined where no test asks for the warning."""
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.simplefilter("ignore", sklearn.exceptions.UndefinedMetricWarning)
        warnings.filterwarnings("ignore", "No positive class found in y_true")
        yield


CLASSES = st.integers(0, 3)
PAIRS = st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=12)


@given(PAIRS, st.sampled_from(AVERAGES), st.sampled_from(sorted(TWINS)), st.integers(0, 12))
def test_ratios_of_any_predictions(pairs, average, name, cut):
    labels, predictions = np.array(pairs).T.copy()
    expected = SCIKIT[name](
        labels, predictions, labels=range(4), average=average, zero_division=np.nan
    )
    each = SCIKIT[name](labels, predictions, labels=range(4), average=None, zero_division=np.nan)
    if average == "weighted" and not np.isfinite(each[labels]).any():
        expected = math.nan  # scikit-learn has 0: no class with samples has a value
    same(getattr(metrics, name)(labels, predictions, 4, average=average), expected)
    twin = TWINS[name](4, average=average)
    same(compute(twin, labels, predictions, cuts=[min(cut, len(labels))]), expected)


@given(PAIRS)
def test_normalised_confusion_matrices(pairs):
    labels, predictions = np.array(pairs).T.copy()
    counts = sk.confusion_matrix(labels, predictions, labels=range(4))
    sums = counts.sum(1, keepdims=True)
    expected = np.where(sums == 0, np.nan, counts / np.maximum(sums, 1))
    same(metrics.confusion_matrix(labels, predictions, 4, normalized=True), expected)
    twin = zootorch.ConfusionMatrix(4, normalized=True)
    same(compute(twin, labels, predictions), expected)


# Few different scores, so that there are many ties.
SCORES = st.one_of(st.sampled_from((0.0, 0.25, 0.5, 1.0)), st.floats(-3, 3, width=32))
SCORED = st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=1, max_size=25)


def binary_expected(labels, scores):
    """Return area, average precision and both curves of scikit-learn, NaN where undefined."""
    num_ones, num_zeros = labels.sum(), (1 - labels).sum()
    area = sk.roc_auc_score(labels, scores) if num_ones and num_zeros else math.nan
    average = sk.average_precision_score(labels, scores) if num_ones else math.nan
    roc = list(sk.roc_curve(labels, scores, drop_intermediate=False))
    curve = list(sk.precision_recall_curve(labels, scores))
    if not num_ones:
        curve[1] = np.full_like(curve[1], math.nan)
    return area, average, roc, curve


@given(SCORED, st.integers(0, 25))
def test_curves_of_any_scores(pairs, cut):
    labels = np.array([label for label, _ in pairs])
    scores = np.array([score for _, score in pairs])
    cuts = [min(cut, len(labels))]
    area, average, roc, curve = binary_expected(labels, scores)
    same(metrics.roc_auc(labels, scores), area)
    same(compute(zootorch.RocAuc(), labels, scores, cuts=cuts), area)
    same(metrics.average_precision(labels, scores), average)
    same(compute(zootorch.AveragePrecision(), labels, scores, cuts=cuts), average)
    for ours in (metrics.roc_curve(labels, scores), compute(zootorch.RocCurve(), labels, scores)):
        for each, expected in zip(ours, roc, strict=True):
            same(each, expected)
    for ours in (
        metrics.precision_recall_curve(labels, scores),
        compute(zootorch.PrecisionRecallCurve(), labels, scores, cuts=cuts),
    ):
        for each, expected in zip(ours, curve, strict=True):
            same(each, expected)


@given(st.integers(0, 10**6), st.integers(2, 5), st.booleans(), st.sampled_from(AVERAGES[:3]))
def test_one_against_the_rest(seed, num_classes, ties, average):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, num_classes, 40)
    scores = generator.normal(size=(40, num_classes))
    scores = scores.round(0) if ties else scores
    ones = labels[:, None] == np.arange(num_classes)
    for name, twin, scikit in (
        ("roc_auc", zootorch.RocAuc, sk.roc_auc_score),
        ("average_precision", zootorch.AveragePrecision, sk.average_precision_score),
    ):
        if average == "micro":
            expected = scikit(ones.ravel(), scores.ravel())
        else:
            expected = np.array([scikit(*each) for each in zip(ones.T, scores.T, strict=True)])
            expected = expected if average is None else expected.mean()
        same(getattr(metrics, name)(labels, scores, average=average), expected)
        same(compute(twin(average=average), labels, scores, cuts=[7, 31]), expected)


def test_many_scores():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 100_000)
    scores = (generator.normal(size=100_000) + labels).round(2)
    area, average, _, _ = binary_expected(labels, scores)
    same(metrics.roc_auc(labels, scores), area)
    same(metrics.average_precision(labels, scores), average)
    same(compute(zootorch.RocAuc(), labels, scores, cuts=[1, 5000]), area)
    same(compute(zootorch.AveragePrecision(), labels, scores), average)


# Zero, or so large that no mean is subnormal: XLA on a CPU makes zero of subnormal numbers.
NUMBERS = st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-100)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=20), st.integers(0, 20))
def test_regression(pairs, cut):
    targets, predictions = np.array(pairs).T.copy()
    expected = {
        "mse": sk.mean_squared_error(targets, predictions),
        "mae": sk.mean_absolute_error(targets, predictions),
    }
    for name, value in expected.items():
        metric, cuts = getattr(zootorch, name.upper())(), [min(cut, len(targets))]
        twin = compute(metric, targets, predictions, cuts=cuts)
        for ours in (getattr(metrics, name)(targets, predictions), twin):
            check(NAME, abs(float(ours) - value) / max(value, 1e-300))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_correlation_and_determination(offset):
    # Far from zero every program loses the digits that the offset takes.
    allowed = 1e-12 if not offset else 1e-9
    generator = np.random.default_rng(4)
    targets = generator.normal(size=500) + offset
    predictions = targets + generator.normal(size=500)
    expected = scipy.stats.pearsonr(targets, predictions).statistic
    pair = targets, predictions
    for ours in (metrics.pearson_r(*pair), compute(zootorch.PearsonR(), *pair)):
        assert abs(float(ours) - expected) < allowed
    expected = sk.r2_score(targets, predictions)
    for ours in (metrics.r2(targets, predictions), compute(zootorch.R2(), targets, predictions)):
        assert abs(float(ours) - expected) < allowed


UNDEFINED = {
    "precision": ((np.array([0, 1]), np.array([0, 0]), 3), "precision of class 1, 2 is undefined"),
    "recall": ((np.array([0, 1]), np.array([0, 2]), 3), "recall of class 2 is undefined"),
    "f1": ((np.array([0, 0]), np.array([0, 0]), 3), "f1 of class 1, 2 is undefined"),
    "roc_auc": ((np.array([1, 1]), np.array([0.1, 0.2])), "roc_auc is undefined, so NaN: all"),
    "average_precision": ((np.array([0, 0]), np.array([0.1, 0.2])), "average_precision is undef"),
    "r2": ((np.full(3, 0.1), np.arange(3.0)), "r2 is undefined, so NaN: all targets are equal"),
    "pearson_r": ((np.arange(3.0), np.full(3, 0.1)), "pearson_r is undefined, so NaN"),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_is_undefined_is_nan_with_a_warning_that_names_the_class(name):
    arguments, message = UNDEFINED[name]
    with pytest.warns(UndefinedMetricWarning, match=message):
        ours = metrics.__dict__[name](*arguments)
    objects = {
        "precision": zootorch.Precision, "recall": zootorch.Recall, "f1": zootorch.F1,
        "roc_auc": zootorch.RocAuc, "average_precision": zootorch.AveragePrecision,
        "r2": zootorch.R2, "pearson_r": zootorch.PearsonR,
    }  # fmt: skip
    arrays, options = arguments[:2], arguments[2:]
    with pytest.warns(UndefinedMetricWarning, match=message):
        theirs = compute(objects[name](*options), *arrays)
    np.testing.assert_array_equal(ours, theirs)
    assert np.isnan(ours).any()


def test_one_class_against_the_rest_that_is_absent():
    labels, scores = np.array([0, 0, 1]), np.eye(3)
    with pytest.warns(UndefinedMetricWarning, match="roc_auc of class 2 is undefined"):
        ours = metrics.roc_auc(labels, scores, average=None)
    assert np.isnan(ours[2])
    assert np.isfinite(ours[:2]).all()
    same(metrics.roc_auc(labels, scores), np.mean(np.asarray(ours)[:2]))
    same(compute(zootorch.RocAuc(), labels, scores), np.mean(np.asarray(ours)[:2]))


def test_what_has_a_fixed_shape_compiles():
    generator = np.random.default_rng(1)
    labels, scores = generator.integers(0, 3, 30), generator.normal(size=(30, 3)).round(1)
    predictions = scores.argmax(1)
    for name in ("precision", "recall", "f1"):
        function = getattr(metrics, name)
        for average in AVERAGES:
            compiled = jax.jit(lambda a, b, f=function, m=average: f(a, b, 3, average=m))
            same(compiled(labels, predictions), function(labels, predictions, 3, average=average))
    for function in (metrics.roc_auc, metrics.average_precision):
        same(jax.jit(function)(labels, scores), function(labels, scores))
    for function in (metrics.mse, metrics.mae, metrics.r2, metrics.pearson_r):
        same(jax.jit(function)(scores[:, 0], scores[:, 1]), function(scores[:, 0], scores[:, 1]))


BAD_SCORES = [
    ([0, 1], [0.1, math.nan], "scores must be finite, got infinite ones or NaN"),
    ([0, 2], [0.1, 0.2], "labels must be from 0 to 1, got 0 to 2"),
    ([0, 1, 1], [0.1, 0.2], "scores must have shape (samples,) or (samples, num_classes)"),
    ([], [], "scores need samples, and classes at least two, got shape (0,)"),
    ([0, 3], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], "labels must be from 0 to 2, got 0 to 3"),
]


@pytest.mark.parametrize(("labels", "scores", "message"), BAD_SCORES)
def test_scores_that_cannot_be(labels, scores, message):
    labels, scores = np.array(labels, int), np.array(scores, float)
    check_refused(
        message,
        lambda: metrics.roc_auc(labels, scores),
        lambda: metrics.average_precision(labels, scores),
        lambda: zootorch.RocAuc().update(torch.from_numpy(labels), torch.from_numpy(scores)),
        lambda: zootorch.RocCurve().update(torch.from_numpy(labels), torch.from_numpy(scores)),
    )


def test_averages_that_cannot_be():
    labels = np.array([0, 1])
    check_refused(
        "average must be one of None, macro, micro, weighted, got 'mean'",
        lambda: metrics.precision(labels, labels, 2, average="mean"),
        lambda: zootorch.Precision(2, average="mean"),
    )
    check_refused(
        "average must be one of None, macro, micro, got 'weighted'",
        lambda: metrics.roc_auc(labels, labels, average="weighted"),
        lambda: zootorch.RocAuc(average="weighted"),
    )


@pytest.mark.parametrize("shapes", [((3,), (2,)), ((0,), (0,)), ((3, 1), (3, 1))])
def test_numbers_that_cannot_be(shapes):
    targets, predictions = (np.zeros(shape) for shape in shapes)
    check_refused(
        "targets and predictions must be two lists of one length of at least 1, got shapes",
        lambda: metrics.r2(targets, predictions),
        lambda: zootorch.R2().update(torch.from_numpy(targets), torch.from_numpy(predictions)),
    )


@pytest.mark.parametrize("metric", [zootorch.RocAuc, zootorch.PearsonR, zootorch.RocCurve])
def test_nothing_to_compute_from(metric):
    check_refused("compute needs a batch first; there was no update", lambda: metric().compute())


@pytest.mark.parametrize("curve", ["roc_curve", "precision_recall_curve"])
def test_a_curve_of_classes_is_refused(curve):
    labels, scores = np.array([0, 1, 2, 1]), np.eye(4)[:, :3]
    twin = {"roc_curve": zootorch.RocCurve, "precision_recall_curve": zootorch.PrecisionRecallCurve}
    check_refused(
        "a curve is of 0 and 1; give labels == c and scores[:, c] of a class",
        lambda: getattr(metrics, curve)(labels, scores),
        lambda: compute(twin[curve](), labels, scores),
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_scores_of_integers(dtype):
    labels, scores = np.array([0, 1, 0, 1, 1]), np.array([0, 2, 1, 1, 0]).astype(dtype)
    area, average, roc, curve = binary_expected(labels, scores.astype(float))
    same(metrics.roc_auc(labels, scores), area)
    same(compute(zootorch.RocAuc(), labels, scores), area)
    same(metrics.average_precision(labels, scores), average)
    for ours in (metrics.roc_curve(labels, scores), compute(zootorch.RocCurve(), labels, scores)):
        for each, expected in zip(ours, roc, strict=True):
            same(each, expected)
    twin = compute(zootorch.PrecisionRecallCurve(), labels, scores)
    for ours in (metrics.precision_recall_curve(labels, scores), twin):
        for each, expected in zip(ours, curve, strict=True):
            same(each, expected)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e160])
def test_a_correlation_has_no_scale(scale):
    targets, predictions = scale * np.array([1.0, 2, 4]), np.array([1.0, 2, 3])
    expected = scipy.stats.pearsonr(targets / scale, predictions).statistic
    same(metrics.pearson_r(targets, predictions), expected)
    same(compute(zootorch.PearsonR(), targets, predictions), expected)
