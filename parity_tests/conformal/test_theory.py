"""Split conformal prediction against theory: what coverage must be, in both backends.

How often a right implementation would fail, and what a wrong one must look like, is said in
``coverage_statistics``.
"""

import functools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from parity_tests.helpers.builders import check_refused
from parity_tests.helpers.conformal_cases import tensors
from parity_tests.helpers.coverage_resamples import (
    NUM_LOOPED,
    NUM_RESAMPLES,
    SEED,
    both_hits,
    is_inside,
    one_by_one,
    over_resamples,
    own_lac_scores,
    same_thresholds,
)
from parity_tests.helpers.coverage_statistics import (
    JUDGED,
    MAX_CASES,
    assert_plausible,
    assert_rejected,
    chances,
    exact_rank,
    judge,
    judge_at_least,
    judge_hits,
)
from zoojax import conformal as ours
from zoojax.conformal import evaluation as ours_coverage
from zoojax.spec.conformal import coverage_band, log_beta_binomial
from zootorch import Generator
from zootorch import conformal as theirs
from zootorch.conformal import evaluation as theirs_coverage

# Scores drawn from a density have no ties in float64.
pytestmark = pytest.mark.usefixtures("x64")

NUM_COLUMNS = 20_000
"""Of resamples of scores alone, side by side."""

# (n, m, alpha). (n + 1)(1 - alpha) is an integer in the first five; in the fifth it is 58, and
# over 58 in floats. In the last two k is n + 1, so that all is covered; before them it is n.
SETTINGS = (
    (19, 40, 0.1),
    (19, 40, 0.3),
    (199, 50, 0.1),
    (9, 20, 0.1),
    (99, 50, 0.42),
    (12, 30, 0.2),
    (100, 100, 0.05),
    (30, 20, 0.5),
    (39, 40, 0.025),
    (5, 10, 0.1),
    (8, 20, 0.1),
)
FINITE = SETTINGS[:-2]
SMALL = ((19, 40, 0.1), (12, 40, 0.25))
"""For scores with data of their own; the second is no integer."""


def halves(num, *arrays):
    """Return the calibration samples of arrays (resamples, samples, ...), and the tests."""
    return [each[:, :num] for each in arrays], [each[:, num:] for each in arrays]


# ---------------------------------------------------------------- thresholds of scores alone


def columns(num, num_tests, num_resamples=NUM_COLUMNS):
    """Return scores without ties, (num, resamples) and (num_tests, resamples)."""
    rng = np.random.default_rng(SEED)
    return rng.normal(size=(num, num_resamples)), rng.normal(size=(num_tests, num_resamples))


@pytest.mark.parametrize(("num", "num_tests", "alpha"), SETTINGS)
def test_the_number_covered_is_beta_binomial(num, num_tests, alpha):
    scores, tests = columns(num, num_tests)
    hits = tests <= same_thresholds(scores, alpha)
    mean = min(exact_rank(num, alpha) / (num + 1), 1)
    promised = judge_hits(hits[0], 1 - alpha, min(1 - alpha + 1 / (num + 1), 1))
    law = judge(hits.sum(0), chances(num, num_tests, alpha))
    assert_plausible([law, judge_hits(hits[0], mean, mean), promised])


def order_statistic(scores, k):
    """Return the k-th smallest of each column, infinite where there is none."""
    if k > len(scores):
        return np.full(scores.shape[1], np.inf)
    return np.sort(scores, axis=0)[k - 1]


def numpy_higher(scores, alpha):
    """Return what ``np.quantile`` makes of k / n: one rank too high, where k is under n."""
    level = exact_rank(len(scores), alpha) / len(scores)
    return np.quantile(scores, level, axis=0, method="higher")


WRONG_THRESHOLDS = {
    "one rank too low": lambda s, a: order_statistic(s, exact_rank(len(s), a) - 1),
    "one rank too high": lambda s, a: order_statistic(s, exact_rank(len(s), a) + 1),
    "np.quantile, higher": numpy_higher,
}
HIGHER = "np.quantile, higher"


