"""How training pictures are changed before a model sees them."""

import dataclasses

from zoojax.spec.config.checks import check_integer


@dataclasses.dataclass(frozen=True)
class ShrinkConfig:
    """How pictures are shrunk, so that a model sees smaller shapes than were simulated.

    Each picture's new height is drawn anew; its width shrinks by the same part.

    Args:
        min_height: smallest height of a shrunk picture in pixels.
        max_height: largest height of a shrunk picture in pixels, included.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    min_height: int = 75
    max_height: int = 150

    def __post_init__(self) -> None:
        for name in ("min_height", "max_height"):
            check_integer(self, name, 1)
        if self.min_height > self.max_height:
            raise ValueError(
                f"min_height must not exceed max_height, got {self.min_height} > {self.max_height}"
            )
