"""How pictures are standardised and samples dealt out: what both data modules agree on."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of each channel, of pictures scaled to 0..1."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of each channel, of pictures scaled to 0..1."""


def standardise_constants(dtype: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return (3,) offset 255 * mean and (3,) scale 1 / (255 * std) of bytes 0..255."""
    offset = 255 * np.array(IMAGENET_MEAN)
    scale = 1 / (255 * np.array(IMAGENET_STD))
    return offset.astype(dtype), scale.astype(dtype)


def deal(
    order: NDArray[np.integer], fractions: Sequence[float], labels: Any = None
) -> list[NDArray[np.integer]]:
    """Cut shuffled samples into splits; of each class the same part, when labels are given.

    Args:
        order: (samples,) the samples' places, shuffled.
        fractions: part of the samples in each split; must add up to 1.
        labels: (samples,) class of each place, to stratify by.

    Returns:
        for each split the places of its samples, in the order of the data set.

    Raises:
        ValueError: when the fractions do not add up to 1, there are not as many labels as
            samples, or a split would be empty, or lack a class; names the class.
    """
    if not math.isclose(sum(fractions), 1) or min(fractions) < 0:
        raise ValueError(f"fractions must be positive and add up to 1, got {tuple(fractions)}")
    if labels is None:
        return [np.sort(part) for part in _cut(order, fractions, "")]
    labels = np.asarray(labels)
    if labels.shape != order.shape:
        raise ValueError(
            f"stratifying needs a label a sample, got {len(order)} samples and labels of shape "
            f"{labels.shape}"
        )
    shuffled = labels[order]
    names = np.unique(labels)
    cuts = [_cut(order[shuffled == each], fractions, f" of class {each}") for each in names]
    return [np.sort(np.concatenate(parts)) for parts in zip(*cuts, strict=True)]


def _cut(
    order: NDArray[np.integer], fractions: Sequence[float], what: str
) -> list[NDArray[np.integer]]:
    ends = [round(len(order) * sum(fractions[: i + 1])) for i in range(len(fractions))]
    parts = np.split(order, ends[:-1])
    if not all(map(len, parts)):
        raise ValueError(
            f"every split needs a sample{what}, but {len(order)} samples{what} in fractions "
            f"{tuple(fractions)} give sizes {tuple(map(len, parts))}"
        )
    return parts


def check_window(num_points: int, length: int, num_next_steps: int) -> None:
    """Raise ``ValueError`` unless 1 <= num_next_steps < length <= num_points."""
    if not 1 <= num_next_steps < length <= num_points:
        raise ValueError(
            f"a window of {length} points, {num_next_steps} of them to predict, does not fit "
            f"waves of {num_points}; num_next_steps must be at least 1, length larger, and the "
            "waves as long"
        )


def check_class_weights(class_weights: Sequence[float] | None, num_classes: int) -> None:
    """Raise ``ValueError`` unless there is a weight for each class, or none at all."""
    if class_weights is not None and len(class_weights) != num_classes:
        raise ValueError(
            f"class_weights must be {num_classes} numbers, one a class, got {tuple(class_weights)}"
        )


def check_same_shape(predictions: tuple[int, ...], targets: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless predictions and targets have one shape."""
    if tuple(predictions) != tuple(targets):
        raise ValueError(
            "predictions and targets must have one shape, got "
            f"{tuple(predictions)} and {tuple(targets)}"
        )


def check_classes(labels: Any, predictions: Any, num_classes: int | None = None) -> None:
    """Raise ``ValueError`` unless labels and predictions can be compared.

    Args:
        labels: (samples,) integers.
        predictions: (samples,) integers.
        num_classes: labels and predictions are 0 to num_classes - 1; not checked when None.
    """
    if np.ndim(labels) != 1 or np.shape(labels) != np.shape(predictions):
        raise ValueError(
            "labels and predictions must be two lists of one length, got shapes "
            f"{tuple(np.shape(labels))} and {tuple(np.shape(predictions))}"
        )
    if num_classes is None or not len(labels):
        return
    for name, classes in (("labels", labels), ("predictions", predictions)):
        given = np.asarray(classes)
        if not 0 <= given.min() <= given.max() < num_classes:
            raise ValueError(
                f"{name} must be from 0 to {num_classes - 1}, got {given.min()} to {given.max()}"
            )


def check_batch_size(num_samples: int, batch_size: int) -> None:
    """Raise ``ValueError`` unless there are samples and a positive number of them at a time."""
    if num_samples < 1 or batch_size < 1:
        raise ValueError(
            "prediction needs at least one sample, and at least one at a time; got "
            f"{num_samples} samples in batches of {batch_size}"
        )


def check_targets(loss: str, targets: Any, num_outputs: int) -> None:
    """Raise ``ValueError`` unless targets are what a loss compares a model's outputs with.

    Args:
        loss: cross_entropy, of (samples,) integers from 0 to num_outputs - 1; or
            mean_squared_error, of (samples, num_outputs) numbers.
        targets: array on the host.
        num_outputs: outputs of the model.
    """
    targets = np.asarray(targets)
    if loss == "mean_squared_error":
        if targets.ndim != 2 or targets.shape[1] != num_outputs:
            raise ValueError(
                f"targets of mean_squared_error must have shape (samples, {num_outputs}), got "
                f"{targets.shape}"
            )
        return
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(
            f"targets of cross_entropy must be (samples,) integers, got {targets.dtype} of shape "
            f"{targets.shape}"
        )
    if len(targets) and not 0 <= targets.min() <= targets.max() < num_outputs:
        raise ValueError(
            f"targets of cross_entropy must be from 0 to {num_outputs - 1}, got {targets.min()} "
            f"to {targets.max()}"
        )


def check_num_steps(schedule: str, num_steps: int | None) -> None:
    """Raise ``ValueError`` when a schedule does not know where it ends, or is too short."""
    if schedule == "constant":
        return
    # one_cycle goes up and down, which takes 4 steps.
    least = 4 if schedule == "one_cycle" else 1
    if num_steps is None or num_steps < least:
        raise ValueError(
            f"the schedule {schedule} needs num_steps, the steps of the whole run, of at least "
            f"{least}; got {num_steps}"
        )


def check_last_batch(num_samples: int, batch_size: int, *, has_batch_norm: bool) -> None:
    """Raise ``ValueError`` when there are no samples, or the last batch would hold a single one.

    BatchNorm needs two: one sample's variance is zero, and its unbiased one undefined.
    """
    if num_samples < 1:
        raise ValueError("training needs samples, got none")
    if has_batch_norm and num_samples % batch_size == 1:
        raise ValueError(
            f"{num_samples} training samples in batches of {batch_size} leave a last batch of "
            "one, and BatchNorm needs two; choose another batch_size or number of samples"
        )
