"""The model that a configuration describes, whichever it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from zoojax import weights
from zoojax.common.storage import files
from zoojax.models.cnn import CNN
from zoojax.models.mlp import MLP
from zoojax.models.rnn import RNN
from zoojax.spec import layer_shapes as spec
from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.types import Variables

Network = CNN | MLP | RNN
"""A model that a configuration describes."""

MODELS: dict[type[ModelConfig], Callable[[Any], Network]] = {
    CNNConfig: CNN,
    MLPConfig: MLP,
    RNNConfig: RNN,
}


def model_of(config: ModelConfig) -> Network:
    """Return the model of a CNNConfig, an MLPConfig or an RNNConfig."""
    return MODELS[type(config)](config)


def layer_shapes(model: Network) -> dict[str, tuple[int, ...]]:
    """Return what each layer gives for one sample, as the model itself says.

    Nothing is computed: JAX traces the model with shapes alone.

    Returns:
        (channels, height, width), (features,) or, of a recurrent network's last state,
        (num_layers, hidden_dim), by the layer's name in weight files.
    """
    sample = jax.ShapeDtypeStruct((1, *spec.sample_shape(model.config)), jnp.float32)
    outputs, traced = jax.eval_shape(
        lambda inputs: model.init_with_output(
            jax.random.key(0), inputs, capture_intermediates=True
        ),
        sample,
    )
    shapes: dict[str, tuple[int, ...]] = {}
    for row in spec.layer_shapes(model.config):
        if row.name == spec.STATE:
            num_layers, _, hidden_dim = jax.tree.leaves(outputs[1])[0].shape
            shapes[row.name] = (num_layers, hidden_dim)
            continue
        (output,) = traced["intermediates"][row.name.replace(".", "_")]["__call__"]
        *pixels, channels = output.shape[1:]
        shapes[row.name] = (channels, *pixels)
    return shapes


def load_pretrained(folder: str | Path) -> tuple[Network, Variables]:
    """Load what either backend, or the workshop, wrote.

    Returns:
        the model and its variables; ``model.apply(variables, x)`` gives eval-mode outputs.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    model = model_of(config)
    return model, weights.from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))