@pytest.mark.parametrize("wrong", WRONG_THRESHOLDS)
def test_a_wrong_rank_is_rejected_in_every_setting(wrong):
    small = ((*setting, NUM_LOOPED) for setting in SMALL)
    for num, num_tests, alpha, num_resamples in (*((*s, NUM_COLUMNS) for s in FINITE), *small):
        scores, tests = columns(num, num_tests, num_resamples)
        counts = (tests <= WRONG_THRESHOLDS[wrong](scores, alpha)).sum(0)
        judged = judge(counts, chances(num, num_tests, alpha))
        if wrong == HIGHER and exact_rank(num, alpha) == num:
            assert_plausible(judged)
        else:
            assert_rejected(judged)


def test_a_rank_worked_out_in_floats_is_rejected():
    num, num_tests, alpha = 99, 50, 0.42
    scores, tests = columns(num, num_tests)
    k = math.ceil((num + 1) * (1 - alpha))
    assert k == exact_rank(num, alpha) + 1
    counts = (tests <= order_statistic(scores, k)).sum(0)
    assert_rejected(judge(counts, chances(num, num_tests, alpha)))


def test_a_rank_one_too_low_breaks_the_promised_mean():
    for num, alpha in ((19, 0.1), (12, 0.2)):
        scores, tests = columns(num, 1)
        hits = tests[0] <= order_statistic(scores, exact_rank(num, alpha) - 1)
        assert_rejected(judge_hits(hits, 1 - alpha, 1 - alpha + 1 / (num + 1)))


# ---------------------------------------------------------------- scores with ties

TIES = {
    "all equal": np.zeros_like,
    "two values": lambda scores: np.float64(scores > 0),
    "rounded": np.round,
    "half of them 0": lambda scores: np.maximum(scores, 0),
    "rounded up beyond 1": lambda scores: np.where(scores > 1, np.inf, scores),
}


@pytest.mark.parametrize("ties", TIES)
def test_with_ties_no_less_is_covered(ties):
    p_values = []
    for num, num_tests, alpha in SETTINGS:
        scores, tests = map(TIES[ties], columns(num, num_tests, NUM_RESAMPLES))
        hits = tests <= same_thresholds(scores, alpha)
        at_least = judge_at_least(hits.sum(0), chances(num, num_tests, alpha))
        p_values += [at_least, judge_hits(hits[0], 1 - alpha)]
    assert_plausible(p_values)


def test_ties_left_out_are_rejected():
    num, num_tests, alpha = SETTINGS[0]
    scores, tests = map(np.round, columns(num, num_tests, NUM_RESAMPLES))
    hits = tests < same_thresholds(scores, alpha)
    assert_rejected(judge_at_least(hits.sum(0), chances(num, num_tests, alpha)))
    assert_rejected(judge_hits(hits[0], 1 - alpha))


# ---------------------------------------------------------------- classes

NUM_CLASSES = 5


def class_samples(num, num_labels=NUM_CLASSES, num_resamples=NUM_RESAMPLES):
    """Return probs (resamples, num, classes), and labels (resamples, num).

    A label is one of the ``num_labels`` most probable ones, all alike: coverage rests on no
    more than that samples are drawn alike.
    """
    rng = np.random.default_rng(SEED)
    probs = rng.dirichlet(np.ones(NUM_CLASSES), (num_resamples, num))
    place = rng.integers(num_labels, size=(num_resamples, num, 1))
    return probs, np.take_along_axis(np.argsort(-probs, axis=-1), place, -1)[..., 0]


# A function of probabilities and a key, and the object of a generator.
RANDOMISED = {
    "APS": (ours.aps, theirs.APS),
    "RAPS": (
        functools.partial(ours.raps, penalty=0.1),
        functools.partial(theirs.RAPS, penalty=0.1),
    ),
    "SAPS": (ours.saps, theirs.SAPS),
}
FIXED = {
    "LAC": (lambda probs, key: ours.lac(probs), lambda generator: theirs.LAC()),
    "APS": (lambda probs, key: ours.aps(probs), lambda generator: theirs.APS()),
    "RAPS": (lambda probs, key: ours.raps(probs), lambda generator: theirs.RAPS()),
    "SAPS": (lambda probs, key: ours.saps(probs), lambda generator: theirs.SAPS()),
    "top-k": (lambda probs, key: ours.top_k(probs), lambda generator: theirs.TopK()),
}


