"""How one run trained: its losses, its learning rate and the gradients of its layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure
from zoojax.spec.history import History

PROBLEMS = ("vanishing", "exploding")


def training_curves(
    history: History,
    *,
    problems: Mapping[str, str] | None = None,
    title: str | None = None,
) -> NotebookFigure:
    """Draw losses, learning rate and largest gradients over the weight updates made so far.

    What belongs to a step stands at the number of updates before it, losses of an epoch where
    the epoch ends, gradients where it begins. Gradients are on a logarithmic axis; those of zero
    are hollow at its bottom edge, those not finite hollow at its top edge.

    Args:
        history: what the run recorded, of at least one epoch.
        problems: "vanishing" or "exploding" of each layer whose gradients do so, by its name
            in ``history.largest_gradients``; those layers are drawn thicker.
        title: a line above the figure.

    Raises:
        ValueError: when the history has no epoch, when its parts do not fit one another, or
            when a problem is of another kind or of an unknown layer.
    """
    problems = problems or {}
    _check_history(history)
    _check_problems(problems, history)
    # A legend of many layers is what needs the height.
    heights = (2.7, 1.3, max(2.2, 0.19 * (len(history.largest_gradients) + 2)))
    figure = NotebookFigure(figsize=(9, sum(heights) + 0.8), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    _draw_losses(panels[0], history)
    _draw_learning_rates(panels[1], history)
    _draw_gradients(panels[2], history, problems)
    panels[2].set_xlabel("weight updates")
    for panel in panels:
        style.add_grid(panel)
    style.legend_beside(panels[0])
    style.legend_beside(panels[2])
    figure.align_ylabels(panels)
    if title:
        figure.suptitle(title)
    return figure


def _check_history(history: History) -> None:
    steps, epochs = len(history.step_losses), len(history.train_losses)
    if not epochs or not steps or steps % epochs:
        raise ValueError(
            "history must hold at least one epoch and as many steps in each, got "
            f"{epochs} epochs and {steps} steps"
        )
    if np.shape(history.learning_rates) != (steps,):
        raise ValueError(
            f"history.learning_rates must be of shape {(steps,)}, one a step, got "
            f"{np.shape(history.learning_rates)}"
        )
    if len(history.validation_losses) not in (0, epochs):
        raise ValueError(
            f"history.validation_losses must be one an epoch, {epochs}, or none, got "
            f"{len(history.validation_losses)}"
        )
    if not history.largest_gradients:
        raise ValueError("history.largest_gradients must hold at least one layer, got none")
    for name, largest in history.largest_gradients.items():
        if np.shape(largest) != (epochs,) or np.any(np.less(largest, 0)):
            raise ValueError(
                f"history.largest_gradients[{name!r}] must be of shape {(epochs,)}, one an epoch, "
                f"and not under 0, got shape {np.shape(largest)} and {np.asarray(largest)}"
            )


def _check_problems(problems: Mapping[str, str], history: History) -> None:
    for name, problem in problems.items():
        if name not in history.largest_gradients or problem not in PROBLEMS:
            raise ValueError(
                f"problems must be {' or '.join(PROBLEMS)} by the name of a layer, one of "
                f"{', '.join(history.largest_gradients)}, got {problem!r} of {name!r}"
            )


def _epoch_ends(history: History) -> NDArray[np.int64]:
    epochs = len(history.train_losses)
    return np.arange(1, epochs + 1) * (len(history.step_losses) // epochs)


def _draw_losses(panel: Axes, history: History) -> None:
    ends, train = _epoch_ends(history), history.train_losses
    label = "training, each step"
    panel.plot(history.step_losses, color=style.SKY, linewidth=0.6, alpha=0.8, label=label)
    panel.plot(ends, train, "o-", color=style.BLUE, markersize=5, label="training, epoch's mean")
    panel.set_ylabel("loss")
    validation = history.validation_losses
    if not len(validation):
        return
    panel.plot(ends, validation, "D--", color=style.RED, markersize=5, label="validation")
    label = "gap between the two"
    panel.fill_between(ends, train, validation, color=style.GREY, alpha=0.3, lw=0, label=label)
    best = history.best_epoch
    # Counted from 1 for the reader, as the progress bar does.
    label = f"best epoch: {best + 1} of {len(ends)}"
    panel.axvline(
        ends[best], color=style.BLACK, linewidth=1.2, linestyle=":", zorder=1.9, label=label
    )


def _draw_learning_rates(panel: Axes, history: History) -> None:
    panel.plot(history.learning_rates, color=style.BLACK, linewidth=1.2)
    panel.set_ylabel("learning rate")
    panel.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    # From 0 on, or a constant rate would be drawn with nothing to measure it by.
    panel.margins(y=0.15)
    panel.set_ylim(bottom=0)


def _draw_gradients(panel: Axes, history: History, problems: Mapping[str, str]) -> None:
    starts = np.append(0, _epoch_ends(history)[:-1])
    everything = np.array(list(history.largest_gradients.values()))
    panel.set_yscale("log")
    panel.set_ylim(_decades_around(everything))
    panel.set_ylabel("largest |gradient|\nof each layer")
    for index, (name, largest) in enumerate(history.largest_gradients.items()):
        problem = problems.get(name)
        look = style.line_style(index) | style.marker_style(index)
        look |= {"linewidth": 3.2 if problem else 1.2, "markersize": 8 if problem else 5}
        drawable = np.isfinite(largest) & (largest > 0)
        label = f"{name} ({problem})" if problem else name
        panel.plot(starts, np.where(drawable, largest, np.nan), label=label, **look)
        _draw_at_edge(panel, starts[largest == 0], 0, look)
        _draw_at_edge(panel, starts[~np.isfinite(largest)], 1, look)
    hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "color": style.BLACK}
    if np.any(everything == 0):
        panel.plot([], [], ls="", label="hollow, at the bottom edge: zero", **hollow)
    if not np.all(np.isfinite(everything)):
        panel.plot([], [], ls="", label="hollow, at the top edge: not finite", **hollow)


def _draw_at_edge(panel: Axes, updates: NDArray[np.int64], edge: int, look: dict[str, Any]) -> None:
    if not len(updates):  # matplotlib would place an unclipped line of nothing at pixel (0, 0)
        return
    # A logarithm has no place for these: x counts updates, y is 0 at the bottom, 1 at the top.
    hollow = look | {"linestyle": "", "markerfacecolor": "white", "clip_on": False, "zorder": 4}
    at_edge = panel.get_xaxis_transform()
    panel.plot(updates, np.full(len(updates), edge), transform=at_edge, **hollow)


def _decades_around(values: NDArray[np.float64]) -> tuple[float, float]:
    drawable = values[np.isfinite(values) & (values > 0)]
    if not len(drawable):
        return 0.1, 1.0
    # Away from both edges, which mean zero and not finite.
    low = np.floor(np.log10(drawable.min()) - 0.2)
    high = np.ceil(np.log10(drawable.max()) + 0.2)
    # matplotlib's ticks overflow float64 beyond; a line may leave the panel there.
    low, high = np.clip((low, high), -200, 200)
    return 10.0**low, 10.0 ** max(high, low + 1)
