"""From images and waves to what a model takes."""

import torch
from torch import Tensor

from zoojax.spec.data import check_window, standardise_constants


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
