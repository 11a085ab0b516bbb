"""Changes of training pictures as an object that holds a key."""

import torch
from torch import Tensor

from zoojax.spec.augment import check_shrink
from zoojax.spec.config import ShrinkConfig
from zoojax.spec.draws import SHRINK_DRAWS, SHRINK_KEYS
from zootorch import random
from zootorch.shapes import noise


class Shrink:
    """Shrinks pictures, each by a factor of its own, and puts them anywhere on fresh noise.

    Nearest neighbours, so that a shape keeps its one color and its sharp edge: pixel i of n is
    pixel floor(i * size / n) of the picture's ``size``. Noise that is shrunk stays noise.

    Args:
        config: how much.
        generator: ``Generator(seed)`` of the run; it is not moved.
    """

    def __init__(self, config: ShrinkConfig, generator: random.Generator) -> None:
        self.config = config
        self.key = generator.stream("augment").key

    def __call__(self, images: Tensor, indices: Tensor) -> Tensor:
        """Shrink a batch.

        Args:
            images: (batch, height, width, 3) uint8.
            indices: (batch,) int, which draw each picture gets; the same picture with another
                index is shrunk in another way.

        Returns:
            (batch, height, width, 3) uint8.

        Raises:
            ValueError: when the pictures are no batch of uint8, are lower than ``max_height``,
                or do not have an index each.
        """
        check_shrink(self.config, images, indices)
        height, width = images.shape[1:3]
        key = random.fold_in(self.key.to(images.device), indices.to(images.device))
        keys = {name: random.fold_in(key, i) for name, i in SHRINK_KEYS.items()}
        draws = random.words(keys["place"], len(SHRINK_DRAWS)).unbind(-1)
        word = dict(zip(SHRINK_DRAWS, draws, strict=True))
        new_height = random.integers(word["height"], self.config.min_height, self.config.max_height)
        new_width = (new_height * width // height).clamp(min=1)
        top = random.integers(word["top"], 0, height - new_height)
        left = random.integers(word["left"], 0, width - new_width)
        rows, in_rows = _sources(height, top, new_height)
        columns, in_columns = _sources(width, left, new_width)
        background = noise(keys["noise"], height, width)
        batch = torch.arange(len(images), device=images.device)[:, None, None]
        shrunk = images[batch, rows[:, :, None], columns[:, None, :]]
        inside = in_rows[:, :, None] & in_columns[:, None, :]
        return torch.where(inside[..., None], shrunk, background)


def _sources(size: int, start: Tensor, num: Tensor) -> tuple[Tensor, Tensor]:
    """Return which row each new row shows, (batch, size) int64, and whether it shows one, bool."""
    places = torch.arange(size, device=start.device) - start[:, None]
    inside = (places >= 0) & (places < num[:, None])
    return torch.where(inside, places * size // num[:, None], 0), inside
