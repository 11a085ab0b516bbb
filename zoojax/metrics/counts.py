"""Metrics of predicted classes: all are ratios of counts in the confusion matrix."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.spec.checks import check_classes
from zoojax.spec.metrics import check_average, warn_undefined


def is_traced(*arrays: ArrayLike) -> bool:
    """Return whether arrays are traced: under jit shapes are known, numbers are not."""
    return any(isinstance(each, jax.core.Tracer) for each in arrays)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide as JAX's default float; where the denominator is zero the result is NaN."""
    # int32 by int32 would be float32 even where float64 is on.
    numerator, is_zero = numerator.astype(jnp.result_type(float)), denominator == 0
    return jnp.where(is_zero, jnp.nan, numerator / jnp.where(is_zero, 1, denominator))


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
    is_right = jnp.asarray(labels) == jnp.asarray(predictions)
    return jnp.mean(is_right, dtype=jnp.result_type(float))


def confusion_matrix(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, *, normalized: bool = False
) -> Array:
    """Count how often each class is predicted as each.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        predictions: (samples,) integers from 0 to num_classes - 1.
        num_classes: number of classes.
        normalized: whether to divide each row by its sum.

    Returns:
        (num_classes, num_classes) int32, or float when normalised; row: true class, column:
        predicted class.

    Raises:
        ValueError: when there are not as many predictions as labels or, outside jit, when
            a class is none.
    """
    traced = is_traced(labels, predictions)
    check_classes(labels, predictions, None if traced else num_classes)
    counts = jnp.zeros((num_classes, num_classes), jnp.int32)
    counts = counts.at[jnp.asarray(labels), jnp.asarray(predictions)].add(1)
    if not normalized:
        return counts
    sums = counts.sum(1)
    if not is_traced(sums):
        warn_undefined("the row", sums == 0, "no sample is of this class")
    return ratio(counts, sums[:, None])


def precision(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, *, average: str | None = None
) -> Array:
    """Return the part of the predictions of each class that are right.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        predictions: (samples,) integers from 0 to num_classes - 1.
        num_classes: number of classes.
        average: None for each class; "macro" for their mean, "weighted" for their mean by
            the samples of each, both over the classes where it is defined; "micro" for the
            ratio of the sums.

    Returns:
        (num_classes,) float, or () float; NaN for a class that is never predicted.

    Raises:
        ValueError: as ``confusion_matrix`` does, and for an unknown average.
    """
    counts = confusion_matrix(labels, predictions, num_classes)
    right, predicted = counts.diagonal(), counts.sum(0)
    return _averaged("precision", right, predicted, counts, average)


def recall(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, *, average: str | None = None
) -> Array:
    """Return the part of the samples of each class that are predicted right.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        predictions: (samples,) integers from 0 to num_classes - 1.
        num_classes: number of classes.
        average: as of ``precision``.

    Returns:
        (num_classes,) float, or () float; NaN for a class without samples.

    Raises:
        ValueError: as ``confusion_matrix`` does, and for an unknown average.
    """
    counts = confusion_matrix(labels, predictions, num_classes)
    right, true = counts.diagonal(), counts.sum(1)
    return _averaged("recall", right, true, counts, average)


def f1(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int, *, average: str | None = None
) -> Array:
    """Return the harmonic mean of precision and recall: 2 right / (predicted + true).

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        predictions: (samples,) integers from 0 to num_classes - 1.
        num_classes: number of classes.
        average: as of ``precision``.

    Returns:
        (num_classes,) float, or () float; NaN for a class that is neither predicted nor true.

    Raises:
        ValueError: as ``confusion_matrix`` does, and for an unknown average.
    """
    counts = confusion_matrix(labels, predictions, num_classes)
    right, both = 2 * counts.diagonal(), counts.sum(0) + counts.sum(1)
    return _averaged("f1", right, both, counts, average)


REASONS = {
    "precision": "it is never predicted",
    "recall": "it has no samples",
    "f1": "it has no samples and is never predicted",
}


def _averaged(
    what: str, numerator: Array, denominator: Array, counts: Array, average: str | None
) -> Array:
    """Divide by class, or over all classes, and average as asked."""
    check_average(average)
    if average == "micro":
        return ratio(numerator.sum(), denominator.sum())
    if not is_traced(counts):
        warn_undefined(what, denominator == 0, REASONS[what])
    each = ratio(numerator, denominator)
    if average is None:
        return each
    weight = counts.sum(1) if average == "weighted" else jnp.ones_like(denominator)
    weight = jnp.where(denominator == 0, 0, weight)
    return ratio(jnp.sum(weight * jnp.where(denominator == 0, 0, each)), weight.sum())