def our_class_hits(scores, alpha, calibration, tests):
    """Return which tests zoojax covers, (resamples, tests).

    ``scores`` are of calibration samples and of tests.
    """
    of_calibration, of_tests = scores

    def hits(key, probs, labels, new_probs, new_labels):
        first, second = jax.random.split(key)
        own = ours.label_scores(of_calibration(probs, first), labels)
        score = functools.partial(of_tests, key=second)
        sets = ours.prediction_sets(new_probs, ours.calibrate(own, alpha), score=score)
        return ours_coverage.is_covered(sets, new_labels)

    keys = jax.random.split(jax.random.key(SEED), len(tests[0]))
    return over_resamples(hits, keys, *calibration, *tests)


def their_class_hits(score, alpha, calibration, tests):
    """Return which tests of the first resamples zootorch covers."""
    classifier = theirs.SplitConformalClassifier(alpha, score=score)

    def hits(probs, labels, new_probs, new_labels):
        classifier.calibrate(probs, labels)
        return theirs_coverage.is_covered(classifier.predict_sets(new_probs), new_labels)

    return one_by_one(hits, *calibration, *tests)


@pytest.mark.parametrize("name", RANDOMISED)
@pytest.mark.parametrize(("num", "num_tests", "alpha"), SMALL)
def test_sets_of_randomised_scores(name, num, num_tests, alpha):
    score, twin = RANDOMISED[name]
    samples = halves(num, *class_samples(num + num_tests))
    law = chances(num, num_tests, alpha)
    our_hits = our_class_hits((score, score), alpha, *samples)
    their_hits = their_class_hits(twin(Generator(SEED)), alpha, *samples)
    assert_plausible([judge(our_hits.sum(1), law), judge(their_hits.sum(1), law)])


@pytest.mark.parametrize("name", ["LAC", "APS", "RAPS", "SAPS"])
@pytest.mark.parametrize(("num", "num_tests", "alpha"), SMALL)
def test_sets_of_scores_that_are_not_randomised(name, num, num_tests, alpha):
    score, twin = FIXED[name]
    # Up to the last label probabilities always add up to 1, which would be ties.
    samples = halves(num, *class_samples(num + num_tests, NUM_CLASSES - 1))
    law = chances(num, num_tests, alpha)
    our_hits = our_class_hits((score, score), alpha, *samples)
    their_hits = their_class_hits(twin(None), alpha, *samples)
    np.testing.assert_array_equal(our_hits[:NUM_LOOPED], their_hits)
    assert_plausible([judge(our_hits.sum(1), law), judge(their_hits.sum(1), law)])


@pytest.mark.parametrize("name", ["APS", "RAPS", "top-k"])
def test_sets_of_scores_with_ties_cover_no_less(name):
    score, twin = FIXED[name]
    num, num_tests, alpha = SMALL[0]
    samples = halves(num, *class_samples(num + num_tests))
    law = chances(num, num_tests, alpha)
    our_hits = our_class_hits((score, score), alpha, *samples)
    their_hits = their_class_hits(twin(None), alpha, *samples)
    at_least = [judge_at_least(hits.sum(1), law) for hits in (our_hits, their_hits)]
    assert_plausible([*at_least, *judge_hits(our_hits[:, 0], 1 - alpha)])


@pytest.mark.parametrize("which", ["calibration", "tests"])
def test_sets_of_which_only_one_side_is_randomised_are_rejected(which):
    num, num_tests, alpha = SMALL[1]
    samples = halves(num, *class_samples(num + num_tests, num_resamples=NUM_LOOPED))
    scores = (ours.aps, FIXED["APS"][0])
    hits = our_class_hits(scores[:: 1 if which == "calibration" else -1], alpha, *samples)
    assert_rejected(judge(hits.sum(1), chances(num, num_tests, alpha)))


# ---------------------------------------------------------------- classes and groups, each alone

GROUP_ALPHA = 0.1
GROUP_SIZES = np.array([4, 9, 19, 30])
"""Of calibration samples; the threshold of the first is infinite."""

GROUP_TESTS = np.array([5, 10, 20, 15])
NUM_GROUPS = len(GROUP_SIZES)


