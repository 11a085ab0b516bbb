"""Adaptive conformal prediction against theory: how often any sequence is missed.

What is proved holds for any data whatever, and so has no rate of false alarms; the two cases that
are about random noise have fixed seeds.
"""

import dataclasses
import functools
import itertools
import math

import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoojax
import zootorch
from parity_tests.helpers.conformal_cases import tensors
from parity_tests.helpers.coverage_resamples import SEED, same_thresholds
from zoojax import conformal as ours
from zoojax.data import windows
from zoojax.data.waves import simulate_sinusoids
from zoojax.spec.config import MLPConfig, SinusoidsConfig, TrainConfig
from zoojax.spec.records import Batch
from zootorch import conformal as theirs

pytestmark = pytest.mark.usefixtures("x64")

STEPS, WINDOW = 60, 8
ADAPTIVE_ALPHAS = (0.1, 0.5, 0.95)
STEP_SIZES = (0.01, 0.2, 3.0)
ZERO = torch.zeros(1, dtype=torch.float64)


def error_bounds(alpha, step_size, num_steps):
    """Return how far the part missed may be from alpha after 1, 2, ... steps, (num_steps,).

    Gibbs and Candes, 2021, proposition 4.1: the level starts at alpha and never leaves
    [-gamma, 1 + gamma].
    """
    return (max(alpha, 1 - alpha) + step_size) / (np.arange(1, num_steps + 1) * step_size)


def exceeds_bound(errors, alpha, step_size):
    """Return whether the part missed is further from alpha than may be, after any step."""
    parts = np.cumsum(errors) / np.arange(1, len(errors) + 1)
    # Rounding of the level, where a bound is met exactly.
    return np.abs(parts - alpha) > error_bounds(alpha, step_size, len(errors)) * (1 + 1e-9)


@functools.cache
def compiled_adaptive(alpha, step_size):
    return jax.jit(functools.partial(ours.adaptive, alpha=alpha, step_size=step_size))


def their_regressor(calibration, alpha, step_size):
    """Return a regressor whose residuals are the scores: targets, with ``ZERO`` predicted."""
    regressor = theirs.AdaptiveConformalRegressor(alpha, step_size=step_size)
    regressor.calibrate(*tensors(calibration, np.zeros_like(calibration)))
    return regressor


def both_errors(scores, calibration, alpha, step_size):
    """Return which scores of a sequence were over their threshold, the same in both backends."""
    found = compiled_adaptive(alpha, step_size)(scores, calibration)
    regressor = their_regressor(calibration, alpha, step_size)
    errors = [regressor.update(torch.from_numpy(each), ZERO) for each in scores[:, None]]
    np.testing.assert_array_equal(found.error, errors)
    return np.array(errors)


finite = st.floats(0, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1.0, 2.0, 1e300])
"""Scores, of absolute residuals; few different ones too, for ties.

None below 2.2e-308, which XLA takes for 0.
"""


@pytest.mark.parametrize("step_size", STEP_SIZES)
@pytest.mark.parametrize("alpha", ADAPTIVE_ALPHAS)
@given(
    st.lists(finite, min_size=STEPS, max_size=STEPS),
    st.lists(finite, min_size=WINDOW, max_size=WINDOW),
)
def test_any_sequence_is_missed_as_often_as_agreed(alpha, step_size, scores, calibration):
    errors = both_errors(np.array(scores), np.array(calibration), alpha, step_size)
    assert not exceeds_bound(errors, alpha, step_size).any()


ADVERSARIES = {
    "always over": lambda threshold, step: threshold + 1 if math.isfinite(threshold) else 1.0,
    "never over": lambda threshold, step: min(max(threshold, 0), 1.0),
    "ever larger": lambda threshold, step: 2.0**step,
    "ever smaller": lambda threshold, step: 2.0**-step,
    "to and fro": lambda threshold, step: 10.0 ** (step % 20 - 10),
}


