"""The model that a configuration describes, whichever it is."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zoojax.common.storage import files
from zoojax.spec import layer_shapes as spec
from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zootorch import random
from zootorch.models.cnn import CNN
from zootorch.models.mlp import MLP
from zootorch.models.rnn import RNN

Network = CNN | MLP | RNN
"""A model that a configuration describes."""

MODELS: dict[type[ModelConfig], Any] = {CNNConfig: CNN, MLPConfig: MLP, RNNConfig: RNN}


def model_of(config: ModelConfig, generator: random.Generator | None = None) -> Network:
    """Return the model of a CNNConfig, an MLPConfig or an RNNConfig.

    Args:
        config: the architecture.
        generator: where initial weights are drawn from; ``Generator(0)`` unless given.
    """
    model: Network = MODELS[type(config)](config, generator)
    return model


def load_pretrained(folder: str | Path) -> Network:
    """Load what either backend, or the workshop, wrote.

    Args:
        folder: with ``model.safetensors`` and ``config.json``, whose options tell the model.

    Returns:
        the model, in eval mode.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    model: Network = MODELS[type(files.load_config(folder))].from_pretrained(folder)
    return model


def layer_shapes(model: Network) -> dict[str, tuple[int, ...]]:
    """Return what each layer gives for one sample, as the model itself says.

    Hooks watch the layers while a sample of zeros passes through.

    Returns:
        (channels, height, width), (features,) or, of a recurrent network's last state,
        (num_layers, hidden_dim), by the layer's name in weight files.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def watch(name: str, layer: nn.Module) -> RemovableHandle:
        def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            shapes[name] = tuple(output.shape[1:])

        return layer.register_forward_hook(note)

    modules = dict(model.named_modules())
    rows = spec.layer_shapes(model.config)
    hooks = [watch(row.name, modules[row.name]) for row in rows if row.name != spec.STATE]
    zeros = next(model.parameters()).new_zeros(1, *spec.sample_shape(model.config))
    training = model.training
    with torch.no_grad():
        # Files hold pictures channels last.
        outputs = model.eval()(zeros.permute(0, 3, 1, 2) if zeros.ndim == 4 else zeros)
    model.train(training)
    for hook in hooks:
        hook.remove()
    if isinstance(outputs, tuple):
        state = outputs[1][0] if isinstance(outputs[1], tuple) else outputs[1]
        num_layers, _, hidden_dim = state.shape
        shapes[spec.STATE] = (num_layers, hidden_dim)
    return {row.name: shapes[row.name] for row in rows}
