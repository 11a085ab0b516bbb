"""Whole runs on sinusoids: MLP, RNN, LSTM and GRU, shuffled, with dropout, in both backends."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
import torch

import zoojax
import zootorch
from parity_tests.helpers.builders import (
    idle_parameters,
    jax_arrays,
    torch_arrays,
    train_config,
    twins,
    variants,
)
from parity_tests.tolerances import check, relative
from zoojax.spec.config import MLPConfig, RNNConfig, SinusoidsConfig
from zoojax.spec.records import Batch

WAVES = SinusoidsConfig((0.5, 2), (0.5, 4), (1, 3), (-0.25, 0.5), length=21, noise=0.05)
RECURRENT = RNNConfig(hidden_dim=8, num_layers=2, dropout=0.2)
CONFIGS = {
    "mlp": MLPConfig(input_dim=20, num_layers=2, hidden_dim=8, dropout=0.2),
    **{c: dataclasses.replace(RECURRENT, cell=c) for c in ("rnn", "lstm", "gru")},
}
NUM_EACH, SEED = 5, 3  # 80 waves: 64 to train on, 16 to validate
ONE = pytest.mark.parametrize("name", variants(CONFIGS, quick=("mlp",)))
TWO = pytest.mark.parametrize("name", variants(CONFIGS, quick=("mlp", "gru")))


def datasets(name, dtype):
    """Return the training and validation windows of both backends."""
    ours = zoojax.simulate_sinusoids(WAVES, NUM_EACH, key=jax.random.key(SEED), dtype=dtype)
    theirs = zootorch.SinusoidsDataset(WAVES, NUM_EACH, SEED, dtype=getattr(torch, dtype)).arrays()
    pairs = []
    for package, waves in ((zoojax, ours.waves), (zootorch, theirs.waves)):
        inputs, targets = package.windows(waves, WAVES.length, 1)
        pairs.append(Batch(inputs if name == "mlp" else inputs[..., None], targets))
    splits = (
        zoojax.split_indices(jax.random.key(SEED), 80, (0.8, 0.2)),
        zootorch.split_indices(zootorch.Generator(SEED), 80, (0.8, 0.2)),
    )
    packages = (zoojax, zootorch)
    return [
        [package.take(pair, part) for part in split]
        for package, pair, split in zip(packages, pairs, splits, strict=True)
    ]


@functools.cache
def whole_runs(name, dtype, num_epochs):
    """Return state and history of zoojax, trainer and history of zootorch."""
    with jax.enable_x64(dtype == "float64"):
        config = train_config(
            seed=SEED,
            dtype=dtype,
            num_epochs=num_epochs,
            learning_rate=0.003,
            loss="mean_squared_error",
        )
        model, variables, twin = twins(CONFIGS[name], seed=SEED, dtype=dtype)
        (train, validation), (twin_train, twin_validation) = datasets(name, dtype)
        state, history = zoojax.fit(model, variables, train, config=config, validation=validation)
        trainer = zootorch.Trainer(twin, config)
        return state, history, trainer, trainer.fit(twin_train, validation=twin_validation)


@ONE
def test_float64_whole_run_of_520_steps(name):
    state, history, trainer, twin_history = whole_runs(name, "float64", 130)
    assert len(history.step_losses) == 520
    differences = np.abs(history.step_losses / twin_history.step_losses - 1)
    check(f"{name}: float64, whole run", differences.max())
    ours, theirs = history.validation_losses, twin_history.validation_losses
    check(f"float64, 520 steps of {name}: validation losses, weights", relative(ours, theirs))
    assert np.isnan(history.validation_accuracies).all()
    weights = jax_arrays(state)["weights"], torch_arrays(trainer)["weights"]
    idle = idle_parameters(CONFIGS[name])
    for key in set(weights[0]) - idle:
        if not key.endswith("running_mean"):
            distance = relative(weights[0][key], weights[1][key])
            check(f"float64, 520 steps of {name}: validation losses, weights", distance)


@TWO
def test_float32_ten_steps(name):
    _, history, _, twin_history = whole_runs(name, "float32", 3)
    differences = np.abs(history.step_losses / twin_history.step_losses - 1)
    check(f"{name}: float32, first step", differences[0])
    check(f"{name}: float32, ten steps", differences[:10].max())


@ONE
def test_the_loss_falls(name):
    _, history, _, _ = whole_runs(name, "float64", 130)
    assert history.validation_losses[-1] < 0.5 * history.validation_losses[0]


@ONE
def test_another_cell_is_seen(name):
    others = {"mlp": "gru", "rnn": "lstm", "lstm": "gru", "gru": "rnn"}
    _, history, _, _ = whole_runs(name, "float32", 3)
    _, other, _, _ = whole_runs(others[name], "float32", 3)
    assert relative(history.step_losses, other.step_losses) > 1e-3
