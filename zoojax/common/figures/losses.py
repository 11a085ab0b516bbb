"""The losses of one run or several, and how far two of them are apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure
from zoojax.spec.history import History

# Each curve differs from the one before it in hue, in lightness (for print in grey) and in
# width, so that a curve drawn over another that is equal leaves both in sight.
RUN_STYLES: tuple[dict[str, Any], ...] = (
    {"color": style.ORANGE, "linewidth": 4.0, "alpha": 0.6},
    {"color": style.BLUE, "linewidth": 1.0, "linestyle": (0, (4, 1.5))},
    {"color": style.BLACK, "linewidth": 0.8, "linestyle": (0, (1, 1.5))},
    {"color": style.GREEN, "linewidth": 0.6},
)
POINT_STYLES: tuple[dict[str, Any], ...] = (
    {"marker": "o", "markersize": 11, "markerfacecolor": "#FFF3D6", "color": "#B37A00"},
    {"marker": "D", "markersize": 4.5, "color": style.BLUE},
    {"marker": "x", "markersize": 9, "color": style.BLACK},
    {"marker": "+", "markersize": 12, "color": style.GREEN},
)
"""Looks of the first, second, ... run; later runs start again from the first."""


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
        style.add_grid(panel)
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
    panel.plot(np.arange(steps), differences, ".", color=style.BLUE, markersize=3.5)
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
