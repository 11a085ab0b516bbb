"""How well scores tell each class from the others: ROC and precision-recall curves."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure

Curve = tuple[NDArray[np.floating], NDArray[np.floating]]
Curves = Mapping[str, Curve]


def roc_curves(
    curves: Curves, areas: Mapping[str, float], *, title: str | None = None
) -> NotebookFigure:
    """Draw receiver operating characteristics, each with the area under it.

    Args:
        curves: false positive rates and true positive rates of each class by its name,
            (thresholds,) floats from 0 to 1 each, neither ever falling.
        areas: area under each curve, 0 to 1; NaN where it is undefined, and the class is then
            named in the legend only.
        title: a line above the figure.

    Raises:
        ValueError: when there is no curve, when the names differ, or when an area or a curve
            with an area is not of that kind.
    """
    _check_areas(curves, areas)
    for name, curve in curves.items():
        if not math.isnan(areas[name]):
            _check_curve(name, curve)
            if any(np.any(np.diff(rates) < 0) for rates in curve):
                raise ValueError(f"neither rate of {name!r} may ever fall, got one that does")
    figure, panel = _unit_square("false positive rate", "true positive rate", title)
    label = "chance (AUC = 0.50)"
    panel.plot((0, 1), (0, 1), label=label, color=style.GREY, linewidth=1, linestyle=":")
    for index, (name, curve) in enumerate(curves.items()):
        label = _label(name, "AUC", areas[name])
        _draw_curve(panel, index, curve, area=areas[name], label=label)
    style.legend_beside(panel)
    return figure


def precision_recall_curves(
    curves: Curves, averages: Mapping[str, float], *, title: str | None = None
) -> NotebookFigure:
    """Draw precision over recall, in steps, each curve with its average precision.

    Args:
        curves: precisions and recalls of each class by its name, (thresholds + 1,) floats
            from 0 to 1 each, by rising threshold: recalls never rise and end at 0.
        averages: average precision of each class, 0 to 1; NaN where it is undefined, and the
            class is then named in the legend only.
        title: a line above the figure.

    Raises:
        ValueError: when there is no curve, when the names differ, or when an average or a
            curve with an average is not of that kind.
    """
    _check_areas(curves, averages)
    for name, curve in curves.items():
        if not math.isnan(averages[name]):
            _check_curve(name, curve)
            recalls = np.asarray(curve[1])
            if np.any(np.diff(recalls) > 0) or recalls[-1] != 0:
                raise ValueError(
                    f"recalls of {name!r} must never rise and must end at 0, got {recalls[0]} "
                    f"to {recalls[-1]}, or a rise between"
                )
    figure, panel = _unit_square("recall", "precision", title)
    for index, (name, (precisions, recalls)) in enumerate(curves.items()):
        # From right to left, as recall falls: a precision holds back to the recall before it.
        look = {"label": _label(name, "AP", averages[name]), "drawstyle": "steps-post"}
        _draw_curve(panel, index, (recalls, precisions), area=averages[name], **look)
    style.legend_beside(panel)
    return figure


def _check_areas(curves: Curves, areas: Mapping[str, float]) -> None:
    if not curves or set(curves) != set(areas):
        raise ValueError(
            "curves must hold at least one class, and the areas or averages the same ones, got "
            f"{list(curves)} and {list(areas)}"
        )
    for name, area in areas.items():
        if not (math.isnan(area) or 0 <= area <= 1):
            raise ValueError(f"the area or average of {name!r} must be 0 to 1 or NaN, got {area}")


def _check_curve(name: str, curve: Curve) -> None:
    first, second = (np.asarray(rates) for rates in curve)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(
            f"the curve of {name!r} must be two lists of one length of at least 1, got shapes "
            f"{first.shape} and {second.shape}"
        )
    for rates in (first, second):
        # Put so that NaN fails too.
        if not (rates.min() >= 0 and rates.max() <= 1):
            raise ValueError(
                f"the curve of {name!r} must be of numbers from 0 to 1, got {rates.min()} to "
                f"{rates.max()}"
            )


def _label(name: str, quantity: str, area: float) -> str:
    shown = f"{quantity} undefined" if math.isnan(area) else f"{quantity} = {area:.2f}"
    return f"{name} ({shown})"


def _unit_square(x_label: str, y_label: str, title: str | None) -> tuple[NotebookFigure, Axes]:
    figure = NotebookFigure(figsize=(7, 4.6), layout="constrained")
    panel = figure.subplots()
    # A hair of margin, or a perfect curve would hide under the frame.
    panel.set(xlabel=x_label, ylabel=y_label, xlim=(-0.015, 1.015), ylim=(-0.015, 1.015))
    panel.set_aspect("equal")
    style.add_grid(panel)
    if title:
        panel.set_title(title)
    return figure, panel


def _draw_curve(panel: Axes, index: int, curve: Curve, *, area: float, **options: Any) -> None:
    if math.isnan(area):
        panel.plot([], [], linestyle="", **options)  # named in the legend, and no more
        return
    # Markers far apart and out of step with the other curves', to follow one where many cross.
    look = style.line_style(index) | style.marker_style(index)
    look |= {"markersize": 5, "markevery": (0.03 * index % 0.25, 0.25), "linewidth": 1.6}
    panel.plot(*curve, **look, **options)
