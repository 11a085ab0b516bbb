"""Initial weights drawn from a generator, and weights in their file form."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoojax.common.storage import files
from zoojax.spec import layout
from zoojax.spec.checks import check_arrays
from zoojax.spec.config import ModelConfig
from zootorch import random
from zootorch.types import Model

M = TypeVar("M", bound=Model)


def num_features(config: ModelConfig) -> int:
    """Return the number of inputs of a model's first linear layer."""
    return next(leaf.shape[1] for leaf in layout.layout(config) if leaf.name.startswith("linear"))


@torch.no_grad()
def reset_parameters(model: Model, generator: random.Generator) -> None:
    """Draw a model's parameters anew, in place, in torch's default distributions.

    Parameter i of the file order gets the i-th draw of the init stream, a float32, so that both
    backends, and both dtypes, start from the same weights; running statistics start again as
    well.

    Args:
        model: a zootorch model.
        generator: ``Generator(seed)``; it is not moved.
    """
    generator = generator.stream("init")
    state = model.state_dict()
    leaves = layout.layout(model.config)
    for leaf in (leaf for leaf in leaves if leaf.path[0] == "params"):
        word = generator.words(int(np.prod(leaf.shape)))
        target = state[leaf.name]
        if leaf.initial == "uniform":
            drawn = random.symmetric_uniform(word, leaf.bound, torch.float32)
            target.copy_(drawn.view(leaf.shape))
        else:
            target.fill_(leaf.initial == "ones")
    for leaf in (leaf for leaf in leaves if leaf.path[0] == "batch_stats"):
        state[leaf.name].fill_(leaf.initial == "ones")


def from_arrays(
    model: Model, arrays: Mapping[str, NDArray[Any]], source: str = "the weights"
) -> None:
    """Load arrays named and ordered as in weight files into a model, in place.

    The model's numbers take the arrays' dtype.

    Args:
        model: a zootorch model.
        arrays: by name, in torch's axis orders.
        source: what error messages call them.

    Raises:
        ValueError: when a name is missing or extra, a shape differs, or the numbers are not all
            float32, or all float64.
    """
    leaves = layout.layout(model.config)
    check_arrays(arrays, leaves, source)
    state = {leaf.name: torch.from_numpy(np.array(arrays[leaf.name])) for leaf in leaves}
    model.to(state[leaves[0].name].dtype)
    # Not strict: num_batches_tracked stays as it is.
    model.load_state_dict(state, strict=False)


def to_arrays(model: Model) -> dict[str, NDArray[Any]]:
    """Return parameters and running statistics as arrays named and ordered as in files."""
    state = model.state_dict()
    names = [name for name in state if not name.endswith(layout.IGNORED)]
    return {name: state[name].numpy(force=True) for name in names}


@torch.no_grad()
def largest_gradients(model: Model) -> dict[str, Tensor]:
    """Return the largest absolute gradient of each parameter, () float by name in weight files."""
    return {
        name: torch.linalg.vector_norm(parameter.grad, math.inf)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def save_pretrained(folder: str | Path, model: Model) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zootorch model.
    """
    files.save_weights(folder, to_arrays(model), model.config)


def load_pretrained(folder: str | Path, model_type: Callable[[Any], M]) -> M:
    """Load what either backend, or the workshop, wrote.

    Args:
        folder: where from.
        model_type: the model's class, whose name with "Config" is its configuration's.

    Returns:
        the model, in eval mode.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    described = type(config).__name__.removesuffix("Config")
    if described != model_type.__name__:
        raise ValueError(
            f"{Path(folder) / files.CONFIG} describes an {described}, not an {model_type.__name__}"
        )
    model = model_type(config)
    from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))
    return model.eval()
