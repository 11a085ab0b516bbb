"""What simulation and training hand on: batches of shapes, waves and samples, results, a run."""

import dataclasses
import functools
import hashlib
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.config import ConformalConfig, RunConfig
from zoojax.spec.errors import NonFiniteLossError as NonFiniteLossError
from zoojax.spec.history import History

A_co = TypeVar("A_co", covariant=True)
"""An array of the backend that made it."""


class ShapeBatch(NamedTuple, Generic[A_co]):
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

    images: A_co
    shape: A_co
    color: A_co
    rgb: A_co
    magnitude: A_co
    size: A_co
    top: A_co
    left: A_co
    upside_down: A_co
    sideways: A_co


class SinusoidBatch(NamedTuple, Generic[A_co]):
    """Waves and everything that decided them, as arrays of the backend that made them.

    Attributes:
        waves: (batch, length) float.
        amplitude: (batch,) float, height of the wave over its middle.
        frequency: (batch,) float, periods in the wave.
        phase: (batch,) float, where in the period the wave starts, in radians.
        vertical_shift: (batch,) float, height of the wave's middle.
    """

    waves: A_co
    amplitude: A_co
    frequency: A_co
    phase: A_co
    vertical_shift: A_co


class Batch(NamedTuple):
    """What a training step sees.

    Attributes:
        inputs: (batch, height, width, 3) uint8 pictures, or (batch, ...) float.
        targets: (batch,) integers of classes, or (batch, outputs) float.
    """

    inputs: Any
    targets: Any


Curves = dict[str, dict[str, tuple[Any, Any]]]
"""Of each class by name and "micro": under "roc" false and true positive rates, under
"precision_recall" precisions and recalls, as arrays of the backend that made them."""


@dataclasses.dataclass(frozen=True)
class Results:
    """How a model did on one part of the data, as NumPy arrays.

    Attributes:
        split: which part, such as "validation", or where the data set is.
        inputs: (samples, ...) what the model was given.
        targets: (samples,) integer classes, or (samples, outputs) float.
        outputs: (samples, classes) float probabilities, (samples, outputs) float, or of pinball
            (samples, 3 * outputs) float: all lower, all middle, all upper quantiles.
        scores: metrics by name: numbers, lists, and mappings of these; empty where not judged.
        curves: of a classifier with two classes or more, judged; else empty.
    """

    split: str
    inputs: NDArray[Any]
    targets: NDArray[Any]
    outputs: NDArray[np.floating]
    scores: dict[str, Any] = dataclasses.field(default_factory=dict)
    curves: Curves = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def digests(self) -> NDArray[np.uint32]:
        """A number of each sample's own bytes, of which randomised scores draw: (samples,) uint32.

        So a picture has one set, whichever pictures it comes with and in whatever order. From the
        SHA-256 of what was read, the same in both backends.
        """
        hashes = (hashlib.sha256(np.ascontiguousarray(each).data).digest() for each in self.inputs)
        return np.array([int.from_bytes(each[:4], "little") for each in hashes], np.uint32)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The threshold of a model's scores.

    Attributes:
        config: how it was found, with its score named.
        threshold: () of all classes, (classes,) of each, (outputs,) of each number predicted, or
            (outputs, 2) of both ends of each.
        num_samples: number of calibration samples.
    """

    config: ConformalConfig
    threshold: NDArray[np.floating]
    num_samples: int


@dataclasses.dataclass(frozen=True)
class Run:
    """What a whole run, from simulation to evaluation, left behind.

    Attributes:
        backend: "jax" or "torch".
        config: what was run.
        data_sha256: of the bytes of all samples in order, 64 hexadecimal digits.
        layer_shapes: output shape of every layer for one sample, (channels, height, width)
            or (features,), as the model itself gave it.
        history: losses and times.
        results: of the validation set with the weights below.
        weights: parameters and running statistics by name, in torch's axis orders.
        calibration: of these weights, where the run has calibration samples.
        predicted: then of the validation set: sets, (samples, classes) bool, or intervals,
            (samples, outputs, 2) float.
    """

    backend: str
    config: RunConfig
    data_sha256: str
    layer_shapes: dict[str, tuple[int, ...]]
    history: History
    results: Results
    weights: dict[str, np.ndarray]
    calibration: Calibration | None = None
    predicted: NDArray[Any] | None = None


class Evaluation(NamedTuple):
    """How a model does on a data set.

    Attributes:
        loss: of all samples; a cross-entropy is in nats.
        accuracy: fraction of right predictions, 0..1; NaN where there are no classes.
        predictions: (samples,) int32 predicted classes, or (samples, outputs) numbers.
    """

    loss: float
    accuracy: float
    predictions: NDArray[Any]


class Calibrated(NamedTuple):
    """A calibration, what it was made of, and what it gives for other samples.

    Attributes:
        calibration: of a run.
        held: outputs and targets of the calibration samples.
        tests: outputs and targets of other samples.
        predicted: of these: sets, (samples, classes) bool, or intervals, (samples, outputs, 2).
        scores: coverage and sizes of these.
        coverages: (alphas,) or (alphas, outputs) float, the coverage at each of ``ALPHAS``.
    """

    calibration: Calibration
    held: Results
    tests: Results
    predicted: NDArray[Any]
    scores: dict[str, Any]
    coverages: NDArray[np.floating]
