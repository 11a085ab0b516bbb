"""The mean of an ensemble: by hand first, then twin against twin, then in whole programs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import zoojax
import zoojax.ensembles.stacked
import zootorch
from parity_tests.helpers.builders import (
    SMALL_CNN,
    example_shape,
    model_types,
    small_dataset,
    variants,
)
from parity_tests.tolerances import check, relative
from zoojax.spec.config import MLPConfig, RNNConfig

NUM = 3
MODELS = {
    "mlp": MLPConfig(input_dim=6, output_dim=3, hidden_dim=8),
    "rnn": RNNConfig(hidden_dim=5, output_size=3, num_layers=1),
    "lstm": RNNConfig(hidden_dim=5, output_size=3, num_layers=1, cell="lstm"),
    "gru": RNNConfig(hidden_dim=5, output_size=3, num_layers=2, cell="gru"),
    "cnn": dataclasses.replace(SMALL_CNN, num_cnn_channels=3, num_classes=3),
}
EACH = pytest.mark.parametrize("name", variants(MODELS, quick=("mlp", "cnn")))
BOTH = {
    "jax": lambda outputs, **options: zoojax.mean_outputs(jnp.array(outputs), **options),
    "torch": lambda outputs, **options: zootorch.mean_outputs(torch.tensor(outputs), **options),
}
EACH_BACKEND = pytest.mark.parametrize("backend", BOTH)


def softmax(logits):
    """Return probabilities, in NumPy."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@EACH_BACKEND
def test_two_members_of_opposite_minds_by_hand(backend):
    """Odds of 3 to 1 and of 1 to 7: probabilities 3/4 and 1/8, of which the mean is 7/16."""
    logits = np.log([[[3.0, 1.0]], [[1.0, 7.0]]])
    given = np.asarray(BOTH[backend](logits, classes=True))
    np.testing.assert_allclose(softmax(given), [[7 / 16, 9 / 16]], rtol=1e-6)
    np.testing.assert_allclose(np.exp(given), [[7 / 16, 9 / 16]], rtol=1e-6)
    # The mean of the logits is another thing, which an ensemble of odds would give.
    assert abs(softmax(logits.mean(0))[0, 0] - 7 / 16) > 0.03


@EACH_BACKEND
def test_the_mean_of_numbers_and_of_each_quantile_by_hand(backend):
    # One sample, two next points; lower quantiles first, then middle, then upper ones.
    first = [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]
    second = [[1.0, 1.0, 4.0, 3.0, 8.0, 9.0]]
    given = BOTH[backend](np.array([first, second]), classes=False)
    np.testing.assert_array_equal(np.asarray(given), [[0.5, 1.0, 3.0, 3.0, 6.0, 7.0]])


@EACH_BACKEND
def test_members_that_are_certain_of_different_classes_give_numbers(backend):
    """Probabilities that no float32 holds: exp(-2000) is 0, and its logarithm would be infinite."""
    logits = np.array([[[1000.0, -1000.0, 0.0]], [[-1000.0, 1000.0, 0.0]]], np.float32)
    given = np.asarray(BOTH[backend](logits, classes=True))
    assert np.isfinite(given).all()
    np.testing.assert_allclose(softmax(given), [[0.5, 0.5, 0.0]], atol=1e-7)


@EACH_BACKEND
def test_an_ensemble_of_one_gives_what_its_member_gives(backend):
    outputs = np.random.default_rng(1).normal(size=(1, 4, 3))
    given = np.asarray(BOTH[backend](outputs, classes=True))
    np.testing.assert_allclose(softmax(given), softmax(outputs[0]), rtol=1e-5)
    given = np.asarray(BOTH[backend](outputs, classes=False))
    np.testing.assert_allclose(given, outputs[0], rtol=1e-6)


