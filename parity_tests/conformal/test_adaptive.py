"""Adaptive conformal inference: by hand, by the paper's equation in exact fractions, on waves."""

import math
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from parity_tests.helpers.builders import check_refused
from zoojax import conformal as ours
from zoojax.data import windows
from zootorch import conformal as theirs

INF = math.inf


@pytest.fixture(autouse=True)
def float64():
    """Compute in float64."""
    with jax.enable_x64(True):
        yield


def by_paper(scores, calibration, alpha, step_size):
    """Return levels, thresholds and errors of Gibbs and Candes, 2021, equation 2.

    Args:
        scores: (steps,) numbers.
        calibration: (window,) numbers.
        alpha: a fraction.
        step_size: a fraction.
    """
    level, window, steps = alpha, list(calibration), []
    for score in scores:
        k = math.ceil((len(window) + 1) * (1 - level))
        threshold = -INF if k < 1 else INF if k > len(window) else sorted(window)[k - 1]
        error = bool(score > threshold)
        steps.append((level, threshold, error))
        level += step_size * (alpha - error)
        window = [*window[1:], score]
    return tuple(map(list, zip(*steps, strict=True)))


def our_steps(scores, calibration, alpha, step_size):
    return ours.adaptive(scores, calibration, alpha=alpha, step_size=step_size)


def their_steps(scores, calibration, alpha, step_size):
    """Return the same of the object; scores are targets, of which 0 is predicted."""
    regressor = theirs.AdaptiveConformalRegressor(alpha, step_size=step_size)
    scores, calibration = torch.as_tensor(scores), torch.as_tensor(calibration)
    regressor.calibrate(calibration, torch.zeros_like(calibration))
    steps = []
    for score in scores.split(1):
        level, threshold = regressor.level, regressor.threshold
        assert threshold.dtype == calibration.dtype
        steps.append((level, threshold, regressor.update(score, torch.zeros_like(score))))
    return tuple(map(np.array, zip(*steps, strict=True)))


BOTH = (our_steps, their_steps)

# By hand: a window of 4 numbers, alpha a fifth and so rank 4 of 4; each miss lowers the level by
# 0.16, each hit raises it by 0.04.
HAND = (
    # score, level, rank, threshold, error; then the window
    (5.0, 0.20, 4, 4.0, True),  # 2 3 4 5
    (4.0, 0.04, 5, INF, False),  # 3 4 5 4
    (9.0, 0.08, 5, INF, False),  # 4 5 4 9
    (1.0, 0.12, 5, INF, False),  # 5 4 9 1
    (2.0, 0.16, 5, INF, False),  # 4 9 1 2
    (9.0, 0.20, 4, 9.0, False),  # 9 1 2 9
    (9.5, 0.24, 4, 9.0, True),
)


def test_steps_by_hand():
    scores, levels, _, thresholds, errors = zip(*HAND, strict=True)
    for steps in BOTH:
        found = steps(np.array(scores), np.array([1.0, 2.0, 3.0, 4.0]), 0.2, 0.2)
        np.testing.assert_allclose(found[0], levels, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found[1], thresholds)
        np.testing.assert_array_equal(found[2], errors)


def drifting(steps, window, seed=0):
    """Return scores of which the size drifts, and some from before; many are equal."""
    generator = np.random.default_rng(seed)
    size = 1 + np.sin(np.arange(steps) / 17) ** 2 + (np.arange(steps) > steps / 2)
    scores = size * generator.exponential(size=steps)
    return scores.round(1), generator.exponential(size=window).round(1)


# Of most, (window + 1)(1 - level) is whole at many steps, and some levels are exactly 0 or 1:
# there a rounding would move the threshold by a rank, or from the smallest score to infinity.
OPTIONS = [
    (Fraction(1, 10), Fraction(1, 200), 50),
    (Fraction(1, 10), Fraction(1, 20), 19),
    (Fraction(1, 10), Fraction(1, 10), 9),
    (Fraction(1, 3), Fraction(1, 3), 5),
    (Fraction(1, 2), Fraction(1, 4), 7),
    (Fraction(9, 10), Fraction(1, 10), 3),
    (Fraction(7, 10), Fraction(1, 7), 13),
    (Fraction(1, 100), Fraction(3), 4),
    (Fraction(1, 10), Fraction(1, 10), 1),
]


