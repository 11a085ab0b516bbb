"""Prediction sets of classes, as functions. Intervals are made by the residuals themselves."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.conformal.class_scores import lac
from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import check_indices, check_set_threshold


def label_scores(scores: ArrayLike, labels: ArrayLike) -> Array:
    """Return the score of each sample's own label: what thresholds are calibrated on.

    Args:
        scores: (samples, classes) float.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (samples,) float.

    Raises:
        ValueError: when labels are not of these samples and classes.
    """
    check_indices("labels", labels, jnp.shape(scores), values=not is_traced(labels))
    return jnp.take_along_axis(jnp.asarray(scores), jnp.asarray(labels, int)[:, None], axis=1)[:, 0]


def prediction_sets(
    probs: ArrayLike,
    threshold: ArrayLike,
    *,
    score: Callable[[ArrayLike], Array] = lac,
    force_top: bool = False,
) -> Array:
    """Return the labels of each sample whose score is not over the threshold.

    Args:
        probs: (samples, classes) float, 0 to 1.
        threshold: () for all; (classes,), one for each label; (samples, 1), one for each
            sample; or (samples, classes).
        score: of every label, the same that the threshold was calibrated with; to fix its
            options, ``functools.partial(raps, penalty=0.1)``.
        force_top: whether the most probable label is in every set; else a set may be empty.

    Returns:
        (samples, classes) bool.

    Raises:
        ValueError: when probs are no probabilities, or the threshold is of another shape.
    """
    check_set_threshold(jnp.shape(threshold), jnp.shape(probs))
    sets = score(probs) <= jnp.asarray(threshold)
    if not force_top:
        return sets
    probs = jnp.asarray(probs)
    return sets | (jnp.arange(probs.shape[1]) == probs.argmax(1)[:, None])
