"""How pictures are standardised and samples dealt out: what both data modules agree on."""

import math
from collections.abc import Sequence

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


def split_bounds(num_samples: int, fractions: Sequence[float]) -> list[int]:
    """Return where to cut ``num_samples`` shuffled samples.

    Args:
        num_samples: how many samples there are.
        fractions: part of the samples in each split; must add up to 1.

    Raises:
        ValueError: when the fractions do not add up to 1 or a split would be empty.
    """
    if not math.isclose(sum(fractions), 1) or min(fractions) < 0:
        raise ValueError(f"fractions must be positive and add up to 1, got {tuple(fractions)}")
    ends = [round(num_samples * sum(fractions[: i + 1])) for i in range(len(fractions))]
    sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if min(sizes) < 1:
        raise ValueError(
            f"every split needs a sample, but {num_samples} samples in fractions "
            f"{tuple(fractions)} give sizes {tuple(sizes)}"
        )
    return ends[:-1]


def check_last_batch(num_samples: int, batch_size: int) -> None:
    """Raise ``ValueError`` when the last batch would hold a single sample.

    BatchNorm needs two: one sample's variance is zero, and its unbiased one undefined.
    """
    if num_samples % batch_size == 1:
        raise ValueError(
            f"{num_samples} training samples in batches of {batch_size} leave a last batch of "
            "one, and BatchNorm needs two; choose another batch_size or number of samples"
        )
