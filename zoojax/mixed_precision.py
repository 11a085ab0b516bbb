"""Mixed precision: what is rounded to bfloat16, and what is not. No twin: torch has autocast.

A model with ``dtype="bfloat16"`` makes its products (of linear, convolutional and recurrent
layers) of inputs, weights and biases rounded to 8 bits, and every layer gives bfloat16. Parameters
and running statistics stay float32. So do sums, of which one in bfloat16 stops growing at 256
times its terms: those of products, BatchNorm's statistics, means of windows, gradients.

Parity: layer by layer this is what ``torch.autocast`` does, but for recurrent layers, of which it
makes bfloat16, float16 or in part float32, by device and by cell; see ``zootorch.models.rnn``.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike


def full_dtype(x: Array) -> DTypeLike:
    """Return the type in which numbers of an array are kept and summed: at least float32."""
    return jnp.promote_types(x.dtype, jnp.float32)


def operands(dtype: DTypeLike | None, *arrays: Array) -> list[Array]:
    """Return what a product takes: arrays as ``dtype``, or as they are when it is None."""
    return [array if dtype is None else array.astype(dtype) for array in arrays]


def add_bias(y: Array, bias: Array) -> Array:
    """Return y + bias, both rounded as ``y`` is; the bias's gradient is summed in float32."""
    (bias,) = operands(y.dtype, bias)
    return (y.astype(full_dtype(y)) + bias.astype(full_dtype(y))).astype(y.dtype)
