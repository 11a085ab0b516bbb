"""Batch normalization, alone and with a max pool after it. No twin: torch has both built in.

XLA's own gradients are correct but slower on a CPU, where it recomputes shared terms at every use.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.batch_sum import sum_over_batch
from zoojax.ops.dispatch import with_fast_gradient
from zoojax.ops.pooling import (
    Window,
    first_maximum,
    max_pool_reference,
    scatter_to_tiles,
    tile_views,
)

Arrays = tuple[Array, ...]


def batch_norm_reference(x: Array, scale: Array, bias: Array, epsilon: float) -> Arrays:
    """Normalize each feature: the plain formula. Arguments are those of ``batch_norm``."""
    axes = tuple(range(x.ndim - 1))
    wide = x.astype(full_dtype(x))
    mean = jnp.mean(wide, axes)
    # Not E[x^2] - E[x]^2, which loses digits where the mean is large.
    var = jnp.mean(jnp.square(wide - mean), axes)
    y = (wide - mean) * (scale * jax.lax.rsqrt(var + epsilon)) + bias
    return y.astype(x.dtype), jax.lax.stop_gradient(mean), jax.lax.stop_gradient(var)


def batch_norm(x: Array, scale: Array, bias: Array, epsilon: float) -> Arrays:
    """Normalize each feature by the mean and variance of the batch.

    The gradient is that of Ioffe and Szegedy, 2015, section 3, with its terms grouped by x.

    Args:
        x: (batch, ..., features) float.
        scale: (features,) float.
        bias: (features,) float.
        epsilon: added to the variance.

    Returns:
        an array like ``x``, and the (features,) mean and biased variance, through which no
        gradient flows. All is computed in float32 where ``x`` is bfloat16.
    """
    axes = tuple(range(x.ndim - 1))
    num = x.size // x.shape[-1]

    def forward(x: Array, scale: Array, bias: Array) -> tuple[Arrays, Arrays]:
        y, mean, var = batch_norm_reference(x, scale, bias, epsilon)
        return (y, mean, var), (mean, jax.lax.rsqrt(var + epsilon))

    def backward(arrays: Arrays, kept: Arrays, grads: Arrays) -> Arrays:
        # x is kept as it came: in bfloat16 it takes half the memory.
        (x, scale, _), (mean, inverse) = arrays, kept
        grad = grads[0].astype(mean.dtype)
        centered = x.astype(mean.dtype) - mean
        grad_bias = jnp.sum(grad, axes)
        grad_scale = jnp.sum(grad * centered, axes) * inverse
        grad_x = grad - grad_bias / num - centered * (inverse * grad_scale / num)
        return (grad_x * (scale * inverse)).astype(x.dtype), grad_scale, grad_bias

    reference = functools.partial(batch_norm_reference, epsilon=epsilon)
    return with_fast_gradient(reference, forward, backward)(x, scale, bias)


def norm_max_pool_reference(
    x: Array, scale: Array, bias: Array, epsilon: float, size: int
) -> Arrays:
    """Normalize, then pool: the plain formulas. Arguments are those of ``norm_max_pool``."""
    y, mean, var = batch_norm_reference(x, scale, bias, epsilon)
    return max_pool_reference(y, Window(size, size)), mean, var


def norm_max_pool(x: Array, scale: Array, bias: Array, epsilon: float, size: int) -> Arrays:
    """Return what ``batch_norm`` and then ``max_pool`` give, in less memory and time.

    Only the maximum of each window is ever written, not the other normalized values; and the
    sums in the gradient run over these maxima alone, since it is 0 elsewhere.

    Args:
        x: (batch, height, width, features) float.
        scale: (features,) float.
        bias: (features,) float.
        epsilon: added to the variance.
        size: side of a window in pixels.

    Returns:
        (batch, floor(height / size), floor(width / size), features) like ``x``, and the
        (features,) mean and biased variance of all pixels, through which no gradient flows.
    """
    axes = tuple(range(x.ndim - 1))
    num = x.size // x.shape[-1]

    def forward(x: Array, scale: Array, bias: Array) -> tuple[Arrays, Arrays]:
        mean = sum_over_batch(lambda x: jnp.sum(x, axes, dtype=full_dtype(x)), x) / num
        var = sum_over_batch(lambda x: jnp.sum(jnp.square(x - mean), axes), x) / num
        inverse = jax.lax.rsqrt(var + epsilon)
        factor = scale * inverse
        views = [(v - mean) * factor + bias for v in tile_views(x.astype(mean.dtype), size)]
        y, index = first_maximum([view.astype(x.dtype) for view in views])
        # Divide by a 1 that XLA cannot prove constant: it then stores the indices instead of
        # recomputing them at every use. (It is 2 only if the mean is NaN, and then all is NaN.)
        index = index / (1 + jnp.isnan(mean).astype(mean.dtype))
        return (y, mean, var), (mean, inverse, index)

    def backward(arrays: Arrays, kept: Arrays, grads: Arrays) -> Arrays:
        (x, scale, _), (mean, inverse, index) = arrays, kept
        grad = grads[0].astype(mean.dtype)
        wide = x.astype(mean.dtype)
        maximum, *others = tile_views(wide, size)
        for position, view in enumerate(others, start=1):
            maximum = jnp.where(index == position, view, maximum)
        grad_bias = jnp.sum(grad, axes)
        grad_scale = jnp.sum(grad * (maximum - mean), axes) * inverse
        grad_x = scatter_to_tiles(grad, index, size, x.shape)
        grad_x = grad_x - grad_bias / num - (wide - mean) * (inverse * grad_scale / num)
        return (grad_x * (scale * inverse)).astype(x.dtype), grad_scale, grad_bias

    reference = functools.partial(norm_max_pool_reference, epsilon=epsilon, size=size)
    return with_fast_gradient(reference, forward, backward)(x, scale, bias)
