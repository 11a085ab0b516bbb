"""The convolution. No twin: torch has its own libraries for it."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.batch_sum import sum_over_batch
from zoojax.ops.dispatch import with_fast_gradient
from zoojax.spec.conv import conv_output_size

LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d_reference(x: Array, kernel: Array, *, stride: int, padding: int, dilation: int) -> Array:
    """Slide kernels over images: XLA's own convolution. Arguments are those of ``conv2d``."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(stride, stride),
        padding=[(padding, padding)] * 2,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=LAYOUT,
    )


def conv2d(x: Array, kernel: Array, *, stride: int, padding: int, dilation: int) -> Array:
    """Slide kernels over images.

    On a CPU it computes neighboring pixels together (``conv2d_by_pixels``) and accumulates the
    kernel's gradient over chunks of the batch. It supports reverse-mode differentiation only.

    Args:
        x: (batch, height, width, channels) float.
        kernel: (size, size, channels, features) float.
        stride: pixels from one window to the next.
        padding: zeros added at every edge.
        dilation: pixels from one kernel entry to the next.

    Returns:
        (batch, rows, columns, features).
    """
    reference = functools.partial(
        conv2d_reference, stride=stride, padding=padding, dilation=dilation
    )

    def forward(x: Array, kernel: Array) -> tuple[Array, tuple[()]]:
        if dilation > 1:
            return reference(x, kernel), ()
        num = num_pixels_at_once(x.shape, kernel.shape, stride=stride, padding=padding)
        return conv2d_by_pixels(x, kernel, num, stride=stride, padding=padding), ()

    def backward(arrays: tuple[Array, Array], _: tuple[()], grad: Array) -> tuple[Array, Array]:
        x, kernel = arrays
        return x_gradient(kernel, grad, x.shape), kernel_gradient(x, grad).astype(kernel.dtype)

    def x_gradient(kernel: Array, grad: Array, shape: tuple[int, ...]) -> Array:
        flipped = kernel[::-1, ::-1].swapaxes(2, 3)
        around = len(kernel) - 1 - padding
        if stride > 1 or dilation > 1 or around < 0:
            zeros = jnp.zeros(shape, grad.dtype)
            gradient: Array = jax.vjp(lambda x: reference(x, kernel), zeros)[1](grad)[0]
            return gradient
        num = num_pixels_at_once(grad.shape, flipped.shape, stride=1, padding=around)
        return conv2d_by_pixels(grad, flipped, num, stride=1, padding=around)

    def kernel_gradient(x: Array, grad: Array) -> Array:
        def over_chunk(x: Array, grad: Array) -> Array:
            zeros = jnp.zeros(kernel.shape, x.dtype)
            gradient: Array = jax.vjp(lambda kernel: reference(x, kernel), zeros)[1](grad)[0]
            return gradient

        return sum_over_batch(over_chunk, x, grad)

    return with_fast_gradient(reference, forward, backward)(x, kernel)


def num_pixels_at_once(
    x_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    *,
    stride: int,
    padding: int,
    dilation: int = 1,
) -> int:
    """Return how many neighboring pixels to compute per matrix row.

    XLA turns a convolution into a matrix product with one column per feature. It is slow when
    there are few columns, so the features of several pixels are packed together at the cost of
    some zeros. Dilated kernels are computed pixel by pixel.
    """
    if dilation > 1:
        return 1
    _, width, channels, features = kernel_shape
    num = (64 if channels < 8 else 32) // features
    columns = conv_output_size(x_shape[2], width, stride=stride, padding=padding)
    return math.gcd(max(num, 1), columns)


def conv2d_by_pixels(x: Array, kernel: Array, num: int, *, stride: int, padding: int) -> Array:
    """Convolve with a wide kernel that gives the features of ``num`` neighboring pixels at once.

    It holds the kernel ``num`` times, each copy one stride further on, with zeros around it.

    One row more than needed is computed where the output would have as many rows as ``x``: XLA
    then takes Eigen, which uses all cores, where it would otherwise take YNNPACK, which uses one
    here. Not for bfloat16, where a row that is cut off would be rounded before a bias is added.
    """
    height, width, channels, features = kernel.shape
    rows = conv_output_size(x.shape[1], height, stride=stride, padding=padding)
    extra = int(rows == x.shape[1] and x.dtype == full_dtype(x))
    wide = jnp.zeros((height, width + (num - 1) * stride, channels, num, features), kernel.dtype)
    for pixel in range(num):
        start = pixel * stride
        wide = wide.at[:, start : start + width, :, pixel].set(kernel)
    y = jax.lax.conv_general_dilated(
        x,
        wide.reshape(*wide.shape[:3], num * features),
        window_strides=(stride, num * stride),
        padding=[(padding, padding + extra), (padding, padding)],
        dimension_numbers=LAYOUT,
    )[:, :rows]
    return y.reshape(*y.shape[:2], y.shape[2] * num, features)
