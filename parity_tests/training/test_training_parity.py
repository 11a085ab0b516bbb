"""Twin against twin: one pass, ten steps, a thousand steps, a whole run."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import zoojax
import zoojax.weights
import zootorch
import zootorch.weights
from parity_tests.helpers.builders import (
    SMALL_CNN,
    cnn_configs,
    few_examples,
    idle_parameters,
    jax_arrays,
    small_dataset,
    torch_arrays,
    train_config,
    twin_trainers,
    twins,
    variants,
)
from parity_tests.tolerances import ALLOWED, check, relative
from zoojax import data as jax_data
from zoojax import random as jax_random
from zoojax.spec.config import CNNConfig
from zoojax.spec.records import Batch
from zootorch import data as torch_data

ONE_STEP = "float64, one step: loss, gradients, moments, statistics, weights"
TEN_STEPS = "float64, ten steps: moments, statistics, weights"
RANDOM_STEP = "float64, one step of random configurations: loss, gradients"
WHOLE_RUN = "float64, whole run: losses, weights"
IDLE = "float64: idle parameters and running means"
BATCH = 16

CONFIGS = {
    "workshop": SMALL_CNN,
    "relu, max head": dataclasses.replace(SMALL_CNN, conv_activation="relu", head="max"),
    "gelu, average head": dataclasses.replace(
        SMALL_CNN, conv_activation="gelu", linear_activation="elu", head="average"
    ),
    "stride, dilation": dataclasses.replace(
        SMALL_CNN, stride=2, dilation=2, padding=3, num_cnn_layers=0, linear_activation="gelu"
    ),
    "kernel 5, pool 3": dataclasses.replace(
        SMALL_CNN, kernel_size=5, pooling=3, num_cnn_layers=0, conv_activation="leaky_relu"
    ),
}
EACH_CONFIG = pytest.mark.parametrize(
    "config", variants(CONFIGS, quick=("workshop", "stride, dilation"))
)


def batches(dataset, num_steps):
    """Return the same batches for both backends: samples in turn."""
    arrays, tensors = dataset
    for step in range(num_steps):
        rows = np.arange(step * BATCH, (step + 1) * BATCH) % len(arrays.targets)
        yield zoojax.take(arrays, rows), zootorch.take(tensors, torch.from_numpy(rows))


@functools.cache
def run_steps(name, dtype, num_steps=10):
    """Run both twins with dropout on; return the step losses, and the arrays after each of
    the steps 1 and ``num_steps``, as pairs.
    """
    with jax.enable_x64(dtype == "float64"):
        state, trainer = twin_trainers(CONFIGS[name], train_config(dtype=dtype))
        losses, arrays = [], {}
        for step, (ours, theirs) in enumerate(batches(small_dataset(), num_steps), 1):
            state, metrics = zoojax.train_step(state, ours)
            losses.append((float(metrics["loss"]), trainer.step(theirs).item()))
            if step in (1, num_steps):
                arrays[step] = copies(jax_arrays(state)), copies(torch_arrays(trainer))
    return np.array(losses), arrays


def copies(kinds):
    """Return copies: torch changes its arrays in place, and JAX takes the memory back."""
    return {kind: {k: v.copy() for k, v in arrays.items()} for kind, arrays in kinds.items()}


def gradients(arrays):
    """Return the gradients of the first step: Adam's first mu is a tenth of them."""
    return {name: mu / (1 - 0.9) for name, mu in arrays["mu"].items()}


def compare_arrays(name, ours, theirs, *, leave_out=frozenset()):
    """Check every array on its own scale, or the model's where it is zero on paper."""
    assert set(ours) == set(theirs)
    for key in sorted(set(ours) - set(leave_out)):
        check(name, relative(ours[key], theirs[key]))


def compare_idle(name, ours, theirs, idle):
    """Check arrays that are zero on paper against the largest of the others."""
    scale = max(np.abs(array).max() for array in theirs.values())
    for key in idle & set(ours):
        check(name, float(np.abs(ours[key] - theirs[key]).max() / scale))


def test_standardised_pictures_have_the_same_bits():
    arrays, tensors = small_dataset()
    for dtype in ("float32", "float64"):
        with jax.enable_x64(dtype == "float64"):
            ours = np.asarray(jax.jit(zoojax.standardise, static_argnums=1)(arrays.inputs, dtype))
        theirs = zootorch.standardise(tensors.inputs, getattr(torch, dtype))
        assert theirs.shape == (len(ours), 3, 32, 32)
        assert (theirs.permute(0, 2, 3, 1).numpy() == ours).all()
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        oracle = (arrays.inputs / 255 - mean) / std
        assert np.abs(ours - oracle).max() < (1e-6 if dtype == "float32" else 1e-14)


