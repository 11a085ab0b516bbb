"""The convolution, in the form that XLA computes fastest. No twin: torch has its own libraries."""

import math

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.batch_sum import sum_over_batch
from zoojax.spec.conv import conv_output_size

LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv2d(x: Array, kernel: Array, *, stride: int, padding: int, dilation: int) -> Array:
    """Slide kernels over pictures; only reverse mode is there.

    The weights' gradient is a sum over pictures, which on a CPU is made in parts.

    Args:
        x: (batch, height, width, channels) float.
        kernel: (size, size, channels, features) float.
        stride: pixels from one window to the next.
        padding: zeros added at every edge.
        dilation: pixels from one place in a window to the next.

    Returns:
        (batch, rows, columns, features).
    """

    def conv(x: Array, kernel: Array) -> Array:
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(stride, stride),
            padding=[(padding, padding)] * 2,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=LAYOUT,
        )

    num = num_side_by_side(x.shape, kernel.shape, stride, padding, dilation)

    def conv_on_cpu(x: Array, kernel: Array) -> Array:
        return conv(x, kernel) if dilation > 1 else side_by_side(x, kernel, num, stride, padding)

    def either(x: Array, kernel: Array) -> Array:
        return jax.lax.platform_dependent(x, kernel, cpu=conv_on_cpu, default=conv)

    def of_x(kernel: Array, grad: Array) -> Array:
        return jax.vjp(lambda x: conv(x, kernel), jnp.zeros(x.shape, grad.dtype))[1](grad)[0]

    def of_x_on_cpu(kernel: Array, grad: Array) -> Array:
        turned = kernel[::-1, ::-1].swapaxes(2, 3)
        around = len(kernel) - 1 - padding
        if stride > 1 or dilation > 1 or around < 0:
            return of_x(kernel, grad)
        num = num_side_by_side(grad.shape, turned.shape, 1, around, 1)
        return side_by_side(grad, turned, num, 1, around)

    def of_kernel(x: Array, grad: Array) -> Array:
        any_kernel = jnp.zeros(kernel.shape, x.dtype)
        return jax.vjp(lambda kernel: conv(x, kernel), any_kernel)[1](grad)[0]

    def forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
        return either(x, kernel), (x, kernel)

    def backward(saved: tuple[Array, Array], grad: Array) -> tuple[Array, Array]:
        x, kernel = saved
        grad_x = jax.lax.platform_dependent(kernel, grad, cpu=of_x_on_cpu, default=of_x)
        return grad_x, sum_over_batch(of_kernel, x, grad).astype(kernel.dtype)

    differentiable = jax.custom_vjp(either)
    differentiable.defvjp(forward, backward)
    return differentiable(x, kernel)


def num_side_by_side(
    x_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    stride: int,
    padding: int,
    dilation: int,
) -> int:
    """Return of how many pixels side by side XLA had better compute the features together.

    It makes a product of matrices of a convolution, with a column a feature. Of few columns it
    is slow; those of several pixels are more, and zeros between them cost little.
    """
    _, _, channels, features = kernel_shape
    if dilation > 1:
        return 1
    num = (64 if channels < 8 else 32) // features
    columns = conv_output_size(x_shape[2], kernel_shape[1], stride=stride, padding=padding)
    return math.gcd(max(num, 1), columns)


def side_by_side(x: Array, kernel: Array, num: int, stride: int, padding: int) -> Array:
    """Convolve with a kernel that gives the features of ``num`` pixels side by side at once.

    It holds the kernel ``num`` times, each a stride further on, and zeros around it.

    A row more than is asked for is computed where that makes them more than the rows of ``x``:
    then XLA takes Eigen, which uses all cores. Else it would take YNNPACK, which here uses one;
    but not of bfloat16, where a row cut off would be rounded before a bias is added.
    """
    height, width, channels, features = kernel.shape
    rows = conv_output_size(x.shape[1], height, stride=stride, padding=padding)
    more = int(rows == x.shape[1] and x.dtype == full_dtype(x))
    wide = jnp.zeros((height, width + (num - 1) * stride, channels, num, features), kernel.dtype)
    for place in range(num):
        start = place * stride
        wide = wide.at[:, start : start + width, :, place].set(kernel)
    y = jax.lax.conv_general_dilated(
        x,
        wide.reshape(*wide.shape[:3], num * features),
        window_strides=(stride, num * stride),
        padding=[(padding, padding + more), (padding, padding)],
        dimension_numbers=LAYOUT,
    )[:, :rows]
    return y.reshape(*y.shape[:2], y.shape[2] * num, features)
