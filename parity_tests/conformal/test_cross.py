"""CV+ and jackknife+: by hand, by the papers' formulas in plain NumPy, and against MAPIE."""

import math
import re
import warnings
from fractions import Fraction

import jax
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from parity_tests.helpers.builders import check_refused
from zoojax import conformal as ours
from zoojax.spec.conformal import Interval, as_fraction
from zootorch import conformal as theirs

INF = math.inf

RESIDUALS = {
    "absolute": (ours.absolute, theirs.AbsoluteResidual),
    "normalized": (ours.normalized, theirs.NormalizedResidual),
    "cqr": (ours.cqr, theirs.CQR),
    "asymmetric_cqr": (ours.asymmetric_cqr, theirs.AsymmetricCQR),
}


@pytest.fixture(autouse=True)
def float64():
    """Compute in float64."""
    with jax.enable_x64(True):
        yield


COMPILED_INTERVAL = jax.jit(ours.cross_interval, static_argnames=("alpha", "residual"))
COMPILED_SETS = jax.jit(ours.cross_sets, static_argnames="alpha")


def our_interval(scores, folds, *predictions, alpha, name="absolute"):
    residual, _ = RESIDUALS[name]
    return ours.cross_interval(scores, folds, *predictions, alpha=alpha, residual=residual)


def our_compiled_interval(scores, folds, *predictions, alpha, name="absolute"):
    residual, _ = RESIDUALS[name]
    alpha = as_fraction(alpha)  # 0.1 and a tenth are two static values, and one program
    return COMPILED_INTERVAL(scores, folds, *predictions, alpha=alpha, residual=residual)


def their_interval(scores, folds, *predictions, alpha, name="absolute"):
    _, residual = RESIDUALS[name]
    regressor = theirs.CrossConformalRegressor(alpha, residual())
    scores, folds, *predictions = map(tensor, (scores, folds, *predictions))
    regressor.calibrate(scores, folds)
    return regressor.predict_interval(*predictions)


def our_sets(scores, folds, test_scores, *, alpha):
    return ours.cross_sets(scores, folds, test_scores, alpha=alpha)


def our_compiled_sets(scores, folds, test_scores, *, alpha):
    return COMPILED_SETS(scores, folds, test_scores, alpha=as_fraction(alpha))


def their_sets(scores, folds, test_scores, *, alpha):
    classifier = theirs.CrossConformalClassifier(alpha)
    scores, folds, test_scores = map(tensor, (scores, folds, test_scores))
    classifier.calibrate(scores, folds)
    return classifier.predict_sets(test_scores)


# Compiled where numbers are compared, which takes less time; as they are where they refuse.
INTERVALS = (our_compiled_interval, their_interval)
SETS = (our_compiled_sets, their_sets)
REFUSING_INTERVALS = (our_interval, their_interval)
REFUSING_SETS = (our_sets, their_sets)


def tensor(values):
    return torch.from_numpy(np.array(values))


def same(found, expected):
    """Check both ends of intervals, infinite ones where they are expected."""
    for end, wanted in zip(map(np.asarray, found), map(np.asarray, expected), strict=True):
        assert end.dtype == wanted.dtype == np.float64
        assert end.shape == wanted.shape
        np.testing.assert_allclose(end, wanted, rtol=1e-12, atol=1e-12)


def equal(found, expected):
    for end, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(end), np.asarray(wanted))


# The papers' formulas, one test and one number at a time.


def order_statistic(values, k):
    """Return the k-th smallest, counted from 1; before the first and after the last, infinity."""
    if not 1 <= k <= len(values):
        return -INF if k < 1 else INF
    return sorted(values)[k - 1]


ENDS = {
    "absolute": lambda score, number: (number - score, number + score),
    "normalized": lambda score, number, spread: (number - score * spread, number + score * spread),
    "cqr": lambda score, low, high: (low - score, high + score),
    "asymmetric_cqr": lambda score, low, high: (low - score[0], high + score[1]),
}


