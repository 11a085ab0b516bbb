"""What simulation and training hand on: a batch of shapes, a batch of samples, a history."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.config import RunConfig
from zoojax.spec.stopping import best_epoch


class ShapeBatch(NamedTuple):
    """Pictures and everything that decided them, as arrays of the backend that made them.

    Attributes:
        images: (batch, height, width, 3) uint8.
        shape: (batch,) int32 shape label, counted in ``ShapesConfig.shapes``.
        color: (batch,) int32 colour label, counted in ``ShapesConfig.palette``.
        rgb: (batch, 3) uint8, the jittered colour.
        magnitude: (batch,) int32, the jitter m of the colour.
        size: (batch,) int32, side of the shape's square box in pixels.
        top: (batch,) int32, first row of the box.
        left: (batch,) int32, first column of the box.
        upside_down: (batch,) bool; False for all but triangles.
        sideways: (batch,) bool; False for all but triangles.
    """

    images: Any
    shape: Any
    color: Any
    rgb: Any
    magnitude: Any
    size: Any
    top: Any
    left: Any
    upside_down: Any
    sideways: Any


class SinusoidBatch(NamedTuple):
    """Waves and everything that decided them, as arrays of the backend that made them.

    Attributes:
        waves: (batch, length) float.
        amplitude: (batch,) float, height of the wave over its middle.
        frequency: (batch,) float, periods in the wave.
        phase: (batch,) float, where in the period the wave starts, in radians.
        vertical_shift: (batch,) float, height of the wave's middle.
    """

    waves: Any
    amplitude: Any
    frequency: Any
    phase: Any
    vertical_shift: Any


class Batch(NamedTuple):
    """What a training step sees.

    Attributes:
        inputs: (batch, height, width, 3) uint8 pictures, or (batch, ...) float.
        targets: (batch,) integers of classes, or (batch, outputs) float.
    """

    inputs: Any
    targets: Any


@dataclasses.dataclass(frozen=True)
class History:
    """What a run recorded.

    Attributes:
        step_losses: (steps,) float64, mean loss of each batch before its update.
        train_losses: (epochs,) float64, mean of the epoch's step losses.
        validation_losses: (epochs,) float64, mean loss of the validation set in eval mode
            after each epoch; empty without a validation set.
        validation_accuracies: (epochs,) float64 in 0..1; empty without a validation set.
        epoch_seconds: (epochs,) float64, wall time of each epoch's steps, the first with
            compilation.
        images_per_second: training images a second, the first epoch left out when there
            are several.
    """

    step_losses: NDArray[np.float64]
    train_losses: NDArray[np.float64]
    validation_losses: NDArray[np.float64]
    validation_accuracies: NDArray[np.float64]
    epoch_seconds: NDArray[np.float64]
    images_per_second: float

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

    @classmethod
    def of(
        cls,
        epochs: Sequence[Sequence[float]],
        evaluations: Sequence[Any],
        seconds: Sequence[float],
        num_samples: int,
    ) -> "History":
        """Make a history of what a training loop collected.

        Args:
            epochs: the step losses of each epoch.
            evaluations: ``loss`` and ``accuracy`` of the validation set after each epoch.
            seconds: wall time of each epoch's steps.
            num_samples: training samples an epoch.
        """
        warm = seconds[1:] or seconds
        return cls(
            step_losses=np.array([loss for losses in epochs for loss in losses]),
            train_losses=np.array([np.mean(losses) for losses in epochs]),
            validation_losses=np.array([each.loss for each in evaluations]),
            validation_accuracies=np.array([each.accuracy for each in evaluations]),
            epoch_seconds=np.array(seconds),
            images_per_second=num_samples * len(warm) / sum(warm),
        )


@dataclasses.dataclass(frozen=True)
class Run:
    """What a whole run, from simulation to evaluation, left behind.

    Attributes:
        backend: "jax" or "torch".
        config: what was run.
        pixels_sha256: of the bytes of all pictures in order, 64 hexadecimal digits.
        layer_shapes: output shape of every layer for one sample, (channels, height, width)
            or (features,), as the model itself gave it.
        history: losses and times.
        confusion_matrix: (num_classes, num_classes) int32 of the validation set with the
            weights below; row: true class, column: predicted class.
        weights: parameters and running statistics by name, in torch's axis orders.
    """

    backend: str
    config: RunConfig
    pixels_sha256: str
    layer_shapes: dict[str, tuple[int, ...]]
    history: History
    confusion_matrix: NDArray[np.int32]
    weights: dict[str, np.ndarray]


class NonFiniteLossError(FloatingPointError):
    """Training met a loss that is infinite or not a number."""

    def __init__(self, step: int, loss: float, largest_gradients: dict[str, float]) -> None:
        """Say where it happened.

        Args:
            step: index of the step, counted from 0.
            loss: the loss.
            largest_gradients: largest absolute gradient of each parameter at that step,
                by name in weight files.
        """
        self.step, self.loss, self.largest_gradients = step, loss, largest_gradients
        layers = ", ".join(f"{name} {value:.3g}" for name, value in largest_gradients.items())
        super().__init__(
            f"the loss is {loss} at step {step}; largest absolute gradient of each layer: "
            f"{layers}. A smaller learning_rate usually helps."
        )
