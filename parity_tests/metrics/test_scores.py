"""All metrics of one evaluation at once: functions and objects, against scikit-learn."""

import json
import warnings

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.helpers.builders import few_examples, score_difference, variants
from parity_tests.tolerances import check
from zoojax.metrics.reports import classifier_curves, classifier_scores, regressor_scores
from zoojax.spec.metrics import UndefinedMetricWarning
from zootorch.metrics.reports import ClassifierCurves, ClassifierScores, RegressorScores

NAME = "float64, metrics against scikit-learn"
AVERAGES = (None, "macro", "micro", "weighted")
# Values may be undefined where no test asks for the warning.
pytestmark = [
    pytest.mark.filterwarnings("ignore::zoojax.spec.metrics.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore:(No positive class|A single label)"),
]


def shown(metric, *arrays, cuts=()):
    """Show an object the arrays in parts, and return what it computes."""
    parts = (np.split(np.asarray(array), cuts) for array in arrays)
    for batch in zip(*parts, strict=True):
        if len(batch[0]):
            metric.update(*map(torch.from_numpy, batch))
    return metric.compute()


def in_both(labels, probs, cuts=(1, 1)):
    """Return a classifier's scores by function, and by object from one batch and from more."""
    one, more = ClassifierScores(probs.shape[1]), ClassifierScores(probs.shape[1])
    return (
        classifier_scores(labels, probs),
        shown(one, labels, probs),
        shown(more, labels, probs, cuts=cuts),
    )


def one_hot(labels, num_classes):
    return (labels[:, None] == np.arange(num_classes)).astype(int)


def expected_rates(labels, predictions, num_classes):
    """Return precision, recall and F1 of scikit-learn by average."""
    rates = {name: {} for name in ("precision", "recall", "f1")}
    for average in AVERAGES:
        values = sk.precision_recall_fscore_support(
            labels, predictions, labels=range(num_classes), average=average, zero_division=np.nan
        )
        for rate, value in zip(rates.values(), values, strict=False):
            rate[average or "each"] = value
    for rate in rates.values():
        if not np.isfinite(np.array(rate["each"])[labels]).any():
            rate["weighted"] = np.nan  # scikit-learn has 0: no class with samples has a value
    return rates


def expected_areas(labels, probs):
    """Return areas and average precisions of scikit-learn, NaN where they are undefined."""
    ones, areas = one_hot(labels, probs.shape[1]), {}
    for name, score in (
        ("roc_auc", sk.roc_auc_score),
        ("average_precision", sk.average_precision_score),
    ):
        each = [score(*column) for column in zip(ones.T, probs.T, strict=True)]
        # Without a sample of a class scikit-learn gives an average precision of 0.
        each = np.where(ones.any(0), each, np.nan)
        macro = np.nan if np.isnan(each).all() else np.nanmean(each)
        areas[name] = {"each": each, "macro": macro, "micro": score(ones, probs, average="micro")}
    return areas


def expected_scores(labels, probs):
    num_classes = probs.shape[1]
    predictions = np.array([row.tolist().index(max(row)) for row in probs])
    counts = sk.confusion_matrix(labels, predictions, labels=range(num_classes))
    sums = counts.sum(1, keepdims=True)
    return {
        "accuracy": sk.accuracy_score(labels, predictions),
        "confusion_matrix": counts,
        "confusion_matrix_normalized": np.where(sums, counts / np.maximum(sums, 1), np.nan),
        **expected_rates(labels, predictions, num_classes),
        **(expected_areas(labels, probs) if num_classes > 1 else {}),
    }