def interval_of_paper(scores, folds, *predictions, alpha, name="absolute", shift=0):
    """Return the interval of arXiv:1905.02928, equation 11.

    Args:
        scores: (samples, ...), with two tails (samples, ..., 2).
        folds: (samples,).
        predictions: (models, tests, ...) each.
        alpha: a fraction.
        name: of the residual.
        shift: of both ranks, outwards, for a rule that is wrong on purpose.
    """
    num, tail = len(folds), Fraction(alpha) / (2 if name == "asymmetric_cqr" else 1)
    low_rank = math.floor(tail * (num + 1)) - shift
    high_rank = math.ceil((1 - tail) * (num + 1)) + shift
    lower, upper = np.empty((2, *predictions[0].shape[1:]))
    for place in np.ndindex(lower.shape):
        ends = []
        for sample, fold in enumerate(folds):
            of_model = (each[fold][place] for each in predictions)
            ends.append(ENDS[name](scores[(sample, *place[1:])], *of_model))
        lower[place] = order_statistic([low for low, _ in ends], low_rank)
        upper[place] = order_statistic([high for _, high in ends], high_rank)
    return Interval(lower, upper)


def sets_of_paper(scores, folds, test_scores, *, alpha):
    """Return the sets of Romano, Sesia and Candes, 2020, equation 11."""
    limit = (1 - Fraction(alpha)) * (len(scores) + 1)
    sets = np.empty(test_scores.shape[1:], bool)
    for test, label in np.ndindex(sets.shape):
        of_samples = zip(scores, test_scores[folds, test, label], strict=True)
        over = [score < of_test for score, of_test in of_samples]
        sets[test, label] = sum(over) < limit
    return sets


def problem(name, *, num=23, models=4, tests=5, outputs=(), seed=0):
    """Return scores, folds and predictions of a residual, all continuous."""
    generator = np.random.default_rng(seed)
    folds = generator.permutation(np.arange(num) % models)
    predictions = [generator.normal(size=(models, tests, *outputs))]
    scores = generator.exponential(size=(num, *outputs))
    if name == "normalized":
        predictions.append(generator.uniform(0.5, 2, predictions[0].shape))
    if "cqr" in name:
        # Scores of samples inside their quantiles are negative; some lower ends end up on top.
        predictions.append(predictions[0] + generator.exponential(size=predictions[0].shape))
        scores -= 0.7
    if name == "asymmetric_cqr":
        scores = np.stack([scores, generator.normal(size=scores.shape)], axis=-1)
    return scores, folds, *predictions


def label_problem(*, num=23, models=4, tests=5, classes=3, seed=0):
    """Return scores, folds and test scores with one decimal, and so with many ties."""
    generator = np.random.default_rng(seed)
    folds = generator.permutation(np.arange(num) % models)
    scores = generator.random(num).round(1)
    return scores, folds, generator.random((models, tests, classes)).round(1)


# By hand.

SCORES, FOLDS = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
PREDICTED = np.array([[10.0], [20.0]])  # lower ends 9, 8, 17, 16; upper ends 11, 12, 23, 24


@pytest.mark.parametrize(
    ("alpha", "lower", "upper"),
    [
        (0.4, 9.0, 23.0),  # ranks 2 and 3 of 4
        (Fraction(1, 5), 8.0, 24.0),  # ranks 1 and 4
        (1 - 0.8, 8.0, 24.0),  # 0.19999999999999996
        (0.19, -INF, INF),  # ranks 0 and 5
        (0.99, 17.0, 11.0),  # ranks 4 and 1: an empty interval
    ],
)
def test_intervals_by_hand(alpha, lower, upper):
    for interval in (our_interval, *INTERVALS):
        same(interval(SCORES, FOLDS, PREDICTED, alpha=alpha), ([lower], [upper]))


def test_sets_by_hand():
    # The labels are over 2, 4, 0 and 2 of the samples; the last one is as large as two more.
    test_scores = np.array([[[1.5, 2.5, 0.5, 2.0]], [[3.5, 4.5, 0.5, 4.0]]])
    for sets in (our_sets, *SETS):
        for alpha, expected in (
            (0.4, [True, False, True, True]),  # under 3
            (0.6, [False, False, True, False]),  # under 2
            (0.59, [True, False, True, True]),  # under 2.05
            (0.2, [True, False, True, True]),  # under 4
            (0.19, [True, True, True, True]),  # under 4.05
        ):
            found = np.asarray(sets(SCORES, FOLDS, test_scores, alpha=alpha))
            assert found.dtype == np.bool_
            np.testing.assert_array_equal(found, [expected], str(alpha))


