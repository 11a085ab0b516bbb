"""How pictures are standardised and samples dealt out: what both data modules agree on."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    order: NDArray[np.integer],
    fractions: Sequence[float],
    labels: ArrayLike | None = None,
    class_names: Sequence[str] = (),
) -> list[NDArray[np.integer]]:
    """Cut shuffled samples into splits; of each class the same part, when labels are given.

    Args:
        order: (samples,) the samples' places, shuffled.
        fractions: part of the samples in each split; must add up to 1.
        labels: (samples,) class of each place, to stratify by; each class is rounded alone.
        class_names: names of the classes in label order, for error messages.

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
    cuts = []
    for label in np.unique(labels):
        name = class_names[label] if class_names else label
        cuts.append(_cut(order[shuffled == label], fractions, f" of class {name}"))
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
