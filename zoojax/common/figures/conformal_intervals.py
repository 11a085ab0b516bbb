"""Prediction intervals of waves."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.regression import PREDICTED_POINT, TRUE_POINT
from zoojax.common.figures.saving import NotebookFigure

MAX_WAVES = 12
COLUMNS = 3

Values = NDArray[np.floating]

BAR: dict[str, Any] = {
    "label": "interval",
    "color": style.SKY,
    "linewidth": 5,
    "alpha": 0.55,
    "zorder": 1.8,
}
END: dict[str, Any] = {"color": style.BLUE, "linestyle": "", "markersize": 7, "zorder": 1.9}
MISSED_POINT: dict[str, Any] = {
    "label": "missed",
    "linestyle": "",
    "marker": "s",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgewidth": 1.6,
    "color": style.RED,
}
EMPTY: dict[str, Any] = {
    "label": "empty interval",
    "linestyle": "",
    "marker": r"$\emptyset$",
    "markersize": 9,
    "color": style.BLACK,
}


def interval_forecasts(
    inputs: NDArray[np.floating],
    targets: NDArray[np.floating],
    interval: tuple[Values, Values],
    *,
    predictions: NDArray[np.floating] | None = None,
    title: str | None = None,
) -> NotebookFigure:
    """Draw waves, one a panel: the points given, then the next points and their intervals.

    Of more than twelve waves, twelve at even distances are drawn. An infinite end reaches the
    panel's edge and has an arrow there; a true point outside its interval stands in a square;
    an empty interval is a sign at the bottom edge.

    Args:
        inputs: (waves, points) floats.
        targets: (waves, next_steps) floats, the true next points.
        interval: lower and upper ends, (waves, next_steps) floats each, such as
            ``zoojax.spec.conformal.Interval``; they may be infinite, and one whose lower end is
            over its upper end is empty.
        predictions: (waves, next_steps) floats, or None to draw none.
        title: a line above the figure.

    Raises:
        ValueError: when something is not of such a shape, empty, or NaN, or when something other
            than an end is infinite.
    """
    if len(interval) != 2:
        raise ValueError(f"interval must be a lower and an upper end, got {len(interval)} arrays")
    points = {"inputs": np.asarray(inputs), "targets": np.asarray(targets)}
    if predictions is not None:
        points["predictions"] = np.asarray(predictions)
    ends = {"lower ends": np.asarray(interval[0]), "upper ends": np.asarray(interval[1])}
    _check_shapes(points | ends)
    _check_values(points, ends)
    num_waves = len(points["inputs"])
    shown = np.linspace(0, num_waves - 1, min(MAX_WAVES, num_waves)).astype(int)
    figure, panels = _make_panels(len(shown))
    for panel, wave in zip(panels, shown, strict=True):
        panel.set_title(f"wave {wave}", fontsize=9, pad=3)
        drawn = {name: array[wave] for name, array in points.items()}
        _draw_wave(panel, drawn, *(end[wave] for end in ends.values()))
    _add_legend(figure, panels, title)
    return figure


def _check_shapes(arrays: dict[str, NDArray[np.floating]]) -> None:
    (waves, *points), *others = (array.shape or (0,) for array in arrays.values())
    is_alike = len(points) == 1 and len(set(others)) == 1 and others[0][0] == waves
    if not is_alike or len(others[0]) != 2 or any(not array.size for array in arrays.values()):
        said = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            "inputs must be of shape (waves, points), everything else of (waves, next_steps), "
            f"not empty, got {said}"
        )


def _check_values(
    points: dict[str, NDArray[np.floating]], ends: dict[str, NDArray[np.floating]]
) -> None:
    for name, array in points.items():
        num_others = int(np.count_nonzero(~np.isfinite(array)))
        if num_others:
            raise ValueError(f"{name} must be finite, got {num_others} that are infinite or NaN")
    for name, array in ends.items():
        num_others = int(np.count_nonzero(np.isnan(array)))
        if num_others:
            raise ValueError(f"{name} must be numbers or infinite, got {num_others} that are NaN")


def _make_panels(num: int) -> tuple[NotebookFigure, list[Axes]]:
    columns = min(COLUMNS, num)
    rows = -(-num // columns)
    size = (max(5.0, 3 * columns), 1.7 * rows + 1.1)
    figure = NotebookFigure(figsize=size, layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).ravel())
    for index, panel in enumerate(panels[:num]):
        # Where the last row is not full, the panels above its gap are the lowest of their column.
        panel.tick_params(labelsize=8, labelbottom=index + columns >= num)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        style.add_grid(panel)
    for panel in panels[num:]:
        panel.set_axis_off()
    figure.supxlabel("time step", fontsize=10)
    figure.supylabel("value", fontsize=10)
    return figure, panels[:num]


def _draw_wave(
    panel: Axes, points: dict[str, NDArray[np.floating]], lower: Values, upper: Values
) -> None:
    given, targets = points["inputs"], points["targets"]
    steps = np.arange(len(given), len(given) + len(targets))
    panel.plot(given, color=style.BLUE, lw=1.4, label="given")
    panel.plot(steps, targets, **TRUE_POINT)
    if "predictions" in points:
        panel.plot(steps, points["predictions"], **PREDICTED_POINT)
    _mark(panel, steps, targets, ~((lower <= targets) & (targets <= upper)), MISSED_POINT)
    is_empty = lower > upper
    panel.set_ylim(_limits(np.concatenate([*points.values(), lower[~is_empty], upper[~is_empty]])))
    _draw_intervals(panel, steps[~is_empty], lower[~is_empty], upper[~is_empty])
    # Its ends may be far off or infinite: y is 0 at the panel's bottom, 1 at its top.
    bottom = {"transform": panel.get_xaxis_transform()}
    _mark(panel, steps, np.full(len(steps), 0.08), is_empty, EMPTY | bottom)


def _draw_intervals(panel: Axes, steps: NDArray[np.integer], lower: Values, upper: Values) -> None:
    if not len(steps):
        return
    low, high = panel.get_ylim()
    # Where many steps share a panel, bars side by side are to leave a gap between them.
    scale = min(1.0, 20 / (1 + steps[-1]))
    look = BAR | {"linewidth": BAR["linewidth"] * scale}
    panel.vlines(steps, np.clip(lower, low, high), np.clip(upper, low, high), **look)
    arrow_look = {"label": "infinite end", "clip_on": False}
    for ends, arrow, edge in ((lower, "v", low), (upper, "^", high)):
        is_finite = np.isfinite(ends)
        look = END | {"markersize": END["markersize"] * scale}
        _mark(panel, steps, ends, is_finite, look | {"marker": "_"})
        edges = np.full(len(steps), edge)
        _mark(panel, steps, edges, ~is_finite, look | arrow_look | {"marker": arrow})


def _mark(
    panel: Axes,
    steps: NDArray[np.integer],
    values: Values,
    is_marked: NDArray[np.bool_],
    look: dict[str, Any],
) -> None:
    if is_marked.any():  # the legend names only what there is
        panel.plot(steps[is_marked], values[is_marked], **look)


def _limits(values: Values) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.08 * (high - low) or 0.5
    return low - margin, high + margin


def _add_legend(figure: NotebookFigure, panels: list[Axes], title: str | None) -> None:
    handles: dict[str, Any] = {}
    for panel in panels:
        named = zip(*reversed(panel.get_legend_handles_labels()), strict=True)
        handles |= dict(named)
    # The title is the legend's, since matplotlib draws a figure's own title over such a legend.
    place: dict[str, Any] = {"loc": "outside upper center", "ncols": 4, "frameon": False}
    figure.legend(handles.values(), handles, title=title, title_fontsize=12, fontsize=9, **place)