# By the papers.


@pytest.mark.parametrize("outputs", [(), (2, 3)])
@pytest.mark.parametrize("name", RESIDUALS)
def test_intervals_are_the_papers_order_statistics(name, outputs):
    given = problem(name, outputs=outputs)
    for alpha in (Fraction(1, 10), Fraction(1, 3), Fraction(37, 50)):
        expected = interval_of_paper(*given, alpha=alpha, name=name)
        assert np.isfinite(expected).all()
        for interval in INTERVALS:
            same(interval(*given, alpha=alpha, name=name), expected)
            same(interval(*given, alpha=float(alpha), name=name), expected)


@pytest.mark.parametrize("num", [1, 2, 9, 10])
def test_few_samples(num):
    models = min(num, 3)
    given = problem("absolute", num=num, models=models, seed=num)
    labels = label_problem(num=num, models=models, seed=num)
    for alpha in (Fraction(1, 10), Fraction(1, 3), Fraction(2, 3)):
        for interval in INTERVALS:
            same(interval(*given, alpha=alpha), interval_of_paper(*given, alpha=alpha))
        for sets in SETS:
            found = np.asarray(sets(*labels, alpha=alpha))
            np.testing.assert_array_equal(found, sets_of_paper(*labels, alpha=alpha))


@pytest.mark.parametrize("seed", range(3))
def test_sets_are_those_of_the_paper(seed):
    given = label_problem(num=20 + seed, tests=40, classes=5, seed=seed)
    for alpha in (Fraction(1, 25), Fraction(1, 10), Fraction(1, 3), Fraction(1, 2)):
        expected = sets_of_paper(*given, alpha=alpha)
        for sets in SETS:
            np.testing.assert_array_equal(np.asarray(sets(*given, alpha=alpha)), expected)
    assert 0 < expected.mean() < 1


def test_a_rank_beside_the_papers_would_be_seen():
    given = problem("absolute")
    found = our_interval(*given, alpha=Fraction(1, 3))
    for shift in (-1, 1):
        wrong = interval_of_paper(*given, alpha=Fraction(1, 3), shift=shift)
        assert (np.asarray(found.lower) != wrong.lower).all()
        assert (np.asarray(found.upper) != wrong.upper).all()


def test_a_fold_of_another_model_would_be_seen():
    scores, folds, predicted = problem("absolute")
    labels = label_problem(tests=40)
    for interval, sets in zip(INTERVALS, SETS, strict=True):
        right = interval(scores, folds, predicted, alpha=0.3)
        wrong = interval(scores, (folds + 1) % 4, predicted, alpha=0.3)
        assert (np.asarray(right.lower) != np.asarray(wrong.lower)).any()
        found = sets(labels[0], (labels[1] + 1) % 4, labels[2], alpha=Fraction(1, 3))
        assert (np.asarray(found) != sets_of_paper(*labels, alpha=Fraction(1, 3))).any()


@pytest.mark.parametrize("name", RESIDUALS)
def test_ends_are_infinite_where_a_tail_times_all_and_one_is_under_one(name):
    tails = 2 if name == "asymmetric_cqr" else 1
    for num in (9 * tails, 10 * tails):
        given = problem(name, num=num, outputs=(2,))
        for interval in INTERVALS:
            for alpha in (Fraction(tails, num + 1), tails / (num + 1), 1 - (1 - tails / (num + 1))):
                assert np.isfinite(
                    [np.asarray(end) for end in interval(*given, alpha=alpha, name=name)]
                ).all()
            lower, upper = interval(*given, alpha=tails / (num + 1) - 1e-6, name=name)
            assert (np.asarray(lower) == -INF).all()
            assert (np.asarray(upper) == INF).all()


def test_sets_hold_every_label_where_alpha_times_all_and_one_is_under_one():
    scores, folds, test_scores = label_problem(num=9)
    for sets in SETS:
        assert np.asarray(sets(scores, folds, test_scores + 2, alpha=0.099)).all()
        assert not np.asarray(sets(scores, folds, test_scores + 2, alpha=0.1)).any()


