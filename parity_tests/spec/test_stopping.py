"""Early stopping and best weights: from losses alone, then in both backends."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import zoojax
import zootorch
from parity_tests.helpers.builders import (
    check_refused,
    jax_weights,
    torch_weights,
    train_config,
    twins,
)
from parity_tests.tolerances import check, relative
from zoojax.spec.config import MLPConfig, RunConfig, TrainConfig
from zoojax.spec.records import Batch
from zoojax.spec.stopping import best_epoch, is_over

MODEL = MLPConfig(input_dim=6, output_dim=2, hidden_dim=16, num_layers=1, dropout=0.0)


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [([3], 0), ([3, 2, 2], 1), ([3, math.nan, 2], 2), ([math.nan, 5], 1), ([math.nan], 0)],
)
def test_the_best_epoch_is_the_first_of_the_lowest(losses, epoch):
    assert best_epoch(losses) == epoch


def test_patience_counts_epochs_since_the_best():
    losses = [5, 4, 6, 6, 3, 7, 7, 7]
    ends = [[is_over(losses[: n + 1], p) for n in range(8)].index(True) for p in (1, 2, 3)]
    assert ends == [2, 3, 7]
    assert not any(is_over(losses[: n + 1], None) for n in range(8))


def datasets():
    """Return a training set too small to generalise from, and a validation set, NumPy."""
    generator = np.random.default_rng(7)
    inputs = generator.normal(size=(60, 6))
    labels = (inputs[:, 0] + 0.5 * generator.normal(size=60) > 0).astype(np.int64)
    return Batch(inputs[:20], labels[:20]), Batch(inputs[20:], labels[20:])


def runs(**options):
    """Return model, state and history of zoojax, model and history of zootorch."""
    config = train_config(
        dtype="float64", num_epochs=40, batch_size=10, learning_rate=0.02, **options
    )
    model, variables, twin = twins(MODEL, dtype="float64")
    train, validation = datasets()
    state, history = zoojax.fit(model, variables, train, config=config, validation=validation)
    train, validation = (Batch(*map(torch.from_numpy, each)) for each in (train, validation))
    twin_history = zootorch.Trainer(twin, config).fit(train, validation=validation)
    return (model, state, history), (twin, twin_history)


def test_a_run_stops_and_keeps_its_best_weights(x64):
    (model, state, whole), _ = runs()
    best = whole.best_epoch
    assert 0 < best < 30  # it overfits, else there is nothing to stop for
    assert whole.gaps[-1] > whole.gaps[best]
    (_, stopped, history), (twin, twin_history) = runs(patience=3, keep_best=True)
    first_stop = next(n for n in range(40) if is_over(whole.validation_losses[: n + 1].tolist(), 3))
    assert len(history.train_losses) == len(twin_history.train_losses) == first_stop + 1 < 40
    check(
        "float64, whole run: losses, weights",
        relative(history.step_losses, twin_history.step_losses),
    )
    assert history.best_epoch == twin_history.best_epoch
    # What is kept is what a run that ends there has.
    (_, there, _), _ = runs_until(history.best_epoch + 1)
    kept, expected = (jax_weights.to_arrays(model, each.variables) for each in (stopped, there))
    for name, array in kept.items():
        np.testing.assert_array_equal(array, expected[name])
    last = jax_weights.to_arrays(model, state.variables)
    assert any((kept[name] != last[name]).any() for name in kept)
    evaluation = zootorch.evaluate(twin, Batch(*map(torch.from_numpy, datasets()[1])))
    assert evaluation.loss == pytest.approx(min(twin_history.validation_losses), rel=1e-14)
    theirs = torch_weights.to_arrays(twin)
    for name in ("block.0.weight", "block.1.running_var", "block.8.weight"):
        check("float64, whole run: losses, weights", relative(kept[name], theirs[name]))


def runs_until(num_epochs):
    """Return what ``runs`` does of a run of fewer epochs."""
    config = train_config(dtype="float64", num_epochs=num_epochs, batch_size=10, learning_rate=0.02)
    model, variables, _ = twins(MODEL, dtype="float64")
    train, validation = datasets()
    state, history = zoojax.fit(model, variables, train, config=config, validation=validation)
    return (model, state, history), None


def test_a_run_without_validation_has_no_best_epoch():
    model, variables, _ = twins(MODEL)
    train = Batch(*(field[:4] for field in datasets()[0]))
    _, history = zoojax.fit(model, variables, train, config=train_config(num_epochs=1))
    message = "this run had no validation set, so no best epoch and no gap"
    check_refused(message, lambda: history.best_epoch, lambda: history.gaps)


@pytest.mark.parametrize("options", [{"patience": 2}, {"keep_best": True}])
def test_stopping_needs_a_validation_set(options):
    config = train_config(**options)
    model, variables, twin = twins(MODEL)
    train = Batch(*(field[:4] for field in datasets()[0]))
    tensors = Batch(*map(torch.from_numpy, train))
    check_refused(
        "patience and keep_best need a validation set, got none",
        lambda: zoojax.fit(model, variables, train, config=config),
        lambda: zootorch.Trainer(twin, config).fit(tensors),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be an integer >= 1, got 0"),
        ({"keep_best": "yes"}, "keep_best must be True or False, got 'yes'"),
    ],
)
def test_configurations_that_cannot_be(options, message):
    check_refused(message, lambda: TrainConfig(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mean_squared_error"}, "shapes and colors are classes, not numbers"),
        ({"class_weights": (1, 2)}, "class_weights must be 4 numbers, one a class"),
    ],
)
def test_a_run_on_shapes_is_checked_when_it_is_configured(options, message):
    train = dataclasses.replace(TrainConfig(), **options)
    check_refused(message, lambda: RunConfig(train=train))
