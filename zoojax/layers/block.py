"""Layers that are faster together. No twin: torch runs them one after another."""

import functools

from flax import linen as nn
from jax import Array

from zoojax.layers.activation import Activation
from zoojax.layers.norm import BatchNorm
from zoojax.layers.pooling import MaxPool2d
from zoojax.ops import norm_max_pool

INCREASING = ("none", "relu", "leaky_relu", "elu")
"""Activations that never decrease, so that they commute with a maximum."""


def norm_activation_pool(
    x: Array, norm: BatchNorm, activation: Activation, pool: nn.Module, *, train: bool
) -> Array:
    """Return pool(activation(norm(x))), which is what zootorch writes.

    In training, normalization and max pool are computed at once and the activation comes last:
    faster, and equal, because an increasing function commutes with max.

    Args:
        x: (batch, height, width, features) float.
        norm: normalizes.
        activation: follows.
        pool: a ``MaxPool2d`` or ``AvgPool2d``.
        train: whether the normalization uses the statistics of the batch.

    Returns:
        (batch, rows, columns, features) like ``x``.
    """
    if (
        train
        and isinstance(pool, MaxPool2d)
        and pool.window.tiles
        and activation.kind in INCREASING
    ):
        at_once = functools.partial(norm_max_pool, size=pool.kernel_size)
        x = activation(norm(x, train=True, normalize=at_once))
    else:
        x = pool(activation(norm(x, train=train)))
    return x
