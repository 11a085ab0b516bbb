"""The model that a configuration describes, whichever it is."""

from typing import Any

import jax
import jax.numpy as jnp

from zoojax.cnn import CNN
from zoojax.mlp import MLP
from zoojax.rnn import RNN
from zoojax.spec import layer_shapes as spec
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig

MODELS = {CNNConfig: CNN, MLPConfig: MLP, RNNConfig: RNN}


def model_of(config: Any) -> Any:
    """Return the model of a CNNConfig, an MLPConfig or an RNNConfig."""
    return MODELS[type(config)](config)


def layer_shapes(model: Any) -> dict[str, tuple[int, ...]]:
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
