"""Linear and convolutional layers."""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jax.typing import DTypeLike

from zoojax.mixed_precision import add_bias, full_dtype, operands
from zoojax.ops import Window, conv2d


class Dense(nn.Module):
    """Return x @ kernel + bias, as ``torch.nn.Linear``.

    Args:
        features: number of output features.
        dtype: dtype of the matrix product (``zoojax.mixed_precision``); None uses that of ``x``.
    """

    features: int
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Take (batch, inputs) float to (batch, features) of ``dtype``."""
        shape, dtype = (x.shape[-1], self.features), full_dtype(x)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape[1:], dtype)
        x, kernel = operands(self.dtype, x, kernel)
        return add_bias(x @ kernel, bias)


class Conv2d(nn.Module):
    """Slide ``features`` kernels over an image, as ``torch.nn.Conv2d``.

    Each output pixel is the sum of a window times the kernel, plus a bias (strictly, a
    cross-correlation: the kernel is not flipped). Initial weights are uniform in
    +-1 / sqrt(fan_in), with fan_in the number of weights that contribute to an output pixel.

    Parity: the kernel is (kernel_size, kernel_size, channels, features), in torch
    (features, channels, kernel_size, kernel_size); torch is also told the number of channels.

    Args:
        features: channels of the output.
        kernel_size: positions on a side of a kernel, at least 1.
        stride: pixels from one window to the next, at least 1.
        padding: zeros added at every edge, at least 0.
        dilation: pixels from one position in a window to the next, at least 1.
        dtype: dtype of the matrix product (``zoojax.mixed_precision``); None uses that of ``x``.
        freeze_bias: stop the gradient of the bias. Set it where a BatchNorm follows in training:
            it subtracts the mean, so the bias has no effect, and its gradient is rounding noise
            that Adam would turn into full steps.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    dtype: DTypeLike | None = None
    freeze_bias: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolve.

        Args:
            x: (batch, height, width, channels) float; initial parameters take its dtype.

        Returns:
            (batch, rows, columns, features) of ``dtype``, of the size that
            ``zoojax.spec.conv.conv_output_size`` gives.

        Raises:
            ValueError: when an option is out of its range or the kernel exceeds the padded
                image.
        """
        x = jnp.asarray(x)
        window = Window(self.kernel_size, self.stride, self.padding, self.dilation)
        window.output_size(x)
        kernel_shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        bound = 1 / math.sqrt(math.prod(kernel_shape[:3]))

        def uniform(key: Array, shape: tuple[int, ...]) -> Array:
            return jax.random.uniform(key, shape, full_dtype(x), -bound, bound)

        kernel = self.param("kernel", uniform, kernel_shape)
        bias = self.param("bias", uniform, (self.features,))
        bias = jax.lax.stop_gradient(bias) if self.freeze_bias else bias
        x, kernel = operands(self.dtype, x, kernel)
        y = conv2d(x, kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)
        return add_bias(y, bias)
