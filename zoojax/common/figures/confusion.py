"""Confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from zoojax.common.figures.saving import NotebookFigure
from zoojax.common.figures.style import GREY

NO_RATE = "\N{EN DASH}"


def confusion_matrices(
    matrices: Mapping[str, NDArray[np.integer]],
    class_names: Sequence[str],
    *,
    normalized: bool = False,
) -> NotebookFigure:
    """Draw confusion matrices side by side, the rates of each true class in colour.

    Args:
        matrices: (classes, classes) integer counts of each run, by its name; rows are true
            classes, columns predicted ones.
        class_names: names of the classes in label order, at least one.
        normalized: write rates into the cells rather than counts: count over the sum of its
            row, and a dash where a true class has no sample.

    Raises:
        ValueError: when there is no matrix or no class, or when a matrix is not of that shape
            and of integers of at least 0.
    """
    _check_matrices(matrices, class_names)
    num_classes = len(class_names)
    side = max(2.4, 0.46 * num_classes)
    size = (len(matrices) * (side + 0.3) + 1.8, side + 1.5)
    figure = NotebookFigure(figsize=size, layout="compressed")
    panels = figure.subplots(1, len(matrices), sharey=True, squeeze=False)[0]
    for panel, (name, matrix) in zip(panels, matrices.items(), strict=True):
        image = _draw_matrix(panel, np.asarray(matrix), normalized)
        panel.set_title(_matrix_title(name, np.asarray(matrix)), fontsize=11)
        panel.set_xticks(range(num_classes), class_names, rotation=45, ha="right")
        panel.set_yticks(range(num_classes), class_names)
        panel.set_xlabel("predicted class")
    panels[0].set_ylabel("true class")
    figure.colorbar(image, ax=panels, label="rate within the true class")
    return figure


def _check_matrices(
    matrices: Mapping[str, NDArray[np.integer]], class_names: Sequence[str]
) -> None:
    num_classes = len(class_names)
    if not matrices or not num_classes:
        raise ValueError(
            "matrices must hold at least one matrix and class_names at least one name, got "
            f"{len(matrices)} and {num_classes}"
        )
    for name, matrix in matrices.items():
        given = np.asarray(matrix)
        if given.shape != (num_classes, num_classes):
            raise ValueError(
                f"matrix {name!r} must be of shape {(num_classes, num_classes)} to fit "
                f"{num_classes} class names, got {given.shape}"
            )
        if given.dtype.kind not in "iu" or given.min() < 0:
            raise ValueError(
                f"matrix {name!r} must hold integers of at least 0, got {given.dtype} "
                f"from {given.min()} on"
            )


def _draw_matrix(panel: Axes, matrix: NDArray[np.integer], normalized: bool) -> AxesImage:
    totals = matrix.sum(axis=1)
    # A class without a sample has no rate; it is coloured as 0 rather than as a hole.
    rates = matrix / np.maximum(totals, 1)[:, np.newaxis]
    image = panel.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        rate = f"{rates[row, column]:.2f}" if totals[row] else NO_RATE
        # From 0.7 on white reads better on this map; grey zeros let the errors stand out.
        color = "white" if rates[row, column] > 0.7 else "black" if count else GREY
        text = rate if normalized else str(count)
        panel.text(column, row, text, color=color, ha="center", va="center", fontsize=9)
    panel.tick_params(length=0)
    return image


def _matrix_title(name: str, matrix: NDArray[np.integer]) -> str:
    total = int(matrix.sum())
    return f"{name}: {np.trace(matrix) / total:.1%} of {total} correct" if total else name