@EACH_CONFIG
def test_initial_weights_have_the_same_bits(config):
    model, variables, twin = twins(CONFIGS[config])
    ours = zoojax.weights.to_arrays(model, variables)
    theirs = zootorch.weights.to_arrays(twin)
    assert set(ours) == set(theirs)
    assert all((ours[name] == theirs[name]).all() for name in ours)


def test_initial_weights_follow_torchs_distributions():
    """A moment or an extreme off by over 5 standard errors: one false alarm in a million."""
    config = CNNConfig(height=32, width=32, num_cnn_channels=32, hidden_dim=64)
    torch.manual_seed(0)
    for name, layer in zootorch.CNN(config).named_modules():
        if not isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            continue
        ours = layer.weight.detach().flatten().clone()
        layer.reset_parameters()
        theirs = layer.weight.detach().flatten()
        error = 5 * theirs.std() / len(theirs) ** 0.5
        assert abs(ours.mean()) < error, name
        assert abs(ours.std() / theirs.std() - 1) < 5 / len(theirs) ** 0.5, name
        assert ours.abs().max() <= 1 / layer.weight[0].numel() ** 0.5


def compare_steps(name, config, pair):
    """Check moments, statistics and weights after some steps."""
    idle = idle_parameters(CONFIGS[config])
    for kind in ("mu", "nu"):
        compare_arrays(name, pair[0][kind], pair[1][kind], leave_out=idle)
        compare_idle(name, pair[0][kind], pair[1][kind], idle)
    compare_weights(name, CONFIGS[config], *(each["weights"] for each in pair))


def compare_weights(name, config, ours, theirs):
    """Check parameters and statistics; idle ones, and means that contain them, as absolutes."""
    loose = idle_parameters(config) | {key for key in ours if key.endswith("running_mean")}
    compare_arrays(name, ours, theirs, leave_out=loose)
    for key in loose:
        check(IDLE, np.abs(ours[key] - theirs[key]).max())


@EACH_CONFIG
def test_float64_one_step(config):
    losses, arrays = run_steps(config, "float64")
    check(ONE_STEP, relative(losses[0, 0], losses[0, 1]))
    ours, theirs = (gradients(each) for each in arrays[1])
    idle = idle_parameters(CONFIGS[config])
    compare_arrays(ONE_STEP, ours, theirs, leave_out=idle)
    compare_idle(ONE_STEP, ours, theirs, idle)
    compare_steps(ONE_STEP, config, arrays[1])


@EACH_CONFIG
def test_float64_ten_steps(config):
    losses, arrays = run_steps(config, "float64")
    compare_steps(TEN_STEPS, config, arrays[10])
    check(TEN_STEPS, relative(losses[:, 0], losses[:, 1]))


