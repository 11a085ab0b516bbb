"""Losses as functions of predictions and targets."""

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.spec.data import check_same_shape


def cross_entropy(logits: Array, labels: Array) -> Array:
    """Return the mean negative log-likelihood of the labels under softmax(logits).

    Args:
        logits: (batch, num_classes) float.
        labels: (batch,) integers from 0 to num_classes - 1.

    Returns:
        () float, in nats.
    """
    log_probs = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probs, labels[:, None], axis=1).mean()


def mean_squared_error(predictions: Array, targets: Array) -> Array:
    """Return the mean of (predictions - targets)^2.

    Args:
        predictions: (batch, outputs) float.
        targets: (batch, outputs) float.

    Returns:
        () float.

    Raises:
        ValueError: when the shapes differ, which would broadcast unseen.
    """
    check_same_shape(predictions.shape, targets.shape)
    return jnp.mean(jnp.square(predictions - targets))


LOSSES = {"cross_entropy": cross_entropy, "mean_squared_error": mean_squared_error}
"""What ``TrainConfig.loss`` names."""
