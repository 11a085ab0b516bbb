"""Sinusoids as an object: a data set that computes a wave when it is asked."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoojax.spec.config import SinusoidsConfig, check_num_each
from zoojax.spec.records import SinusoidBatch
from zootorch import random
from zootorch.data.sampling import check_indices


def sinusoid(
    amplitude: Tensor, frequency: Tensor, phase: Tensor, vertical_shift: Tensor, *, length: int
) -> Tensor:
    """Return amplitude * sin(x + phase) + vertical_shift, x from 0 to 2 pi frequency.

    Args:
        amplitude: (...) float, height of the wave over its middle.
        frequency: (...) float, periods in the wave.
        phase: (...) float, where in the period the wave starts, in radians.
        vertical_shift: (...) float, height of the wave's middle.
        length: points of the wave, at least 2.

    Returns:
        (..., length) float.
    """
    amplitude, frequency, phase, vertical_shift = (
        each[..., None] for each in (amplitude, frequency, phase, vertical_shift)
    )
    x = torch.arange(length, device=frequency.device) * (2 * math.pi * frequency / (length - 1))
    return amplitude * torch.sin(x + phase) + vertical_shift


class SinusoidsDataset(Dataset[SinusoidBatch[Tensor]]):
    """Every combination of the configured lists ``num_each`` times; each wave is computed lazily.

    Indexing gives one wave as a `SinusoidBatch` without the batch axis; a ``DataLoader``
    stacks such samples to a batch.

    The arithmetic is float64 whatever torch is set to: at the end of a wave of many periods a
    float32 has lost six digits of where in the period it is.

    Args:
        config: which waves.
        num_each: waves of each combination; the whole list is gone through this many times.
        seed: integer from 0 to 2^32 - 1, for the noise; not needed without any.
        dtype: float type, rounded to at the end; torch's default unless given.

    Raises:
        ValueError: when ``num_each`` is not allowed, or noise is asked for without a seed.
    """

    def __init__(
        self,
        config: SinusoidsConfig,
        num_each: int,
        seed: int | None = None,
        *,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.config, self.num_each = config, check_num_each(num_each)
        if config.noise and seed is None:
            raise ValueError(f"noise of {config.noise} needs a seed, got none")
        self.generator = None if seed is None else random.Generator(seed).stream("waves")
        self.dtype = dtype or torch.get_default_dtype()

    def __len__(self) -> int:
        """Return the number of waves: num_each x the lengths of the four lists."""
        return self.num_each * self.config.num_combinations

    def __getitem__(self, index: int) -> SinusoidBatch[Tensor]:
        """Compute one wave.

        Args:
            index: its place in the data set; negative ones count from the end.

        Returns:
            a ``SinusoidBatch`` without the batch axis: waves (length,).

        Raises:
            IndexError: when there is no such wave.
        """
        place = index + len(self) if -len(self) <= index < 0 else index
        return SinusoidBatch(*(field[0] for field in self.batch([place])))

    def batch(self, indices: Sequence[int] | Tensor) -> SinusoidBatch[Tensor]:
        """Compute the waves at ``indices``.

        Args:
            indices: (batch,) integers from 0 to ``len(self) - 1``.

        Raises:
            IndexError: when there is no such wave.
        """
        indices = check_indices(indices, len(self))
        config, rest, drawn = self.config, indices, []
        lists = (config.vertical_shifts, config.phases, config.frequencies, config.amplitudes)
        for values in lists:  # the last list of the configuration varies fastest
            drawn.append(torch.tensor(values, dtype=torch.float64)[rest % len(values)])
            rest = rest // len(values)
        vertical_shift, phase, frequency, amplitude = drawn
        waves = sinusoid(amplitude, frequency, phase, vertical_shift, length=config.length)
        if config.noise and self.generator is not None:
            keys = random.fold_in(self.generator.key, indices)
            waves = waves + config.noise * random.normal(keys, config.length)
        fields = (waves, amplitude, frequency, phase, vertical_shift)
        return SinusoidBatch(*(field.to(self.dtype) for field in fields))

    def arrays(self) -> SinusoidBatch[Tensor]:
        """Compute every wave: the whole data set as one batch."""
        return self.batch(torch.arange(len(self)))
