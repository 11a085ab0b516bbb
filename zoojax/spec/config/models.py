"""The models, in the workshop's names."""

import dataclasses
from typing import Literal, get_args

from zoojax.spec.config.checks import check_choice, check_integer, check_number
from zoojax.spec.conv import LayerShape, conv_output_size

Activation = Literal["relu", "leaky_relu", "elu", "gelu"]
ConvActivation = Literal["none", "relu", "leaky_relu", "elu", "gelu"]
Head = Literal["flatten", "max", "average"]
Cell = Literal["rnn", "lstm", "gru"]


@dataclasses.dataclass(frozen=True)
class MLPConfig:
    """The multilayer perceptron: blocks of Linear, BatchNorm, activation, Dropout.

    Args:
        input_dim: features of a sample.
        output_dim: numbers to predict, or classes.
        num_layers: hidden blocks beyond the first.
        hidden_dim: units of every hidden linear layer.
        dropout: probability that dropout clears a hidden unit, 0 up to under 1.
        activation: what follows each hidden layer's BatchNorm.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    input_dim: int = 49
    output_dim: int = 1
    num_layers: int = 0
    hidden_dim: int = 16
    dropout: float = 0.2
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        for name in ("input_dim", "output_dim", "hidden_dim"):
            check_integer(self, name, 1)
        check_integer(self, "num_layers", 0)
        check_number(self, "dropout", 0, 1, open_low=False)
        check_choice(self, "activation", get_args(Activation))


@dataclasses.dataclass(frozen=True)
class RNNConfig:
    """The recurrent network: recurrent layers, then a Linear on the last time step.

    Args:
        input_size: features of a time step.
        output_size: numbers to predict, or classes.
        hidden_dim: units of every recurrent layer.
        num_layers: recurrent layers, at least 1.
        dropout: probability that dropout clears a unit between two recurrent layers, 0 up to
            under 1; with one layer there is nothing to clear.
        cell: rnn (tanh), lstm or gru.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    input_size: int = 1
    output_size: int = 1
    hidden_dim: int = 16
    num_layers: int = 1
    dropout: float = 0.2
    cell: Cell = "rnn"

    def __post_init__(self) -> None:
        for name in ("input_size", "output_size", "hidden_dim", "num_layers"):
            check_integer(self, name, 1)
        check_number(self, "dropout", 0, 1, open_low=False)
        check_choice(self, "cell", get_args(Cell))

    @property
    def num_gates(self) -> int:
        """Blocks of hidden_dim rows in the weights of a recurrent layer."""
        return {"rnn": 1, "lstm": 4, "gru": 3}[self.cell]


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
            check_integer(self, name, 1)
        for name in ("num_cnn_layers", "num_layers", "padding"):
            check_integer(self, name, 0)
        check_number(self, "dropout", 0, 1, open_low=False)
        check_choice(self, "conv_activation", get_args(ConvActivation))
        check_choice(self, "linear_activation", get_args(Activation))
        check_choice(self, "head", get_args(Head))
        cnn_layer_shapes(self)


ModelConfig = CNNConfig | MLPConfig | RNNConfig
"""The configuration of any model."""


def _next_size(
    name: str, size: tuple[int, int], *, kernel_size: int, **spacing: int
) -> tuple[int, int]:
    """Apply ``conv_output_size`` to (height, width); a failure names the layer."""
    try:
        height, width = (conv_output_size(n, kernel_size, **spacing) for n in size)
    except ValueError as error:
        raise ValueError(f"layer {name}, reached by {size[0]}x{size[1]} pixels: {error}") from None
    return height, width


def cnn_layer_shapes(config: CNNConfig) -> tuple[LayerShape, ...]:
    """Return every layer's output shape, in the order of the forward pass.

    Raises:
        ValueError: when a kernel or a pool exceeds its input; names the layer and the size
            that reached it.
    """
    rows: list[LayerShape] = []
    size = (config.height, config.width)
    channels = config.num_cnn_channels
    num_blocks = config.num_cnn_layers + 2
    for block in range(num_blocks):
        conv, norm, pool = (f"conv_block.{3 * block + i}" for i in range(3))
        size = _next_size(
            conv,
            size,
            kernel_size=config.kernel_size,
            stride=config.stride,
            padding=config.padding,
            dilation=config.dilation,
        )
        rows.append(LayerShape(conv, "Conv2d", (channels, *size)))
        rows.append(LayerShape(norm, "BatchNorm2d", (channels, *size)))
        size = _next_size(pool, size, kernel_size=config.pooling, stride=config.pooling)
        kind = "MaxPool2d" if block < num_blocks - 1 else "AvgPool2d"
        rows.append(LayerShape(pool, kind, (channels, *size)))

    features = channels * size[0] * size[1] if config.head == "flatten" else channels
    kinds = {"flatten": "Flatten", "max": "GlobalMaxPool2d", "average": "GlobalAvgPool2d"}
    rows.append(LayerShape("head", kinds[config.head], (features,)))
    for block in range(config.num_layers + 1):
        for i, kind in enumerate(("Linear", "BatchNorm1d", "Activation", "Dropout")):
            rows.append(LayerShape(f"linear_block.{4 * block + i}", kind, (config.hidden_dim,)))
    rows.append(LayerShape("output_block", "Linear", (config.num_classes,)))
    return tuple(rows)
