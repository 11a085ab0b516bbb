"""Metrics of predicted numbers."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced, ratio
from zoojax.spec.metrics import check_numbers, warn_undefined


def _arrays(targets: ArrayLike, predictions: ArrayLike) -> tuple[Array, Array]:
    check_numbers(targets, predictions)
    dtype = jnp.result_type(float)
    return jnp.asarray(targets, dtype), jnp.asarray(predictions, dtype)


def mse(targets: ArrayLike, predictions: ArrayLike) -> Array:
    """Return the mean squared error.

    Args:
        targets: (samples,) numbers.
        predictions: (samples,) numbers.

    Returns:
        () float.

    Raises:
        ValueError: unless they are two lists of one length of at least 1.
    """
    targets, predictions = _arrays(targets, predictions)
    return jnp.mean(jnp.square(targets - predictions))


def mae(targets: ArrayLike, predictions: ArrayLike) -> Array:
    """Return the mean absolute error.

    Args:
        targets: (samples,) numbers.
        predictions: (samples,) numbers.

    Returns:
        () float.

    Raises:
        ValueError: unless they are two lists of one length of at least 1.
    """
    targets, predictions = _arrays(targets, predictions)
    return jnp.mean(jnp.abs(targets - predictions))


def r2(targets: ArrayLike, predictions: ArrayLike) -> Array:
    """Return the coefficient of determination: 1 less residual by total sum of squares.

    Args:
        targets: (samples,) numbers.
        predictions: (samples,) numbers.

    Returns:
        () float, at most 1; NaN where all targets are equal.

    Raises:
        ValueError: unless they are two lists of one length of at least 1.
    """
    targets, predictions = _arrays(targets, predictions)
    # Equal numbers are told by their ends: their mean may round to another number.
    is_constant = targets.max() == targets.min()
    if not is_traced(targets, predictions):
        warn_undefined("r2", is_constant, "all targets are equal")
    total = jnp.where(is_constant, 0, jnp.sum(jnp.square(targets - targets.mean())))
    return 1 - ratio(jnp.sum(jnp.square(targets - predictions)), total)


def pearson_r(targets: ArrayLike, predictions: ArrayLike) -> Array:
    """Return Pearson's correlation.

    Args:
        targets: (samples,) numbers.
        predictions: (samples,) numbers.

    Returns:
        () float from -1 to 1; NaN where all targets or all predictions are equal.

    Raises:
        ValueError: unless they are two lists of one length of at least 1.
    """
    targets, predictions = _arrays(targets, predictions)
    is_constant = (targets.max() == targets.min()) | (predictions.max() == predictions.min())
    if not is_traced(targets, predictions):
        warn_undefined("pearson_r", is_constant, "all targets or all predictions are equal")
    # Scaled to at most 1, and then to length 1: squares of large numbers overflow.
    a, b = (each / jnp.max(jnp.abs(each)) for each in (targets, predictions))
    a, b = (each - each.mean() for each in (a, b))
    a, b = (ratio(each, jnp.linalg.norm(each)) for each in (a, b))
    return jnp.where(is_constant, jnp.nan, jnp.clip(jnp.sum(a * b), -1, 1))
