"""How a model is trained."""

import dataclasses
import math
from typing import Literal, get_args

from zoojax.spec.config.checks import (
    check_choice,
    check_integer,
    check_number,
    check_numbers,
    check_quantiles,
)
from zoojax.spec.draws import check_seed

Dtype = Literal["float32", "float64"]
ComputeDtype = Literal["bfloat16"]
Loss = Literal["cross_entropy", "mean_squared_error", "pinball"]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop"]
Schedule = Literal["constant", "cosine", "one_cycle"]


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is trained, in a new order of the samples each epoch.

    Args:
        seed: integer from 0 to 2^32 - 1 that decides initial weights, order and dropout.
        num_epochs: passes over the training set.
        batch_size: samples a step.
        learning_rate: step size, or the largest of a schedule.
        loss: cross_entropy of classes; mean_squared_error of numbers, or pinball, by which a
            model learns three quantiles of each.
        quantiles: levels that pinball learns: lower, middle (always 0.5) and upper.
        label_smoothing: part of each label that cross_entropy spreads over all classes, 0 up
            to under 1.
        class_weights: how much a sample of each class counts, over 0, in label order; None
            for all the same.
        optimizer: adam, adamw, sgd or rmsprop, each as in torch.
        momentum: part of the last direction that sgd and rmsprop keep, 0 up to under 1.
        nesterov: whether sgd looks a step of its momentum ahead.
        weight_decay: part of each weight that is added to its gradient; adamw adds it to
            the direction.
        schedule: how the step size moves: constant; cosine, from the largest to 0; one_cycle,
            up to the largest and down to almost 0.
        clip_norm: largest norm of all gradients together, over 0; None for any.
        patience: epochs without a lower validation loss after which training stops; None to
            make all epochs.
        keep_best: whether the model ends with the weights of the epoch whose validation loss
            was lowest, not with the last.
        dtype: numbers of weights and arithmetic; float64 to compare runs exactly.
        compute_dtype: bfloat16 for mixed precision: products and activations of a training step
            are bfloat16, while weights, gradients, moments, running statistics, the loss and
            all evaluation stay float32; None for dtype.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    seed: int = 0
    num_epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    loss: Loss = "cross_entropy"
    quantiles: tuple[float, float, float] = (0.05, 0.5, 0.95)
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    optimizer: Optimizer = "adam"
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    clip_norm: float | None = None
    patience: int | None = None
    keep_best: bool = False
    dtype: Dtype = "float32"
    compute_dtype: ComputeDtype | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_seed(self.seed))
        check_integer(self, "num_epochs", 1)
        check_integer(self, "batch_size", 2)
        # Adam divides it by 0.1 at the first step, which has to fit a float32.
        check_number(self, "learning_rate", 0, 1e37, open_low=True)
        check_choice(self, "loss", get_args(Loss))
        object.__setattr__(self, "quantiles", check_quantiles(self.quantiles))
        if self.loss != "pinball" and self.quantiles != type(self).quantiles:
            raise ValueError(f"quantiles are of pinball, got {self.quantiles} with {self.loss}")
        check_number(self, "label_smoothing", 0, 1, open_low=False)
        if self.class_weights is not None:
            check_numbers(self, "class_weights")
            if min(self.class_weights) <= 0:
                raise ValueError(f"class_weights must be over 0, got {self.class_weights}")
        if self.loss != "cross_entropy" and (self.label_smoothing or self.class_weights):
            raise ValueError(f"label_smoothing and class_weights are not of {self.loss}")
        check_choice(self, "optimizer", get_args(Optimizer))
        check_number(self, "momentum", 0, 1, open_low=False)
        if self.momentum and self.optimizer not in ("sgd", "rmsprop"):
            raise ValueError(f"momentum is of sgd and rmsprop, got {self.optimizer}")
        for name in ("nesterov", "keep_best"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.patience is not None:
            check_integer(self, "patience", 1)
        if self.nesterov and not (self.optimizer == "sgd" and self.momentum):
            raise ValueError(
                f"nesterov needs sgd with momentum, got {self.optimizer} with {self.momentum}"
            )
        check_number(self, "weight_decay", 0, math.inf, open_low=False)
        check_choice(self, "schedule", get_args(Schedule))
        if self.clip_norm is not None:
            check_number(self, "clip_norm", 0, math.inf, open_low=True)
        check_choice(self, "dtype", get_args(Dtype))
        if self.compute_dtype is not None:
            check_choice(self, "compute_dtype", get_args(ComputeDtype))
            if self.dtype != "float32":
                raise ValueError(f"compute_dtype bfloat16 needs dtype float32, got {self.dtype}")
