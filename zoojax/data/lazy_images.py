"""Pictures that are made when they are asked for, so that no memory is needed to keep them."""

from typing import Any

import jax
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike, DTypeLike
from numpy.typing import NDArray

from zoojax.common.storage.fingerprint import simulated_fingerprint
from zoojax.data import augment
from zoojax.data.shapes import simulate_batch
from zoojax.spec.config import ShapesConfig, ShrinkConfig

CHUNK = 256


class SimulatedImages(struct.PyTreeNode):
    """Pictures of coloured shapes, to be used as an array of them: ``images[rows]`` makes some.

    A pure function of places, so it may be asked inside a compiled step, of which simulation
    then is a part.

    Attributes:
        key: root key of the data set.
        config: what the pictures show; static.
        places: (samples,) int32, places of the pictures in their data set.
        period: by how many places the pictures of each epoch are further on, 0 to see the
            same in all; static.
        shrink: how each is shrunk, by a draw of its place; None for as it is; static.
    """

    key: Array
    config: ShapesConfig = struct.field(pytree_node=False)
    places: Array
    period: int = struct.field(pytree_node=False, default=0)
    shrink: ShrinkConfig | None = struct.field(pytree_node=False, default=None)

    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(samples, height, width, 3)."""
        pictures = self.shrink or self.config
        return len(self.places), pictures.image_height, pictures.image_width, 3

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.places)

    def __getitem__(self, rows: ArrayLike | slice) -> Array:
        """Make the pictures of some rows, (rows, height, width, 3) uint8."""
        places = self.places[rows]
        images = simulate_batch(self.key, self.config, places).images
        if self.shrink is None:
            return images
        return augment.shrink(self.key, images, places, config=self.shrink)

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.uint8]:
        """Make all pictures, as a NumPy array."""
        parts = [np.asarray(self[i : i + CHUNK]) for i in range(0, len(self), CHUNK)]
        return np.concatenate(parts)

    def part(self, rows: ArrayLike) -> "SimulatedImages":
        """Return some of the pictures, none of them made yet."""
        return self.replace(places=self.places[rows])

    def of_epoch(self, epoch: int) -> "SimulatedImages":
        """Return the pictures of an epoch, counted from 0."""
        return self.replace(places=self.places + epoch * self.period)

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells these pictures from others."""
        words, places = np.asarray(jax.random.key_data(self.key)), np.asarray(self.places)
        about = (self.config, self.shrink, words.tolist(), self.period, places.tolist())
        return simulated_fingerprint(self.shape, about)
