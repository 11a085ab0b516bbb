"""Arrays -> matplotlib figures, without pyplot: no window, no global state, no framework."""

import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zoojax.spec.files import write_whole
from zoojax.spec.records import History

# Okabe and Ito's colour-blind-safe palette. Each curve differs from the one before it in
# hue, in lightness (for print in grey) and in width, so that a curve drawn over another
# that is equal leaves both in sight.
RUN_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#E69F00", "linewidth": 4.0, "alpha": 0.6},
    {"color": "#0072B2", "linewidth": 1.0, "linestyle": (0, (4, 1.5))},
    {"color": "#000000", "linewidth": 0.8, "linestyle": (0, (1, 1.5))},
    {"color": "#009E73", "linewidth": 0.6},
)
POINT_STYLES: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markersize": 11, "markerfacecolor": "#FFF3D6", "color": "#B37A00"},
    {"marker": "D", "markersize": 4.5, "color": "#0072B2"},
    {"marker": "x", "markersize": 9, "color": "#000000"},
    {"marker": "+", "markersize": 12, "color": "#009E73"},
)
"""Looks of the first, second, ... run; later runs start again from the first."""

DOTS_PER_INCH = 150


class NotebookFigure(Figure):
    """A figure that a notebook shows by itself, though pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def sample_images(
    images: NDArray[np.uint8], titles: Sequence[str], *, columns: int = 8
) -> NotebookFigure:
    """Draw pictures in a grid, each under its title.

    Args:
        images: (num, height, width, 3) uint8.
        titles: num short texts; a long one is broken into lines.
        columns: pictures in a row.

    Raises:
        ValueError: when the pictures are not of that shape and type, when there are none,
            when there are more or fewer titles, or when ``columns`` is under 1.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not len(images):
        raise ValueError(
            "images must be uint8 of shape (num >= 1, height, width, 3), "
            f"got {images.dtype} of shape {images.shape}"
        )
    if len(titles) != len(images):
        raise ValueError(f"titles must be one a picture: {len(images)}, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell_height = 1.2 * images.shape[1] / images.shape[2] + 0.3
    figure = NotebookFigure(figsize=(1.2 * columns, cell_height * rows), layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, image, title in zip(panels, images, titles, strict=False):
        panel.imshow(image)
        panel.set_title(textwrap.fill(title, 18), fontsize=7.5, pad=3)
    return figure


def relative_difference(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return |first - second| / max(|first|, |second|), and 0 where both are equal.

    Args:
        first: (num,) floats.
        second: (num,) floats.

    Returns:
        (num,) float64, not a number where one of the two is not finite.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    scale = np.maximum(np.abs(first), np.abs(second))
    with np.errstate(invalid="ignore"):
        return np.abs(first - second) / np.where(scale == 0, 1.0, scale)


def loss_curves(histories: Mapping[str, History], *, title: str | None = None) -> NotebookFigure:
    """Draw the loss of every step and the validation loss after every epoch.

    The horizontal axis counts weight updates made so far: the loss of step i, which is
    computed before its update, stands at i, and the validation loss of an epoch stands
    where the epoch ends. With exactly two runs a second panel shows the relative
    difference of their step losses, over the steps that both have.

    Args:
        histories: what each run recorded, by the name of the run.
        title: a line above the figure.

    Raises:
        ValueError: when there is no history.
    """
    if not histories:
        raise ValueError("histories must hold at least one run, got none")
    paired = len(histories) == 2
    figure = NotebookFigure(figsize=(8, 5.6 if paired else 4), layout="constrained")
    ratios = {"height_ratios": (2, 1)} if paired else None
    panels = figure.subplots(1 + paired, 1, sharex=True, squeeze=False, gridspec_kw=ratios)[:, 0]
    for index, (name, history) in enumerate(histories.items()):
        _draw_run(panels[0], name, history, index)
    panels[0].set_ylabel("loss")
    # Above the axes: a loss may rise as well as fall, so that no corner is always free.
    panels[0].legend(
        loc="lower right", bbox_to_anchor=(1, 1), frameon=False, ncols=len(histories), fontsize=9
    )
    if paired:
        first, second = histories
        _draw_difference(panels[1], histories[first], histories[second])
        panels[1].set_ylabel(f"relative difference\n{first} vs {second}")
    panels[-1].set_xlabel("weight updates")
    for panel in panels:
        panel.grid(color="#DDDDDD", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
    if title:
        figure.suptitle(title)
    return figure


def _draw_run(panel: Axes, name: str, history: History, index: int) -> None:
    losses = np.asarray(history.step_losses)
    line = RUN_STYLES[index % len(RUN_STYLES)]
    panel.plot(np.arange(len(losses)), losses, label=f"{name}: training step", **line)
    num_epochs = len(history.validation_losses)
    if num_epochs:
        ends = np.arange(1, num_epochs + 1) * (len(losses) / num_epochs)
        point = POINT_STYLES[index % len(POINT_STYLES)]
        # Above every line, or the curves of the next run would cross out the points.
        label = f"{name}: validation"
        panel.plot(ends, history.validation_losses, label=label, ls="", zorder=4 + index, **point)


def _draw_difference(panel: Axes, first: History, second: History) -> None:
    steps = min(len(first.step_losses), len(second.step_losses))
    differences = relative_difference(first.step_losses[:steps], second.step_losses[:steps])
    panel.plot(np.arange(steps), differences, ".", color="#0072B2", markersize=3.5)
    positive = differences[differences > 0]
    smallest = positive.min() if len(positive) else np.finfo(np.float64).eps
    largest = positive.max() if len(positive) else smallest
    # A logarithm has no place for 0, and 0 is the result hoped for: the axis is linear
    # from 0 to the decade under the smallest difference and logarithmic from there on.
    decade = 10.0 ** np.floor(np.log10(smallest))
    panel.set_yscale("symlog", linthresh=decade, linscale=0.5)
    panel.set_ylim(-0.3 * decade, 10.0 ** np.ceil(np.log10(largest * 1.5)))
    if not differences.any():
        panel.text(0.5, 0.5, "identical at every step", ha="center", transform=panel.transAxes)


def confusion_matrices(
    matrices: Mapping[str, NDArray[np.integer]], class_names: Sequence[str]
) -> NotebookFigure:
    """Draw confusion matrices side by side: counts in words, rates of each true class in colour.

    Args:
        matrices: (classes, classes) integer counts of each run, by its name; rows are true
            classes, columns predicted ones.
        class_names: names of the classes in label order.

    Raises:
        ValueError: when there is no matrix, or when one is not of that shape.
    """
    if not matrices:
        raise ValueError("matrices must hold at least one matrix, got none")
    num_classes = len(class_names)
    for name, matrix in matrices.items():
        if np.shape(matrix) != (num_classes, num_classes):
            raise ValueError(
                f"matrix {name!r} must be of shape {(num_classes, num_classes)} to fit "
                f"{num_classes} class names, got {np.shape(matrix)}"
            )
    side = max(2.4, 0.46 * num_classes)
    size = (len(matrices) * (side + 0.3) + 1.8, side + 1.5)
    figure = NotebookFigure(figsize=size, layout="compressed")
    panels = figure.subplots(1, len(matrices), sharey=True, squeeze=False)[0]
    for panel, (name, matrix) in zip(panels, matrices.items(), strict=True):
        image = _draw_matrix(panel, np.asarray(matrix))
        panel.set_title(_matrix_title(name, np.asarray(matrix)), fontsize=11)
        panel.set_xticks(range(num_classes), class_names, rotation=45, ha="right")
        panel.set_yticks(range(num_classes), class_names)
        panel.set_xlabel("predicted class")
    panels[0].set_ylabel("true class")
    figure.colorbar(image, ax=panels, label="rate within the true class")
    return figure


def _draw_matrix(panel: Axes, matrix: NDArray[np.integer]) -> Any:
    # A class without a sample has no rate; it is drawn as 0 rather than as a hole.
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        # From 0.7 on white reads better on this map; grey zeros let the errors stand out.
        color = "white" if rates[row, column] > 0.7 else "black" if count else "#767676"
        panel.text(column, row, str(count), color=color, ha="center", va="center", fontsize=9)
    panel.tick_params(length=0)
    return image


def _matrix_title(name: str, matrix: NDArray[np.integer]) -> str:
    total = int(matrix.sum())
    return f"{name}: {np.trace(matrix) / total:.1%} of {total} correct" if total else name


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG; the file appears whole or not at all.

    Args:
        figure: any matplotlib figure.
        path: where to write; its folder must exist and a file there is replaced.

    Returns:
        The path written.

    Raises:
        OSError: when the file cannot be written.
    """
    return write_whole(path, _png(figure))


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # Trimmed to what is drawn: pictures and matrices keep their proportions, so that the
    # figure's own edges may stand far off.
    figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.1)
    return stream.getvalue()
