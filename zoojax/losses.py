"""Losses as functions of predictions and targets."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.spec.checks import check_same_shape
from zoojax.spec.config import TrainConfig
from zoojax.spec.config.checks import check_class_weights


def cross_entropy(
    logits: Array,
    labels: Array,
    *,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> Array:
    """Return the mean negative log-likelihood of the labels under softmax(logits).

    Args:
        logits: (batch, num_classes) float.
        labels: (batch,) integers from 0 to num_classes - 1.
        label_smoothing: part of each label that is spread over all classes, 0 up to under 1:
            Szegedy and others, 2016, section 7.
        class_weights: (num_classes,) positive, how much a sample of each class counts; the
            mean is by these weights.

    Returns:
        () float, in nats.

    Raises:
        ValueError: when there are not as many weights as classes.
    """
    check_class_weights(class_weights, logits.shape[1])
    log_probs = jax.nn.log_softmax(logits)
    labels = labels[:, None]
    if class_weights is None and not label_smoothing:
        return -jnp.take_along_axis(log_probs, labels, axis=1).mean()
    if class_weights is None:
        class_weights = [1.0] * logits.shape[1]
    weights = jnp.asarray(class_weights, logits.dtype)
    chosen = jnp.take_along_axis(weights * log_probs, labels, axis=1).sum()
    spread = jnp.sum(weights * log_probs) / logits.shape[1]
    total = (1 - label_smoothing) * chosen + label_smoothing * spread
    return -total / weights[labels].sum()


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


def loss_of(config: TrainConfig) -> Callable[[Array, Array], Array]:
    """Return the loss that a configuration names, as a function of outputs and targets."""
    if config.loss == "mean_squared_error":
        return mean_squared_error
    return functools.partial(
        cross_entropy,
        label_smoothing=config.label_smoothing,
        class_weights=config.class_weights,
    )
