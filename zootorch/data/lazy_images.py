"""Pictures that are made when they are asked for, so that no memory is needed to keep them."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoojax.common.storage.fingerprint import simulated_fingerprint
from zoojax.spec.config import ShapesConfig, ShrinkConfig
from zootorch.data.augment import Shrink
from zootorch.data.shapes import noise_keys, render_scenes, sample_scenes
from zootorch.random import Generator


class SimulatedImages:
    """Pictures of coloured shapes, to be used as an array of them: ``images[rows]`` makes some.

    Args:
        seed: integer from 0 to 2^32 - 1, that of the data set.
        config: what the pictures show.
        places: (samples,) int64, places of the pictures in their data set.
        period: by how many places the pictures of each epoch are further on, 0 to see the
            same in all.
        shrink: how each is shrunk, by a draw of its place; None for as it is.
    """

    dtype = torch.uint8

    def __init__(
        self,
        seed: int,
        config: ShapesConfig,
        places: Tensor,
        *,
        period: int = 0,
        shrink: ShrinkConfig | None = None,
    ) -> None:
        generator = Generator(seed)
        self.key, self.config, self.places = generator.key, config, places
        self.period, self.shrink = period, shrink
        self._change = None if shrink is None else Shrink(shrink, generator)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(samples, height, width, 3)."""
        pictures = self.shrink or self.config
        return len(self.places), pictures.image_height, pictures.image_width, 3

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.places)

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Make the pictures of some rows, (rows, height, width, 3) uint8."""
        places = self.places[rows]
        scenes = sample_scenes(self.key, self.config, places)
        images = render_scenes(noise_keys(self.key, places), self.config, scenes)
        return images if self._change is None else self._change(images, places)

    def numpy(self) -> NDArray[np.uint8]:
        """Make all pictures, as a NumPy array."""
        return np.asarray(self[:])

    def part(self, rows: Tensor) -> "SimulatedImages":
        """Return some of the pictures, none of them made yet."""
        return self._at(self.places[rows])

    def of_epoch(self, epoch: int) -> "SimulatedImages":
        """Return the pictures of an epoch, counted from 0."""
        return self._at(self.places + epoch * self.period)

    def _at(self, places: Tensor) -> "SimulatedImages":
        other = copy.copy(self)
        other.places = places
        return other

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells these pictures from others."""
        words, places = self.key.tolist(), self.places.tolist()
        about = (self.config, self.shrink, words, self.period, places)
        return simulated_fingerprint(self.shape, about)