@pytest.mark.parametrize(("alpha", "step_size", "window"), OPTIONS)
def test_steps_are_those_of_the_paper(alpha, step_size, window):
    scores, calibration = drifting(400, window)
    levels, thresholds, errors = by_paper(scores, calibration, alpha, step_size)
    for steps in BOTH:
        found = steps(scores, calibration, float(alpha), float(step_size))
        np.testing.assert_allclose(found[0], np.array(levels, float), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found[1], thresholds)
        np.testing.assert_array_equal(found[2], errors)
    assert 0 < sum(errors) < len(errors)


def test_the_options_above_meet_whole_ranks_and_levels_of_0_and_1():
    met = set()
    for alpha, step_size, window in OPTIONS:
        for level in by_paper(*drifting(400, window), alpha, step_size)[0]:
            met |= {level} & {0, 1}
            met |= {"whole"} if ((window + 1) * (1 - level)).denominator == 1 else set()
            met |= {"under 0"} if level < 0 else {"over 1"} if level > 1 else set()
    assert met == {0, 1, "whole", "under 0", "over 1"}


def test_a_long_sequence_gathers_no_rounding():
    alpha, step_size = Fraction(1, 10), Fraction(1, 100)
    scores, calibration = drifting(20_000, 9)
    levels, thresholds, _ = by_paper(scores, calibration, alpha, step_size)
    level, threshold, _ = our_steps(scores, calibration, 0.1, 0.01)
    np.testing.assert_allclose(level, np.array(levels, float), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(threshold, thresholds)


def test_another_step_size_or_window_would_be_seen():
    scores, calibration = drifting(400, 19)
    expected = by_paper(scores, calibration, Fraction(1, 10), Fraction(1, 20))
    for steps in BOTH:
        for options in ((0.1, 0.04), (0.11, 0.05)):
            assert (np.asarray(steps(scores, calibration, *options)[1]) != expected[1]).any()
        assert (np.asarray(steps(scores, calibration[1:], 0.1, 0.05)[1]) != expected[1]).any()


# What it comes down to.


@pytest.mark.parametrize("window", [1, 9, 40])
def test_a_step_size_of_0_is_split_conformal_on_a_rolling_window(window):
    scores, calibration = drifting(60, window)
    everything = np.concatenate([calibration, scores])
    rolling = [everything[step : step + window] for step in range(60)]
    expected = [float(ours.calibrate(each, 0.1)) for each in rolling]
    assert expected == [float(theirs.calibrate(torch.tensor(each), 0.1)) for each in rolling]
    for steps in BOTH:
        level, threshold, error = steps(scores, calibration, 0.1, 0)
        np.testing.assert_array_equal(level, np.full(60, 0.1))
        np.testing.assert_array_equal(threshold, expected)
        np.testing.assert_array_equal(error, scores > expected)


def test_a_level_under_0_misses_nothing():
    # Each is larger than all before: an error at every step that may have one.
    for steps in BOTH:
        level, threshold, error = (
            np.asarray(each) for each in steps(np.arange(50.0) + 10, np.arange(9.0), 0.1, 0.3)
        )
        assert (level < 0).any()
        assert (threshold[level < 0] == INF).all()
        assert not error[level < 0].any()
        assert error.any()
        assert (level >= -0.3).all()  # lemma 4.1


def test_a_level_over_1_misses_everything():
    # Each is smaller than all before: no error at any step that need not have one.
    for steps in BOTH:
        level, threshold, error = (
            np.asarray(each) for each in steps(50 - np.arange(50.0), np.arange(60.0, 69), 0.9, 0.3)
        )
        assert (level > 1).any()
        assert (threshold[level > 1] == -INF).all()
        assert error[level > 1].all()
        assert not error.all()
        assert (level <= 1.3).all()  # lemma 4.1


def test_a_score_that_equals_its_threshold_is_no_error():
    for steps in BOTH:
        _, threshold, error = steps(np.full(30, 2.0), np.full(9, 2.0), 0.2, 0.05)
        np.testing.assert_array_equal(error, np.asarray(threshold) == -INF)


@pytest.mark.parametrize("infinity", [INF, -INF])
def test_infinite_scores_are_refused(infinity):
    """One of -inf would never be over a threshold, not even that of the empty set."""
    scores, calibration = drifting(60, 9)
    scores[5] = infinity
    calls = [lambda steps=steps: steps(scores, calibration, 0.1, 0.1) for steps in BOTH]
    check_refused("scores of a sequence must be finite, got an infinite one among them", *calls)


# As functions.


def test_the_scan_is_its_steps_one_by_one():
    scores, calibration = drifting(100, 19)
    options = {"alpha": 0.1, "step_size": 0.05}
    state, steps = ours.adaptive_state(calibration), []
    for score in scores:
        before = ours.adaptive_threshold(state, **options)
        state, step = ours.adaptive_step(state, score, **options)
        assert before == (step.level, step.threshold)
        steps.append(step)
    found = ours.adaptive(scores, calibration, **options)
    levels, thresholds, errors = map(np.array, zip(*steps, strict=True))
    np.testing.assert_allclose(found.level, levels, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.threshold, thresholds)
    np.testing.assert_array_equal(found.error, errors)
    assert [field.dtype for field in found] == [np.float64, np.float64, np.bool_]
    assert int(state.num_steps) == 100
    assert int(state.num_errors) == found.error.sum()
    np.testing.assert_array_equal(np.sort(state.scores), np.sort(scores[-19:]))


def test_it_compiles_and_maps_over_sequences():
    rule = partial(ours.adaptive, alpha=0.1, step_size=0.05)
    pairs = [drifting(80, 19, seed) for seed in range(3)]
    scores, calibration = map(np.stack, zip(*pairs, strict=True))
    mapped = jax.jit(jax.vmap(rule))(scores, calibration)
    same_window = jax.vmap(rule, in_axes=(0, None))(scores, calibration[0])
    for place, pair in enumerate(pairs):
        expected = rule(*pair)
        for found in (jax.jit(rule)(*pair), jax.tree.map(lambda each: each[place], mapped)):  # noqa: B023
            np.testing.assert_allclose(found.level, expected.level, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(found.threshold, expected.threshold)
            np.testing.assert_array_equal(found.error, expected.error)
        expected = rule(scores[place], calibration[0])
        np.testing.assert_array_equal(same_window.threshold[place], expected.threshold)


def test_a_step_compiles():
    scores, calibration = drifting(30, 9)
    rule = jax.jit(partial(ours.adaptive_step, alpha=0.1, step_size=0.05))
    state, thresholds = ours.adaptive_state(calibration), []
    for score in scores:
        state, step = rule(state, score)
        thresholds.append(step.threshold)
    expected = our_steps(scores, calibration, 0.1, 0.05).threshold
    np.testing.assert_array_equal(np.array(thresholds), expected)


# As an object.

RESIDUALS = [
    (ours.absolute, theirs.AbsoluteResidual()),
    (ours.normalized, theirs.NormalizedResidual()),
    (ours.cqr, theirs.CQR()),
]


def forecasts(residual, steps, seed=0):
    """Return targets, and all that is predicted for them, as tensors."""
    generator = np.random.default_rng(seed)
    targets, middle = generator.normal(size=(2, steps))
    predictions = {
        "AbsoluteResidual": (middle,),
        "NormalizedResidual": (middle, generator.uniform(0.5, 2, steps)),
        "CQR": (middle - 1, middle + generator.uniform(0, 1, steps)),
    }[type(residual).__name__]
    return torch.from_numpy(targets), *map(torch.from_numpy, predictions)


def walked(regressor, given):
    """Return the interval before each step, and what ``update`` returned."""
    steps = []
    for target, *predictions in zip(*(each.split(1) for each in given), strict=True):
        interval = regressor.predict_interval(*predictions)
        error = regressor.update(target, *predictions)
        assert isinstance(error, bool)
        assert interval.lower.shape == interval.upper.shape == (1,)
        assert error == (not interval.lower <= target <= interval.upper)
        steps.append([interval.lower.item(), interval.upper.item(), error])
    return np.array(steps)


@pytest.mark.parametrize(("residual", "twin"), RESIDUALS)
def test_intervals_of_the_object_are_those_of_the_functions(residual, twin):
    before, given = forecasts(twin, 19, seed=1), forecasts(twin, 120)
    regressor = theirs.AdaptiveConformalRegressor(0.2, step_size=0.1, residual=twin)
    regressor.calibrate(*before)
    lower, upper, errors = walked(regressor, given).T
    scores, calibration = (
        residual.score(*(each.numpy() for each in pair)) for pair in (given, before)
    )
    steps = our_steps(scores, calibration, 0.2, 0.1)
    expected = residual.interval(steps.threshold, *(each.numpy() for each in given[1:]))
    np.testing.assert_allclose(lower, expected.lower, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(upper, expected.upper, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(errors, steps.error)
    assert (regressor.num_steps, regressor.num_errors) == (120, steps.error.sum())
    assert np.isinf(lower).any()
    assert np.isfinite(lower).any()


def test_calibrating_again_begins_anew():
    residual = theirs.AbsoluteResidual()
    before, given = forecasts(residual, 19, seed=1), forecasts(residual, 60)
    regressor = theirs.AdaptiveConformalRegressor(0.2, step_size=0.1)
    regressor.calibrate(*before)
    first = walked(regressor, given)
    regressor.calibrate(*before)
    assert (regressor.num_steps, regressor.num_errors, regressor.level) == (0, 0, 0.2)
    np.testing.assert_array_equal(walked(regressor, given), first)


def test_predicting_changes_nothing():
    residual = theirs.AbsoluteResidual()
    before, given = forecasts(residual, 19, seed=1), forecasts(residual, 5)
    regressor = theirs.AdaptiveConformalRegressor(0.2, step_size=0.1)
    regressor.calibrate(*before)
    first, second = (regressor.predict_interval(*given[1:]) for _ in range(2))
    assert torch.equal(first.lower, second.lower)
    assert (regressor.num_steps, regressor.num_errors) == (0, 0)


@pytest.mark.parametrize(("residual", "twin"), RESIDUALS)
def test_the_object_changes_none_of_the_tensors_it_was_given(residual, twin):
    before, given = forecasts(twin, 19, seed=1), forecasts(twin, 60)
    kept = [each.clone() for each in (*before, *given)]
    regressor = theirs.AdaptiveConformalRegressor(0.2, step_size=0.1, residual=twin)
    regressor.calibrate(*before)
    walked(regressor, given)
    assert all(map(torch.equal, (*before, *given), kept))


class Itself(theirs.Residual):
    """A residual of scores that somebody else has computed."""

    num_predictions = 0

    def _score(self, targets):
        return targets


def test_scores_given_as_they_are_are_not_written_into():
    scores, calibration = map(torch.from_numpy, drifting(30, 9))
    kept = scores.clone(), calibration.clone()
    regressor = theirs.AdaptiveConformalRegressor(0.1, step_size=0.1, residual=Itself())
    regressor.calibrate(calibration)
    errors = [regressor.update(score) for score in scores.split(1)]
    np.testing.assert_array_equal(errors, our_steps(*map(np.asarray, kept), 0.1, 0.1).error)
    assert all(map(torch.equal, (scores, calibration), kept))


def test_predictions_of_a_network_with_gradients():
    residual = theirs.AbsoluteResidual()
    before, given = forecasts(residual, 19, seed=1), forecasts(residual, 30)
    regressor = theirs.AdaptiveConformalRegressor(0.2, step_size=0.1)
    regressor.calibrate(*before)
    expected = walked(regressor, given)
    regressor.calibrate(before[0], before[1].clone().requires_grad_())
    with_gradients = given[0], given[1].clone().requires_grad_()
    np.testing.assert_array_equal(walked(regressor, with_gradients), expected)
    assert not regressor.scores.requires_grad  # else each step would keep all before it


# In float32, JAX's default.


def test_float32():
    with jax.enable_x64(False):
        scores, calibration = (each.astype(np.float32) for each in drifting(400, 19))
        alpha, step_size = Fraction(1, 10), Fraction(1, 50)
        levels, thresholds, errors = by_paper(scores, calibration, alpha, step_size)
        for steps in BOTH:
            level, threshold, error = map(np.asarray, steps(scores, calibration, 0.1, 0.02))
            assert threshold.dtype == np.float32
            np.testing.assert_allclose(level, np.array(levels, float), rtol=0, atol=1e-5)
            np.testing.assert_array_equal(threshold, np.array(thresholds, np.float32))
            np.testing.assert_array_equal(error, errors)
        steps = ours.adaptive(scores, calibration, alpha=0.1, step_size=0.02)
        assert [field.dtype for field in steps] == [np.float32, np.float32, np.bool_]


def test_integer_scores():
    scores, calibration = drifting(60, 9)
    scores, calibration = (10 * scores).astype(int), (10 * calibration).astype(int)
    _, thresholds, errors = by_paper(scores, calibration, Fraction(1, 10), Fraction(1, 10))
    found = our_steps(scores, calibration, 0.1, 0.1)
    np.testing.assert_array_equal(found.threshold, thresholds)
    np.testing.assert_array_equal(found.error, errors)


# A long wave whose noise doubles halfway.

ALPHA, STEP_SIZE, LENGTH = 0.1, 0.05, 12


def wave_forecasts():
    """Return targets and predictions of each next point, of calibration and of two halves."""
    generator = np.random.default_rng(6)
    times = np.arange(600 + 1000 + 3000 + LENGTH)
    size = np.where(times < 600 + 1000 + 1500 + LENGTH, 0.1, 0.2)
    noise = np.zeros(len(times))
    for time in times[1:]:
        noise[time] = 0.5 * noise[time - 1] + size[time] * generator.normal()
    wave = np.sin(2 * np.pi * times / 40) + noise
    inputs, targets = (np.asarray(each) for each in windows(jnp.asarray(wave[None]), LENGTH, 1))
    # One more column for a constant; the first 600 windows train.
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    weights = np.linalg.lstsq(inputs[:600], targets[:600, 0], rcond=None)[0]
    predictions = inputs @ weights
    parts = np.split(np.stack([targets[:, 0], predictions]), [600, 1600, 4600], axis=1)
    return parts[1], parts[2]


def test_a_wave_whose_noise_doubles_is_covered_as_before_by_the_adaptive_threshold_alone():
    before, given = wave_forecasts()
    calibration, scores = (np.asarray(ours.absolute.score(*each)) for each in (before, given))
    fixed = scores > float(ours.calibrate(calibration, ALPHA))
    assert abs(fixed[:1500].mean() - ALPHA) < 0.03
    assert fixed[1500:].mean() > 3 * ALPHA

    adaptive = our_steps(scores, calibration, ALPHA, STEP_SIZE)
    errors = np.asarray(adaptive.error)
    # Levels are from -gamma to 1 + gamma (lemma 4.1), which bounds every stretch of steps.
    for num in (3000, 1500, 250):
        stretches = errors.reshape(-1, num).mean(1)
        assert (abs(stretches - ALPHA) <= (1 + 2 * STEP_SIZE) / (num * STEP_SIZE)).all()
    assert (abs(errors.reshape(-1, 250).mean(1) - ALPHA) < 0.04).all()
    finite = np.isfinite(adaptive.threshold)
    widths = [
        adaptive.threshold[half][finite[half]].mean() for half in np.split(np.arange(3000), 2)
    ]
    assert 1.5 < widths[1] / widths[0] < 2.5

    regressor = theirs.AdaptiveConformalRegressor(ALPHA, step_size=STEP_SIZE)
    regressor.calibrate(*map(torch.from_numpy, before))
    steps = walked(regressor, tuple(map(torch.from_numpy, given)))
    expected = ours.absolute.interval(adaptive.threshold, given[1])
    np.testing.assert_array_equal(steps[:, 2], errors)
    np.testing.assert_allclose(steps[:, :2].T, np.stack(expected), rtol=1e-12, atol=1e-12)


# What is refused.

OPTIONS_THAT_CANNOT_BE = [
    ({"alpha": 0}, "alpha must be a number over 0 and under 1, got 0"),
    ({"alpha": 1.0}, "alpha must be a number over 0 and under 1, got 1.0"),
    ({"alpha": math.nan}, "alpha must be a number over 0 and under 1, got nan"),
    ({"step_size": -0.1}, "step_size must be a finite number of at least 0, got -0.1"),
    ({"step_size": math.nan}, "step_size must be a finite number of at least 0, got nan"),
    ({"step_size": INF}, "step_size must be a finite number of at least 0, got inf"),
    ({"step_size": "0.1"}, "step_size must be a finite number of at least 0, got '0.1'"),
]


@pytest.mark.parametrize(("changed", "message"), OPTIONS_THAT_CANNOT_BE)
def test_options_that_cannot_be(changed, message):
    options = {"alpha": 0.1, "step_size": 0.1} | changed
    scores, state = np.arange(4.0), ours.adaptive_state(np.arange(4.0))
    check_refused(
        message,
        lambda: ours.adaptive(scores, scores, **options),
        lambda: ours.adaptive_threshold(state, **options),
        lambda: ours.adaptive_step(state, 1.0, **options),
        lambda: theirs.AdaptiveConformalRegressor(**options),
    )


SCORES_THAT_CANNOT_BE = [
    (np.zeros(0), "calibration needs scores of at least one sample, got shape (0,)"),
    (np.array([1, math.nan]), "scores must be numbers, got NaN among them"),
    (np.zeros((4, 2)), "a sequence has one score a step, got shape (4, 2)"),
]


@pytest.mark.parametrize(("scores", "message"), SCORES_THAT_CANNOT_BE)
def test_scores_that_cannot_be(scores, message):
    good = np.arange(4.0)
    regressor = theirs.AdaptiveConformalRegressor(0.1, step_size=0.1)
    targets = torch.from_numpy(scores)
    check_refused(
        message,
        lambda: ours.adaptive_state(scores),
        lambda: ours.adaptive(good, scores, alpha=0.1, step_size=0.1),
        lambda: ours.adaptive(scores, good, alpha=0.1, step_size=0.1),
        lambda: regressor.calibrate(targets, torch.zeros_like(targets)),
    )


def test_shapes_are_checked_under_jit_as_well():
    rule = jax.jit(partial(ours.adaptive, alpha=0.1, step_size=0.1))
    check_refused(
        "a sequence has one score a step, got shape (4, 2)",
        lambda: rule(np.zeros((4, 2)), np.zeros(4)),
        lambda: rule(np.zeros(4), np.zeros((4, 2))),
    )


def test_a_step_that_cannot_be_is_refused_and_changes_nothing():
    state = ours.adaptive_state(np.arange(4.0))
    regressor = theirs.AdaptiveConformalRegressor(0.1, step_size=0.1)
    regressor.calibrate(torch.arange(4.0), torch.zeros(4))
    check_refused(
        "scores must be numbers, got NaN among them",
        lambda: ours.adaptive_step(state, math.nan, alpha=0.1, step_size=0.1),
        lambda: regressor.update(torch.tensor([math.nan]), torch.zeros(1)),
    )
    with pytest.raises(ValueError, match="one score a step"):
        ours.adaptive_step(state, np.zeros(1), alpha=0.1, step_size=0.1)
    with pytest.raises(ValueError, match=r"a step has one target, got shape \(2,\), not \(1,\)"):
        regressor.update(torch.zeros(2), torch.zeros(2))
    with pytest.raises(ValueError, match="must have one shape"):
        regressor.update(torch.zeros(1), torch.zeros(2))
    assert (regressor.num_steps, regressor.num_errors) == (0, 0)
    assert torch.equal(regressor.scores, torch.arange(4.0))


def test_two_tails_are_refused():
    check_refused(
        "adaptive intervals need a residual with one tail, got one with two",
        lambda: theirs.AdaptiveConformalRegressor(
            0.1, step_size=0.1, residual=theirs.AsymmetricCQR()
        ),
    )
    # Functions take scores, which then have two columns.
    scores = ours.asymmetric_cqr.score(*np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"one score a step, got shape \(4, 2\)"):
        ours.adaptive_state(scores)


def test_nothing_is_predicted_before_calibration():
    regressor = theirs.AdaptiveConformalRegressor(0.1, step_size=0.1)
    check_refused(
        "calibrate has to be called before anything can be predicted",
        lambda: regressor.threshold,
        lambda: regressor.predict_interval(torch.zeros(1)),
        lambda: regressor.update(torch.zeros(1), torch.zeros(1)),
    )
    assert regressor.num_steps == 0
