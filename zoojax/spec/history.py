"""What training records: a log that grows with each step, and the history it ends as."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.config import ModelConfig, TrainConfig
from zoojax.spec.errors import NonFiniteLossError
from zoojax.spec.layout import by_layer
from zoojax.spec.stopping import best_epoch, is_over

VANISHING = 1e-4
"""A layer's gradient vanishes when it is below this fraction of the largest layer's."""

EXPLODING = 1e3
"""A layer's gradient explodes when it is greater than this, or not finite."""


@dataclasses.dataclass(frozen=True)
class History:
    """What a run recorded.

    Attributes:
        step_losses: (steps,) float64, mean loss of each batch before its update.
        train_losses: (epochs,) float64, mean of the epoch's step losses.
        validation_losses: (epochs,) float64, mean loss of the validation set in eval mode
            after each epoch; empty without a validation set.
        validation_accuracies: (epochs,) float64 in 0..1; NaN where there are no classes,
            empty without a validation set.
        epoch_seconds: (epochs,) float64, wall time of each epoch's steps, the first with
            compilation.
        images_per_second: training samples a second, the first epoch left out when there
            are several.
        learning_rates: (steps,) float64, learning rate of each update.
        largest_gradients: by layer (epochs,) float64, its maximum absolute gradient, before
            clipping, at the first step of each epoch.
    """

    step_losses: NDArray[np.float64]
    train_losses: NDArray[np.float64]
    validation_losses: NDArray[np.float64]
    validation_accuracies: NDArray[np.float64]
    epoch_seconds: NDArray[np.float64]
    images_per_second: float
    learning_rates: NDArray[np.float64]
    largest_gradients: dict[str, NDArray[np.float64]]

    def _check_validated(self) -> None:
        if not len(self.validation_losses):
            raise ValueError("this run had no validation set, so no best epoch and no gap")

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, counted from 0.

        Raises:
            ValueError: when there was no validation set.
        """
        self._check_validated()
        return best_epoch(self.validation_losses.tolist())

    @property
    def gaps(self) -> NDArray[np.float64]:
        """(epochs,) float64, the training-validation gap: validation loss less training loss.

        Over 0 where a model learned what holds for its own samples alone. Dropout, on in
        training only, lowers it.

        Raises:
            ValueError: when there was no validation set.
        """
        self._check_validated()
        return self.validation_losses - self.train_losses

    @property
    def gradient_problems(self) -> dict[str, str]:
        """Layers whose gradient was "exploding" in any epoch, or "vanishing" in the last."""
        epochs = [
            gradient_problems(dict(zip(self.largest_gradients, each, strict=True)))
            for each in zip(*self.largest_gradients.values(), strict=True)
        ]
        exploding = {
            layer: kind for each in epochs for layer, kind in each.items() if kind == "exploding"
        }
        return epochs[-1] | exploding


def gradient_problems(largest: Mapping[str, float]) -> dict[str, str]:
    """Name the layers whose gradient vanishes or explodes.

    A gradient explodes when it is over 1,000 or not finite. It vanishes when it is under a
    10,000th of the largest layer's: compared with the others, since all shrink together while
    a loss nears its minimum. Hochreiter, 1991; Glorot and Bengio, 2010.

    Args:
        largest: largest absolute gradient of each layer.

    Returns:
        "vanishing" or "exploding" by layer; the others are left out.
    """
    problems = {
        layer: "exploding" for layer, value in largest.items() if not abs(value) <= EXPLODING
    }
    usual = [value for layer, value in largest.items() if layer not in problems]
    least = VANISHING * max(usual, default=0.0)
    return problems | {
        layer: "vanishing"
        for layer, value in largest.items()
        if layer not in problems and (value == 0 or value < least)
    }


@dataclasses.dataclass
class Log:
    """What a training loop has recorded so far; a checkpoint holds it.

    Attributes:
        steps_per_epoch: updates per epoch.
        step_losses: loss of each step.
        learning_rates: learning rate of each step.
        validation_losses: one per finished epoch.
        validation_accuracies: one per finished epoch.
        epoch_seconds: one per finished epoch.
        largest_gradients: by layer, at the first step of each epoch.
        seconds: wall time spent in the current epoch.
        model_config: of the model, which names the layers; not saved.
        member: the ensemble member that is trained, for error messages; not saved.
    """

    steps_per_epoch: int
    step_losses: list[float] = dataclasses.field(default_factory=list)
    learning_rates: list[float] = dataclasses.field(default_factory=list)
    validation_losses: list[float] = dataclasses.field(default_factory=list)
    validation_accuracies: list[float] = dataclasses.field(default_factory=list)
    epoch_seconds: list[float] = dataclasses.field(default_factory=list)
    largest_gradients: list[dict[str, float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    model_config: ModelConfig | None = None
    member: str = ""

    def __post_init__(self) -> None:
        self._clock = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold: numbers that are not finite as text, such as "nan"."""
        content = dataclasses.asdict(self)
        del content["model_config"], content["member"]
        for name in ("validation_losses", "validation_accuracies"):
            content[name] = [_to_json(value) for value in content[name]]
        content["largest_gradients"] = [
            {layer: _to_json(value) for layer, value in each.items()}
            for each in content["largest_gradients"]
        ]
        return content

    @classmethod
    def from_json(
        cls,
        content: Mapping[str, Any],
        model_config: ModelConfig | None = None,
    ) -> "Log":
        """Return the log from which ``to_json`` made ``content``.

        Args:
            content: what ``to_json`` returned.
            model_config: of the model; needed to record the steps that follow.
        """
        log = cls(**content, model_config=model_config)
        for name in ("validation_losses", "validation_accuracies"):
            setattr(log, name, [float(value) for value in getattr(log, name)])
        log.largest_gradients = [
            {layer: float(value) for layer, value in each.items()} for each in log.largest_gradients
        ]
        return log

    @property
    def num_steps(self) -> int:
        """Steps made."""
        return len(self.step_losses)

    @property
    def num_epochs(self) -> int:
        """Epochs finished."""
        return len(self.epoch_seconds)

    @property
    def num_steps_in_epoch(self) -> int:
        """Steps made in the current epoch."""
        return self.num_steps - self.num_epochs * self.steps_per_epoch

    def start_clock(self) -> None:
        """Start the clock: time before this call, such as an evaluation, counts for no step."""
        self._clock = time.perf_counter()

    def record(
        self, loss: float, learning_rate: float, gradients: Callable[[], dict[str, float]]
    ) -> None:
        """Record a step.

        Args:
            loss: the batch's mean before the update.
            learning_rate: of the update.
            gradients: returns the maximum absolute gradient of each parameter, by name in weight
                files. Called only at the first step of an epoch and at a loss that is not finite,
                since they have to be copied from the device.

        Raises:
            NonFiniteLossError: when the loss is not finite.
        """
        if not math.isfinite(loss):
            raise NonFiniteLossError(self.num_steps, loss, gradients(), member=self.member)
        if self.num_steps_in_epoch == 0:
            assert self.model_config is not None, "layers have the names that the model gives them"
            self.largest_gradients.append(by_layer(self.model_config, gradients()))
        self.step_losses.append(loss)
        self.learning_rates.append(learning_rate)
        now = time.perf_counter()
        self.seconds, self._clock = self.seconds + now - self._clock, now

    def end_epoch(self) -> None:
        """Record that an epoch has ended."""
        self.epoch_seconds.append(self.seconds)
        self.seconds = 0.0

    def add_validation(self, loss: float, accuracy: float) -> None:
        """Record how the model does on the validation set after an epoch."""
        self.validation_losses.append(loss)
        self.validation_accuracies.append(accuracy)

    @property
    def is_best(self) -> bool:
        """Whether the validation loss of the last epoch is the lowest so far."""
        return best_epoch(self.validation_losses) == self.num_epochs - 1

    def is_over(self, config: TrainConfig) -> bool:
        """Return whether all epochs were made, or ``patience`` has run out."""
        stopped = is_over(self.validation_losses, config.patience)
        return stopped or self.num_epochs == config.num_epochs

    def history(self, num_samples: int) -> History:
        """Return the history of a run that is over.

        Args:
            num_samples: training samples an epoch.
        """
        warm = self.epoch_seconds[1:] or self.epoch_seconds
        losses = np.array(self.step_losses)
        starts = range(0, len(losses), self.steps_per_epoch)
        layers = self.largest_gradients[0]
        return History(
            step_losses=losses,
            train_losses=np.array([np.mean(losses[i : i + self.steps_per_epoch]) for i in starts]),
            validation_losses=np.array(self.validation_losses),
            validation_accuracies=np.array(self.validation_accuracies, np.float64),
            epoch_seconds=np.array(self.epoch_seconds),
            images_per_second=num_samples * len(warm) / max(sum(warm), math.ulp(1.0)),
            learning_rates=np.array(self.learning_rates),
            largest_gradients={
                layer: np.array([each[layer] for each in self.largest_gradients], np.float64)
                for layer in layers
            },
        )


def _to_json(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
