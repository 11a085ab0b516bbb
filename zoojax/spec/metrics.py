"""What both metrics packages check, and how they say that a value is undefined."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

AVERAGES = (None, "macro", "micro", "weighted")


class UndefinedMetricWarning(UserWarning):
    """A metric has no value, since what it divides by is zero; it is NaN."""


def warn_undefined(what: str, undefined: ArrayLike, reason: str) -> None:
    """Warn where a metric is NaN.

    Args:
        what: the metric.
        undefined: (num_classes,) bool, or () bool where there are no classes.
        reason: what is missing.
    """
    undefined = np.asarray(undefined)
    if not undefined.any():
        return
    classes = ", ".join(map(str, np.flatnonzero(undefined)))
    where = f" of class {classes}" if undefined.ndim else ""
    message = f"{what}{where} is undefined, so NaN: {reason}"
    warnings.warn(message, UndefinedMetricWarning, stacklevel=4)


def check_average(average: str | None, allowed: tuple[str | None, ...] = AVERAGES) -> None:
    """Raise ``ValueError`` unless an average is one of those allowed."""
    if average not in allowed:
        names = ", ".join(str(each) for each in allowed)
        raise ValueError(f"average must be one of {names}, got {average!r}")


def check_curve(scores: ArrayLike) -> None:
    """Raise ``ValueError`` unless scores are of 0 and 1: a curve of classes has no meaning."""
    if np.ndim(scores) != 1:
        raise ValueError("a curve is of 0 and 1; give labels == c and scores[:, c] of a class")


def check_scores(labels: ArrayLike, scores: ArrayLike, *, values: bool = True) -> None:
    """Raise ``ValueError`` unless scores are of these labels.

    Args:
        labels: (samples,) integers: 0 and 1, or classes from 0 on.
        scores: (samples,) finite numbers, larger for 1; or (samples, num_classes).
        values: whether to look at the numbers, not at the shapes alone.
    """
    shape = tuple(np.shape(scores))
    if np.ndim(labels) != 1 or len(shape) not in (1, 2) or shape[0] != np.shape(labels)[0]:
        raise ValueError(
            "scores must have shape (samples,) or (samples, num_classes) and labels (samples,), "
            f"got {shape} and {tuple(np.shape(labels))}"
        )
    if not shape[0] or (len(shape) == 2 and shape[1] < 2):
        raise ValueError(f"scores need samples, and classes at least two, got shape {shape}")
    if not values:
        return
    if not np.isfinite(np.asarray(scores)).all():
        raise ValueError("scores must be finite, got infinite ones or NaN")
    num_classes = shape[1] if len(shape) == 2 else 2
    given = np.asarray(labels)
    if not 0 <= given.min() <= given.max() < num_classes:
        raise ValueError(
            f"labels must be from 0 to {num_classes - 1}, got {given.min()} to {given.max()}"
        )


def check_numbers(targets: ArrayLike, predictions: ArrayLike) -> None:
    """Raise ``ValueError`` unless targets and predictions are two lists of one length."""
    if (
        np.ndim(targets) != 1
        or np.shape(targets) != np.shape(predictions)
        or not np.shape(targets)[0]
    ):
        raise ValueError(
            "targets and predictions must be two lists of one length of at least 1, got shapes "
            f"{tuple(np.shape(targets))} and {tuple(np.shape(predictions))}"
        )
