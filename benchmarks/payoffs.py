"""What functions make easy, each beside its counterpart in torch.

Ensembles in one program, pictures made inside the step, mixed precision, whole runs, and compiled
programs kept from one process to the next.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import torch

import zoojax
import zoojax.experiments.pipeline
import zootorch
import zootorch.experiments.pipeline
from benchmarks.contenders import Jax, Torch
from benchmarks.workloads import WORKLOADS, samples
from zoojax.compiled_loop import Metrics
from zoojax.models import model_of
from zoojax.spec.config import DEFAULT_RUNS, RunConfig
from zoojax.spec.records import Batch
from zoojax.training import TrainState
from zootorch.experiments.pipeline import best_device

if TYPE_CHECKING:
    from benchmarks.suite import Preset

Calls = dict[str, Callable[[], object]]


class Timed(NamedTuple):
    """What is timed side by side.

    Attributes:
        section: of the results.
        workload: what it works on.
        calls: by name; rates are compared with the first.
        num: samples a call, of ensembles times members.
        num_rounds: how often each is timed.
    """

    section: str
    workload: str
    calls: Calls
    num: int
    num_rounds: int


ENSEMBLES = ("mlp", "rnn")
CNN_MEMBERS = 4
SMALL_CNN = "cnn, 16 channels, 64 px"


def ensembles(config: RunConfig, train: Batch, num_members: int) -> Calls:
    """Return what trains all members for an epoch, and one after another for comparison."""
    once = dataclasses.replace(config.train, num_epochs=1)
    model = model_of(config.model)
    example = jnp.zeros((1, *train.inputs.shape[1:]))
    variables = zoojax.init_ensemble(0, model, example, num_members=num_members)
    models = zootorch.init_ensemble(0, config.model, num_members=num_members)
    trainer = zootorch.EnsembleTrainer([each.to(best_device()) for each in models], once)
    tensors = Batch(*map(torch.from_numpy, train))
    return {
        "zootorch": lambda: trainer.fit(tensors),
        "zoojax": lambda: zoojax.fit_ensemble(model, variables, train, config=once),
    }


def ways_for_a_cnn(config: RunConfig, train: Batch) -> Calls:
    """Return three ways to make a step with each of some CNNs: which is quickest?"""
    made = [Jax(config, train) for _ in range(CNN_MEMBERS)]
    first = made[0].first
    stacked: TrainState = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(each.state for each in made)
    )

    @jax.jit
    def unrolled(states: list[TrainState]) -> list[tuple[TrainState, Metrics]]:
        return [zoojax.train_step(state, first) for state in states]

    mapped = jax.jit(jax.vmap(lambda state: zoojax.train_step(state, first)))

    def one_after_another() -> None:
        for each in made:
            each.step()

    states = [Jax(config, train).state for _ in range(CNN_MEMBERS)]
    return {
        "one after another": one_after_another,
        "unrolled in one program": lambda: jax.block_until_ready(unrolled(states)),
        "mapped by vmap": lambda: jax.block_until_ready(mapped(stacked)),
    }


def pictures(config: RunConfig) -> Calls:
    """Return epochs on pictures that are stored, and on ones that each step makes for itself."""
    calls: Calls = {}
    stored = samples(config)
    for name, backend in (("zootorch", Torch), ("zoojax", Jax)):
        calls[f"{name}, stored"] = backend(config, stored).epoch
    fresh = dataclasses.replace(config, pictures="fresh")
    in_torch = zootorch.experiments.pipeline.split(
        fresh, zootorch.experiments.pipeline.simulate(fresh)
    )["train"]
    in_jax = zoojax.experiments.pipeline.split(fresh, zoojax.experiments.pipeline.simulate(fresh))[
        "train"
    ]
    torch_side, jax_side = Torch(config, stored), Jax(config, stored)
    torch_side.train, jax_side.train = in_torch, zoojax.data.of_epoch(in_jax, 1)
    calls["zootorch, fresh"], calls["zoojax, fresh"] = torch_side.epoch, jax_side.epoch
    return calls


def precisions(config: RunConfig, train: Batch) -> Calls:
    """Return steps in float32 and in mixed precision."""
    mixed = dataclasses.replace(config.train, compute_dtype="bfloat16")
    configs = {"float32": config, "bfloat16": dataclasses.replace(config, train=mixed)}
    return {
        f"{name}, {precision}": backend(each, train).step
        for name, backend in (("zootorch", Torch), ("zoojax", Jax))
        for precision, each in configs.items()
    }


def whole_runs(model: str) -> Calls:
    """Return a whole default run: simulate, split, train, evaluate, calibrate."""
    config = DEFAULT_RUNS[model]
    return {
        "zootorch": lambda: zootorch.experiments.pipeline.run(config),
        "zoojax": lambda: zoojax.experiments.pipeline.run(config),
    }


def payoffs(preset: "Preset") -> Iterator[Timed]:
    """Yield all that is timed, made when its turn comes."""
    few = min(preset.num_rounds, 5)
    for name in ENSEMBLES:
        config = WORKLOADS[name]
        train = samples(config)
        for num_members in preset.members:
            calls = ensembles(config, train, num_members)
            num = num_members * len(train.targets)
            yield Timed("ensemble", f"{name}, {num_members}", calls, num, few)
    config = WORKLOADS[SMALL_CNN]
    train, size = samples(config), config.train.batch_size
    ways = ways_for_a_cnn(config, train)
    yield Timed("cnns", f"{SMALL_CNN}, {CNN_MEMBERS}", ways, CNN_MEMBERS * size, few)
    yield Timed("pictures", SMALL_CNN, pictures(config), len(train.targets), few)
    for name in preset.workloads:
        if name.startswith("cnn"):
            calls = precisions(WORKLOADS[name], samples(WORKLOADS[name]))
            yield Timed("precision", name, calls, size, few)
    for model in ("mlp", "cnn"):
        config = DEFAULT_RUNS[model]
        num = config.train.num_epochs * round(config.num_samples * config.fractions["train"])
        yield Timed("run", model, whole_runs(model), num, min(few, 3))