def test_infinite_scores_are_allowed():
    scores, folds, predicted = problem("absolute")
    scores[:3] = INF
    for interval in INTERVALS:
        for alpha in (Fraction(1, 10), Fraction(1, 3)):
            expected = interval_of_paper(scores, folds, predicted, alpha=alpha)
            same(interval(scores, folds, predicted, alpha=alpha), expected)


@pytest.mark.parametrize("name", RESIDUALS)
def test_a_fold_for_each_sample_is_the_jackknife_plus(name):
    num = 21
    scores, _, *predictions = problem(name, num=num, models=num)
    # arXiv:1905.02928, equation 9: model i is the one without sample i.
    tail = Fraction(1, 8) if name == "asymmetric_cqr" else Fraction(1, 4)
    ends = [
        [ENDS[name](scores[i], *(each[i, test] for each in predictions)) for i in range(num)]
        for test in range(5)
    ]
    expected = (
        [order_statistic([low for low, _ in each], math.floor(tail * 22)) for each in ends],
        [order_statistic([high for _, high in each], math.ceil((1 - tail) * 22)) for each in ends],
    )
    for interval in INTERVALS:
        same(interval(scores, np.arange(num), *predictions, alpha=0.25, name=name), expected)


def test_sets_with_a_fold_for_each_sample():
    scores, _, test_scores = label_problem(num=21, models=21, tests=20)
    over = (scores[:, None, None] < test_scores).sum(0)
    for sets in SETS:
        found = sets(scores, np.arange(21), test_scores, alpha=0.25)
        np.testing.assert_array_equal(np.asarray(found), over < 16.5)


def test_one_model_for_all_samples_is_split_conformal():
    scores, folds, predicted = problem("absolute", models=1)
    for interval in INTERVALS:
        threshold = ours.calibrate(scores, 0.3)
        same(
            interval(scores, folds, predicted, alpha=0.3),
            ours.absolute.interval(threshold, predicted[0]),
        )
    scores, folds, test_scores = label_problem(models=1)
    for sets in SETS:
        expected = test_scores[0] <= np.asarray(ours.calibrate(scores, 0.3))
        np.testing.assert_array_equal(
            np.asarray(sets(scores, folds, test_scores, alpha=0.3)), expected
        )


# What must not matter.


@pytest.mark.parametrize("tests", [0, 1, 64, 65])
def test_each_test_is_on_its_own_however_many_there_are(tests):
    scores, folds, predicted = problem("absolute", tests=130, outputs=(2,))
    labels = label_problem(tests=130)
    for interval, sets in zip(INTERVALS, SETS, strict=True):
        whole = interval(scores, folds, predicted, alpha=0.2)
        found = interval(scores, folds, predicted[:, :tests], alpha=0.2)
        equal(found, (end[:tests] for end in whole))
        found = sets(*labels[:2], labels[2][:, :tests], alpha=0.2)
        np.testing.assert_array_equal(
            np.asarray(found), np.asarray(sets(*labels, alpha=0.2))[:tests]
        )


@pytest.mark.parametrize("name", RESIDUALS)
def test_many_tests_are_those_of_the_paper(name):
    given = problem(name, tests=150, outputs=(2,))
    for interval in INTERVALS:
        found = interval(*given, alpha=0.2, name=name)
        same(found, interval_of_paper(*given, alpha=Fraction(1, 5), name=name))


@pytest.mark.parametrize("name", RESIDUALS)
def test_the_order_of_samples_and_models_changes_nothing(name):
    scores, folds, *predictions = problem(name, outputs=(2,))
    samples = np.random.default_rng(1).permutation(len(folds))
    models = np.array([2, 0, 3, 1])
    for interval in INTERVALS:
        expected = interval(scores, folds, *predictions, alpha=0.2, name=name)
        equal(
            interval(scores[samples], folds[samples], *predictions, alpha=0.2, name=name), expected
        )
        renamed = [each[np.argsort(models)] for each in predictions]
        equal(interval(scores, models[folds], *renamed, alpha=0.2, name=name), expected)
    scores, folds, test_scores = label_problem()
    for sets in SETS:
        expected = np.asarray(sets(scores, folds, test_scores, alpha=0.2))
        found = sets(scores[samples], folds[samples], test_scores, alpha=0.2)
        np.testing.assert_array_equal(np.asarray(found), expected)
        found = sets(scores, models[folds], test_scores[np.argsort(models)], alpha=0.2)
        np.testing.assert_array_equal(np.asarray(found), expected)


