"""From images and waves to what a model takes."""

import jax.numpy as jnp
from jax import Array

from zoojax.spec.data import check_window, standardise_constants


def standardise(images: Array, dtype: jnp.dtype = jnp.float32) -> Array:
    """Scale pictures to 0..1, subtract the ImageNet mean and divide by its deviation.

    Parity: written as (x - 255 mean) * (1 / (255 std)), a difference and a product that no
    compiler fuses or reorders, so that both backends give the same bits.

    Args:
        images: (batch, height, width, 3) uint8.
        dtype: float type of the result.

    Returns:
        (batch, height, width, 3) float: channels last, as Flax layers take them.
    """
    offset, scale = standardise_constants(jnp.dtype(dtype).name)
    return (images.astype(dtype) - offset) * scale


def as_inputs(inputs: Array, dtype: jnp.dtype) -> Array:
    """Return what a model takes: pictures standardised, other numbers as ``dtype``."""
    return standardise(inputs, dtype) if inputs.dtype == jnp.uint8 else inputs.astype(dtype)


def windows(waves: Array, length: int, num_next_steps: int) -> tuple[Array, Array]:
    """Cut waves into all their windows of ``length`` points, the last of which are to predict.

    Args:
        waves: (batch, points) float.
        length: points of a window; ``points`` for one window a wave.
        num_next_steps: points to predict, at the end of each window.

    Returns:
        inputs (windows, length - num_next_steps) and targets (windows, num_next_steps), wave
        after wave.

    Raises:
        ValueError: when a window does not fit.
    """
    check_window(waves.shape[1], length, num_next_steps)
    starts = jnp.arange(waves.shape[1] - length + 1)
    cut = waves[:, starts[:, None] + jnp.arange(length)].reshape(-1, length)
    return cut[:, :-num_next_steps], cut[:, -num_next_steps:]
