"""Names: shapes, colours and the order in which labels count them."""

import re
from collections.abc import Iterable

from zoojax.spec.draws import is_integer

SHAPES = ("circle", "diamond", "rectangle", "triangle")
"""Every shape, in label order (alphabetical, as a label encoder gives it)."""

RGB = tuple[int, int, int]

BASE_COLORS: dict[str, RGB] = {
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "green": (0, 255, 0),
    "purple": (255, 0, 255),
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
}
"""The six colours that need no ``shades``, in label order."""

SHADES: dict[str, RGB] = {"black": (0, 0, 0), "white": (255, 255, 255)}
"""The two that ``shades=True`` adds."""


def color_entry(name: str, rgb: RGB) -> str:
    """Write a colour as text: its name when it is a known one, else ``name=r,g,b``."""
    known = {**BASE_COLORS, **SHADES}
    channels = tuple(rgb) if isinstance(rgb, Iterable) else (rgb,)
    return name if known.get(name) == channels else f"{name}={','.join(map(str, channels))}"


def parse_color(entry: str) -> tuple[str, RGB]:
    """Read what ``color_entry`` writes.

    Raises:
        ValueError: when the name is unknown or no name, or the three channels are not 0..255.
    """
    name, given, channels = entry.partition("=")
    if not given:
        known = {**BASE_COLORS, **SHADES}
        if name not in known:
            raise ValueError(
                f"unknown color {entry!r}; known are {', '.join(sorted(known))}, "
                "and a color of your own is written name=red,green,blue"
            )
        return name, known[name]
    values = channels.split(",")
    is_rgb = len(values) == 3 and all(v.isdecimal() and int(v) <= 255 for v in values)
    # A name is a line of a label file and a word on the command line.
    if not is_rgb or not re.fullmatch(r"[^\W\d_][\w-]*", name):
        raise ValueError(
            f"color {entry!r} must be a name, or name=red,green,blue with integers 0..255, the "
            "name of letters, digits, _ and -, a letter first"
        )
    red, green, blue = map(int, values)
    return name, (red, green, blue)


def check_mask(shape: str, width: int, height: int) -> None:
    """Raise ``ValueError`` unless a mask of this shape and these sizes in pixels exists."""
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}; known are {', '.join(SHAPES)}")
    for name, value in (("width", width), ("height", height)):
        if not is_integer(value) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    if shape == "circle" and width != height:
        raise ValueError(f"a circle's width and height must be equal, got {width} and {height}")