def test_a_model_that_no_sample_points_at_changes_nothing():
    scores, folds, predicted = problem("absolute")
    more = np.concatenate([predicted, np.full_like(predicted[:1], 1e6)])
    labels = label_problem()
    more_labels = np.concatenate([labels[2], np.ones_like(labels[2][:1])])
    for interval, sets in zip(INTERVALS, SETS, strict=True):
        equal(
            interval(scores, folds, more, alpha=0.2), interval(scores, folds, predicted, alpha=0.2)
        )
        found = sets(*labels[:2], more_labels, alpha=0.2)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(sets(*labels, alpha=0.2)))


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_folds_of_any_integer_type(kind):
    scores, folds, predicted = problem("absolute")
    labels = label_problem()
    for interval, sets in zip(INTERVALS, SETS, strict=True):
        expected = interval(scores, folds, predicted, alpha=0.2)
        equal(interval(scores, folds.astype(kind), predicted, alpha=0.2), expected)
        found = sets(labels[0], labels[1].astype(kind), labels[2], alpha=0.2)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(sets(*labels, alpha=0.2)))


@pytest.mark.parametrize("name", RESIDUALS)
def test_float32(name):
    with jax.enable_x64(False):
        given = problem(name, outputs=(2,))
        given = [each.astype(np.float32) if each.dtype == np.float64 else each for each in given]
        expected = interval_of_paper(*given, alpha=Fraction(1, 5), name=name)
        for interval in INTERVALS:
            found = interval(*given, alpha=0.2, name=name)
            for end, wanted in zip(found, expected, strict=True):
                assert np.asarray(end).dtype == np.float32
                np.testing.assert_allclose(np.asarray(end), wanted, rtol=1e-6, atol=1e-6)


def test_predictions_of_a_network_with_gradients_and_of_any_layout():
    scores, folds, predicted = map(tensor, problem("absolute", tests=9))
    expected = their_interval(*map(np.asarray, (scores, folds, predicted)), alpha=0.2)
    regressor = theirs.CrossConformalRegressor(0.2)
    regressor.calibrate(scores.requires_grad_(), folds)
    strided = predicted.T.contiguous().T.requires_grad_()
    equal((end.detach() for end in regressor.predict_interval(strided)), expected)
    scores, folds, test_scores = map(tensor, label_problem())
    classifier = theirs.CrossConformalClassifier(0.2)
    classifier.calibrate(scores.requires_grad_(), folds)
    strided = test_scores.permute(2, 1, 0).contiguous().permute(2, 1, 0).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a copy that searchsorted would make
        found = classifier.predict_sets(strided)
    expected = our_sets(*map(np.asarray, (scores.detach(), folds, test_scores)), alpha=0.2)
    np.testing.assert_array_equal(found, np.asarray(expected))


# Compiled.


@pytest.mark.parametrize("name", ["normalized", "asymmetric_cqr"])
def test_intervals_are_the_same_compiled(name):
    given = problem(name, tests=70, outputs=(2,))
    expected = our_interval(*given, alpha=0.2, name=name)
    same(our_compiled_interval(*given, alpha=0.2, name=name), expected)


def test_sets_are_the_same_compiled():
    given = label_problem()
    found = our_compiled_sets(*given, alpha=0.2)
    np.testing.assert_array_equal(found, our_sets(*given, alpha=0.2))


def test_resamples_of_scores_with_the_same_folds_are_mapped():
    scores, folds, predicted = problem("absolute")
    resamples = np.random.default_rng(2).exponential(size=(6, len(scores)))
    found = jax.vmap(lambda each: ours.cross_interval(each, folds, predicted, alpha=0.2))(resamples)
    loop = [our_interval(each, folds, predicted, alpha=0.2) for each in resamples]
    same(found, map(np.stack, zip(*loop, strict=True)))
    _, folds, test_scores = label_problem()
    found = jax.vmap(lambda each: ours.cross_sets(each, folds, test_scores, alpha=0.2))(resamples)
    loop = [our_sets(each, folds, test_scores, alpha=0.2) for each in resamples]
    np.testing.assert_array_equal(found, np.stack(loop))


