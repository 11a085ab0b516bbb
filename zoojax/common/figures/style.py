"""The looks that figures share: colours, line styles, markers, grid and legends."""

from typing import Any

from matplotlib.axes import Axes

# Okabe and Ito's colour-blind-safe palette; its yellow is left out, as too faint on white.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#767676"

COLORS = (BLUE, ORANGE, GREEN, RED, SKY, PURPLE, BLACK)
LINES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 3)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
"""The lengths 7, 5 and 9 share no factor, so that 35 curves and 63 markers differ."""


def line_style(index: int) -> dict[str, Any]:
    """Return the look of the curve of that index, counted from 0: never colour alone."""
    return {"color": COLORS[index % len(COLORS)], "linestyle": LINES[index % len(LINES)]}


def marker_style(index: int) -> dict[str, Any]:
    """Return the look of the points of that index, counted from 0: never colour alone."""
    return {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)]}


def add_grid(panel: Axes) -> None:
    """Draw a faint grid, and no frame above and to the right."""
    panel.grid(color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def legend_beside(panel: Axes) -> None:
    """Put the legend to the right of a panel, where it covers nothing."""
    panel.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        frameon=False,
        fontsize=8.5,
        handlelength=3.2,
    )
