"""The history of a training: learning rates, gradients by layer, and what is wrong with them."""

import functools
import json
import math

import jax
import numpy as np
import pytest
import torch

import zoojax
import zootorch
import zootorch.parity
from parity_tests.helpers.builders import train_config, twins
from parity_tests.tolerances import check, relative
from zoojax.spec import errors, records
from zoojax.spec.config import MLPConfig, RNNConfig
from zoojax.spec.errors import NonFiniteLossError
from zoojax.spec.history import Log, gradient_problems
from zoojax.spec.layout import by_layer, layout
from zoojax.spec.records import Batch

MLP = MLPConfig(input_dim=6, output_dim=2, hidden_dim=8, num_layers=1)
BATCH = 14
RNN = RNNConfig(output_size=2, hidden_dim=8, num_layers=3, cell="rnn", dropout=0.0)


def datasets(config):
    """Return the same samples for both backends: NumPy arrays, and tensors.

    Three whole batches: JAX would compile again for a smaller one.
    """
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(3 * BATCH, 6))
    labels = (inputs[:, 0] > 0).astype(np.int64)
    arrays = Batch(inputs if config is MLP else inputs[..., None], labels)
    return arrays, Batch(*map(torch.from_numpy, arrays))


@functools.cache
def histories(config, *, scale=None, **options):
    """Return the histories of both backends in float64; ``scale`` multiplies some weights."""
    options = {"dtype": "float64", "num_epochs": 3, "batch_size": BATCH, **options}
    arrays, tensors = datasets(config)
    with jax.enable_x64(True):
        model, variables, twin = twins(config, dtype="float64")
        if scale is not None:
            variables["params"] = {
                module: jax.tree.map(lambda x, m=module: x * scale(m), leaves)
                for module, leaves in variables["params"].items()
            }
            twin = zootorch.parity.to_torch(model, variables)
        train = train_config(**options)
        _, history = zoojax.fit(model, variables, arrays, config=train)
        return history, zootorch.Trainer(twin, train).fit(tensors)


@pytest.mark.parametrize("config", [MLP, RNN], ids=["mlp", "rnn"])
@pytest.mark.parametrize("clip_norm", [None, 0.01])
def test_both_backends_write_the_same_gradients_down_before_clipping(config, clip_norm):
    ours, theirs = histories(config, clip_norm=clip_norm, optimizer="sgd")
    layers = list(dict.fromkeys(leaf.layer for leaf in layout(config)))
    assert list(ours.largest_gradients) == list(theirs.largest_gradients) == layers
    for layer in layers:
        pair = ours.largest_gradients[layer], theirs.largest_gradients[layer]
        assert pair[0].shape == (3,)
        check("float64, whole run: losses, weights", relative(*pair))
    # The first is that of the initial weights, clipped or not.
    plain, _ = histories(config, optimizer="sgd")
    for layer in layers:
        assert ours.largest_gradients[layer][0] == plain.largest_gradients[layer][0]


def test_a_gradient_written_down_is_that_of_autograd():
    _, twin_history = histories(MLP)
    _, _, twin = twins(MLP)
    trainer = zootorch.Trainer(twin, train_config(dtype="float64", batch_size=BATCH))
    _, tensors = datasets(MLP)
    (rows, *_) = zootorch.data.batch_indices(trainer.shuffle, 3 * BATCH, BATCH)
    trainer.step(zootorch.take(tensors, rows))
    layer = [p.grad.abs().max().item() for n, p in twin.named_parameters() if n[:8] == "block.4."]
    assert twin_history.largest_gradients["block.4"][0] == max(layer)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_both_backends_write_the_same_learning_rates_down(schedule):
    ours, theirs = histories(MLP, schedule=schedule, learning_rate=0.01)
    assert len(ours.learning_rates) == len(ours.step_losses) == 9
    check(
        "float64, whole run: losses, weights", relative(ours.learning_rates, theirs.learning_rates)
    )
    first = {"constant": 0.01, "cosine": 0.01, "one_cycle": 0.01 / 25}[schedule]
    assert ours.learning_rates[0] == pytest.approx(first, rel=1e-12)
    assert (len(set(ours.learning_rates)) == 1) == (schedule == "constant")