# Memory: 2000 samples, 2000 tests and 5 models, where all at once would be 4 million numbers.

MANY = 2000


class LargestTensor(TorchDispatchMode):
    """Records how many numbers the largest tensor has that anything returns."""

    numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return result


def test_intervals_need_memory_for_some_tests_at_a_time():
    given = problem("asymmetric_cqr", num=MANY, models=5, tests=MANY)
    residual, twin = RESIDUALS["asymmetric_cqr"]
    compiled = COMPILED_INTERVAL.lower(*given, alpha=0.1, residual=residual).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < MANY * MANY * 8 / 5
    regressor = theirs.CrossConformalRegressor(0.1, twin())
    scores, folds, *predictions = map(tensor, given)
    regressor.calibrate(scores, folds)
    with LargestTensor() as largest:
        found = regressor.predict_interval(*predictions)
    assert 0 < largest.numbers <= MANY * 64
    same(compiled(*given), found)


def test_sets_need_memory_for_one_sample_at_a_time():
    given = label_problem(num=MANY, models=5, tests=MANY, classes=10)
    compiled = COMPILED_SETS.lower(*given, alpha=0.1).compile()
    # The numbers of all samples would be (samples, tests, classes).
    assert compiled.memory_analysis().temp_size_in_bytes < 10 * MANY * 10 * 8
    classifier = theirs.CrossConformalClassifier(0.1)
    scores, folds, test_scores = map(tensor, given)
    classifier.calibrate(scores, folds)
    with LargestTensor() as largest:
        found = classifier.predict_sets(test_scores)
    assert 0 < largest.numbers <= 5 * MANY * 10
    np.testing.assert_array_equal(compiled(*given), found)


def test_the_recorder_of_memory_sees_what_is_large():
    with LargestTensor() as largest:
        (torch.ones(MANY)[:, None] + torch.ones(MANY)).sum()
    assert largest.numbers == MANY * MANY


# Against MAPIE.


def numbers(num=60, seed=0):
    """Return inputs, positive targets, and inputs of tests."""
    generator = np.random.default_rng(seed)
    inputs = generator.uniform(0, 3, (num + 80, 2))
    targets = 20 + inputs @ [2, -1] + generator.gamma(2, size=num + 80) * inputs[:, 0]
    return inputs[:num], targets[:num], inputs[num:]


def splitter(name, num):
    model_selection = pytest.importorskip("sklearn.model_selection")
    if name == "LeaveOneOut":
        return model_selection.LeaveOneOut(), num
    return model_selection.KFold(7, shuffle=True, random_state=3), 7


def cross_validated(model, splits, inputs, targets, new, method="predict"):
    """Return folds, what each model predicts for its own samples, and what for new ones."""
    folds = np.empty(len(inputs), int)
    own, of_new = [None] * len(inputs), []
    for fold, (train, held_out) in enumerate(splits.split(inputs)):
        fitted = model().fit(inputs[train], targets[train])
        folds[held_out] = fold
        for sample, predicted in zip(
            held_out, getattr(fitted, method)(inputs[held_out]), strict=True
        ):
            own[sample] = predicted
        of_new.append(getattr(fitted, method)(new))
    return folds, np.array(own), np.array(of_new)


def linear_model():
    return pytest.importorskip("sklearn.linear_model").LinearRegression()


def mapie_interval(score, splits, level, inputs, targets, new):
    regression = pytest.importorskip("mapie.regression")
    mapie = regression.CrossConformalRegressor(
        linear_model(), confidence_level=level, conformity_score=score, method="plus", cv=splits
    )
    _, both = mapie.fit_conformalize(inputs, targets).predict_interval(new)
    return both[:, 0, 0], both[:, 1, 0]


