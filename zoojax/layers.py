"""Layers that Flax lacks or has in another form, as small Linen modules.

A module here is a description: parameters come in, results and new running statistics go
out, and nothing stays behind.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax import gradients, random
from zoojax.convolution import conv2d
from zoojax.dense import Dense as Dense
from zoojax.mixed_precision import add_bias, full_dtype, operands
from zoojax.pooling import AvgPool2d as AvgPool2d
from zoojax.pooling import MaxPool2d as MaxPool2d
from zoojax.pooling import Window

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": nn.relu,
    # Parity: at 0 the slope is the small one, as in torch; Flax has the large one.
    "leaky_relu": lambda x: jnp.where(x > 0, x, 0.01 * x),
    "elu": nn.elu,
    # Parity: torch's GELU is the exact one, Flax's default the tanh approximation.
    "gelu": lambda x: nn.gelu(x, approximate=False),
}


class Activation(nn.Module):
    """An activation by its name in ``ACTIVATIONS``."""

    kind: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply it to each element of an array of any shape."""
        return ACTIVATIONS[self.kind](x.astype(full_dtype(x))).astype(x.dtype)


def activation_gradient(kind: str, x: Array) -> Array:
    """Return the derivative of an activation at each element.

    Args:
        kind: a name in ``ACTIVATIONS``.
        x: float array of any shape.

    Returns:
        an array like ``x``.

    Raises:
        ValueError: when the kind is unknown or ``x`` is not of floats.
    """
    if kind not in ACTIVATIONS:
        raise ValueError(f"kind must be one of {', '.join(ACTIVATIONS)}, got {kind!r}")
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"inputs must be floats, got {x.dtype}")
    # Each element moves its own term of the sum alone.
    return jax.grad(lambda x: ACTIVATIONS[kind](x).sum())(x)


