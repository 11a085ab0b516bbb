"""How data are simulated."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zoojax.spec import labels
from zoojax.spec.config.checks import check_integer, check_names, check_number, check_numbers


@dataclasses.dataclass(frozen=True)
class ShapesConfig:
    """How pictures of coloured shapes are simulated.

    Args:
        image_height: height of a picture in pixels.
        image_width: width of a picture in pixels.
        min_size: smallest side of a shape's square box in pixels.
        max_size: largest side of a shape's square box in pixels, included.
        shapes: names of the shapes to draw, of circle, diamond, rectangle, triangle.
        colors: names of the colors to draw, of blue, cyan, green, purple, red, yellow;
            a color of your own is written name=red,green,blue with channels 0..255.
            In Python a mapping of names to (red, green, blue) does as well.
        shades: whether black and white are drawn too.
        magnitude: largest color jitter, 0..99: moves channels at 255 down and at 0 up.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    image_height: int = 224
    image_width: int = 224
    min_size: int = 50
    max_size: int = 100
    shapes: tuple[str, ...] = labels.SHAPES
    colors: tuple[str, ...] = tuple(labels.BASE_COLORS)
    shades: bool = True
    magnitude: int = 50

    def __post_init__(self) -> None:
        for name in ("image_height", "image_width", "min_size", "max_size"):
            check_integer(self, name, 1)
        check_integer(self, "magnitude", 0, 99)
        if not isinstance(self.shades, bool):
            raise ValueError(f"shades must be True or False, got {self.shades!r}")
        if self.min_size > self.max_size:
            raise ValueError(
                f"min_size must not exceed max_size, got {self.min_size} > {self.max_size}"
            )
        shorter = min(self.image_height, self.image_width)
        if self.max_size > shorter:
            raise ValueError(
                f"max_size must fit the image of {self.image_height}x{self.image_width} pixels: "
                f"at most {shorter}, got {self.max_size}"
            )
        # Label order is alphabetical whatever order was given, so that equal sets are equal.
        object.__setattr__(self, "shapes", self._checked_shapes())
        object.__setattr__(self, "colors", self._checked_colors())

    def _checked_shapes(self) -> tuple[str, ...]:
        if not (shapes := check_names(self, "shapes")):
            raise ValueError("shapes must name at least one shape, got none")
        for shape in shapes:
            if shape not in labels.SHAPES:
                raise ValueError(f"unknown shape {shape!r}; known are {', '.join(labels.SHAPES)}")
        return tuple(sorted(set(shapes)))

    def _checked_colors(self) -> tuple[str, ...]:
        if isinstance(self.colors, Mapping):
            entries = tuple(labels.color_entry(*item) for item in self.colors.items())
        else:
            entries = check_names(self, "colors")
        palette: dict[str, str] = {}
        for entry in entries:
            name, rgb = labels.parse_color(entry)
            entry = labels.color_entry(name, rgb)  # noqa: PLW2901 one way to write it
            if name in labels.SHADES:
                if not self.shades:
                    raise ValueError(f"color {name!r} is drawn only with shades=True")
                if rgb != labels.SHADES[name]:
                    raise ValueError(f"color {name!r} is {labels.SHADES[name]}, got {rgb}")
                continue
            if palette.setdefault(name, entry) != entry:
                raise ValueError(f"color {name!r} is given twice: {palette[name]!r} and {entry!r}")
        if not palette and not self.shades:
            raise ValueError("colors must name at least one color when shades=False, got none")
        return tuple(palette[name] for name in sorted(palette))

    @property
    def palette(self) -> dict[str, labels.RGB]:
        """Every colour drawn and its base RGB, in label order, shades included."""
        colors = dict(labels.parse_color(entry) for entry in self.colors)
        colors.update(labels.SHADES if self.shades else {})
        return {name: colors[name] for name in sorted(colors)}

    def class_names(self, target: str) -> tuple[str, ...]:
        """Return the label names of ``target``, "shape" or "color", in label order."""
        if target not in ("shape", "color"):
            raise ValueError(f"target must be shape or color, got {target!r}")
        return self.shapes if target == "shape" else tuple(self.palette)

    def labels(self, target: str, num_each: int) -> NDArray[np.int64]:
        """Return the label of every picture of a data set.

        Args:
            target: shape or color.
            num_each: pictures of each combination; the colors vary fastest.

        Returns:
            (num_each * num_combinations,) int64.
        """
        places = np.arange(num_each * self.num_combinations)
        num_colors = len(self.palette)
        self.class_names(target)  # refuses any other
        return places // num_colors % len(self.shapes) if target == "shape" else places % num_colors

    @property
    def num_combinations(self) -> int:
        """Number of (shape, colour) pairs."""
        return len(self.shapes) * len(self.palette)


@dataclasses.dataclass(frozen=True)
class SinusoidsConfig:
    """How sinusoids are simulated: amplitude * sin(x + phase) + vertical_shift.

    x goes from 0 to 2 pi frequency in ``length`` points, both ends included. A data set holds
    every combination of the four lists, the last list varying fastest.

    Args:
        amplitudes: heights of the waves over their middle.
        frequencies: periods in a wave.
        phases: where in the period a wave starts, in radians.
        vertical_shifts: heights of the waves' middles.
        length: points of a wave, at least 2.
        num_next_steps: points to predict from those before, at least 1 and under length.
        noise: standard deviation of normal noise added to each point; 0 for none.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    amplitudes: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    frequencies: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    phases: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    vertical_shifts: tuple[float, ...] = (-0.5, -0.25, 0.0, 0.25, 0.5)
    length: int = 50
    num_next_steps: int = 1
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("amplitudes", "frequencies", "phases", "vertical_shifts"):
            check_numbers(self, name)
        check_integer(self, "length", 2)
        check_integer(self, "num_next_steps", 1, self.length - 1)
        check_number(self, "noise", 0, math.inf, open_low=False)

    @property
    def num_combinations(self) -> int:
        """Number of (amplitude, frequency, phase, vertical shift) tuples."""
        lists = (self.amplitudes, self.frequencies, self.phases, self.vertical_shifts)
        return math.prod(map(len, lists))


DataConfig = ShapesConfig | SinusoidsConfig
"""The configuration of any simulated data."""
