"""Configurations: frozen dataclasses that are checked when they are made."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from zoojax.spec import labels
from zoojax.spec.conv import cnn_layer_shapes
from zoojax.spec.draws import check_seed, is_integer

Activation = Literal["relu", "leaky_relu", "elu", "gelu"]
ConvActivation = Literal["none", "relu", "leaky_relu", "elu", "gelu"]
Head = Literal["flatten", "max", "average"]
Dtype = Literal["float32", "float64"]
Target = Literal["shape", "color"]


def _check_integer(config: Any, name: str, low: int, high: int | None = None) -> None:
    value = getattr(config, name)
    allowed = f"an integer from {low} to {high}" if high is not None else f"an integer >= {low}"
    if not is_integer(value) or value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    object.__setattr__(config, name, int(value))


def _check_choice(config: Any, name: str, choices: Sequence[str]) -> None:
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _check_number(config: Any, name: str, low: float, high: float, *, open_low: bool) -> None:
    value = getattr(config, name)
    is_number = is_integer(value) or isinstance(value, (float, np.floating))
    if not is_number or not low <= value < high or (open_low and value == low):
        ends = f"over {low}" if open_low else f"at least {low}"
        raise ValueError(f"{name} must be a number {ends} and under {high:g}, got {value!r}")
    object.__setattr__(config, name, float(value))


def _check_names(config: Any, name: str) -> tuple[str, ...]:
    value = getattr(config, name)
    is_list = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    if not is_list or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} must be a list of names, got {value!r}")
    return tuple(value)


def check_num_each(num_each: int) -> int:
    """Return ``num_each`` when it is a positive integer.

    Raises:
        ValueError: otherwise, since a data set needs at least one picture.
    """
    if not is_integer(num_each) or num_each < 1:
        raise ValueError(f"num_each must be an integer >= 1, got {num_each!r}")
    return int(num_each)


@dataclasses.dataclass(frozen=True)
class ShapesConfig:
    """How pictures of coloured shapes are simulated.

    Args:
        image_height: height of a picture in pixels.
        image_width: width of a picture in pixels.
        min_size: smallest side of a shape's square box in pixels.
        max_size: largest side of a shape's square box in pixels, included.
        shapes: names of the shapes to draw, of circle, diamond, rectangle, triangle.
        colors: names of the colors to draw, of blue, cyan, green, purple, red, yellow;
            a color of your own is written name=red,green,blue with channels 0..255.
            In Python a mapping of names to (red, green, blue) does as well.
        shades: whether black and white are drawn too.
        magnitude: largest color jitter, 0..99: moves channels at 255 down and at 0 up.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    image_height: int = 224
    image_width: int = 224
    min_size: int = 50
    max_size: int = 100
    shapes: tuple[str, ...] = labels.SHAPES
    colors: tuple[str, ...] = tuple(labels.BASE_COLORS)
    shades: bool = True
    magnitude: int = 50

    def __post_init__(self) -> None:
        for name in ("image_height", "image_width", "min_size", "max_size"):
            _check_integer(self, name, 1)
        _check_integer(self, "magnitude", 0, 99)
        if not isinstance(self.shades, bool):
            raise ValueError(f"shades must be True or False, got {self.shades!r}")
        if self.min_size > self.max_size:
            raise ValueError(
                f"min_size must not exceed max_size, got {self.min_size} > {self.max_size}"
            )
        shorter = min(self.image_height, self.image_width)
        if self.max_size > shorter:
            raise ValueError(
                f"max_size must fit the image of {self.image_height}x{self.image_width} pixels: "
                f"at most {shorter}, got {self.max_size}"
            )
        # Label order is alphabetical whatever order was given, so that equal sets are equal.
        object.__setattr__(self, "shapes", self._checked_shapes())
        object.__setattr__(self, "colors", self._checked_colors())

    def _checked_shapes(self) -> tuple[str, ...]:
        if not (shapes := _check_names(self, "shapes")):
            raise ValueError("shapes must name at least one shape, got none")
        for shape in shapes:
            if shape not in labels.SHAPES:
                raise ValueError(f"unknown shape {shape!r}; known are {', '.join(labels.SHAPES)}")
        return tuple(sorted(set(shapes)))

    def _checked_colors(self) -> tuple[str, ...]:
        if isinstance(self.colors, Mapping):
            entries = tuple(labels.color_entry(*item) for item in self.colors.items())
        else:
            entries = _check_names(self, "colors")
        palette: dict[str, str] = {}
        for entry in entries:
            name, rgb = labels.parse_color(entry)
            entry = labels.color_entry(name, rgb)  # noqa: PLW2901 one way to write it
            if name in labels.SHADES:
                if not self.shades:
                    raise ValueError(f"color {name!r} is drawn only with shades=True")
                if rgb != labels.SHADES[name]:
                    raise ValueError(f"color {name!r} is {labels.SHADES[name]}, got {rgb}")
                continue
            if palette.setdefault(name, entry) != entry:
                raise ValueError(f"color {name!r} is given twice: {palette[name]!r} and {entry!r}")
        if not palette and not self.shades:
            raise ValueError("colors must name at least one color when shades=False, got none")
        return tuple(palette[name] for name in sorted(palette))

    @property
    def palette(self) -> dict[str, labels.RGB]:
        """Every colour drawn and its base RGB, in label order, shades included."""
        colors = dict(labels.parse_color(entry) for entry in self.colors)
        colors.update(labels.SHADES if self.shades else {})
        return {name: colors[name] for name in sorted(colors)}

    def class_names(self, target: str) -> tuple[str, ...]:
        """Return the label names of ``target``, "shape" or "color", in label order."""
        if target not in ("shape", "color"):
            raise ValueError(f"target must be shape or color, got {target!r}")
        return self.shapes if target == "shape" else tuple(self.palette)

    @property
    def num_combinations(self) -> int:
        """Number of (shape, colour) pairs."""
        return len(self.shapes) * len(self.palette)


