"""Metrics as functions of labels and predictions."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.spec.data import check_classes


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> Array:
    """Return the fraction of predictions that equal their label.

    Args:
        labels: (samples,) integers.
        predictions: (samples,) integers.

    Returns:
        () float from 0 to 1.

    Raises:
        ValueError: when there are not as many predictions as labels.
    """
    check_classes(labels, predictions)
    return jnp.mean(jnp.asarray(labels) == jnp.asarray(predictions))


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> Array:
    """Count how often each class is predicted as each.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        predictions: (samples,) integers from 0 to num_classes - 1.
        num_classes: number of classes.

    Returns:
        (num_classes, num_classes) int32; row: true class, column: predicted class.

    Raises:
        ValueError: when there are not as many predictions as labels or, outside jit, when
            a class is none.
    """
    # Under jit shapes are known, numbers are not.
    is_traced = any(isinstance(each, jax.core.Tracer) for each in (labels, predictions))
    check_classes(labels, predictions, None if is_traced else num_classes)
    counts = jnp.zeros((num_classes, num_classes), jnp.int32)
    return counts.at[labels, predictions].add(1)
