"""Optimisers and learning rates as objects that hold a state: torch has them."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import lr_scheduler

from zoojax.spec.config import TrainConfig
from zootorch.types import Model


def optimizer(parameters: Iterable[Tensor], config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser that a configuration names; its ``step`` changes the parameters.

    Weight decay adds its share of the weights to the gradients; adamw adds it to the
    directions, past the moments: Loshchilov and Hutter, 2019.
    """
    shared: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    match config.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, **shared)
        case "adamw":
            return torch.optim.AdamW(parameters, **shared)
        case "sgd":
            shared |= {"momentum": config.momentum, "nesterov": config.nesterov}
            return torch.optim.SGD(parameters, **shared)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, **shared, momentum=config.momentum)
        case other:
            raise ValueError(f"unknown optimizer {other!r}")


def scheduler(
    optimizer: torch.optim.Optimizer, config: TrainConfig, num_steps: int | None
) -> lr_scheduler.LRScheduler:
    """Return what sets an optimiser's step size anew after each step.

    Args:
        optimizer: whose step size.
        config: names the schedule, and its largest step size.
        num_steps: steps of the whole run; not needed by the constant schedule.

    Returns:
        a scheduler; one_cycle rises from a 25th in 30% of the steps and falls to a
        250,000th, both along a cosine: Smith and Topin, 2018.
    """
    if config.schedule == "constant" or num_steps is None:
        return lr_scheduler.ConstantLR(optimizer, factor=1)
    if config.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, T_max=num_steps)
    # Momentum stays as it is: torch would else move it against the step size.
    return lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=num_steps, cycle_momentum=False
    )


SLOTS = {
    "adam": {"exp_avg": "mu", "exp_avg_sq": "nu"},
    "adamw": {"exp_avg": "mu", "exp_avg_sq": "nu"},
    "sgd": {"momentum_buffer": "trace"},
    "rmsprop": {"square_avg": "nu", "momentum_buffer": "trace"},
}
"""What each optimiser calls the arrays that it keeps of a parameter, and what files do."""


def to_arrays(
    model: Model, optimizer: torch.optim.Optimizer, config: TrainConfig
) -> dict[str, NDArray[Any]]:
    """Return an optimiser's arrays by slot and name in weight files, such as ``mu/fc.weight``."""
    return {
        f"{slot}/{name}": held.numpy(force=True)
        for name, parameter in model.named_parameters()
        for key, slot in SLOTS[config.optimizer].items()
        if (held := optimizer.state[parameter].get(key)) is not None
    }


def from_arrays(
    model: Model,
    optimizer: torch.optim.Optimizer,
    config: TrainConfig,
    arrays: Mapping[str, NDArray[Any]],
    num_updates: int,
) -> None:
    """Give an optimiser the arrays that ``to_arrays`` returned.

    Args:
        model: a zootorch model, whose parameters the optimiser changes.
        optimizer: changed in place.
        config: names the optimiser.
        arrays: by slot and name.
        num_updates: updates made.
    """
    for name, parameter in model.named_parameters():
        held = {
            key: torch.from_numpy(arrays[f"{slot}/{name}"]).to(parameter)
            for key, slot in SLOTS[config.optimizer].items()
            if f"{slot}/{name}" in arrays
        }
        optimizer.state[parameter] = {"step": torch.tensor(float(num_updates)), **held}