def random_case(seed, num_classes=3, num_samples=40):
    """Return labels of every class, and probabilities that lean towards them."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(num_samples) % num_classes)
    logits = generator.normal(size=(num_samples, num_classes)) + one_hot(labels, num_classes)
    probs = np.exp(logits)
    return labels, probs / probs.sum(1, keepdims=True)


def without_class(case, absent):
    labels, probs = case
    return np.where(labels == absent, (absent + 1) % probs.shape[1], labels), probs


def never_predicted(case, absent):
    labels, probs = case
    return labels, np.where(np.arange(probs.shape[1]) == absent, probs / 1e3, probs)


def wrong_sure(num_samples, num_classes=3):
    labels = np.arange(num_samples) % num_classes
    return labels, np.eye(num_classes)[(labels + 1) % num_classes]


CASES = {
    "random": random_case(0),
    "two classes": random_case(1, 2),
    "ties": (random_case(2)[0], random_case(2)[1].round(1)),
    "a class without samples": without_class(random_case(3), 1),
    "a class never predicted": never_predicted(random_case(4), 2),
    "a class without either": never_predicted(without_class(random_case(5), 0), 0),
    "samples of one class": (np.full(40, 2), random_case(6)[1]),
    "two classes, samples of one": (np.zeros(40, int), random_case(6, 2)[1]),
    "constant": (random_case(7)[0], np.full((40, 3), 1 / 3)),
    "constant in float32": (random_case(8)[0], 1 / 3 + random_case(8)[1] / 10**9),
    "always wrong and sure of it": wrong_sure(40),
    "one class alone": (np.zeros(5, int), np.ones((5, 1))),
    "one sample": (np.array([1]), np.array([[0.2, 0.5, 0.3]])),
    "one wrong sample": (np.array([0]), np.array([[0.2, 0.5, 0.3]])),
}
MORE = (
    "a class never predicted",
    "constant in float32",
    "always wrong and sure of it",
    "one sample",
)
EACH = pytest.mark.parametrize("name", variants(CASES, slow=MORE))


@EACH
def test_a_classifier_has_the_scores_of_scikit_learn(name):
    case = CASES[name]
    expected = expected_scores(*case)
    for ours in in_both(*case):
        check(NAME, score_difference(ours, expected))
        json.dumps(ours)  # plain numbers and lists


@few_examples(20)
@given(st.integers(0, 10**6), st.integers(2, 3), st.sampled_from((1, 2, 16)), st.integers(1, 39))
def test_any_batches_give_the_scores_of_scikit_learn(seed, num_classes, digits, cut):
    labels, probs = random_case(seed, num_classes)
    probs = probs.round(digits)
    expected = expected_scores(labels, probs)
    for ours in in_both(labels, probs, cuts=sorted((cut, 20))):
        check(NAME, score_difference(ours, expected))


def test_areas_are_scikit_learns_of_one_class_against_the_rest():
    labels, probs = CASES["random"]
    expected = sk.roc_auc_score(labels, probs, multi_class="ovr", average="macro")
    for ours in in_both(labels, probs):
        check(NAME, score_difference(ours["roc_auc"]["macro"], expected))


def test_one_class_alone_has_no_areas():
    for ours in in_both(*CASES["one class alone"]):
        assert list(ours)[-1] == "f1"


@EACH
def test_float32_probabilities_count_as_what_they_are(name):
    case = CASES[name]
    labels, probs = case[0].astype(np.int32), case[1].astype(np.float32)
    exact = in_both(case[0], probs.astype(np.float64))
    for ours, theirs in zip(in_both(labels, probs), exact, strict=True):
        np.testing.assert_equal(ours, theirs)


@pytest.mark.parametrize("case", ["random", "ties", "two classes"])
def test_one_other_label_is_seen(case):
    labels, probs = CASES[case]
    changed = np.append((labels[0] + 1) % probs.shape[1], labels[1:])
    expected = expected_scores(labels, probs)
    for ours in in_both(changed, probs):
        for name, value in expected.items():
            assert score_difference(ours[name], value) > 1e-4, name


MESSAGES = {
    "a class without samples": [
        "the row of class 1 is undefined, so NaN: no sample is of this class",
        "recall of class 1 is undefined, so NaN: it has no samples",
        "roc_auc of class 1 is undefined, so NaN: all samples are of it, or none",
        "average_precision of class 1 is undefined, so NaN: no sample is of it",
    ],
    "a class never predicted": ["precision of class 2 is undefined, so NaN: it is never predicted"],
    "a class without either": [
        "f1 of class 0 is undefined, so NaN: it has no samples and is never predicted"
    ],
    "samples of one class": [
        "recall of class 0, 1 is undefined, so NaN: it has no samples",
        "roc_auc of class 0, 1, 2 is undefined, so NaN: all samples are of it, or none",
    ],
    "random": [],
}


def warnings_of(compute):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UndefinedMetricWarning)
        compute()
    assert all(each.category is UndefinedMetricWarning for each in caught)
    return {str(each.message) for each in caught}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_warning_names_the_class_whose_score_is_undefined(name):
    labels, probs = CASES[name]
    metric = ClassifierScores(probs.shape[1])
    said = warnings_of(lambda: classifier_scores(labels, probs))
    assert said == warnings_of(lambda: shown(metric, labels, probs))
    assert said >= set(MESSAGES[name])
    assert bool(said) == bool(MESSAGES[name])


def expected_curves(labels, probs, names):
    ones = one_hot(labels, len(names))
    pairs = dict(zip(names, zip(ones.T, probs.T, strict=True), strict=True))
    pairs["micro"] = ones.ravel(), probs.ravel()
    curves = {"roc": {}, "precision_recall": {}}
    for name, (one, prob) in pairs.items():
        curves["roc"][name] = sk.roc_curve(one, prob, drop_intermediate=False)[:2]
        precisions, recalls, _ = sk.precision_recall_curve(one, prob)
        # Without a sample of a class scikit-learn gives recalls of 1.
        curves["precision_recall"][name] = precisions, recalls if one.any() else recalls * np.nan
    return curves


CURVED = [name for name, (_, probs) in CASES.items() if probs.shape[1] > 1]


@pytest.mark.parametrize("case", variants(CURVED, slow=MORE))
def test_curves_are_those_of_scikit_learn(case):
    labels, probs = CASES[case]
    names = [f"class {i}" for i in range(probs.shape[1])]
    expected = expected_curves(labels, probs, names)
    check(NAME, score_difference(classifier_curves(labels, probs, names), expected))
    for cuts in ((), (1, 7)):
        twin = ClassifierCurves(names)
        check(NAME, score_difference(shown(twin, labels, probs, cuts=cuts), expected))


def test_curves_of_one_other_label_are_seen():
    labels, probs = CASES["random"]
    expected = expected_curves(labels, probs, "abc")
    changed = np.append((labels[0] + 1) % 3, labels[1:])
    for ours in (
        classifier_curves(changed, probs, "abc"),
        shown(ClassifierCurves("abc"), changed, probs),
    ):
        for kind, curves in expected.items():
            assert score_difference(ours[kind], curves) > 1e-4


def expected_regression(targets, predictions):
    rules = {
        "mse": sk.mean_squared_error,
        "mae": sk.mean_absolute_error,
        "r2": lambda a, b: sk.r2_score(a, b) if np.ptp(a) else np.nan,
        "pearson_r": lambda a, b: np.corrcoef(a, b)[0, 1] if np.ptp(a) and np.ptp(b) else np.nan,
    }
    return {
        name: {
            "each": [rule(*column) for column in zip(targets.T, predictions.T, strict=True)],
            "all": rule(targets.ravel(), predictions.ravel()),
        }
        for name, rule in rules.items()
    }


def random_numbers(seed, num_outputs=3, num_samples=30):
    generator = np.random.default_rng(seed)
    targets = generator.normal(size=(num_samples, num_outputs)) * np.arange(1, num_outputs + 1)
    return targets, targets + generator.normal(size=targets.shape) / 2


def constant(case, place, column):
    """Return targets and predictions, of which one column is constant."""
    changed = [array.copy() for array in case]
    changed[place][:, column] = 0.1
    return changed


NUMBERS = {
    "random": random_numbers(0),
    "one output": random_numbers(1, 1),
    "float32": [array.astype(np.float32) for array in random_numbers(2)],
    "right": (random_numbers(3)[0],) * 2,
    "opposite": (random_numbers(4)[0], -random_numbers(4)[0]),
    "constant targets of one output": constant(random_numbers(5), 0, 1),
    "constant predictions of one output": constant(random_numbers(6), 1, 0),
    "constant throughout": (np.full((9, 2), 0.1), np.full((9, 2), 0.3)),
}


def regressions(*pair):
    """Return a regressor's scores by function, and by object from one batch and from three."""
    one, three = RegressorScores(pair[0].shape[1]), RegressorScores(pair[0].shape[1])
    return regressor_scores(*pair), shown(one, *pair), shown(three, *pair, cuts=(1, 7))


