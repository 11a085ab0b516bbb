"""What training wrote down: a log that grows with each step, and the history it ends as."""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.config import TrainConfig
from zoojax.spec.stopping import best_epoch, is_over

VANISHING = 1e-4
"""A layer's gradient vanishes when it is under this part of the largest layer's."""

EXPLODING = 1e3
"""A layer's gradient explodes when it is over this, or not finite."""


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
        learning_rates: (steps,) float64, step size of each update.
        largest_gradients: by layer (epochs,) float64, its largest absolute gradient, before
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
    """What a training loop has written down so far; a checkpoint holds it.

    Attributes:
        steps_per_epoch: updates an epoch.
        step_losses: loss of each step made.
        learning_rates: step size of each step made.
        validation_losses: of each epoch finished.
        validation_accuracies: of each epoch finished.
        epoch_seconds: of each epoch finished.
        largest_gradients: by layer, of the first step of each epoch begun.
        seconds: wall time spent in the epoch that is under way.
    """

    steps_per_epoch: int
    step_losses: list[float] = dataclasses.field(default_factory=list)
    learning_rates: list[float] = dataclasses.field(default_factory=list)
    validation_losses: list[float] = dataclasses.field(default_factory=list)
    validation_accuracies: list[float] = dataclasses.field(default_factory=list)
    epoch_seconds: list[float] = dataclasses.field(default_factory=list)
    largest_gradients: list[dict[str, float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._clock = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold: numbers that are not finite as text, such as "nan"."""
        content = dataclasses.asdict(self)
        for name in ("validation_losses", "validation_accuracies"):
            content[name] = [_to_json(value) for value in content[name]]
        content["largest_gradients"] = [
            {layer: _to_json(value) for layer, value in each.items()}
            for each in content["largest_gradients"]
        ]
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Log":
        """Return the log of which ``to_json`` made ``content``."""
        log = cls(**content)
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
        """Steps made in the epoch that is under way."""
        return self.num_steps - self.num_epochs * self.steps_per_epoch

    def start_clock(self) -> None:
        """Start to count seconds: what came before, as an evaluation, counts for no step."""
        self._clock = time.perf_counter()

    def add_step(self, loss: float, learning_rate: float) -> None:
        """Write down a step that was made."""
        self.step_losses.append(loss)
        self.learning_rates.append(learning_rate)
        now = time.perf_counter()
        self.seconds, self._clock = self.seconds + now - self._clock, now

    def end_epoch(self) -> None:
        """Write down that an epoch is over."""
        self.epoch_seconds.append(self.seconds)
        self.seconds = 0.0

    def add_validation(self, loss: float, accuracy: float) -> None:
        """Write down how the validation set did after an epoch."""
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
