"""Metrics of scores: what every threshold would give, equal scores taken together."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced, ratio
from zoojax.spec.metrics import check_average, check_curve, check_scores, warn_undefined


def as_floats(scores: ArrayLike) -> Array:
    """Return scores as floats: integers have no infinity, and bytes no negative."""
    scores = jnp.asarray(scores)
    is_float = jnp.issubdtype(scores.dtype, jnp.floating)
    return scores if is_float else scores.astype(jnp.result_type(float))


def _counts_by_threshold(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array, Array]:
    """Return thresholds from high to low, and how many ones and zeros score at least each."""
    check_scores(labels, scores)
    check_curve(scores)
    scores = as_floats(scores)
    order = jnp.argsort(-scores, stable=True)
    ones, sorted_scores = jnp.asarray(labels)[order] == 1, scores[order]
    is_last = jnp.append(sorted_scores[1:] != sorted_scores[:-1], True)
    ends = jnp.flatnonzero(is_last)
    num_ones = jnp.cumsum(ones)[ends]
    return sorted_scores[ends], num_ones, ends + 1 - num_ones


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array, Array]:
    """Return the receiver operating characteristic.

    Args:
        labels: (samples,) integers 0 and 1.
        scores: (samples,) finite numbers, larger for 1.

    Returns:
        false and true positive rates, (thresholds,) float each, from 0 to 1, and the
        thresholds, falling, the first infinite; every distinct score is one. Its length
        depends on the numbers, so this does not compile. A rate of no samples is NaN.

    Raises:
        ValueError: when labels and scores cannot belong together, or a score is not finite.
    """
    thresholds, num_ones, num_zeros = _counts_by_threshold(labels, scores)
    warn_undefined("the true positive rate", num_ones[-1] == 0, "no label is 1")
    warn_undefined("the false positive rate", num_zeros[-1] == 0, "no label is 0")
    false, true = (
        ratio(jnp.concatenate([jnp.zeros(1, n.dtype), n]), n[-1]) for n in (num_zeros, num_ones)
    )
    return false, true, jnp.concatenate([jnp.full(1, jnp.inf, thresholds.dtype), thresholds])


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[Array, Array, Array]:
    """Return precision and recall by threshold.

    Args:
        labels: (samples,) integers 0 and 1.
        scores: (samples,) finite numbers, larger for 1.

    Returns:
        precisions and recalls, (thresholds + 1,) float each, and the thresholds, rising; the
        last precision is 1 and the last recall 0, without a threshold. Its length depends on
        the numbers, so this does not compile. A recall of no samples is NaN.

    Raises:
        ValueError: when labels and scores cannot belong together, or a score is not finite.
    """
    thresholds, num_ones, num_zeros = _counts_by_threshold(labels, scores)
    warn_undefined("the recall", num_ones[-1] == 0, "no label is 1")
    precisions = ratio(num_ones, num_ones + num_zeros)
    recalls = ratio(num_ones, num_ones[-1])
    return (
        jnp.append(precisions[::-1], 1.0),
        jnp.append(recalls[::-1], jnp.where(num_ones[-1] == 0, jnp.nan, 0.0)),
        thresholds[::-1],
    )


def _binary_roc_auc(ones: Array, scores: Array) -> Array:
    """Return the chance that a one scores higher than a zero, equal scores counting half."""
    zeros_sorted = jnp.sort(jnp.where(ones, jnp.inf, scores))
    below = jnp.searchsorted(zeros_sorted, scores, side="left")
    up_to = jnp.searchsorted(zeros_sorted, scores, side="right")
    twice_won = jnp.sum(jnp.where(ones, below + up_to, 0), dtype=jnp.result_type(float))
    num_ones = ones.sum()
    return ratio(ratio(twice_won / 2, num_ones), len(ones) - num_ones)


def _binary_average_precision(ones: Array, scores: Array) -> Array:
    """Return the mean, over the ones, of the precision at their score."""
    ones_sorted = jnp.sort(jnp.where(ones, scores, -jnp.inf))
    num_right = len(ones) - jnp.searchsorted(ones_sorted, scores, side="left")
    num_all = len(ones) - jnp.searchsorted(jnp.sort(scores), scores, side="left")
    return ratio(jnp.sum(jnp.where(ones, ratio(num_right, num_all), 0)), ones.sum())


def roc_auc(labels: ArrayLike, scores: ArrayLike, *, average: str | None = "macro") -> Array:
    """Return the area under the receiver operating characteristic.

    Args:
        labels: (samples,) integers: 0 and 1, or classes from 0 to num_classes - 1.
        scores: (samples,) finite numbers, larger for 1; or (samples, num_classes), whose
            classes are taken one against the rest.
        average: None for each class, "macro" for the mean of those defined, "micro" for all
            (sample, class) pairs as one list; makes no difference to 0 and 1.

    Returns:
        () float from 0 to 1, or (num_classes,); NaN where only one of the two is there.

    Raises:
        ValueError: when labels and scores cannot belong together, or a score is not finite.
    """
    missing = "all samples are of it, or none"
    return _one_against_rest("roc_auc", _binary_roc_auc, labels, scores, average, missing)


def average_precision(
    labels: ArrayLike, scores: ArrayLike, *, average: str | None = "macro"
) -> Array:
    """Return the average precision: the sum of precision times gain in recall by threshold.

    Args:
        labels: (samples,) integers: 0 and 1, or classes from 0 to num_classes - 1.
        scores: (samples,) finite numbers, larger for 1; or (samples, num_classes), whose
            classes are taken one against the rest.
        average: as of ``roc_auc``.

    Returns:
        () float from 0 to 1, or (num_classes,); NaN where no sample is a one.

    Raises:
        ValueError: when labels and scores cannot belong together, or a score is not finite.
    """
    rule = _binary_average_precision
    missing = "no sample is of it"
    return _one_against_rest("average_precision", rule, labels, scores, average, missing)


def _one_against_rest(
    what: str,
    rule: Callable[[Array, Array], Array],
    labels: ArrayLike,
    scores: ArrayLike,
    average: str | None,
    missing: str,
) -> Array:
    """Apply a rule for ones and zeros to each class against the rest, and average as asked."""
    check_average(average, (None, "macro", "micro"))
    traced = is_traced(labels, scores)
    check_scores(labels, scores, values=not traced)
    labels, scores = jnp.asarray(labels), as_floats(scores)
    if scores.ndim == 1:
        value = rule(labels == 1, scores)
        if not traced:
            warn_undefined(what, jnp.isnan(value), missing.replace("of it", "a one"))
        return value
    ones = labels[:, None] == jnp.arange(scores.shape[1])
    if average == "micro":
        return rule(ones.ravel(), scores.ravel())
    each = jax.vmap(rule, in_axes=1)(ones, scores)
    if not traced:
        warn_undefined(what, jnp.isnan(each), missing)
    return each if average is None else jnp.nanmean(each)
