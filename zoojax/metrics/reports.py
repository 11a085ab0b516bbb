"""All metrics of one evaluation at once, as functions of targets and outputs."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zoojax import metrics
from zoojax.spec.records import Curves

Scores = dict[str, Any]


def classifier_scores(labels: ArrayLike, probs: ArrayLike) -> Scores:
    """Return every metric of a classifier, computed in float64.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        probs: (samples, num_classes) float probabilities.

    Returns:
        plain numbers and lists by name: accuracy; both confusion matrices; precision, recall,
        f1, and from two classes on roc_auc and average_precision, of "each" class and by
        average. NaN where a metric is undefined; a warning names the class.
    """
    num_classes = np.shape(probs)[1]
    with jax.enable_x64(True):
        probs = jnp.asarray(probs, jnp.float64)
        classes = (labels, probs.argmax(-1), num_classes)
        scores: Scores = {
            "accuracy": metrics.accuracy(*classes[:2]),
            "confusion_matrix": metrics.confusion_matrix(*classes),
            "confusion_matrix_normalized": metrics.confusion_matrix(*classes, normalized=True),
        }
        for metric in (metrics.precision, metrics.recall, metrics.f1):
            scores[metric.__name__] = {
                average or "each": metric(*classes, average=average)
                for average in (None, "macro", "micro", "weighted")
            }
        for area in (metrics.roc_auc, metrics.average_precision) if num_classes > 1 else ():
            scores[area.__name__] = {
                average or "each": area(labels, probs, average=average)
                for average in (None, "macro", "micro")
            }
    plain: Scores = _plain(scores)
    return plain


def _plain(value: object) -> Any:
    """Return arrays as plain numbers and lists; ``jax.tree.map`` would sort the names."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return np.asarray(value).tolist()


def classifier_curves(labels: ArrayLike, probs: ArrayLike, names: Sequence[str]) -> Curves:
    """Return the curves of each class against the rest, and of all (sample, class) pairs.

    Args:
        labels: (samples,) integers from 0 to num_classes - 1.
        probs: (samples, num_classes) float probabilities.
        names: of the classes, in label order.

    Returns:
        "roc" and "precision_recall", each with the curves by class name and "micro".
    """
    with jax.enable_x64(True):
        ones = jnp.asarray(labels)[:, None] == jnp.arange(len(names))
        probs = jnp.asarray(probs, jnp.float64)
        pairs = {name: (ones[:, i], probs[:, i]) for i, name in enumerate(names)}
        pairs["micro"] = (ones.ravel(), probs.ravel())
        kinds = {"roc": metrics.roc_curve, "precision_recall": metrics.precision_recall_curve}
        return {
            kind: {name: curve(*pair)[:2] for name, pair in pairs.items()}
            for kind, curve in kinds.items()
        }


def regressor_scores(targets: ArrayLike, predictions: ArrayLike) -> Scores:
    """Return every metric of predicted numbers, computed in float64.

    Args:
        targets: (samples, outputs) numbers.
        predictions: (samples, outputs) numbers.

    Returns:
        plain numbers and lists by name: mse, mae, r2 and pearson_r, of "each" output and of
        "all" as one list. NaN where a metric is undefined, with a warning.
    """
    scores: Scores = {}
    with jax.enable_x64(True):
        pair = [jnp.asarray(each, jnp.float64) for each in (targets, predictions)]
        for metric in (metrics.mse, metrics.mae, metrics.r2, metrics.pearson_r):
            columns = zip(*(each.T for each in pair), strict=True)
            scores[metric.__name__] = {
                "each": [metric(*column) for column in columns],
                "all": metric(*(each.ravel() for each in pair)),
            }
    plain: Scores = _plain(scores)
    return plain