@pytest.mark.parametrize(
    ("splits", "level"), [("KFold", 0.6), ("KFold", 0.9), ("LeaveOneOut", 0.9)]
)
def test_intervals_as_in_mapie(splits, level):
    scores_of = pytest.importorskip("mapie.conformity_scores")
    inputs, targets, new = numbers()
    splits, _ = splitter(splits, len(inputs))
    folds, own, predicted = cross_validated(linear_model, splits, inputs, targets, new)
    cases = {
        "absolute": (scores_of.AbsoluteConformityScore(), [own], [predicted]),
        # Its "gamma" score divides by the prediction itself.
        "normalized": (scores_of.GammaConformityScore(sym=True), [own] * 2, [predicted] * 2),
        # Signed residuals: both quantiles are the prediction.
        "asymmetric_cqr": (
            scores_of.AbsoluteConformityScore(sym=False), [own] * 2, [predicted] * 2,
        ),
    }  # fmt: skip
    for name, (score, of_samples, of_tests) in cases.items():
        residual, _ = RESIDUALS[name]
        scores = np.asarray(residual.score(targets, *of_samples))
        expected = mapie_interval(score, splits, level, inputs, targets, new)
        for interval in INTERVALS:
            found = interval(scores, folds, *of_tests, alpha=1 - level, name=name)
            np.testing.assert_allclose(
                np.stack([np.asarray(end) for end in found]), expected, 1e-11
            )


def test_mapie_rounds_a_rank_that_is_whole_up():
    # With 24 samples 0.56 (n + 1) is 14, in floats a little more: MAPIE takes the 15th.
    inputs, targets, new = numbers(num=24)
    splits, _ = splitter("KFold", 24)
    folds, own, predicted = cross_validated(linear_model, splits, inputs, targets, new)
    expected = mapie_interval("absolute", splits, 0.56, inputs, targets, new)
    for interval in INTERVALS:
        lower, upper = interval(abs(targets - own), folds, predicted, alpha=Fraction(10, 25))
        np.testing.assert_allclose(np.stack([lower, upper]), expected, 1e-11)
        lower, upper = interval(abs(targets - own), folds, predicted, alpha=1 - 0.56)
        assert (np.asarray(upper) < expected[1]).any()
        assert (np.asarray(lower) > expected[0]).any()


@pytest.mark.parametrize(
    ("num", "alpha"),
    # MAPIE keeps a label that is not over at least alpha (n - 1) samples' scores; the paper's
    # rule is over alpha (n + 1) - 1. With 60 samples that are 6 in both, with 64 they are 7 and 6.
    [(60, Fraction(1, 10)), (64, Fraction(7, 65))],
)
@pytest.mark.parametrize("splits", ["KFold", "LeaveOneOut"])
def test_sets_as_in_mapie(num, alpha, splits):
    classification = pytest.importorskip("mapie.classification")
    bayes = pytest.importorskip("sklearn.naive_bayes").GaussianNB
    generator = np.random.default_rng(num)
    labels = generator.permutation(np.arange(num) % 3)
    inputs = generator.normal(size=(num, 2)) + labels[:, None] * [1.0, -0.5]
    new = generator.normal(size=(80, 2)) + generator.integers(0, 3, 80)[:, None] * [1.0, -0.5]
    splits, _ = splitter(splits, num)
    mapie = classification.CrossConformalClassifier(
        bayes(), confidence_level=0.9, conformity_score="lac", cv=splits
    ).fit_conformalize(inputs, labels)
    _, expected = mapie.predict_set(new, agg_scores="crossval")
    folds, own, probs = cross_validated(bayes, splits, inputs, labels, new, "predict_proba")
    scores = np.asarray(ours.label_scores(ours.lac(own), labels))
    for sets in SETS:
        found = np.asarray(sets(scores, folds, 1 - probs, alpha=alpha))
        np.testing.assert_array_equal(found, expected[:, :, 0])
        assert 1 < found.sum(1).mean() < 3
        other = np.asarray(sets(scores, folds, 1 - probs, alpha=0.1))
        assert (other == found).all() == (num == 60)


# What is refused.

