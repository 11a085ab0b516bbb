"""Parameters: their names and axis orders in files, and how each is drawn.

A weight file holds the workshop's names and torch's axis orders. Flax keeps the same
numbers in a tree, channels last; a `Leaf` takes an array from one order to the other.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, Required, TypedDict, TypeVar, Unpack

import numpy as np

from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.config.models import cnn_layer_shapes
from zoojax.spec.types import Reshapable

IGNORED = "num_batches_tracked"
"""Last part of a name that torch writes and nobody reads: momentum is constant here."""


Initial = Literal["uniform", "zeros", "ones"]

A = TypeVar("A", bound=Reshapable)
"""An array of a backend."""


class Start(TypedDict, total=False):
    """How a leaf starts: fields of ``Leaf``."""

    initial: Required[Initial]
    bound: float


class Leaf(NamedTuple):
    """One parameter or running statistic.

    Attributes:
        name: name in weight files, such as ``conv_block.0.weight``.
        path: place in Flax variables, such as ``("params", "conv_block_0", "kernel")``.
        shape: shape in weight files.
        split: the shape in files with every axis of its own; differs from ``shape`` where
            a linear layer's inputs are flattened pixels.
        axes: order in which Flax has the axes of ``split``.
        merged: shape in Flax variables.
        initial: how it starts: "uniform" in [-bound, bound), "zeros" or "ones".
        bound: of "uniform".
    """

    name: str
    path: tuple[str, str, str]
    shape: tuple[int, ...]
    split: tuple[int, ...]
    axes: tuple[int, ...]
    merged: tuple[int, ...]
    initial: Initial
    bound: float = 0.0

    @property
    def layer(self) -> str:
        """Name of the layer it belongs to, such as ``conv_block.0`` or ``rnn_l0``."""
        layer = self.name.rpartition(".")[0]
        # Files hold all recurrent layers as one module.
        return self.path[1] if layer == "rnn" else layer

    def to_tree(self, array: A) -> A:
        """Take an array from the file's axis order to Flax's."""
        turned: A = array.reshape(self.split).transpose(self.axes).reshape(self.merged)
        return turned

    def to_file(self, array: A) -> A:
        """Take an array from Flax's axis order to the file's."""
        turned = tuple(self.split[axis] for axis in self.axes)
        back = tuple(self.axes.index(axis) for axis in range(len(self.axes)))
        straight: A = array.reshape(turned).transpose(back).reshape(self.shape)
        return straight


def _vector(
    layer: str, name: str, leaf: tuple[str, str], size: int, **start: Unpack[Start]
) -> Leaf:
    shape = (size,)
    path = (leaf[0], layer.replace(".", "_"), leaf[1])
    return Leaf(f"{layer}.{name}", path, shape, shape, (0,), shape, **start)


def _weighted(layer: str, split: tuple[int, ...], axes: tuple[int, ...], flat: bool) -> list[Leaf]:
    """Return weight and bias of a layer whose weight has axes (outputs, inputs, ...)."""
    outputs, fan_in = split[0], math.prod(split[1:])
    shape = (outputs, fan_in) if flat else split
    merged = (fan_in, outputs) if flat else tuple(split[axis] for axis in axes)
    # torch's kaiming_uniform_(a=sqrt(5)) comes to this bound for weight and bias alike.
    start: Start = {"initial": "uniform", "bound": 1 / math.sqrt(fan_in)}
    path = ("params", layer.replace(".", "_"), "kernel")
    weight = Leaf(f"{layer}.weight", path, shape, split, axes, merged, **start)
    return [weight, _vector(layer, "bias", ("params", "bias"), outputs, **start)]


def conv(layer: str, outputs: int, inputs: int, kernel_size: int) -> list[Leaf]:
    """Return the leaves of a Conv2d: file order (out, in, height, width)."""
    return _weighted(layer, (outputs, inputs, kernel_size, kernel_size), (2, 3, 1, 0), flat=False)


def linear(layer: str, outputs: int, inputs: tuple[int, ...]) -> list[Leaf]:
    """Return the leaves of a Linear.

    Args:
        layer: name in files.
        outputs: number of outputs.
        inputs: (features,), or the (channels, height, width) that were flattened to features,
            in that order in torch and as (height, width, channels) in Flax.
    """
    axes = (1, 0) if len(inputs) == 1 else (2, 3, 1, 0)
    return _weighted(layer, (outputs, *inputs), axes, flat=True)


def batch_norm(layer: str, features: int) -> list[Leaf]:
    """Return the leaves of a BatchNorm: parameters first, running statistics after."""
    return [
        _vector(layer, "weight", ("params", "scale"), features, initial="ones"),
        _vector(layer, "bias", ("params", "bias"), features, initial="zeros"),
        _vector(layer, "running_mean", ("batch_stats", "mean"), features, initial="zeros"),
        _vector(layer, "running_var", ("batch_stats", "var"), features, initial="ones"),
    ]


def recurrent(layer: int, gates: int, hidden: int, inputs: int) -> list[Leaf]:
    """Return the leaves of one recurrent layer, the gates' rows below each other in files."""
    rows, leaves = gates * hidden, []
    for name, columns in (("ih", inputs), ("hh", hidden)):
        shape, path = (rows, columns), ("params", f"rnn_l{layer}", f"kernel_{name}")
        start: Start = {"initial": "uniform", "bound": 1 / math.sqrt(hidden)}
        file = f"rnn.weight_{name}_l{layer}"
        leaves.append(Leaf(file, path, shape, shape, (1, 0), shape[::-1], **start))
    for name in ("ih", "hh"):
        path = ("params", f"rnn_l{layer}", f"bias_{name}")
        file = f"rnn.bias_{name}_l{layer}"
        leaves.append(Leaf(file, path, (rows,), (rows,), (0,), (rows,), **start))
    return leaves


