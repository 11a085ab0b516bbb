"""Pools and norms whose gradients are written by hand. No twin: torch has them built in.

XLA derives these gradients by itself and they are right, but on a CPU they take longer: it
computes a shared term anew in each place that reads it.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.parts import sum_over_batch


def max_pool(x: Array, size: int) -> Array:
    """Return the largest value of each square window; windows do not overlap.

    Parity: of equal values the first takes the whole gradient, as in torch.

    Args:
        x: (batch, height, width, channels) float.
        size: side of a window in pixels.

    Returns:
        (batch, floor(height / size), floor(width / size), channels).
    """

    def forward(x: Array) -> tuple[Array, Array]:
        return largest_of_views(window_views(x, size))

    def backward(place: Array, grad: Array) -> tuple[Array]:
        return (_to_places(grad, place, size, x.shape),)

    differentiable = jax.custom_vjp(lambda x: forward(x)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x)


def largest_of_views(views: Sequence[Array]) -> tuple[Array, Array]:
    """Return the largest value of each window, and at which of its places the first such is.

    Args:
        views: what ``window_views`` returned.
    """
    first, *others = views
    place = jnp.zeros(first.shape, jnp.int8 if len(views) < 128 else jnp.int32)
    for index, view in enumerate(others, start=1):
        place = jnp.where(view > first, place.dtype.type(index), place)
        first = jnp.maximum(first, view)
    return first, place


def _to_places(grad: Array, place: Array, size: int, shape: Sequence[int]) -> Array:
    """Return an array of ``shape`` with each window's gradient at its place, and 0 elsewhere."""

    def spread(pooled: Array) -> Array:
        return jnp.repeat(jnp.repeat(pooled, size, axis=1), size, axis=2)

    places = jnp.arange(size**2, dtype=place.dtype).reshape(size, size)
    here = jnp.tile(places, grad.shape[1:3])[:, :, None]
    windows = jnp.where(spread(place) == here, spread(grad), 0)
    return jnp.pad(windows, [(0, n - used) for n, used in zip(shape, windows.shape, strict=True)])


def window_views(x: Array, size: int) -> list[Array]:
    """Return the pixels of all windows by their place in the window, one array a place.

    On a CPU elementwise operations on these are faster than ``reduce_window``.

    Args:
        x: (batch, height, width, channels).
        size: side of a window in pixels; what is left at the edges belongs to no window.
    """
    rows, columns = (n // size for n in x.shape[1:3])
    x = x[:, : rows * size, : columns * size]
    x = x.reshape(len(x), rows, size, columns, size, x.shape[-1])
    return [x[:, :, i, :, j] for i in range(size) for j in range(size)]


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
        slope = _to_places(grad, place, size, x.shape)
        slope = slope - grad_bias / num - (wide - mean) * (inverse * grad_scale / num)
        return (slope * (scale * inverse)).astype(x.dtype), grad_scale, grad_bias

    differentiable = jax.custom_vjp(lambda *args: forward(*args)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x, scale, bias)