GOOD = {"scores": SCORES, "folds": FOLDS, "predictions": PREDICTED, "alpha": 0.4}
BAD = [
    ({"scores": SCORES[:0], "folds": FOLDS[:0]}, "calibration needs scores of at least one sample"),
    ({"scores": [1.0, 2.0, math.nan, 4.0]}, "scores must be numbers, got NaN among them"),
    ({"folds": FOLDS[:3]}, "folds must have shape (4,), one a sample, got (3,)"),
    ({"folds": FOLDS[:, None]}, "folds must have shape (4,), one a sample, got (4, 1)"),
    ({"folds": [0, 0, 1, 2]}, "folds must be integers from 0 to 1, got int64 from 0 to 2"),
    ({"predictions": SCORES}, "predictions must have one shape (models, tests, ...), got (4,)"),
    ({"predictions": [[10.0], [math.nan]]}, "scores must be numbers, got NaN among them"),
    ({"alpha": 0}, "alpha must be a number over 0 and under 1, got 0"),
    ({"alpha": 1}, "alpha must be a number over 0 and under 1, got 1"),
    ({"alpha": math.nan}, "alpha must be a number over 0 and under 1, got nan"),
    ({"alpha": "0.1"}, "alpha must be a number over 0 and under 1, got '0.1'"),
]


def refused(message, functions, **changed):
    given = GOOD | changed
    arrays = [np.asarray(given[name]) for name in ("scores", "folds", "predictions")]
    check_refused(message, *(lambda f=f: f(*arrays, alpha=given["alpha"]) for f in functions))


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_what_does_not_fit_together_is_refused_alike(changed, message):
    refused(message, REFUSING_INTERVALS, **changed)
    if "predictions" not in changed:
        refused(message, REFUSING_SETS, predictions=PREDICTED[:, :, None], **changed)


@pytest.mark.parametrize("name", RESIDUALS)
def test_scores_of_other_outputs_than_the_predictions_are_refused(name):
    # With as many outputs as samples they would broadcast to something that is not meant.
    scores, folds, *predictions = problem(name, num=4, tests=4, outputs=(4,))
    for wrong in (scores[:, 0], scores[..., None], scores[:, :2]):
        calls = (
            lambda f=f, s=wrong: f(s, folds, *predictions, alpha=0.4, name=name)
            for f in REFUSING_INTERVALS
        )
        check_refused(f"scores must have shape {scores.shape}, got {wrong.shape}", *calls)


def test_scores_of_sets_are_one_a_sample():
    scores, folds, test_scores = label_problem(num=4, classes=3)
    wrong = np.stack([scores] * 3, axis=1)
    calls = (lambda f=f: f(wrong, folds, test_scores, alpha=0.4) for f in REFUSING_SETS)
    check_refused("scores must have shape (4,), got (4, 3)", *calls)


def test_test_scores_that_are_no_numbers_are_refused():
    scores, folds, test_scores = label_problem()
    test_scores[1, 2, 0] = math.nan
    calls = (lambda f=f: f(scores, folds, test_scores, alpha=0.4) for f in REFUSING_SETS)
    check_refused("scores must be numbers, got NaN among them", *calls)


def test_predictions_of_two_shapes_are_refused():
    scores, folds, lower, upper = problem("cqr")
    calls = (
        lambda f=f: f(scores, folds, lower, upper[:, 1:], alpha=0.4, name="cqr")
        for f in REFUSING_INTERVALS
    )
    message = "predictions must have one shape (models, tests, ...), got (4, 5), (4, 4)"
    check_refused(message, *calls)


@pytest.mark.parametrize("spread", [0.0, -1.0, INF])
def test_a_spread_that_cannot_be_is_refused(spread):
    scores, folds, predicted, spreads = problem("normalized")
    spreads[0, 0] = spread
    calls = (
        lambda f=f: f(scores, folds, predicted, spreads, alpha=0.4, name="normalized")
        for f in REFUSING_INTERVALS
    )
    check_refused("spread must be finite and over 0, got", *calls)


def test_negative_folds_are_refused():
    for function, predicted in (
        (REFUSING_INTERVALS, PREDICTED),
        (REFUSING_SETS, PREDICTED[:, :, None]),
    ):
        for each in function:
            # The object does not know yet how many models there are.
            with pytest.raises(ValueError, match=re.escape("folds must be integers from 0 to ")):
                each(SCORES, FOLDS - 1, predicted, alpha=0.4)


def test_nothing_is_predicted_before_calibration():
    check_refused(
        "calibrate has to be called before anything can be predicted",
        lambda: theirs.CrossConformalRegressor(0.1).predict_interval(tensor(PREDICTED)),
        lambda: theirs.CrossConformalClassifier(0.1).predict_sets(tensor(PREDICTED)[:, :, None]),
    )