def group_samples(num_resamples=NUM_RESAMPLES):
    """Return probs and the groups they are of, in any order, of calibration and of tests.

    Probabilities differ from group to group, so that one threshold is wrong for each.
    """
    rng = np.random.default_rng(SEED)
    for sizes in (GROUP_SIZES, GROUP_TESTS):
        ordered = np.repeat(np.arange(NUM_GROUPS), sizes)
        groups = rng.permuted(np.tile(ordered, (num_resamples, 1)), axis=1)
        own = np.eye(NUM_GROUPS)[groups]
        gammas = rng.standard_gamma(1 + 2 * groups[..., None] * own)
        yield gammas / gammas.sum(-1, keepdims=True), groups


def judge_groups(hits, groups):
    """Judge how many of each group are covered."""
    settings = zip(GROUP_SIZES, GROUP_TESTS, strict=True)
    laws = (chances(int(num), int(tests), GROUP_ALPHA) for num, tests in settings)
    counts = (np.sum(hits & (groups == group), axis=1) for group in range(NUM_GROUPS))
    return [judge(count, law) for count, law in zip(counts, laws, strict=True)]


def our_group_thresholds(probs, groups):
    scores = own_lac_scores(probs, groups)
    return ours.calibrate_groups(scores, groups, GROUP_ALPHA, num_groups=NUM_GROUPS)


def our_class_conditional(probs, labels, new_probs, new_labels):
    sets = ours.prediction_sets(new_probs, our_group_thresholds(probs, labels))
    return ours_coverage.is_covered(sets, new_labels)


def our_groups(probs, groups, new_probs, new_groups):
    threshold = our_group_thresholds(probs, groups)[new_groups][:, None]
    return ours_coverage.is_covered(ours.prediction_sets(new_probs, threshold), new_groups)


def their_class_conditional(probs, labels, new_probs, new_labels):
    classifier = theirs.ClassConditionalClassifier(GROUP_ALPHA)
    classifier.calibrate(probs, labels)
    return theirs_coverage.is_covered(classifier.predict_sets(new_probs), new_labels)


def their_groups(probs, groups, new_probs, new_groups):
    classifier = theirs.GroupConformalClassifier(GROUP_ALPHA, NUM_GROUPS)
    classifier.calibrate(probs, groups, groups)
    return theirs_coverage.is_covered(classifier.predict_sets(new_probs, new_groups), new_groups)


@pytest.mark.parametrize(
    ("function", "method"),
    [(our_class_conditional, their_class_conditional), (our_groups, their_groups)],
)
def test_each_class_and_each_group_has_its_own_law(function, method):
    calibration, (probs, groups) = group_samples()
    hits, found = both_hits(function, method, *calibration, probs, groups)
    assert_plausible([judge_groups(hits, groups), judge_groups(found, groups[:NUM_LOOPED])])


def test_one_threshold_for_all_groups_is_rejected():
    def hits(probs, labels, new_probs, new_labels):
        threshold = ours.calibrate(own_lac_scores(probs, labels), GROUP_ALPHA)
        return own_lac_scores(new_probs, new_labels) <= threshold

    calibration, tests = group_samples(NUM_LOOPED)
    for p_values in judge_groups(over_resamples(hits, *calibration, *tests), tests[1]):
        assert_rejected(p_values)


# ---------------------------------------------------------------- numbers


def number_samples(num, num_resamples=NUM_RESAMPLES):
    """Return targets, predictions, spreads, and two quantiles: (resamples, num) each.

    Noise is skew and of unequal spread, predictions are off and quantiles may cross.
    """
    rng = np.random.default_rng(SEED)
    mean, width, noise = rng.normal(size=(3, num_resamples, num))
    spread = np.exp(0.5 * width)
    targets = mean + spread * (np.exp(noise) - 1)
    crossing = rng.normal(size=(2, num_resamples, num)) / 2
    lower, upper = mean - spread + crossing[0], mean + spread + crossing[1]
    return targets, mean + 0.3, spread, lower, upper


