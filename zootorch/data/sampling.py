"""Which samples go where: splits, the order of an epoch, batches."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoojax.spec.data import deal
from zootorch.random import Generator


def check_indices(indices: Sequence[int] | Tensor, num_samples: int) -> Tensor:
    """Return the places of samples as a tensor.

    Raises:
        IndexError: when one is negative, or there are not as many samples.
    """
    indices = torch.as_tensor(indices)
    outside = indices[(indices < 0) | (indices >= num_samples)]
    if len(outside):
        raise IndexError(f"sample {int(outside[0])} of a data set of {num_samples}")
    return indices


def split_indices(
    generator: Generator,
    num_samples: int,
    fractions: Sequence[float],
    *,
    labels: Tensor | None = None,
) -> list[Tensor]:
    """Deal samples out at random, to train, validate, test or calibrate with.

    Args:
        generator: ``Generator(seed)``; it is not moved.
        num_samples: how many samples there are.
        fractions: part of the samples in each split; must add up to 1.
        labels: (samples,) integers; each split then gets the same part of each class.

    Returns:
        for each split the indices of its samples, int64, in the order of the data set.

    Raises:
        ValueError: when the fractions do not add up to 1, or a split would be empty or lack
            a class; names the class's label.
    """
    order = generator.stream("split").permutation(num_samples)
    classes = None if labels is None else labels.numpy(force=True)
    return [torch.from_numpy(part) for part in deal(order.numpy(), fractions, classes)]


def batch_indices(generator: Generator, num_samples: int, batch_size: int) -> Iterator[Tensor]:
    """Yield the samples of each step of an epoch, in an order drawn anew each time.

    Args:
        generator: generator of the shuffle stream; each epoch moves it by one draw.
        num_samples: size of the training set.
        batch_size: samples a step; the last step has what is left.

    Yields:
        (batch,) int64; of a stack of generators (generators, batch).
    """
    yield from generator.permutation(num_samples).split(batch_size, dim=-1)