def cnn_layout(config: CNNConfig) -> tuple[Leaf, ...]:
    """Return every leaf of a CNN in file order, the order in which they are drawn."""
    leaves: list[Leaf] = []
    channels, inputs = config.num_cnn_channels, config.num_input_channels
    for block in range(config.num_cnn_layers + 2):
        leaves += conv(f"conv_block.{3 * block}", channels, inputs, config.kernel_size)
        leaves += batch_norm(f"conv_block.{3 * block + 1}", channels)
        inputs = channels
    pixels = {row.name: row.shape for row in cnn_layer_shapes(config)}
    last_pool = f"conv_block.{3 * config.num_cnn_layers + 5}"
    features = pixels[last_pool] if config.head == "flatten" else (channels,)
    for block in range(config.num_layers + 1):
        leaves += linear(f"linear_block.{4 * block}", config.hidden_dim, features)
        leaves += batch_norm(f"linear_block.{4 * block + 1}", config.hidden_dim)
        features = (config.hidden_dim,)
    leaves += linear("output_block", config.num_classes, features)
    return tuple(leaves)


def mlp_layout(config: MLPConfig) -> tuple[Leaf, ...]:
    """Return every leaf of an MLP in file order, the order in which they are drawn."""
    leaves: list[Leaf] = []
    inputs = config.input_dim
    for block in range(config.num_layers + 1):
        leaves += linear(f"block.{4 * block}", config.hidden_dim, (inputs,))
        leaves += batch_norm(f"block.{4 * block + 1}", config.hidden_dim)
        inputs = config.hidden_dim
    leaves += linear(f"block.{4 * config.num_layers + 4}", config.output_dim, (inputs,))
    return tuple(leaves)


def rnn_layout(config: RNNConfig) -> tuple[Leaf, ...]:
    """Return every leaf of an RNN in file order, the order in which they are drawn."""
    leaves: list[Leaf] = []
    inputs = config.input_size
    for layer in range(config.num_layers):
        leaves += recurrent(layer, config.num_gates, config.hidden_dim, inputs)
        inputs = config.hidden_dim
    return (*leaves, *linear("fc", config.output_size, (config.hidden_dim,)))


LAYOUTS: dict[type[ModelConfig], Callable[[Any], tuple[Leaf, ...]]] = {
    CNNConfig: cnn_layout,
    MLPConfig: mlp_layout,
    RNNConfig: rnn_layout,
}


def layout(config: ModelConfig) -> tuple[Leaf, ...]:
    """Return the leaves of the model that ``config`` describes, in file order."""
    return LAYOUTS[type(config)](config)


def to_tree(arrays: Mapping[str, Any], leaves: Iterable[Leaf]) -> dict[str, Any]:
    """Arrange arrays named as in files as Flax variables: collection, module, leaf."""
    tree: dict[str, Any] = {}
    for leaf in leaves:
        collection, module, name = leaf.path
        place = tree.setdefault(collection, {}).setdefault(module, {})
        place[name] = leaf.to_tree(arrays[leaf.name])
    return tree


def to_file(tree: Mapping[str, Any], leaves: Iterable[Leaf]) -> dict[str, Any]:
    """Arrange Flax variables, or a part of them, as arrays named as in files."""
    arrays = {}
    for leaf in leaves:
        collection, module, name = leaf.path
        if collection in tree:
            arrays[leaf.name] = leaf.to_file(tree[collection][module][name])
    return arrays


def by_layer(config: ModelConfig, values: Mapping[str, float]) -> dict[str, float]:
    """Return the largest value of each layer.

    Args:
        config: of a model.
        values: of each parameter, by name in weight files; NaN counts as the largest.
    """
    largest: dict[str, float] = {}
    for leaf in layout(config):
        if leaf.name in values:
            value = values[leaf.name]
            known = largest.get(leaf.layer, value)
            largest[leaf.layer] = value if value > known or math.isnan(value) else known
    return largest


def num_outputs(config: ModelConfig) -> int:
    """Return how many numbers a model gives for a sample."""
    return layout(config)[-1].shape[0]


def has_batch_norm(config: ModelConfig) -> bool:
    """Return whether a model has a BatchNorm, and so running statistics."""
    return any(leaf.path[0] == "batch_stats" for leaf in layout(config))


def num_parameters(config: ModelConfig) -> int:
    """Return how many numbers training changes, running statistics left out."""
    return sum(int(np.prod(leaf.shape)) for leaf in layout(config) if leaf.path[0] == "params")