@pytest.mark.parametrize("num_steps", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_float64_losses_of_many_steps(num_steps):
    losses, _ = run_steps("workshop", "float64", num_steps)
    check("cnn: float64, whole run", np.abs(losses[:, 0] / losses[:, 1] - 1).max())


@functools.cache
def whole_runs(seed):
    """Return both ends of a run with shuffling, dropout, validation and a short last batch."""
    arrays, tensors = small_dataset(num_each=5)
    config = train_config(dtype="float64", seed=seed, num_epochs=3, batch_size=24)
    model, variables, twin = twins(SMALL_CNN, seed=seed, dtype="float64")
    root, generator = jax_random.root_key(seed), zootorch.Generator(seed)
    ours = [jax_data.take(arrays, i) for i in zoojax.split_indices(root, 160, (0.7, 0.3))]
    theirs = zootorch.split_indices(generator, 160, (0.7, 0.3))
    theirs = [torch_data.take(tensors, i) for i in theirs]
    state, history = zoojax.fit(model, variables, ours[0], config=config, validation=ours[1])
    trainer = zootorch.Trainer(twin, config)
    return state, history, trainer, trainer.fit(theirs[0], validation=theirs[1])


def test_float64_whole_run(x64):
    state, history, trainer, twin_history = whole_runs(5)
    assert len(history.step_losses) == 3 * 5
    check(WHOLE_RUN, relative(history.step_losses, twin_history.step_losses))
    check(WHOLE_RUN, relative(history.train_losses, twin_history.train_losses))
    ours, theirs = (each.validation_losses for each in (history, twin_history))
    check("float64, whole run: validation losses", relative(ours, theirs))
    assert (history.validation_accuracies == twin_history.validation_accuracies).all()
    ours, theirs = jax_arrays(state)["weights"], torch_arrays(trainer)["weights"]
    compare_weights(WHOLE_RUN, SMALL_CNN, ours, theirs)


def test_another_seed_is_another_run(x64):
    _, history, _, _ = whole_runs(5)
    _, other, _, _ = whole_runs(6)
    assert relative(history.step_losses, other.step_losses) > 1e-3


@EACH_CONFIG
def test_float32_forward(config):
    ours, theirs = next(batches(small_dataset(), 1))
    model, variables, twin = twins(CONFIGS[config])
    forward = jax.jit(model.apply)(variables, zoojax.standardise(ours.inputs))
    with torch.no_grad():
        twin_forward = twin.eval()(zootorch.standardise(theirs.inputs))
    check("float32, one pass: forward", relative(forward, twin_forward))


@EACH_CONFIG
def test_float32_ten_steps(config):
    losses, arrays = run_steps(config, "float32")
    difference = np.abs(losses[:, 0] / losses[:, 1] - 1)
    check("cnn: float32, first step", difference[0])
    check("cnn: float32, ten steps", difference.max())
    idle = idle_parameters(CONFIGS[config])
    ours, theirs = (gradients(each) for each in arrays[1])
    compare_arrays("float32, one pass: gradients", ours, theirs, leave_out=idle)


@pytest.mark.parametrize("change", ["dropout layer", "batch order", "momentum", "epsilon"])
def test_a_perturbed_twin_is_seen(x64, change):
    _, trainer = twin_trainers(SMALL_CNN, train_config(dtype="float64"))
    for module in trainer.model.modules():
        if change == "dropout layer" and hasattr(module, "layer"):
            module.layer += 1
        if change == "momentum" and hasattr(module, "momentum"):
            module.momentum += 1e-9
        if change == "epsilon" and hasattr(module, "eps"):
            module.eps *= 1 + 1e-6
    _, batch = next(batches(small_dataset(), 1))
    if change == "batch order":
        batch = zootorch.take(batch, torch.arange(BATCH).roll(1))
    loss = trainer.step(batch).item()
    losses, arrays = run_steps("workshop", "float64")
    ours, theirs = arrays[1][0]["weights"], torch_arrays(trainer)["weights"]
    apart = [relative(ours[name], theirs[name]) for name in ours]
    assert max(*apart, relative(loss, losses[0, 0])) > ALLOWED[ONE_STEP]


def compare_one_step(config, seed):
    """Check loss and gradients of a step with ten random pictures."""
    with jax.enable_x64(True):
        state, trainer = twin_trainers(config, train_config(dtype="float64", seed=seed))
        size = (10, config.height, config.width, 3)
        generator = np.random.default_rng(seed)
        images = generator.integers(0, 256, size, np.uint8)
        labels = generator.integers(0, config.num_classes, 10)
        loss = trainer.step(Batch(torch.from_numpy(images), torch.from_numpy(labels)))
        state, metrics = zoojax.train_step(state, Batch(images, labels))
        check(RANDOM_STEP, relative(metrics["loss"], loss))
        ours, theirs = (gradients(each) for each in (jax_arrays(state), torch_arrays(trainer)))
    # On the model's scale: with one channel even a kernel's gradient is zero on paper.
    compare_idle(RANDOM_STEP, ours, theirs, set(ours))


@pytest.mark.slow  # the test below calls the same check
@few_examples(8)
@given(config=cnn_configs(num_input_channels=3, num_classes=3), seed=st.integers(0, 2**32 - 1))
def test_one_step_of_random_configurations(config, seed):
    # Else a small layer may see nothing but padding: zeros plus noise at the kink of a relu.
    assume(config.padding < config.kernel_size)
    compare_one_step(config, seed)


def test_the_gradient_of_a_global_max_is_right_when_compiled():
    """Here that of `x.max((1, 2))` was wrong by a third: XLA rounded x in two ways."""
    config = CNNConfig(
        num_classes=3,
        height=60,
        width=37,
        num_cnn_channels=2,
        num_cnn_layers=2,
        hidden_dim=1,
        kernel_size=1,
        padding=2,
        dilation=2,
        pooling=3,
        conv_activation="gelu",
        linear_activation="elu",
        head="max",
    )
    compare_one_step(config, 3252)
