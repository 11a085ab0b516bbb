"""Output shape of every layer of every model, by arithmetic alone."""

from collections.abc import Callable
from typing import Any

from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.config.models import cnn_layer_shapes
from zoojax.spec.conv import LayerShape

STATE = "state"
"""Name of what a recurrent network returns beside its outputs."""


def mlp_layer_shapes(config: MLPConfig) -> tuple[LayerShape, ...]:
    """Return every layer's output shape, in the order of the forward pass."""
    rows = []
    for block in range(config.num_layers + 1):
        for i, kind in enumerate(("Linear", "BatchNorm1d", "Activation", "Dropout")):
            rows.append(LayerShape(f"block.{4 * block + i}", kind, (config.hidden_dim,)))
    last = f"block.{4 * config.num_layers + 4}"
    return (*rows, LayerShape(last, "Linear", (config.output_dim,)))


def rnn_layer_shapes(config: RNNConfig) -> tuple[LayerShape, ...]:
    """Return the shape of the last state, (num_layers, hidden_dim), and of the outputs."""
    state = LayerShape(STATE, f"of {config.cell}", (config.num_layers, config.hidden_dim))
    return state, LayerShape("fc", "Linear", (config.output_size,))


SHAPES: dict[type[ModelConfig], Callable[[Any], tuple[LayerShape, ...]]] = {
    CNNConfig: cnn_layer_shapes,
    MLPConfig: mlp_layer_shapes,
    RNNConfig: rnn_layer_shapes,
}


def layer_shapes(config: ModelConfig) -> tuple[LayerShape, ...]:
    """Return what each layer of the model that ``config`` describes gives for one sample."""
    return SHAPES[type(config)](config)


def sample_shape(config: ModelConfig) -> tuple[int, ...]:
    """Return the shape of one sample as files hold it: channels last, sequences of one step."""
    match config:
        case CNNConfig():
            return (config.height, config.width, config.num_input_channels)
        case MLPConfig():
            return (config.input_dim,)
        case _:
            return (1, config.input_size)