def test_a_healthy_run_has_no_problem():
    for config in (MLP, RNN):
        assert histories(config)[0].gradient_problems == {}


def test_a_vanishing_layer_is_named():
    """Weights of almost nothing hand almost nothing back to the layers before them."""
    small = {"rnn_l1": 3e-4, "rnn_l2": 3e-4}
    for history in histories(RNN, scale=lambda m: small.get(m, 1), optimizer="sgd"):
        assert history.gradient_problems == {"rnn_l0": "vanishing", "rnn_l1": "vanishing"}


def test_an_exploding_layer_is_named():
    """A BatchNorm makes up for small weights: the smaller they are, the larger their gradient."""
    for history in histories(MLP, scale=lambda m: 1e-9 if m == "block_0" else 1, optimizer="sgd"):
        assert history.largest_gradients["block.0"][0] > 1e3
        assert history.gradient_problems["block.0"] == "exploding"  # if only at first
        assert history.largest_gradients["block.0"][-1] < 1e3


@pytest.mark.parametrize(
    ("largest", "problems"),
    [
        ({"a": 1.0, "b": 1e-3}, {}),
        ({"a": 1.0, "b": 0.9e-4}, {"b": "vanishing"}),
        ({"a": 1e-9, "b": 1e-9}, {}),  # near a minimum all are small
        ({"a": 1.0, "b": 0.0}, {"b": "vanishing"}),
        ({"a": 0.0, "b": 0.0}, {"a": "vanishing", "b": "vanishing"}),
        ({"a": 1e3, "b": 1.0}, {}),
        ({"a": 1.1e3, "b": 1.0}, {"a": "exploding"}),
        ({"a": math.nan, "b": 1.0, "c": math.inf}, {"a": "exploding", "c": "exploding"}),
        # An exploding layer makes no vanishing ones of the others.
        ({"a": 1e9, "b": 1.0, "c": 1e-5}, {"a": "exploding", "c": "vanishing"}),
    ],
)
def test_problems_are_told_from_sizes(largest, problems):
    assert gradient_problems(largest) == problems


def test_a_layers_gradient_is_the_largest_of_its_parameters():
    values = {leaf.name: float(i) for i, leaf in enumerate(layout(RNN))}
    values["rnn.bias_hh_l1"] = math.nan
    found = by_layer(RNN, values)
    assert list(found) == ["rnn_l0", "rnn_l1", "rnn_l2", "fc"]
    assert (found["rnn_l0"], found["fc"]) == (3.0, 13.0)
    assert math.isnan(found["rnn_l1"])


def numbers_like(config, value):
    """Return a number for each parameter: ``value`` for the first, less for each that follows."""
    params = [leaf for leaf in layout(config) if leaf.path[0] == "params"]
    return {leaf.name: value - index for index, leaf in enumerate(params)}


def fail():
    raise AssertionError("gradients were fetched when nobody needs them")


def record(log, loss, gradients=fail):
    log.record(loss, 0.1, gradients)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_loss_that_is_not_finite_is_raised_and_not_recorded(loss, step):
    log = Log(steps_per_epoch=2, model_config=RNN, member="the member of seed 4")
    for index in range(step):
        record(log, 1.0, fail if index % 2 else lambda: numbers_like(RNN, 3.0))
        if index % 2:
            log.end_epoch()
    before = log.to_json()
    with pytest.raises(NonFiniteLossError) as caught:
        record(log, loss, lambda: numbers_like(RNN, 7.0))
    assert (caught.value.step, repr(caught.value.loss)) == (step, repr(loss))
    assert caught.value.largest_gradients == numbers_like(RNN, 7.0)
    assert str(caught.value).startswith(
        f"the loss of the member of seed 4 is {loss} at step {step};"
    )
    assert log.to_json() == before


def test_a_loss_that_is_not_finite_in_no_ensemble_has_no_member():
    with pytest.raises(NonFiniteLossError, match=r"^the loss is nan at step 0; .* fc.bias -10\. "):
        record(Log(2, model_config=RNN), math.nan, lambda: numbers_like(RNN, 3.0))


