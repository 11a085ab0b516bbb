"""The two backends as contenders: a batch forward, a step, an epoch, each waited for."""

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import torch

import zoojax
import zootorch
from benchmarks.plain import Plain
from zoojax import compiled_loop, evaluation, ops
from zoojax.models import model_of
from zoojax.spec.config import RunConfig
from zoojax.spec.records import Batch
from zootorch.experiments.pipeline import best_device
from zootorch.models import model_of as module_of


class Contender(Protocol):
    """A model, its data and its loop."""

    def forward(self) -> None:
        """Compute the outputs of a batch in eval mode."""

    def step(self) -> float:
        """Train on the first batch."""

    def epoch(self) -> float:
        """Train on all samples."""


class Jax:
    """zoojax, as ``zoojax.fit`` uses it."""

    def __init__(self, config: RunConfig, train: Batch) -> None:
        self.config, self.model = config, model_of(config.model)
        self.train = jax.device_put(train)
        example = jnp.zeros((1, *train.inputs.shape[1:]))
        variables = zoojax.init(jax.random.key(0), self.model, example)
        self.state = zoojax.create_state(self.model, variables, config.train)
        self.first = zoojax.data.take(self.train, np.arange(config.train.batch_size))
        self.num_epochs = 0

    def forward(self) -> None:
        """Compute the outputs of a batch in eval mode."""
        np.asarray(evaluation.predict(self.model, self.state.variables, self.first.inputs))

    def step(self) -> float:
        """Train on the first batch."""
        self.state, metrics = zoojax.train_step(self.state, self.first)
        jax.block_until_ready(self.state.params)
        return float(metrics["loss"])

    def epoch(self) -> float:
        """Train on all samples."""
        key, num = jax.random.key(0), len(self.train.targets)
        order = zoojax.data.batch_indices(key, self.num_epochs, num, self.config.train.batch_size)
        losses: list[float] = []
        for part in order:
            self.state, metrics = compiled_loop.make_steps(
                zoojax.train_step, self.state, self.train, part, slice(0, len(part))
            )
            losses.extend(metrics["loss"].tolist())
        self.num_epochs += 1
        return float(np.mean(losses))

    def compiled(self) -> jax.stages.Compiled:
        """Return the program of a step, as XLA makes it."""
        return zoojax.train_step.lower(self.state, self.first).compile()

    def cost(self) -> dict[str, float]:
        """Return FLOPs and bytes of a step, as the compiler counts them.

        FLOPs of the plain formulas, since fast ones may multiply zeros as well; bytes of the
        program that runs.
        """
        with ops.references():
            plain: Any = self.compiled().cost_analysis()
        fast: Any = self.compiled().cost_analysis()
        return {"flops": plain["flops"], "bytes": fast["bytes accessed"]}


class Torch:
    """zootorch, as ``Trainer.fit`` uses it; or its model compiled."""

    def __init__(self, config: RunConfig, train: Batch, mode: str | None = None) -> None:
        self.config = config
        model = module_of(config.model, zootorch.Generator(0)).to(best_device())
        if mode is not None:
            model.compile(mode=mode)
        self.trainer = zootorch.Trainer(model, config.train)
        self.train = Batch(*map(torch.from_numpy, train))
        self.first = Batch(*(each[: config.train.batch_size] for each in self.train))

    def forward(self) -> None:
        """Compute the outputs of a batch in eval mode."""
        zootorch.predict(self.trainer.model, self.first.inputs).cpu()

    def step(self) -> float:
        """Train on the first batch."""
        return self.trainer.step(self.first).item()

    def epoch(self) -> float:
        """Train on all samples."""
        num, batch_size = len(self.train.targets), self.config.train.batch_size
        losses = [
            self.trainer.step(zootorch.data.take(self.train, indices)).item()
            for indices in zootorch.data.batch_indices(self.trainer.shuffle, num, batch_size)
        ]
        return float(np.mean(losses))


def torch_compiled(config: RunConfig, train: Batch) -> Torch:
    """Return zootorch with a compiled model, on a GPU with CUDA graphs as well."""
    torch.compiler.reset()  # what it compiled for other workloads counts against its limit
    return Torch(config, train, mode="max-autotune" if torch.cuda.is_available() else "default")


CONTENDERS: dict[str, Callable[[RunConfig, Batch], Contender]] = {
    "plain": Plain,
    "zootorch": Torch,
    "zootorch, compiled": torch_compiled,
    "zoojax": Jax,
}
"""The first is what the others are compared with."""
