"""Initial weights as a pure function of a key, and weights in their file form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from zoojax import random
from zoojax.common.storage import files
from zoojax.jit import jit
from zoojax.spec import layout
from zoojax.spec.checks import check_arrays
from zoojax.spec.types import Shaped
from zoojax.types import Model, Variables


def init(key: Array, model: Model, example: Array) -> Variables:
    """Draw a model's variables in torch's default distributions.

    The shapes come first, from ``jax.eval_shape``; then parameter i of the file order gets
    the i-th key of the init stream. Every number is drawn as a float32 in the file's axis
    order, so that both backends, and both dtypes, start from the same weights.

    Args:
        key: ``jax.random.key(seed)``.
        model: a zoojax model.
        example: (batch, ...) float, what the model will be given; its dtype becomes the
            variables'.

    Returns:
        Flax variables: ``params`` and ``batch_stats``.

    Raises:
        ValueError: when the example does not fit the model, or is not of floats.
    """
    leaves = layout.layout(model.config)
    example = jnp.asarray(example)
    if not jnp.issubdtype(example.dtype, jnp.floating):
        raise ValueError(
            f"the example must be of floats, got {example.dtype}; pictures are standardised first"
        )
    # Linen wants a key for shapes alone; no number is drawn from it.
    shapes = jax.eval_shape(lambda x: model.init(jax.random.key(0), x), example)
    drawn = layout.to_tree(_draw(key, leaves), leaves)
    # Linen makes float32 of some parameters whatever the example is.
    variables: Variables = jax.tree.map(lambda _, array: array.astype(example.dtype), shapes, drawn)
    return variables


@jit(static_argnames="leaves")
def _draw(key: Array, leaves: tuple[layout.Leaf, ...]) -> dict[str, Array]:
    """Return the initial arrays by name, float32 in the file's axis order."""
    key = random.stream(key, "init")
    arrays = {}
    for index, leaf in enumerate(leaf for leaf in leaves if leaf.path[0] == "params"):
        num = int(np.prod(leaf.shape))
        if leaf.initial == "uniform":
            word = random.words(jax.random.fold_in(key, index), num)
            drawn = random.symmetric_uniform(word, leaf.bound, jnp.float32)
        else:
            drawn = jnp.full(num, leaf.initial == "ones", jnp.float32)
        arrays[leaf.name] = drawn.reshape(leaf.shape)
    for leaf in leaves:
        if leaf.path[0] == "batch_stats":
            arrays[leaf.name] = jnp.full(leaf.shape, leaf.initial == "ones", jnp.float32)
    return arrays


def from_arrays(
    model: Model, arrays: Mapping[str, Shaped], source: str = "the weights"
) -> Variables:
    """Make variables of arrays named and ordered as in weight files.

    Args:
        model: a zoojax model.
        arrays: by name, in torch's axis orders.
        source: what error messages call them.

    Raises:
        ValueError: when a name is missing or extra, a shape differs, or the numbers are not all
            float32, or all float64.
    """
    leaves = layout.layout(model.config)
    check_arrays(arrays, leaves, source)
    variables: Variables = jax.tree.map(jnp.asarray, layout.to_tree(arrays, leaves))
    return variables


def to_arrays(model: Model, variables: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return variables, or one collection of them, as arrays named and ordered as in files."""
    return layout.to_file(jax.tree.map(np.asarray, dict(variables)), layout.layout(model.config))


def name_scalars(model: Model, params: Mapping[str, Any]) -> dict[str, float]:
    """Return a tree of scalars like the parameters as numbers by name in weight files."""
    leaves = [leaf for leaf in layout.layout(model.config) if leaf.path[0] == "params"]
    return {leaf.name: float(params[leaf.path[1]][leaf.path[2]]) for leaf in leaves}


def save_pretrained(folder: str | Path, model: Model, variables: Variables) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zoojax model.
        variables: its parameters and running statistics.
    """
    files.save_weights(folder, to_arrays(model, variables), model.config)
