"""Pictures that are made when they are asked for, so that no memory is needed to keep them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoojax.spec.config import ShapesConfig
from zoojax.spec.fingerprint import simulated_fingerprint
from zoojax.spec.records import Batch
from zootorch import random
from zootorch.shapes import render_scenes, sample_scenes


class SimulatedImages:
    """Pictures of coloured shapes, to be used as an array of them: ``images[rows]`` makes some.

    Args:
        places: (samples,) int64, places of the pictures in their data set.
        key: root key of the data set, (2,) int64.
        config: what the pictures show.
        period: by how many places the pictures of each epoch are further on, 0 to see the
            same in all.
    """

    dtype = torch.uint8
    device = torch.device("cpu")

    def __init__(self, places: Tensor, key: Tensor, config: ShapesConfig, period: int = 0) -> None:
        self.places, self.key, self.config, self.period = places, key, config, period

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(samples, height, width, 3)."""
        return len(self.places), self.config.image_height, self.config.image_width, 3

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.places)

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Make the pictures of some rows, (rows, height, width, 3) uint8."""
        places = self.places[rows]
        scenes = sample_scenes(self.key, self.config, places)
        return render_scenes(self.key, self.config, places, scenes)

    def numpy(self, *, force: bool = False) -> NDArray[np.uint8]:
        """Make all pictures, as a NumPy array; ``force`` is as of a tensor."""
        return np.asarray(self[:])

    def part(self, rows: Tensor) -> "SimulatedImages":
        """Return some of the pictures, none of them made yet."""
        return SimulatedImages(self.places[rows], self.key, self.config, self.period)

    def of_epoch(self, epoch: int) -> "SimulatedImages":
        """Return the pictures of an epoch, counted from 0."""
        places = self.places + epoch * self.period
        return SimulatedImages(places, self.key, self.config, self.period)

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells these pictures from others."""
        key, places = self.key.numpy(), self.places.numpy()
        return simulated_fingerprint(self.config, key, places, self.period)


def simulated_images(seed: int, config: ShapesConfig, num: int, *, period: int) -> SimulatedImages:
    """Return the first ``num`` pictures of a data set, none of them made yet."""
    return SimulatedImages(torch.arange(num), random.root_key(seed), config, period)


def part(dataset: Batch, rows: Tensor) -> Batch:
    """Return some samples of a data set; pictures that are not made yet stay so."""
    inputs = dataset.inputs
    some = inputs.part(rows) if isinstance(inputs, SimulatedImages) else inputs[rows]
    return Batch(some, dataset.targets[rows])


def of_epoch(dataset: Batch, epoch: int) -> Batch:
    """Return the samples of an epoch: others than before where pictures are made anew."""
    if not isinstance(dataset.inputs, SimulatedImages):
        return dataset
    return Batch(dataset.inputs.of_epoch(epoch), dataset.targets)
