"""Data on their way to a model: split, standardise, batch."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoojax.spec.data import check_window, deal, standardise_constants
from zoojax.spec.records import Batch
from zootorch.random import Generator


def standardise(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Scale pictures to 0..1, subtract the ImageNet mean and divide by its deviation.

    Parity: written as (x - 255 mean) * (1 / (255 std)), a difference and a product that no
    compiler fuses or reorders, so that both backends give the same bits.

    Args:
        images: (batch, height, width, 3) uint8.
        dtype: float type of the result.

    Returns:
        (batch, 3, height, width) float: channels first, as torch layers take them. It is a
        view of the pictures' own order, torch's ``channels_last``, which convolutions on a
        CPU prefer.
    """
    constants = standardise_constants(str(dtype).removeprefix("torch."))
    # Whole rows at a time: broadcasting three numbers takes longer on a CPU.
    width = images.shape[2]
    offset, scale = (torch.from_numpy(each).to(images.device).repeat(width) for each in constants)
    rows = images.flatten(2).to(dtype, copy=True).sub_(offset).mul_(scale)
    return rows.view(images.shape).permute(0, 3, 1, 2)


def as_inputs(inputs: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what a model takes: pictures standardised, other numbers as ``dtype``."""
    return standardise(inputs, dtype) if inputs.dtype == torch.uint8 else inputs.to(dtype)


def windows(waves: Tensor, length: int, num_next_steps: int) -> tuple[Tensor, Tensor]:
    """Cut waves into all their windows of ``length`` points, the last of which are to predict.

    Args:
        waves: (batch, points) float.
        length: points of a window; ``points`` for one window a wave.
        num_next_steps: points to predict, at the end of each window.

    Returns:
        inputs (windows, length - num_next_steps) and targets (windows, num_next_steps), wave
        after wave.

    Raises:
        ValueError: when a window does not fit.
    """
    check_window(waves.shape[1], length, num_next_steps)
    cut = waves.unfold(1, length, 1).flatten(0, 1)
    return cut[:, :-num_next_steps], cut[:, -num_next_steps:]


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


def take(batch: Batch, indices: Tensor) -> Batch:
    """Return the samples of ``batch`` at ``indices``."""
    return Batch(batch.inputs[indices], batch.targets[indices])
