"""Layers that Flax lacks or has in another form, as small Linen modules.

A module here is a description: parameters come in, results and new running statistics go
out, and nothing stays behind.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax import gradients, random

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
        return ACTIVATIONS[self.kind](x)


class BatchNorm(nn.Module):
    """Normalise each feature by its batch's mean and variance: Ioffe and Szegedy, 2015.

    Parity: like torch, and unlike ``flax.linen.BatchNorm``, the running variance is the
    unbiased n / (n - 1) one, the momentum weighs the new value, and the variance is the mean
    squared distance from the mean, since E[x^2] - E[x]^2 loses digits.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalise.

        Args:
            x: (batch, ..., features) float.
            train: whether to use the batch's own statistics, and to update the running ones.

        Returns:
            an array like ``x``.
        """
        shape, dtype = (x.shape[-1],), x.dtype
        scale = self.param("scale", nn.initializers.ones, shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, dtype)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, dtype)
        if not train:
            return (x - running_mean.value) * (
                scale * jax.lax.rsqrt(running_var.value + self.epsilon)
            ) + bias
        y, mean, var = gradients.batch_norm(x, scale, bias, self.epsilon)
        num = x.size // x.shape[-1]
        unbiased = var * (num / max(num - 1, 1))
        running_mean.value += self.momentum * (mean - running_mean.value)
        running_var.value += self.momentum * (unbiased - running_var.value)
        return y


class MaxPool2d(nn.Module):
    """Largest value of each square window; windows do not overlap."""

    size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Pool (batch, height, width, channels) to floor(height / size), floor(width / size)."""
        return gradients.max_pool(x, self.size)


class AvgPool2d(nn.Module):
    """Mean of each square window; windows do not overlap."""

    size: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Pool (batch, height, width, channels) to floor(height / size), floor(width / size)."""
        first, *others = gradients.window_views(x, self.size)
        return sum(others, start=first) / self.size**2


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
        return jnp.where(keep, x / (1 - self.rate), 0)


Variables = dict[str, Any]
"""Flax variables: ``{"params": {module: {leaf: array}}, "batch_stats": {...}}``."""
