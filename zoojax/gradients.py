"""Operations whose gradients are written by hand. No twin: torch has all three built in.

XLA derives these gradients by itself and they are right, but on a CPU they take longer: it
computes a shared term anew in each place that reads it, and takes a slower routine for the
weights of a convolution.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype

# Pictures a part: of many more XLA on a CPU takes a slower routine.
PART = 8


def conv_general_dilated(x: Array, kernel: Array, *args: Any, **options: Any) -> Array:
    """Convolve as ``jax.lax.conv_general_dilated``, whose arguments it takes.

    The weights' gradient is a sum over pictures; on a CPU it is made in parts of the batch, one
    after another. So the batch must be the first axis, in one group, and only reverse mode is
    there.
    """

    def conv(x: Array, kernel: Array) -> Array:
        return jax.lax.conv_general_dilated(x, kernel, *args, **options)

    def of_kernel(x: Array, kernel: Array, grad: Array) -> Array:
        return jax.vjp(lambda kernel: conv(x, kernel), kernel)[1](grad)[0]

    def of_kernel_in_parts(x: Array, kernel: Array, grad: Array) -> Array:
        total = jnp.zeros(kernel.shape, full_dtype(kernel))
        for start in range(0, len(x), PART):
            # 0, but known only when the sum so far is: so XLA makes the parts in turn, in the
            # same memory. (Where it is not 0, this gradient is NaN in any case.)
            late = jnp.isnan(total.ravel()[0]).astype(jnp.int32)
            size = min(PART, len(x) - start)
            part_x, part_grad = (
                jax.lax.dynamic_slice_in_dim(each, start + late, size).astype(total.dtype)
                for each in (x, grad)
            )
            total += of_kernel(part_x, kernel.astype(total.dtype), part_grad)
        return total.astype(kernel.dtype)

    def forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
        return conv(x, kernel), (x, kernel)

    def backward(saved: tuple[Array, Array], grad: Array) -> tuple[Array, Array]:
        x, kernel = saved
        (grad_x,) = jax.vjp(lambda x: conv(x, kernel), x)[1](grad)
        grad_kernel = jax.lax.platform_dependent(
            x, kernel, grad, cpu=of_kernel_in_parts, default=of_kernel
        )
        return grad_x, grad_kernel

    differentiable = jax.custom_vjp(conv)
    differentiable.defvjp(forward, backward)
    return differentiable(x, kernel)


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
        first, *others = window_views(x, size)
        place = jnp.zeros(first.shape, jnp.int8 if size <= 11 else jnp.int32)
        for index, view in enumerate(others, start=1):
            place = jnp.where(view > first, place.dtype.type(index), place)
            first = jnp.maximum(first, view)
        return first, place

    def backward(place: Array, grad: Array) -> tuple[Array]:
        def spread(pooled: Array) -> Array:
            return jnp.repeat(jnp.repeat(pooled, size, axis=1), size, axis=2)

        places = jnp.arange(size**2, dtype=place.dtype).reshape(size, size)
        here = jnp.tile(places, grad.shape[1:3])[:, :, None]
        windows = jnp.where(spread(place) == here, spread(grad), 0)
        rest = [(0, all_ - used) for all_, used in zip(x.shape, windows.shape, strict=True)]
        return (jnp.pad(windows, rest),)

    differentiable = jax.custom_vjp(lambda x: forward(x)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x)


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
