"""Changes of training pictures as an object that holds a key."""

import torch
from torch import Tensor

from zoojax.spec.augment import check_shrink
from zoojax.spec.config import ShrinkConfig
from zoojax.spec.draws import SHRINK_DRAWS, SHRINK_KEYS
from zootorch import random
from zootorch.data.shapes import noise


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
            (batch, config.image_height, config.image_width, 3) uint8.

        Raises:
            ValueError: when the pictures are no batch of uint8, are lower than ``max_height`` or
                too wide, or do not have an index each.
        """
        config = self.config
        check_shrink(config, images, indices)
        device = images.device
        key = random.fold_in(self.key.to(device), indices)
        keys = {name: random.fold_in(key, i) for name, i in SHRINK_KEYS.items()}
        draws = random.words(keys["place"], len(SHRINK_DRAWS))[..., None].unbind(1)
        word = dict(zip(SHRINK_DRAWS, draws, strict=True))

        height, width = images.shape[1:3]
        new_height = random.integers(word["height"], config.min_height, config.max_height)
        new_width = (new_height * width // height).clamp(min=1)
        top = random.integers(word["top"], 0, config.image_height - new_height)
        left = random.integers(word["left"], 0, config.image_width - new_width)
        places = [torch.arange(n, device=device) for n in (config.image_height, config.image_width)]
        rows, in_rows = _sources(places[0] - top, new_height, height)
        columns, in_columns = _sources(places[1] - left, new_width, width)
        background = noise(keys["noise"], config.image_height, config.image_width)
        batch = torch.arange(len(images), device=device)[:, None, None]
        shrunk = images[batch, rows[:, :, None], columns[:, None]]
        inside = in_rows[:, :, None] & in_columns[:, None]
        return torch.where(inside[..., None], shrunk, background)


def _sources(places: Tensor, num: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return which of ``size`` rows each of ``num`` new rows shows.

    Args:
        places: (batch, rows) int64, counted from the first new row of each picture.
        num: (batch, 1) int32, how many new rows there are.
        size: how many rows a picture has.

    Returns:
        (batch, rows) int64, and whether a place is a new row at all, (batch, rows) bool.
    """
    inside = (places >= 0) & (places < num)
    return torch.where(inside, places * size // num, 0), inside
