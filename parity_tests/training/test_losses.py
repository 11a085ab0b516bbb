"""Losses and their gradients: by hand in NumPy, then in both backends."""

import dataclasses

import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoojax
import zootorch
from parity_tests.helpers.builders import check_refused, train_config, twins
from parity_tests.tolerances import check, relative
from zoojax import losses as jax_losses
from zoojax.spec.config import MLPConfig, TrainConfig
from zoojax.spec.records import Batch
from zootorch import losses as torch_losses

NAME = "float64, losses by hand: values, gradients"


def by_hand(logits, labels, smoothing, weights):
    """Return the weighted mean cross-entropy with smoothed labels, and its gradient."""
    num_classes = logits.shape[1]
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    probs = shifted / shifted.sum(1, keepdims=True)
    goal = (1 - smoothing) * np.eye(num_classes)[labels] + smoothing / num_classes
    goal = goal * weights
    total = weights[labels].sum()
    loss = -(goal * np.log(probs)).sum() / total
    return loss, (goal.sum(1, keepdims=True) * probs - goal) / total


def both(logits, labels, **options):
    """Return value and gradient of zoojax and of zootorch."""

    def ours(logits):
        return jax_losses.cross_entropy(logits, labels, **options)

    with jax.enable_x64(True):
        value, grad = jax.jit(jax.value_and_grad(ours))(logits)
    tensor = torch.from_numpy(logits.copy()).requires_grad_()
    theirs = torch_losses.cross_entropy(tensor, torch.from_numpy(labels), **options)
    theirs.backward()
    return (value, grad), (theirs.detach(), tensor.grad)


@given(st.integers(0, 10**6), st.integers(2, 5), st.sampled_from((0.0, 0.1, 0.7)), st.booleans())
def test_cross_entropy(seed, num_classes, smoothing, weighted):
    generator = np.random.default_rng(seed)
    logits = 3 * generator.normal(size=(6, num_classes))
    labels = generator.integers(0, num_classes, 6)
    weights = generator.uniform(0.1, 3, num_classes) if weighted else np.ones(num_classes)
    loss, grad = by_hand(logits, labels, smoothing, weights)
    options = {"class_weights": tuple(weights)} if weighted else {}
    for value, gradient in both(logits, labels, label_smoothing=smoothing, **options):
        check(NAME, abs(float(value) - loss))
        check(NAME, np.abs(np.asarray(gradient) - grad).max())


def test_mean_squared_error():
    generator = np.random.default_rng(0)
    predictions, targets = generator.normal(size=(2, 5, 3))
    with jax.enable_x64(True):
        ours = zoojax.mean_squared_error(predictions, targets)
    theirs = zootorch.mean_squared_error(*map(torch.from_numpy, (predictions, targets)))
    for value in (ours, theirs):
        check(NAME, abs(float(value) - np.mean((predictions - targets) ** 2)))


def test_shapes_that_would_broadcast_are_refused():
    predictions, targets = np.zeros((5, 1)), np.zeros(5)
    check_refused(
        "predictions and targets must have one shape, got (5, 1) and (5,)",
        lambda: zoojax.mean_squared_error(predictions, targets),
        lambda: zootorch.mean_squared_error(*map(torch.from_numpy, (predictions, targets))),
    )


def test_as_many_weights_as_classes():
    logits, labels = np.zeros((2, 3)), np.zeros(2, int)
    check_refused(
        "class_weights must be 3 numbers, one a class, got (1.0, 2.0)",
        lambda: zoojax.cross_entropy(logits, labels, class_weights=(1.0, 2.0)),
        lambda: zootorch.cross_entropy(
            torch.from_numpy(logits), torch.from_numpy(labels), class_weights=(1.0, 2.0)
        ),
    )


def test_training_uses_what_is_configured(x64):
    plain = train_config(dtype="float64", num_epochs=2, batch_size=10)
    other = dataclasses.replace(plain, label_smoothing=0.2, class_weights=(1.0, 0.3))
    model_config = MLPConfig(input_dim=6, output_dim=2, hidden_dim=5)
    inputs = np.random.default_rng(3).normal(size=(20, 6))
    labels = (inputs[:, 0] > 0).astype(np.int64)
    tensors = Batch(torch.from_numpy(inputs), torch.from_numpy(labels))
    histories = []
    for config in (plain, other):
        model, variables, twin = twins(model_config, dtype="float64")
        arrays = Batch(inputs, labels)
        _, ours = zoojax.fit(model, variables, arrays, config=config, validation=arrays)
        theirs = zootorch.Trainer(twin, config).fit(tensors, validation=tensors)
        check("float64, whole run: losses, weights", relative(ours.step_losses, theirs.step_losses))
        check(
            "float64, whole run: validation losses",
            relative(ours.validation_losses, theirs.validation_losses),
        )
        histories.append(ours)
    first, second = histories
    assert relative(first.step_losses, second.step_losses) > 1e-2
    assert relative(first.validation_losses, second.validation_losses) > 1e-2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_smoothing": 1.0}, "label_smoothing must be a number at least 0 and under 1"),
        ({"class_weights": (1, 0)}, "class_weights must be over 0, got (1.0, 0.0)"),
        ({"class_weights": ()}, "class_weights must be a list of one or more finite numbers"),
        (
            {"loss": "mean_squared_error", "label_smoothing": 0.1},
            "label_smoothing and class_weights are not of mean_squared_error",
        ),
    ],
)
def test_configurations_that_cannot_be(options, message):
    check_refused(message, lambda: TrainConfig(**options))
