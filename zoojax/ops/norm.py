"""Pools and norms whose gradients are written by hand. No twin: torch has them built in.

XLA derives these gradients by itself and they are right, but on a CPU they take longer: it
computes a shared term anew in each place that reads it.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.batch_sum import sum_over_batch
from zoojax.ops.pooling import largest_of_views, to_places, window_views


def batch_norm(x: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Normalise each feature by the batch's mean and variance.

    The gradient is that of Ioffe and Szegedy, 2015, section 3, its terms gathered by x.

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

    def forward(x: Array, scale: Array, bias: Array) -> tuple[Any, Any]:
        wide = x.astype(full_dtype(x))
        mean = jnp.mean(wide, axes)
        # Not E[x^2] - E[x]^2, which loses digits where the mean is large.
        var = jnp.mean(jnp.square(wide - mean), axes)
        inverse = jax.lax.rsqrt(var + epsilon)
        y = (wide - mean) * (scale * inverse) + bias
        # Of x as it came is saved: in bfloat16 it takes half the memory.
        return (y.astype(x.dtype), mean, var), (x, scale, mean, inverse)

    def backward(saved: tuple[Array, ...], grads: tuple[Array, ...]) -> tuple[Array, Array, Array]:
        (x, scale, mean, inverse), grad = saved, grads[0].astype(saved[2].dtype)
        centred = x.astype(mean.dtype) - mean
        grad_bias = jnp.sum(grad, axes)
        grad_scale = jnp.sum(grad * centred, axes) * inverse
        slope = grad - grad_bias / num - centred * (inverse * grad_scale / num)
        return (slope * (scale * inverse)).astype(x.dtype), grad_scale, grad_bias

    differentiable = jax.custom_vjp(lambda *args: forward(*args)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x, scale, bias)


def batch_norm_max_pool(
    x: Array, scale: Array, bias: Array, epsilon: float, size: int
) -> tuple[Array, Array, Array]:
    """Return what ``batch_norm`` and then ``max_pool`` give, in less memory and time.

    Normalised values are never written, but for the largest of each window; and the sums that
    the gradient takes are over these alone, since it is 0 elsewhere.

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

    def forward(x: Array, scale: Array, bias: Array) -> tuple[Any, Any]:
        mean = sum_over_batch(lambda x: jnp.sum(x, axes, dtype=full_dtype(x)), x) / num
        var = sum_over_batch(lambda x: jnp.sum(jnp.square(x - mean), axes), x) / num
        inverse = jax.lax.rsqrt(var + epsilon)
        factor = scale * inverse
        views = [(v - mean) * factor + bias for v in window_views(x.astype(mean.dtype), size)]
        y, place = largest_of_views([view.astype(x.dtype) for view in views])
        # Divided by 1, which XLA does not know: it writes the places down rather than find
        # them anew wherever a window's gradient is read. (Where it is 2, all is NaN.)
        place = place / (1 + jnp.isnan(mean).astype(mean.dtype))
        return (y, mean, var), (x, scale, mean, inverse, place)

    def backward(saved: tuple[Array, ...], grads: tuple[Array, ...]) -> tuple[Array, Array, Array]:
        (x, scale, mean, inverse, place), grad = saved, grads[0].astype(saved[2].dtype)
        wide = x.astype(mean.dtype)
        largest, *others = window_views(wide, size)
        for index, view in enumerate(others, start=1):
            largest = jnp.where(place == index, view, largest)
        grad_bias = jnp.sum(grad, axes)
        grad_scale = jnp.sum(grad * (largest - mean), axes) * inverse
        slope = to_places(grad, place, size, x.shape)
        slope = slope - grad_bias / num - (wide - mean) * (inverse * grad_scale / num)
        return (slope * (scale * inverse)).astype(x.dtype), grad_scale, grad_bias

    differentiable = jax.custom_vjp(lambda *args: forward(*args)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x, scale, bias)