@pytest.mark.parametrize("case", NUMBERS.values(), ids=NUMBERS)
def test_a_regressor_has_the_scores_of_scikit_learn(case):
    expected = expected_regression(*(np.asarray(array, np.float64) for array in case))
    for ours in regressions(*case):
        check(NAME, score_difference(ours, expected))
        json.dumps(ours)


def test_one_other_number_is_seen():
    targets, predictions = NUMBERS["random"]
    expected = expected_regression(targets, predictions)
    changed = predictions.copy()
    changed[4, 1] += 1e-6
    for ours in regressions(targets, changed):
        for name, value in expected.items():
            check(NAME, score_difference(ours[name]["each"][0], value["each"][0]))
            assert score_difference(ours[name]["each"][1], value["each"][1]) > 1e-10
            assert score_difference(ours[name]["all"], value["all"]) > 1e-10


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        (
            "constant targets of one output",
            {
                "r2 is undefined, so NaN: all targets are equal",
                "pearson_r is undefined, so NaN: all targets or all predictions are equal",
            },
        ),
        (
            "constant predictions of one output",
            {"pearson_r is undefined, so NaN: all targets or all predictions are equal"},
        ),
        ("random", set()),
    ],
)
def test_a_warning_says_which_score_of_numbers_is_undefined(name, messages):
    targets, predictions = NUMBERS[name]
    twin = RegressorScores(targets.shape[1])
    assert warnings_of(lambda: regressor_scores(targets, predictions)) == messages
    assert warnings_of(lambda: shown(twin, targets, predictions)) == messages