class BatchNorm(nn.Module):
    """Normalise each feature by its batch's mean and variance: Ioffe and Szegedy, 2015.

    Parity: like torch, and unlike ``flax.linen.BatchNorm``, the running variance is the
    unbiased n / (n - 1) one, the momentum weighs the new value, and the variance is the mean
    squared distance from the mean, since E[x^2] - E[x]^2 loses digits.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, *, train: bool, pooling: int | None = None) -> Array:
        """Normalise.

        Args:
            x: (batch, ..., features) float.
            train: whether to use the batch's own statistics, and to update the running ones.
            pooling: in training, side of the windows of which only the largest value is
                returned, as ``MaxPool2d(pooling)`` would of the result; None for all values.

        Returns:
            an array like ``x``, or (batch, rows, columns, features) of windows.
        """
        shape, dtype = (x.shape[-1],), full_dtype(x)
        scale = self.param("scale", nn.initializers.ones, shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, dtype)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, dtype)
        if not train:
            factor = scale * jax.lax.rsqrt(running_var.value + self.epsilon)
            return ((x - running_mean.value) * factor + bias).astype(x.dtype)
        if pooling is None:
            y, mean, var = gradients.batch_norm(x, scale, bias, self.epsilon)
        else:
            y, mean, var = gradients.batch_norm_max_pool(x, scale, bias, self.epsilon, pooling)
        num = x.size // x.shape[-1]
        unbiased = var * (num / max(num - 1, 1))
        running_mean.value += self.momentum * (mean - running_mean.value)
        running_var.value += self.momentum * (unbiased - running_var.value)
        return y


class LayerNorm(nn.Module):
    """Normalise each sample by the mean and variance of its features: Ba, Kiros, Hinton, 2016.

    Parity: epsilon is torch's 1e-5, not Flax's 1e-6, and the variance is the mean squared
    distance from the mean, since E[x^2] - E[x]^2 loses digits. It is biased in all three.

    Args:
        epsilon: added to the variance, over 0.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalise.

        Args:
            x: (..., features) float; initial parameters take its dtype.

        Returns:
            an array like ``x``.

        Raises:
            ValueError: when ``x`` is not of floats or has no axis.
        """
        x = jnp.asarray(x)
        if x.ndim == 0 or not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(
                f"inputs must be floats of shape (..., features), got {x.dtype} of shape {x.shape}"
            )
        shape, dtype = (x.shape[-1],), x.dtype
        scale = self.param("scale", nn.initializers.ones, shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, dtype)
        centred = x - x.mean(-1, keepdims=True)
        var = jnp.square(centred).mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt(var + self.epsilon) * scale + bias


class Conv2d(nn.Module):
    """Slide ``features`` kernels over a picture, as ``torch.nn.Conv2d``.

    Each output pixel is the sum of a window times the kernel, plus a bias: what mathematicians
    call a cross-correlation, since the kernel is not turned around. Initial weights are uniform
    over +-1 / sqrt(fan_in), with fan_in the number of weights that meet in an output pixel.

    Parity: the kernel is (kernel_size, kernel_size, channels, features), in torch
    (features, channels, kernel_size, kernel_size); torch is also told the number of channels.

    Args:
        features: channels of the output.
        kernel_size: places on a side of a kernel, at least 1.
        stride: pixels from one window to the next, at least 1.
        padding: zeros added at every edge, at least 0.
        dilation: pixels from one place in a window to the next, at least 1.
        dtype: what the product is computed in (``zoojax.mixed_precision``); None for that of ``x``.
        idle_bias: whether a BatchNorm in training follows, which takes every constant off: the
            bias then has no gradient. Parity: torch sums up what rounding leaves of it.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    dtype: Any = None
    idle_bias: bool = False

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
                picture.
        """
        x = jnp.asarray(x)
        window = Window(self.kernel_size, self.stride, self.padding, self.dilation)
        window.num_places(x)
        kernel_shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        bound = 1 / math.sqrt(math.prod(kernel_shape[:3]))

        def uniform(key: Array, shape: tuple[int, ...]) -> Array:
            return jax.random.uniform(key, shape, full_dtype(x), -bound, bound)

        kernel = self.param("kernel", uniform, kernel_shape)
        bias = self.param("bias", uniform, (self.features,))
        bias = jax.lax.stop_gradient(bias) if self.idle_bias else bias
        x, kernel = operands(self.dtype, x, kernel)
        y = conv2d(x, kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)
        return add_bias(y, bias)


class Head(nn.Module):
    """Turn pixels into features: flatten, or the global maximum or mean of each channel."""

    kind: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Take (batch, height, width, channels) to (batch, features)."""
        if self.kind == "flatten":
            return x.reshape(len(x), -1)
        if self.kind == "average":
            return x.mean((1, 2))
        # Not x.max((1, 2)): its gradient goes to the pixels that equal the maximum, and a
        # compiled program may compute x twice and round it in two ways, so that none does.
        pixels = x.reshape(len(x), -1, x.shape[-1])
        place = pixels.argmax(1, keepdims=True)
        return jnp.take_along_axis(pixels, place, 1)[:, 0]


class Dropout(nn.Module):
    """Clear a part of the values and scale the others up: Srivastava and others, 2014."""

    rate: float
    layer: int

    @nn.compact
    def __call__(self, x: Array, *, key: Array | None) -> Array:
        """Drop.

        Args:
            x: float array of any shape.
            key: the step's dropout key; None to keep everything, as in evaluation.

        Returns:
            an array like ``x``.
        """
        if key is None or self.rate == 0:
            return x
        keep = random.keep_mask(jax.random.fold_in(key, self.layer), x.shape, self.rate)
        scaled = (x.astype(full_dtype(x)) / (1 - self.rate)).astype(x.dtype)
        return jnp.where(keep, scaled, 0)


Variables = dict[str, Any]
"""Flax variables: ``{"params": {module: {leaf: array}}, "batch_stats": {...}}``."""