def test_the_gradients_recorded_are_those_of_the_first_step_of_each_epoch():
    log = Log(steps_per_epoch=3, model_config=RNN)
    for epoch in range(2):
        record(log, 1.0, lambda epoch=epoch: numbers_like(RNN, 10.0 + epoch))
        record(log, 2.0)
        record(log, 3.0)
        log.end_epoch()
    firsts = [by_layer(RNN, numbers_like(RNN, value)) for value in (10.0, 11.0)]
    assert log.largest_gradients == firsts
    assert firsts[1] == {"rnn_l0": 11.0, "rnn_l1": 7.0, "rnn_l2": 3.0, "fc": -1.0}


@pytest.mark.parametrize("num_steps", [1, 2, 3])
def test_a_log_resumed_in_the_middle_of_an_epoch_fetches_no_gradients_until_the_next(num_steps):
    log = Log(steps_per_epoch=3, model_config=RNN)
    record(log, 1.0, lambda: numbers_like(RNN, 10.0))
    for _ in range(num_steps - 1):
        record(log, 2.0)
    log = Log.from_json(json.loads(json.dumps(log.to_json())), RNN)
    assert (log.num_steps_in_epoch, len(log.largest_gradients)) == (num_steps, 1)
    for _ in range(3 - num_steps):
        record(log, 3.0)
    log.end_epoch()
    record(log, 4.0, lambda: numbers_like(RNN, 20.0))
    assert [each["rnn_l0"] for each in log.largest_gradients] == [10.0, 20.0]


def test_what_a_log_knows_of_its_training_is_not_saved():
    log = Log(2, [1.0], [0.1], model_config=RNN, member="the member of seed 4")
    assert list(log.to_json()) == [
        "steps_per_epoch",
        "step_losses",
        "learning_rates",
        "validation_losses",
        "validation_accuracies",
        "epoch_seconds",
        "largest_gradients",
        "seconds",
    ]
    assert Log.from_json(log.to_json()) == Log(2, [1.0], [0.1])


def test_the_error_is_found_under_each_of_its_names():
    for owner in (zoojax, zootorch, records):
        assert owner.NonFiniteLossError is errors.NonFiniteLossError


def test_a_log_counts_steps_and_epochs_and_becomes_a_history():
    log = Log(steps_per_epoch=2, model_config=RNN)
    for epoch in range(2):
        for step in range(2):
            log.start_clock()
            assert (log.num_epochs, log.num_steps_in_epoch) == (epoch, step)
            log.record(10.0 * epoch + step, 0.1, lambda epoch=epoch: {"fc.weight": epoch + 1.0})
        log.end_epoch()
        log.add_validation(5.0 - epoch, 0.5)
        assert log.is_best
    history = log.history(num_samples=7)
    np.testing.assert_array_equal(history.step_losses, [0, 1, 10, 11])
    np.testing.assert_array_equal(history.train_losses, [0.5, 10.5])
    np.testing.assert_array_equal(history.gaps, [4.5, -6.5])
    np.testing.assert_array_equal(history.largest_gradients["fc"], [1, 2])
    assert history.best_epoch == 1
    assert history.images_per_second == pytest.approx(7 / history.epoch_seconds[1])


def test_a_gradient_too_large_for_its_norm_is_written_down():
    """The norm of all is infinite, the loss is not; clipping then leaves nothing of them."""
    arrays, tensors = datasets(MLP)
    arrays, tensors = (Batch(each.inputs, each.targets) for each in (arrays, tensors))
    model, variables, twin = twins(MLP)
    scale = {"block_8": 1e25}
    variables["params"] = {
        name: jax.tree.map(lambda x, m=name: x * scale.get(m, 1), leaves)
        for name, leaves in variables["params"].items()
    }
    twin = zootorch.parity.to_torch(model, variables)
    config = train_config(num_epochs=1, batch_size=3 * BATCH, clip_norm=1.0)
    _, ours = zoojax.fit(model, variables, arrays, config=config)
    theirs = zootorch.Trainer(twin, config).fit(tensors)
    assert ours.gradient_problems == theirs.gradient_problems
    assert ours.gradient_problems["block.0"] == "exploding"