def ensembles(name, *, classes):
    """Return an ensemble of zoojax with its variables, one of zootorch, and inputs of both."""
    config = MODELS[name]
    model = model_types(config)[0](config)
    shape = example_shape(config, num_steps=4)
    inputs = small_dataset()[0].inputs[:10]
    if name != "cnn":
        inputs = np.random.default_rng(2).normal(size=(10, *shape))
    variables = zoojax.init_ensemble(5, model, jnp.zeros((1, *shape), jnp.float64), num_members=NUM)
    twins = [each.double() for each in zootorch.init_ensemble(5, config, num_members=NUM)]
    ours = zoojax.DeepEnsemble(model, classes=classes)
    return ours, variables, zootorch.DeepEnsemble(twins, classes=classes), inputs


@EACH
@pytest.mark.parametrize("classes", [False, True])
def test_an_ensemble_predicts_the_mean_of_its_members(name, classes, x64):
    ours, variables, twin, inputs = ensembles(name, classes=classes)
    members = [np.asarray(zootorch.predict(m, torch.from_numpy(inputs))) for m in twin.models]
    expected = np.log(np.mean(list(map(softmax, members)), 0)) if classes else np.mean(members, 0)
    row = "float64, layers on their own: outputs, gradients"
    check(row, relative(zoojax.predict(ours, variables, inputs, batch_size=4), expected))
    check(row, relative(zootorch.predict(twin, torch.from_numpy(inputs), batch_size=4), expected))
    assert ours.config == twin.config == MODELS[name]
    # Each member alone, all at once.
    together = zoojax.ensembles.stacked.predict_members(ours.model, variables, inputs, batch_size=4)
    check(row, relative(together, np.array(members)))
    without_one = np.mean(members[1:], 0)
    assert relative(without_one, np.mean(members, 0)) > 1e-3


def test_the_loss_of_an_ensemble_is_that_of_the_mean_probability(x64):
    ours, variables, twin, inputs = ensembles("mlp", classes=True)
    labels = np.arange(10) % 3
    members = [np.asarray(zootorch.predict(m, torch.from_numpy(inputs))) for m in twin.models]
    probs = np.mean(list(map(softmax, members)), 0)
    expected = -np.log(probs[np.arange(10), labels]).mean()
    found = zoojax.evaluate(ours, variables, zoojax.Batch(inputs, labels))
    dataset = zootorch.Batch(torch.from_numpy(inputs), torch.from_numpy(labels))
    other = zootorch.evaluate(twin, dataset)
    assert found.loss == pytest.approx(expected, rel=1e-14)
    assert other.loss == pytest.approx(expected, rel=1e-14)
    assert found.accuracy == other.accuracy == (probs.argmax(-1) == labels).mean()
    np.testing.assert_array_equal(found.predictions, other.predictions)


def test_an_ensemble_is_no_worse_than_its_members_on_average():
    """Its loss is at most the mean of theirs, whatever they predict: -log is convex."""
    outputs = np.random.default_rng(3).normal(size=(5, 50, 4)) * 3
    labels = np.arange(50) % 4
    losses = [float(zoojax.cross_entropy(jnp.array(each), jnp.array(labels))) for each in outputs]
    mean = zoojax.mean_outputs(jnp.array(outputs), classes=True)
    assert float(zoojax.cross_entropy(mean, jnp.array(labels))) < np.mean(losses)


def test_an_ensemble_changes_no_member_while_it_predicts(x64):
    _, _, twin, inputs = ensembles("mlp", classes=False)
    before = {name: each.clone() for name, each in twin.state_dict().items()}
    zootorch.predict(twin, torch.from_numpy(inputs))
    assert all((each == before[name]).all() for name, each in twin.state_dict().items())


def test_an_ensemble_is_one_program_in_jax():
    """As a static argument it must be equal to another of the same model."""
    model = zoojax.MLP(MODELS["mlp"])
    first, second = (zoojax.DeepEnsemble(model, classes=True) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first != zoojax.DeepEnsemble(model, classes=False)
    assert jax.tree.leaves(first) == [first]
