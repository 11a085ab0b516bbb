"""Normalization over the batch and over the features of a sample. No twin: torch has both."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops import batch_norm

Normalize = Callable[[Array, Array, Array, float], tuple[Array, ...]]


class BatchNorm(nn.Module):
    """Normalize each feature by its batch's mean and variance: Ioffe and Szegedy, 2015.

    Parity: like torch, and unlike ``flax.linen.BatchNorm``, the running variance is the
    unbiased n / (n - 1) one, the momentum weighs the new value, and the variance is the mean
    squared distance from the mean, since E[x^2] - E[x]^2 loses digits.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, *, train: bool, normalize: Normalize = batch_norm) -> Array:
        """Normalize.

        Args:
            x: (batch, ..., features) float.
            train: whether to use the batch's own statistics, and to update the running ones.
            normalize: what does it in training: takes x, scale, bias and epsilon, returns the
                result, the mean and the biased variance of the batch.

        Returns:
            an array like ``x``, or in training what ``normalize`` makes of it.
        """
        shape, dtype = (x.shape[-1],), full_dtype(x)
        scale = self.param("scale", nn.initializers.ones, shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape, dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, shape, dtype)
        running_var = self.variable("batch_stats", "var", jnp.ones, shape, dtype)
        if not train:
            factor = scale * jax.lax.rsqrt(running_var.value + self.epsilon)
            return ((x - running_mean.value) * factor + bias).astype(x.dtype)
        y, mean, var = normalize(x, scale, bias, self.epsilon)
        num = x.size // x.shape[-1]
        unbiased = var * (num / max(num - 1, 1))
        running_mean.value += self.momentum * (mean - running_mean.value)
        running_var.value += self.momentum * (unbiased - running_var.value)
        return y


class LayerNorm(nn.Module):
    """Normalize each sample by the mean and variance of its features: Ba, Kiros, Hinton, 2016.

    Parity: epsilon is torch's 1e-5, not Flax's 1e-6, and the variance is the mean squared
    distance from the mean, since E[x^2] - E[x]^2 loses digits. It is biased in all three.

    Args:
        epsilon: added to the variance, positive.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Normalize.

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
        centered = x - x.mean(-1, keepdims=True)
        var = jnp.square(centered).mean(-1, keepdims=True)
        return centered * jax.lax.rsqrt(var + self.epsilon) * scale + bias
