"""Optimisers, schedules and clipping: torch's own by the step, then whole twins."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoojax
import zootorch
from parity_tests.helpers.builders import (
    check_refused,
    jax_weights,
    torch_weights,
    train_config,
    twins,
    variants,
)
from parity_tests.tolerances import check, relative
from zoojax import optimizers
from zoojax.spec.config import MLPConfig, TrainConfig
from zoojax.spec.records import Batch

OPTIONS = {
    "adam": {"optimizer": "adam"},
    "adam, decay": {"optimizer": "adam", "weight_decay": 0.1},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd"},
    "sgd, momentum, decay": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    "sgd, nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop, momentum, decay": {"optimizer": "rmsprop", "momentum": 0.5, "weight_decay": 0.1},
    "clipping": {"optimizer": "sgd", "clip_norm": 0.05},
    "clipping, adamw, cosine": {
        "optimizer": "adamw", "weight_decay": 0.01, "schedule": "cosine", "clip_norm": 0.5
    },
    "one cycle": {"optimizer": "sgd", "momentum": 0.9, "schedule": "one_cycle"},
}  # fmt: skip
TORCHS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adam, decay": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "sgd, momentum, decay": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1),
    "sgd, nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "rmsprop, momentum, decay": lambda p: torch.optim.RMSprop(
        p, lr=0.01, momentum=0.5, weight_decay=0.1
    ),
}
QUICK = ("adam", "sgd, nesterov", "rmsprop", "clipping, adamw, cosine")
NAME = "float64, optimisers and schedules against torch's own"
MLP = MLPConfig(input_dim=6, output_dim=2, num_layers=1, hidden_dim=5, dropout=0.0)


def gradients(num_steps):
    """Return parameters and gradients of any size, zeros among them."""
    generator = np.random.default_rng(1)
    start = {"a": generator.normal(size=(3, 4)), "b": generator.normal(size=5)}
    scales = 10.0 ** generator.integers(-6, 3, num_steps)
    steps = [{k: s * generator.normal(size=v.shape) for k, v in start.items()} for s in scales]
    steps[2]["b"][:] = 0
    return start, steps


@pytest.mark.parametrize("name", TORCHS)
def test_the_rules_are_torchs(x64, name):
    start, steps = gradients(60)
    rule = optimizers.optimizer(TrainConfig(**OPTIONS[name]))
    params = jax.tree.map(jnp.asarray, start)
    state = rule.init(params)
    tensors = {key: torch.nn.Parameter(torch.from_numpy(v.copy())) for key, v in start.items()}
    torchs = TORCHS[name](tensors.values())
    for grads in steps:
        directions, state = rule.update(jax.tree.map(jnp.asarray, grads), state, params)
        params = jax.tree.map(lambda p, d: p - 0.01 * d, params, directions)
        for key, tensor in tensors.items():
            tensor.grad = torch.from_numpy(grads[key])
        torchs.step()
        for key, tensor in tensors.items():
            check(NAME, relative(params[key], tensor.detach()))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.parametrize("num_steps", [4, 5, 37, 1000])
def test_the_schedules_are_torchs(x64, schedule, num_steps):
    config = TrainConfig(learning_rate=0.3, schedule=schedule)
    rule = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    if schedule == "cosine":
        torchs = torch.optim.lr_scheduler.CosineAnnealingLR(rule, T_max=num_steps)
    else:
        torchs = torch.optim.lr_scheduler.OneCycleLR(
            rule, max_lr=0.3, total_steps=num_steps, cycle_momentum=False
        )
    expected = []
    for _ in range(num_steps):
        expected.append(rule.param_groups[0]["lr"])
        rule.step()
        torchs.step() if len(expected) < num_steps else None
    rate = jax.jit(optimizers.learning_rate, static_argnums=(0, 2))
    ours = [float(rate(config, jnp.int32(step), num_steps)) for step in range(num_steps)]
    check(NAME, np.abs(np.array(ours) - expected).max() / 0.3)


def test_the_shape_of_the_schedules():
    steps = jnp.arange(1001)
    cosine = optimizers.learning_rate(TrainConfig(schedule="cosine"), steps, 1000)
    np.testing.assert_allclose(cosine[jnp.array([0, 500, 1000])], [1e-3, 5e-4, 0], atol=1e-9)
    cycle = optimizers.learning_rate(TrainConfig(schedule="one_cycle"), steps, 1000)
    np.testing.assert_allclose(cycle[0], 4e-5, rtol=1e-5)
    np.testing.assert_allclose(cycle[999], 4e-9, atol=1e-10)
    assert int(cycle.argmax()) == 299
    assert cycle.max() == pytest.approx(1e-3)


@given(st.floats(1e-3, 1e3), st.floats(1e-8, 1e8))
def test_clipping_is_torchs(largest, scale):
    grads = {k: scale * v for k, v in gradients(3)[0].items()}
    tensors = [torch.nn.Parameter(torch.from_numpy(v)) for v in grads.values()]
    for tensor, grad in zip(tensors, grads.values(), strict=True):
        tensor.grad = torch.from_numpy(grad.copy())
    torch.nn.utils.clip_grad_norm_(tensors, largest)
    with jax.enable_x64(True):
        clipped = optimizers.clip_by_global_norm(jax.tree.map(jnp.asarray, grads), largest)
        for ours, theirs in zip(clipped.values(), tensors, strict=True):
            check(NAME, relative(ours, theirs.grad))
        norm = math.sqrt(sum(float(jnp.sum(g**2)) for g in clipped.values()))
    assert norm <= largest * (1 + 1e-12)


@functools.cache
def run(name, num_steps, *, dtype="float64"):
    """Return the step losses of both twins, and their weights at the end."""
    config = train_config(
        loss="mean_squared_error", dtype=dtype, learning_rate=0.01, **OPTIONS[name]
    )
    model, variables, twin = twins(MLP, dtype=dtype)
    state = zoojax.create_state(model, variables, config, num_steps=num_steps)
    trainer = zootorch.Trainer(twin, config, num_steps=num_steps)
    generator = np.random.default_rng(2)
    losses = []
    for _ in range(num_steps):
        inputs = generator.normal(size=(9, 6)).astype(dtype)
        targets = np.stack([np.sin(inputs).sum(1), inputs[:, 0]], axis=1)
        state, metrics = zoojax.train_step(state, Batch(inputs, targets))
        loss = trainer.step(Batch(torch.from_numpy(inputs), torch.from_numpy(targets)))
        losses.append((float(metrics["loss"]), loss.item()))
    ours, theirs = jax_weights.to_arrays(model, state.variables), torch_weights.to_arrays(twin)
    return np.array(losses), ours, theirs


@pytest.mark.parametrize("name", variants(OPTIONS, quick=QUICK))
def test_float64_steps_of_both_twins(x64, name):
    losses, _, _ = run(name, 40)
    check("float64, 40 steps of every optimiser: losses", relative(*losses.T))
    assert losses[-1, 0] != losses[0, 0]


@pytest.mark.parametrize("names", [QUICK, pytest.param(tuple(OPTIONS), marks=pytest.mark.slow)])
def test_every_option_changes_the_run(x64, names):
    ends = {name: run(name, 40)[0][-1, 0] for name in names}
    assert len(set(ends.values())) == len(ends)


def test_fit_knows_how_long_the_schedule_is(x64):
    config = train_config(
        loss="mean_squared_error", dtype="float64", schedule="cosine", num_epochs=3, batch_size=7
    )
    model, variables, twin = twins(MLP, dtype="float64")
    inputs = np.random.default_rng(3).normal(size=(21, 6))
    targets = inputs[:, :2]
    state, history = zoojax.fit(model, variables, Batch(inputs, targets), config=config)
    trainer = zootorch.Trainer(twin, config)
    twin_history = trainer.fit(Batch(torch.from_numpy(inputs), torch.from_numpy(targets)))
    assert state.num_steps == len(history.step_losses) == 9
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)
    check(
        "float64, 40 steps of every optimiser: losses",
        relative(history.step_losses, twin_history.step_losses),
    )


def test_a_second_fit_starts_the_schedule_anew(x64):
    config = train_config(
        loss="mean_squared_error", dtype="float64", schedule="one_cycle", num_epochs=3, batch_size=8
    )
    inputs = torch.from_numpy(np.random.default_rng(3).normal(size=(20, 6)))
    trainer = zootorch.Trainer(twins(MLP, dtype="float64")[2], config)
    rates = []
    for _ in range(2):
        trainer.fit(Batch(inputs, inputs[:, :2]))
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates[0] == rates[1]


@pytest.mark.parametrize(
    ("schedule", "num_steps", "least"), [("cosine", None, 1), ("one_cycle", 3, 4)]
)
def test_a_schedule_needs_its_length(schedule, num_steps, least):
    config = train_config(schedule=schedule)
    model, variables, twin = twins(MLP)
    batch = Batch(torch.zeros(4, 6), torch.zeros(4, dtype=torch.int64))
    check_refused(
        f"the schedule {schedule} needs num_steps, the steps of the whole run, of at least {least}",
        lambda: zoojax.create_state(model, variables, config, num_steps=num_steps),
        lambda: zootorch.Trainer(twin, config, num_steps=num_steps).step(batch),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of adam, adamw, sgd, rmsprop, got 'lion'"),
        ({"momentum": 0.9}, "momentum is of sgd and rmsprop, got adam"),
        ({"optimizer": "sgd", "momentum": 1.0}, "momentum must be a number at least 0 and under 1"),
        ({"optimizer": "sgd", "nesterov": True}, "nesterov needs sgd with momentum, got sgd with"),
        ({"nesterov": 1}, "nesterov must be True or False, got 1"),
        ({"weight_decay": -1}, "weight_decay must be a number at least 0 and under inf, got -1"),
        ({"schedule": "step"}, "schedule must be one of constant, cosine, one_cycle, got 'step'"),
        ({"clip_norm": 0}, "clip_norm must be a number over 0 and under inf, got 0"),
        ({"loss": "hinge"}, "cross_entropy, mean_squared_error, pinball, got 'hinge'"),
    ],
)
def test_configurations_that_cannot_be(options, message):
    check_refused(message, lambda: TrainConfig(**options))


def test_a_step_changes_no_more_than_it_says():
    config = dataclasses.replace(train_config(), optimizer="sgd", clip_norm=1e-3)
    model, variables, _ = twins(MLP)
    state = zoojax.create_state(model, variables, config)
    batch = Batch(np.ones((4, 6), np.float32), np.array([0, 1, 0, 1]))
    before = zoojax.weights.to_arrays(model, state.variables)
    after = zoojax.weights.to_arrays(model, zoojax.train_step(state, batch)[0].variables)
    moved = [after[k] - before[k] for k in after if "running" not in k]
    norm = math.sqrt(sum(float(np.sum(np.square(each.astype(np.float64)))) for each in moved))
    assert norm <= 1e-3 * config.learning_rate * 1.01
