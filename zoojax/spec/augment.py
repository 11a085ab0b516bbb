"""What changes of training pictures refuse, and how they say so: alike in both backends."""

from zoojax.spec.config import ShrinkConfig
from zoojax.spec.types import Shaped


def check_shrink(config: ShrinkConfig, images: Shaped, indices: Shaped) -> None:
    """Raise ``ValueError`` unless pictures can be shrunk.

    Args:
        config: how much.
        images: must be (batch, height, width, 3) uint8, not lower than ``max_height``, nor so
            wide that at this height they exceed ``image_width``.
        indices: must be (batch,).
    """
    shape, dtype = tuple(images.shape), str(images.dtype).removeprefix("torch.")
    if len(shape) != 4 or shape[3] != 3 or dtype != "uint8":
        raise ValueError(f"images must be (batch, height, width, 3) uint8, got {shape} {dtype}")
    if tuple(indices.shape) != shape[:1]:
        raise ValueError(f"{shape[0]} images need an index each, got {tuple(indices.shape)}")
    if config.max_height > shape[1]:
        raise ValueError(
            f"max_height must be at most the images' height of {shape[1]} pixels, "
            f"got {config.max_height}"
        )
    if config.max_height * shape[2] // shape[1] > config.image_width:
        raise ValueError(
            f"images of {shape[1]}x{shape[2]} pixels, shrunk to a height of {config.max_height}, "
            f"are wider than image_width, {config.image_width}"
        )
