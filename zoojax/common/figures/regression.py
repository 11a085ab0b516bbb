"""Predicted numbers beside the true ones."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure

MAX_POINTS = 5000
MAX_SERIES = 6

TRUE_POINT: dict[str, Any] = {
    "label": "true",
    "linestyle": "",
    "marker": "o",
    "markersize": 6,
    "markerfacecolor": "none",
    "color": style.BLACK,
}
PREDICTED_POINT: dict[str, Any] = {
    "label": "predicted",
    "linestyle": "",
    "marker": "x",
    "markersize": 5,
    "color": style.RED,
}


def predicted_vs_true(
    targets: NDArray[np.floating], predictions: NDArray[np.floating], *, title: str | None = None
) -> NotebookFigure:
    """Draw every prediction over its true value, beside the line where both are equal.

    Of more than 5,000 points, samples at even distances are drawn, and the legend says how
    many. Up to six outputs each have a look of their own.

    Args:
        targets: (samples,) or (samples, outputs) floats; outputs are steps ahead in time.
        predictions: floats of the same shape.
        title: a line above the figure.

    Raises:
        ValueError: when the two are not of one such shape, empty, or not finite.
    """
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if targets.ndim not in (1, 2) or targets.shape != predictions.shape or not targets.size:
        raise ValueError(
            "targets and predictions must both be of shape (samples,) or (samples, outputs), not "
            f"empty, got {targets.shape} and {predictions.shape}"
        )
    _check_finite(targets=targets, predictions=predictions)
    figure = NotebookFigure(figsize=(8, 4.6), layout="constrained")
    panel = figure.subplots()
    _draw_points(panel, targets.reshape(len(targets), -1), predictions.reshape(len(targets), -1))
    ends = [min(targets.min(), predictions.min()), max(targets.max(), predictions.max())]
    label = "perfect prediction"
    panel.plot(ends, ends, label=label, color=style.BLACK, lw=1, linestyle="--", zorder=3)
    margin = 0.03 * (ends[1] - ends[0]) or 0.5
    limits = (ends[0] - margin, ends[1] + margin)
    panel.set(xlabel="true value", ylabel="predicted value", xlim=limits, ylim=limits)
    panel.set_aspect("equal")
    style.add_grid(panel)
    style.legend_beside(panel)
    if title:
        panel.set_title(title)
    return figure


def _draw_points(
    panel: Axes, targets: NDArray[np.floating], predictions: NDArray[np.floating]
) -> None:
    samples, outputs = targets.shape
    # Whole samples, so that every output keeps as many points as the others.
    shown = min(samples, max(1, MAX_POINTS // outputs))
    chosen = np.linspace(0, samples - 1, shown).round().astype(int)
    thinned = f" ({shown:,} of {samples:,} samples)" if shown < samples else ""
    if outputs > MAX_SERIES:
        series = {f"1 to {outputs} steps ahead": slice(None)}
    elif outputs > 1:
        later = {f"{n} steps ahead": slice(n - 1, n) for n in range(2, outputs + 1)}
        series = {"1 step ahead": slice(0, 1)} | later
    else:
        series = {"samples": slice(None)}
    for index, (name, columns) in enumerate(series.items()):
        points = (each[chosen, columns].ravel() for each in (targets, predictions))
        # The nearest steps, as a rule the best predicted, on top: the others spread wider.
        look = style.marker_style(index) | {"zorder": 2 - index / 10}
        label = name + thinned
        panel.plot(*points, label=label, ls="", markersize=3.5, mew=0, alpha=0.6, **look)


def forecasts(
    inputs: NDArray[np.floating],
    targets: NDArray[np.floating],
    predictions: NDArray[np.floating],
    *,
    columns: int = 3,
    title: str | None = None,
) -> NotebookFigure:
    """Draw waves, one a panel: the points given, then the true and the predicted next points.

    Args:
        inputs: (waves, points) floats.
        targets: (waves, next_steps) floats.
        predictions: (waves, next_steps) floats.
        columns: panels in a row.
        title: a line above the figure.

    Raises:
        ValueError: when the three are not of such shapes, empty, or not finite, or when
            ``columns`` is under 1.
    """
    inputs, targets, predictions = map(np.asarray, (inputs, targets, predictions))
    _check_waves(inputs, targets, predictions)
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    waves, points = inputs.shape
    columns = min(columns, waves)
    rows = -(-waves // columns)
    size = (max(5.0, 3 * columns), 1.5 * rows + 1)
    figure = NotebookFigure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    next_steps = np.arange(points, points + targets.shape[1])
    for wave, panel in enumerate(panels[:waves]):
        panel.plot(np.arange(points), inputs[wave], color=style.BLUE, lw=1.4, label="given")
        panel.plot(next_steps, targets[wave], **TRUE_POINT)
        panel.plot(next_steps, predictions[wave], **PREDICTED_POINT)
        _finish_panel(panel, wave, is_lowest=wave + columns >= waves)
    for panel in panels[waves:]:
        panel.set_axis_off()
    figure.supxlabel("time step", fontsize=10)
    figure.supylabel("value", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    # The title is the legend's, since matplotlib draws a figure's own title over such a legend.
    place: dict[str, Any] = {"loc": "outside upper center", "ncols": 3, "frameon": False}
    figure.legend(handles, labels, title=title, title_fontsize=12, fontsize=9, **place)
    return figure


def _check_waves(
    inputs: NDArray[np.floating],
    targets: NDArray[np.floating],
    predictions: NDArray[np.floating],
) -> None:
    is_two_dimensional = inputs.ndim == targets.ndim == 2 and targets.shape == predictions.shape
    if not is_two_dimensional or len(inputs) != len(targets) or not inputs.size * targets.size:
        raise ValueError(
            "inputs must be of shape (waves, points), targets and predictions both of (waves, "
            f"next_steps), not empty, got {inputs.shape}, {targets.shape} and {predictions.shape}"
        )
    _check_finite(inputs=inputs, targets=targets, predictions=predictions)


def _check_finite(**arrays: NDArray[np.floating]) -> None:
    for name, array in arrays.items():
        num_others = int(np.count_nonzero(~np.isfinite(array)))
        if num_others:
            raise ValueError(f"{name} must be finite, got {num_others} that are infinite or NaN")


def _finish_panel(panel: Axes, wave: int, *, is_lowest: bool) -> None:
    panel.set_title(f"wave {wave}", fontsize=9, pad=3)
    # Where the last row is not full, the panels above its gap are the lowest of their column.
    panel.tick_params(labelsize=8, labelbottom=is_lowest)
    panel.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    style.add_grid(panel)