RESIDUALS = {
    "absolute": (ours.absolute, theirs.AbsoluteResidual, [0, 1]),
    "normalised": (ours.normalized, theirs.NormalizedResidual, [0, 1, 2]),
    "CQR": (ours.cqr, theirs.CQR, [0, 3, 4]),
    "asymmetric CQR": (ours.asymmetric_cqr, theirs.AsymmetricCQR, [0, 3, 4]),
}


def both_ends_kept(name, num, num_tests, alpha):
    """Return which targets keep to the lower ends and which to the upper ones.

    Returns:
        of each backend (2, resamples, tests) bool.
    """
    residual, twin, fields = RESIDUALS[name]
    samples = [number_samples(num + num_tests)[field] for field in fields]
    calibration, tests = halves(num, *samples)

    def kept(*arrays):
        own, (targets, *predicted) = arrays[: len(fields)], arrays[len(fields) :]
        threshold = ours.calibrate(residual.score(*own), alpha / residual.num_tails)
        lower, upper = residual.interval(threshold, *predicted)
        return jnp.stack([targets >= lower, targets <= upper])

    our_ends = over_resamples(kept, *calibration, *tests).swapaxes(0, 1)
    # An object calibrates all resamples at once, as columns.
    regressor = theirs.SplitConformalRegressor(alpha, twin())
    regressor.calibrate(*tensors(*(each.T for each in calibration)))
    targets, *predicted = tests
    lower, upper = regressor.predict_interval(*tensors(*(each.T for each in predicted)))
    return our_ends, np.stack([targets >= lower.numpy().T, targets <= upper.numpy().T])


@pytest.mark.parametrize("name", ["absolute", "normalised", "CQR"])
@pytest.mark.parametrize(("num", "num_tests", "alpha"), SMALL)
def test_intervals(name, num, num_tests, alpha):
    our_ends, their_ends = both_ends_kept(name, num, num_tests, alpha)
    np.testing.assert_array_equal(our_ends, their_ends)
    assert_plausible(judge(our_ends.all(0).sum(1), chances(num, num_tests, alpha)))


@pytest.mark.parametrize(("num", "num_tests", "alpha"), [*SMALL, (19, 40, 0.05)])
def test_intervals_of_which_each_end_moves_alone(num, num_tests, alpha):
    our_ends, their_ends = both_ends_kept("asymmetric CQR", num, num_tests, alpha)
    np.testing.assert_array_equal(our_ends, their_ends)
    law = chances(num, num_tests, alpha / 2)
    each = [judge(end.sum(1), law) for end in our_ends]
    assert_plausible([*each, judge_hits(our_ends.all(0)[:, 0], 1 - alpha)])


def test_intervals_that_give_all_of_alpha_to_each_end_are_rejected():
    num, num_tests, alpha = SMALL[1]
    ends, _ = both_ends_kept("asymmetric CQR", num, num_tests, 2 * alpha)
    assert_rejected(judge_hits(ends.all(0)[:, 0], 1 - alpha))
    for end in ends:
        assert_rejected(judge(end.sum(1), chances(num, num_tests, alpha / 2)))


def test_intervals_of_each_group_have_their_own_law():
    groups, new_groups = (np.repeat(np.arange(NUM_GROUPS), n) for n in (GROUP_SIZES, GROUP_TESTS))
    targets, predictions, *_ = number_samples(len(groups) + len(new_groups))
    of_samples = np.concatenate([groups, new_groups])
    # Of the groups the last is 8 times as hard to predict as the first.
    targets = predictions + (targets - predictions) * 2.0**of_samples
    calibration, tests = halves(len(groups), targets, predictions)

    def kept(own_targets, own, new_targets, new):
        scores = ours.absolute.score(own_targets, own)
        threshold = ours.calibrate_groups(scores, groups, GROUP_ALPHA, num_groups=NUM_GROUPS)
        return is_inside(ours.absolute.interval(threshold[new_groups], new), new_targets)

    hits = over_resamples(kept, *calibration, *tests)
    assert_plausible(judge_groups(hits, new_groups))
    regressor = theirs.GroupConformalRegressor(GROUP_ALPHA, NUM_GROUPS)
    places = dict(zip(("own", "new"), tensors(groups, new_groups), strict=True))
    regressor.calibrate(*tensors(*(each.T for each in calibration)), groups=places["own"])
    new_targets, new = tensors(*(each.T for each in tests))
    interval = regressor.predict_interval(new, groups=places["new"])
    np.testing.assert_array_equal(hits.T, is_inside(interval, new_targets))


