"""Coverage of conformal prediction: over alpha on a test set, and over time in a sequence."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure
from zoojax.spec.conformal import as_fraction
from zoojax.spec.draws import is_integer

ADAPTIVE = "adaptive"
AIM: dict[str, Any] = {"color": style.BLACK, "linewidth": 1, "linestyle": "--", "zorder": 1.9}

Ends = tuple[NDArray[np.floating], NDArray[np.floating]]


def coverage_curves(
    alphas: NDArray[np.floating],
    coverages: Mapping[str, NDArray[np.floating]],
    *,
    band: Ends | None,
    title: str | None = None,
) -> NotebookFigure:
    """Draw the coverage on a test set over alpha, and below it how far it is from 1 - alpha.

    Args:
        alphas: (num,) floats over 0 and under 1, rising: part of the samples that may be missed.
        coverages: (num,) floats from 0 to 1 of each method, by its name: part of the test set
            that its sets or intervals hold.
        band: lowest and highest coverage, (num,) floats from 0 to 1 each, between which that of
            one test set lies with probability 95%, as ``zoojax.spec.conformal.coverage_band``
            gives it: V. Vovk, Conditional validity of inductive conformal predictors, 2012,
            proposition 2b. None where theory has no such band.
        title: a line above the figure.

    Raises:
        ValueError: when there is no alpha or no method, or when something is not of that kind.
    """
    alphas = np.asarray(alphas)
    _check_alphas(alphas)
    _check_coverages(coverages, band, len(alphas))
    figure = NotebookFigure(figsize=(8, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (5, 3)})
    _draw_coverages(top, alphas, coverages, band)
    # The curves hug the line 1 - alpha: only without it can they be told apart.
    aim = 1 - alphas
    differences = {name: np.asarray(each) - aim for name, each in coverages.items()}
    below = None if band is None else (band[0] - aim, band[1] - aim)
    _draw_coverages(bottom, alphas, differences, below)
    # Endless, so that a single alpha has such a line too.
    top.axline((alphas[0], aim[0]), slope=-1, label=r"aimed at: $1 - \alpha$", **AIM)
    bottom.axhline(0, **AIM)
    top.set_ylabel("coverage of the test set")
    bottom.set(xlabel=r"$\alpha$", ylabel=r"coverage $-\;(1 - \alpha)$")
    style.legend_beside(top)
    figure.align_ylabels()
    if title:
        figure.suptitle(title)
    return figure


def adaptive_coverage(
    errors: NDArray[np.bool_],
    levels: NDArray[np.floating],
    *,
    alpha: float | Fraction,
    window: int = 100,
    others: Mapping[str, NDArray[np.bool_]] | None = None,
    title: str | None = None,
) -> NotebookFigure:
    """Draw how adaptive conformal inference covers a sequence, and its level, over time.

    The level moves as in I. Gibbs and E. Candès, Adaptive conformal inference under distribution
    shift, 2021, equation 2; the coverage is as in their figure 1, but of the window that ends at
    a step, not around it: it knows no future, and the first window - 1 steps have none.

    Args:
        errors: (steps,) bools, whether adaptive conformal inference missed.
        levels: (steps,) floats, the level alpha_t used at each step; it may leave 0 to 1.
        alpha: part of the steps that may be missed, over 0 and under 1.
        window: number of steps that a coverage is the mean of, from 1 to steps.
        others: (steps,) bools, what others missed, by their name; none may be "adaptive".
        title: a line above the figure.

    Raises:
        ValueError: when there is no step, or when something is not of that kind.
    """
    aim, others = as_fraction(alpha), others or {}
    if ADAPTIVE in others:
        raise ValueError(f"others must have names other than {ADAPTIVE!r}, got {list(others)}")
    missed = {name: np.asarray(each) for name, each in {ADAPTIVE: errors, **others}.items()}
    levels = np.asarray(levels)
    _check_errors(missed)
    _check_levels(levels, len(missed[ADAPTIVE]))
    if not is_integer(window) or not 1 <= window <= len(levels):
        raise ValueError(f"window must be an integer from 1 to {len(levels)}, got {window!r}")
    figure = NotebookFigure(figsize=(9, 5.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 2)})
    _draw_rolling(top, missed, window)
    top.axhline(float(1 - aim), label=f"aimed at: {float(1 - aim):.4g}", **AIM)
    _draw_levels(bottom, levels, float(aim))
    for panel in (top, bottom):
        style.legend_beside(panel)
    figure.align_ylabels()
    if title:
        figure.suptitle(title)
    return figure


def _check_alphas(alphas: NDArray[np.floating]) -> None:
    if alphas.ndim != 1 or not len(alphas):
        raise ValueError(f"alphas must be of shape (num >= 1,), got {alphas.shape}")
    # Put so that NaN fails too.
    if not (np.all((alphas > 0) & (alphas < 1)) and np.all(np.diff(alphas) > 0)):
        raise ValueError(f"alphas must be over 0, under 1 and rising, got {alphas}")


def _check_coverages(
    coverages: Mapping[str, NDArray[np.floating]], band: Ends | None, num_alphas: int
) -> None:
    if not coverages:
        raise ValueError("coverages must hold at least one method, got none")
    named = {f"coverages of {name!r}": each for name, each in coverages.items()}
    if band is not None:
        if len(band) != 2:
            raise ValueError(f"band must be two lists, lowest and highest, got {len(band)}")
        named |= {"lows of the band": band[0], "highs of the band": band[1]}
    for name, each in named.items():
        rates = np.asarray(each)
        if rates.shape != (num_alphas,):
            raise ValueError(
                f"{name} must be of shape {(num_alphas,)}, one an alpha, got {rates.shape}"
            )
        if not np.all((rates >= 0) & (rates <= 1)):
            raise ValueError(f"{name} must be from 0 to 1, got {rates.min()} to {rates.max()}")
    if band is not None and np.any(np.greater(*band)):
        raise ValueError("lows of the band must not be over its highs, got some that are")


def _draw_coverages(
    panel: Axes,
    alphas: NDArray[np.floating],
    curves: Mapping[str, NDArray[np.floating]],
    band: Ends | None,
) -> None:
    every = -(-len(alphas) // 12)
    for index, (name, curve) in enumerate(curves.items()):
        options = style.line_style(index) | style.marker_style(index)
        # Out of step with the other curves' markers, to follow one where they lie close.
        options |= {"markersize": 4.5, "markevery": (index % every, every), "linewidth": 1.4}
        panel.plot(alphas, curve, label=name, **options)
    style.add_grid(panel)
    if band is None:
        return
    # Of a single alpha the band has no width: its edge must be seen.
    look: dict[str, Any] = {"color": "#DDDDDD", "linewidth": 1 if len(alphas) > 1 else 7}
    panel.fill_between(alphas, *band, label="95% of test sets, in theory", **look)


def _check_errors(missed: Mapping[str, NDArray[np.bool_]]) -> None:
    shape = missed[ADAPTIVE].shape
    for name, each in missed.items():
        if each.shape != shape or each.ndim != 1 or not len(each) or each.dtype != np.bool_:
            raise ValueError(
                f"errors must be bools of one shape (steps >= 1,), got {each.dtype} of shape "
                f"{each.shape} of {name!r}, beside {shape}"
            )


def _check_levels(levels: NDArray[np.floating], num_steps: int) -> None:
    if levels.shape != (num_steps,):
        raise ValueError(f"levels must be of shape {(num_steps,)}, one a step, got {levels.shape}")
    num_others = int(np.count_nonzero(~np.isfinite(levels)))
    if num_others:
        raise ValueError(f"levels must be finite, got {num_others} that are infinite or NaN")


def _draw_rolling(panel: Axes, missed: Mapping[str, NDArray[np.bool_]], window: int) -> None:
    for index, (name, errors) in enumerate(missed.items()):
        num_covered = np.append(0, np.cumsum(~errors))
        coverage = (num_covered[window:] - num_covered[:-window]) / window
        ends = np.arange(window - 1, len(errors))
        look = style.line_style(index) | style.marker_style(index)
        # Markers out of step with the other curves', to follow one where they cross.
        every = -(-len(ends) // 8)
        start = index * every // len(missed)
        look |= {"markersize": 5, "markevery": (start, every), "linewidth": 1.4}
        # The first, which the figure is about, on top of the others.
        label = f"{name} ({1 - errors.mean():.1%} of all steps)"
        panel.plot(ends, coverage, label=label, zorder=3 - index / 10, **look)
    panel.set_ylabel(f"coverage of\nthe last {window:,} steps" if window > 1 else "coverage")
    style.add_grid(panel)


def _draw_levels(panel: Axes, levels: NDArray[np.floating], alpha: float) -> None:
    panel.plot(levels, color=style.BLUE, linewidth=1.2, label=r"level used, $\alpha_t$")
    panel.axhline(alpha, label=rf"aimed at: $\alpha$ = {alpha:.4g}", **AIM)
    bound: dict[str, Any] = {"color": style.RED, "linewidth": 1.2}
    if levels.min() <= 0:
        panel.axhline(0, label="0 and under: all is predicted", linestyle=":", **bound)
    if levels.max() >= 1:
        panel.axhline(1, label="1 and over: nothing is", linestyle="-.", **bound)
    panel.set(xlabel="time step", ylabel=r"level $\alpha_t$")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.add_grid(panel)
