"""Changes of training pictures as a pure function of a key and each picture's place."""

import jax
import jax.numpy as jnp
from jax import Array

from zoojax import random
from zoojax.data.shapes import noise
from zoojax.jit import jit
from zoojax.spec.augment import check_shrink
from zoojax.spec.config import ShrinkConfig
from zoojax.spec.draws import SHRINK_DRAWS, SHRINK_KEYS


def shrink(key: Array, images: Array, indices: Array, *, config: ShrinkConfig) -> Array:
    """Shrink pictures, each by a factor of its own, and put them anywhere on fresh noise.

    Nearest neighbours, so that a shape keeps its one color and its sharp edge: pixel i of n is
    pixel floor(i * size / n) of the picture's ``size``. Noise that is shrunk stays noise.

    Args:
        key: root key of the run.
        images: (batch, height, width, 3) uint8.
        indices: (batch,) int, which draw each picture gets; the same picture with another
            index is shrunk in another way.
        config: how much.

    Returns:
        (batch, config.image_height, config.image_width, 3) uint8.

    Raises:
        ValueError: when the pictures are no batch of uint8, are lower than ``max_height`` or
            too wide, or do not have an index each.
    """
    check_shrink(config, images, indices)
    return _shrink(key, images, indices, config)


@jit(static_argnames="config")
def _shrink(key: Array, images: Array, indices: Array, config: ShrinkConfig) -> Array:
    key = random.stream(key, "augment")
    return jax.vmap(lambda image, index: _shrink_one(key, image, index, config))(images, indices)


def _shrink_one(key: Array, image: Array, index: Array, config: ShrinkConfig) -> Array:
    """Shrink one picture, (height, width, 3) uint8; ``key`` is that of the stream."""
    height, width, _ = image.shape
    keys = {
        name: jax.random.fold_in(jax.random.fold_in(key, index), i)
        for name, i in SHRINK_KEYS.items()
    }
    draws = random.words(keys["place"], len(SHRINK_DRAWS))
    word = dict(zip(SHRINK_DRAWS, draws, strict=True))
    new_height = random.integers(word["height"], config.min_height, config.max_height)
    new_width = jnp.maximum(new_height * width // height, 1)
    top = random.integers(word["top"], 0, config.image_height - new_height)
    left = random.integers(word["left"], 0, config.image_width - new_width)
    sizes = (config.image_height, config.image_width)
    places = [jnp.arange(n, dtype=jnp.int32) for n in sizes]
    rows, in_rows = _sources(places[0] - top, new_height, height)
    columns, in_columns = _sources(places[1] - left, new_width, width)
    background = noise(keys["noise"], config.image_height, config.image_width)
    background = background.reshape(config.image_height, config.image_width, 3)
    inside = in_rows[:, None] & in_columns
    return jnp.where(inside[..., None], image[rows][:, columns], background)


def _sources(places: Array, num: Array, size: int) -> tuple[Array, Array]:
    """Return which of ``size`` rows each of ``num`` new rows shows.

    Args:
        places: (rows,) int32, counted from the first new row.
        num: () int32, how many new rows there are.
        size: how many rows the picture has.

    Returns:
        (rows,) int32, and whether a place is a new row at all, (rows,) bool.
    """
    inside = (places >= 0) & (places < num)
    return jnp.where(inside, places * size // num, 0), inside