# ---------------------------------------------------------------- the law and its band


def test_the_law_is_that_of_scipy_and_of_the_count_of_orders():
    for num, num_tests, alpha in FINITE:
        k = exact_rank(num, alpha)
        found = log_beta_binomial(num_tests, k, num + 1 - k)
        # The logarithms of gamma functions that cancel here are below 1200: 2e-13 each.
        expected = stats.betabinom.logpmf(np.arange(num_tests + 1), num_tests, k, num + 1 - k)
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-12)
        exact = chances(num, num_tests, alpha)
        np.testing.assert_allclose(np.exp(found), exact, rtol=2e-12, atol=0)
        wrong = log_beta_binomial(num_tests, k + 1, num + 1 - k)
        assert np.abs(np.exp(wrong) - exact).max() > 1e-3


def test_the_law_of_parameters_that_are_no_integers_is_that_of_scipy():
    for num, a, b in ((1, 0.5, 0.5), (7, 0.1, 20.25), (50, 3.7, 1e-3), (400, 1e3, 0.7)):
        expected = stats.betabinom.logpmf(np.arange(num + 1), num, a, b)
        np.testing.assert_allclose(log_beta_binomial(num, a, b), expected, rtol=0, atol=2e-11)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_the_band_is_that_of_scipy_and_the_narrowest_with_such_tails(level):
    for num, num_tests, alpha in FINITE:
        k = exact_rank(num, alpha)
        law = stats.betabinom(num_tests, k, num + 1 - k)
        tail = (1 - level) / 2
        ends = coverage_band(num, num_tests, alpha, level=level)
        assert ends == (law.ppf(tail) / num_tests, law.ppf(1 - tail) / num_tests)
        low, high = np.round(np.multiply(ends, num_tests))
        assert law.cdf(low - 1) < tail <= law.cdf(low)
        assert law.cdf(high - 1) < 1 - tail <= law.cdf(high)
    assert coverage_band(5, 10, 0.1, level=level) == (1.0, 1.0)


def test_a_band_of_no_level_between_0_and_1_is_refused():
    for level in (0, 1, 0.0, 1.0, -0.1, 1.5, True, math.nan, math.inf, "0.95", None, [0.95]):
        message = f"level must be a number over 0 and under 1, got {level!r}"
        check_refused(message, lambda level=level: coverage_band(19, 40, 0.1, level=level))
    for level in (np.nextafter(0, 1), np.float32(0.95), Fraction(19, 20), np.nextafter(1, 0)):
        low, high = coverage_band(19, 40, 0.1, level=level)
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_band_holds_its_level_in_resamples(level):
    p_values = []
    for num, num_tests, alpha in FINITE:
        scores, tests = columns(num, num_tests, NUM_RESAMPLES)
        coverage = np.mean(tests <= same_thresholds(scores, alpha), axis=0)
        low, high = coverage_band(num, num_tests, alpha, level=level)
        inside = (low <= coverage) & (coverage <= high)
        law = chances(num, num_tests, alpha)
        values = np.arange(num_tests + 1) / num_tests
        chance = law[(low <= values) & (values <= high)].sum()
        p_values += [judge_hits(inside, level), judge_hits(inside, chance, chance)]
    assert_plausible(p_values)


def test_the_band_of_a_binomial_is_too_narrow():
    # The mistake it corrects: to take the threshold, which is itself random, for the right one.
    num, num_tests, alpha = SETTINGS[0]
    scores, tests = columns(num, num_tests)
    coverage = np.mean(tests <= same_thresholds(scores, alpha), axis=0)
    low, high = stats.binom.ppf([0.025, 0.975], num_tests, 1 - alpha) / num_tests
    assert_rejected(judge_hits((low <= coverage) & (coverage <= high), 0.95))


# ---------------------------------------------------------------- false alarms


def test_false_alarm_rate_of_all_files_that_judge_coverage(request):
    paths = [request.path.with_name(name) for name in JUDGED]
    assert all(path.exists() for path in paths)
    assert sum(item.path in paths for item in request.session.items) < MAX_CASES
