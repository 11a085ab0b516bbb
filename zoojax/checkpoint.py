"""Weights on disk, in the workshop's names: safetensors beside a config.json."""

from pathlib import Path
from typing import Any

from zoojax import weights
from zoojax.cnn import CNN
from zoojax.layers import Variables
from zoojax.mlp import MLP
from zoojax.rnn import RNN
from zoojax.spec import files
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig

MODELS: dict[type, Any] = {CNNConfig: CNN, MLPConfig: MLP, RNNConfig: RNN}


def save_pretrained(folder: str | Path, model: Any, variables: Variables) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zoojax model.
        variables: its parameters and running statistics.
    """
    files.save_weights(folder, weights.to_arrays(model, variables), model.config)


def load_pretrained(folder: str | Path) -> tuple[Any, Variables]:
    """Load what either backend, or the workshop, wrote.

    Returns:
        the model and its variables; ``model.apply(variables, x)`` gives eval-mode outputs.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    model = MODELS[type(config)](config)
    return model, weights.from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))