@dataclasses.dataclass(frozen=True)
class CNNConfig:
    """The convolutional classifier, in the workshop's names.

    Args:
        num_classes: number of classes.
        height: height of the input in pixels.
        width: width of the input in pixels.
        num_input_channels: channels of the input; 3 for RGB.
        num_cnn_channels: channels of every convolution.
        num_cnn_layers: convolutions beyond the first and the last.
        hidden_dim: units of every hidden linear layer.
        num_layers: hidden linear layers beyond the first.
        kernel_size: side of the convolutions' kernels in pixels.
        stride: step of the convolutions in pixels.
        padding: zeros added on each side of a convolution's input in pixels.
        pooling: side and step of the pools in pixels.
        dropout: probability that dropout clears a hidden unit, 0 up to under 1.
        dilation: distance of a kernel's taps in pixels.
        conv_activation: what follows each convolution's BatchNorm; the workshop has none.
        linear_activation: what follows each hidden linear layer's BatchNorm.
        head: how pixels become features: flatten, global max or global average.

    Raises:
        ValueError: when a value is not allowed, or when a kernel or a pool exceeds its
            padded input (names the layer and the size that reached it).
    """

    num_classes: int = 4
    height: int = 224
    width: int = 224
    num_input_channels: int = 3
    num_cnn_channels: int = 32
    num_cnn_layers: int = 0
    hidden_dim: int = 16
    num_layers: int = 0
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    pooling: int = 2
    dropout: float = 0.2
    dilation: int = 1
    conv_activation: ConvActivation = "none"
    linear_activation: Activation = "relu"
    head: Head = "flatten"

    def __post_init__(self) -> None:
        positive = ("num_classes", "height", "width", "num_input_channels", "num_cnn_channels")
        for name in (*positive, "hidden_dim", "kernel_size", "stride", "pooling", "dilation"):
            _check_integer(self, name, 1)
        for name in ("num_cnn_layers", "num_layers", "padding"):
            _check_integer(self, name, 0)
        _check_number(self, "dropout", 0, 1, open_low=False)
        _check_choice(self, "conv_activation", get_args(ConvActivation))
        _check_choice(self, "linear_activation", get_args(Activation))
        _check_choice(self, "head", get_args(Head))
        cnn_layer_shapes(self)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is trained: cross-entropy, Adam, a new order of the samples each epoch.

    Args:
        seed: integer from 0 to 2^32 - 1 that decides initial weights, order and dropout.
        num_epochs: passes over the training set.
        batch_size: samples a step.
        learning_rate: Adam's step size.
        dtype: numbers of weights and arithmetic; float64 to compare runs exactly.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    seed: int = 0
    num_epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    dtype: Dtype = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", check_seed(self.seed))
        _check_integer(self, "num_epochs", 1)
        _check_integer(self, "batch_size", 2)
        # Adam divides it by 0.1 at the first step, which has to fit a float32.
        _check_number(self, "learning_rate", 0, 1e37, open_low=True)
        _check_choice(self, "dtype", get_args(Dtype))


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run from simulation to evaluation.

    Args:
        data: what the pictures show.
        num_each: pictures of each combination of shape and color.
        target: what the model tells apart, shape or color.
        validation_fraction: part of the pictures kept for validation, over 0 and under 1.
        model: the classifier; its input size and number of classes follow the data.
        train: how it is trained; its seed decides the pictures and the split as well.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    data: ShapesConfig = ShapesConfig(
        image_height=32, image_width=32, min_size=16, max_size=28, shades=False
    )
    num_each: int = 100
    target: Target = "shape"
    validation_fraction: float = 0.2
    model: CNNConfig = CNNConfig(
        num_cnn_channels=16,
        num_cnn_layers=2,
        dropout=0.1,
        conv_activation="relu",
    )
    train: TrainConfig = TrainConfig(batch_size=20, learning_rate=0.003)

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_each", check_num_each(self.num_each))
        _check_choice(self, "target", get_args(Target))
        _check_number(self, "validation_fraction", 0, 1, open_low=True)
        model = dataclasses.replace(
            self.model,
            num_classes=len(self.data.class_names(self.target)),
            height=self.data.image_height,
            width=self.data.image_width,
            num_input_channels=3,
        )
        object.__setattr__(self, "model", model)

    @property
    def fractions(self) -> tuple[float, float]:
        """Parts of the pictures for training and validation."""
        return 1 - self.validation_fraction, self.validation_fraction