@pytest.mark.parametrize("adversary", ADVERSARIES)
def test_an_adversary_who_knows_each_threshold_gains_nothing(adversary):
    for alpha, step_size in itertools.product(ADAPTIVE_ALPHAS, STEP_SIZES):
        calibration = np.linspace(0, 1, WINDOW)
        regressor, scores = their_regressor(calibration, alpha, step_size), []
        for step in range(300):
            scores.append(ADVERSARIES[adversary](float(regressor.threshold), step))
            regressor.update(torch.tensor(scores[-1:], dtype=torch.float64), ZERO)
        errors = both_errors(np.array(scores), calibration, alpha, step_size)
        assert not exceeds_bound(errors, alpha, step_size).any()


def test_levels_that_do_not_move_exceed_the_bound():
    scores = 2.0 ** np.arange(STEPS)
    errors = both_errors(scores, np.linspace(0, 1, WINDOW), 0.2, 0.0)
    assert exceeds_bound(errors, 0.2, 0.2).any()


def test_only_the_adaptive_threshold_survives_a_change_of_variance():
    alpha, step_size, width, num = 0.1, 0.05, 200, 1000
    rng = np.random.default_rng(SEED)
    # The noise is three times as large from the middle on.
    scores = np.abs(rng.normal(size=2 * num)) * np.repeat([1, 3], num)
    calibration = np.abs(rng.normal(size=500))

    def rolling(errors):
        return 1 - np.convolve(errors, np.ones(width) / width, mode="valid")

    adaptive = rolling(both_errors(scores, calibration, alpha, step_size))
    fixed = rolling(scores > same_thresholds(calibration, alpha))
    # The level stays in [-gamma, 1 + gamma], which bounds any window, and not the first alone.
    allowed = (1 + 2 * step_size) / (width * step_size)
    assert np.abs(adaptive - (1 - alpha)).max() <= allowed
    assert np.abs(fixed[: num - width] - (1 - alpha)).max() <= allowed
    # Only P(|3 Z| < 1.64) = 0.42 remains.
    assert fixed[num:].max() < 1 - alpha - 2 * allowed


def test_forecasts_of_a_wave_whose_noise_triples():
    """A model of sinusoids, trained and asked in both backends: the same misses, few enough."""
    length, num, alpha, step_size = 20, 1200, 0.1, 0.05
    config = SinusoidsConfig((1.0,), (num / 15,), (0.0,), (0.0,), length=num, noise=0.1)
    quiet = simulate_sinusoids(dataclasses.replace(config, noise=0.0), 1, dtype="float64").waves
    noisy, other = (
        simulate_sinusoids(config, 1, key=jax.random.key(seed), dtype="float64").waves
        for seed in (5, 6)
    )
    louder = quiet + (other - quiet) * np.where(np.arange(num) < num // 2, 1, 3)
    learned, came = (Batch(*map(np.array, windows(each, length, 1))) for each in (noisy, louder))

    model = MLPConfig(input_dim=length - 1, dropout=0.0)
    train = TrainConfig(num_epochs=5, loss="mean_squared_error", dtype="float64")
    mlp = zoojax.MLP(model)
    variables = zoojax.init(jax.random.key(0), mlp, learned.inputs[:1])
    state, _ = zoojax.fit(mlp, variables, learned, config=train)
    twin = zootorch.MLP(model, zootorch.Generator(0))
    zootorch.Trainer(twin, train).fit(Batch(*map(torch.from_numpy, learned)))

    predictions = zoojax.predict(mlp, state.variables, came.inputs)
    scores = np.array(ours.absolute.score(came.targets, predictions))[:, 0]
    before, scores = scores[:200], scores[200:]
    found = ours.adaptive(scores, before, alpha=alpha, step_size=step_size)

    targets = torch.from_numpy(came.targets)[:, 0]
    outputs = zootorch.predict(twin, torch.from_numpy(came.inputs))[:, 0]
    regressor = theirs.AdaptiveConformalRegressor(alpha, step_size=step_size)
    regressor.calibrate(targets[:200], outputs[:200])
    pairs = zip(targets[200:, None], outputs[200:, None], strict=True)
    errors = np.array([regressor.update(*pair) for pair in pairs])

    np.testing.assert_array_equal(found.error, errors)
    assert not exceeds_bound(errors, alpha, step_size).any()
    fixed = scores > same_thresholds(before, alpha)
    last = slice(-(num // 2), None)  # when the noise is three times as large
    assert abs(errors[last].mean() - alpha) < 0.03
    assert fixed[last].mean() > 0.4
