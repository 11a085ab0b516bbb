"""How training pictures are changed before a model sees them."""

import dataclasses

from zoojax.spec.config.checks import check_integer


@dataclasses.dataclass(frozen=True)
class ShrinkConfig:
    """How pictures are shrunk, so that a model sees smaller shapes than were simulated.

    Each picture's new height is drawn anew; its width shrinks by the same part. What is shrunk
    lies anywhere on noise, which may well be smaller than the picture was.

    Args:
        image_height: height of the noise in pixels.
        image_width: width of the noise in pixels.
        min_height: smallest height of a shrunk picture in pixels.
        max_height: largest height of a shrunk picture in pixels, included.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    image_height: int = 112
    image_width: int = 112
    min_height: int = 64
    max_height: int = 112

    def __post_init__(self) -> None:
        for name in ("image_height", "image_width", "min_height", "max_height"):
            check_integer(self, name, 1)
        if self.min_height > self.max_height:
            raise ValueError(
                f"min_height must not exceed max_height, got {self.min_height} > {self.max_height}"
            )
        if self.max_height > self.image_height:
            raise ValueError(
                f"max_height must be at most image_height, {self.image_height}, "
                f"got {self.max_height}"
            )
