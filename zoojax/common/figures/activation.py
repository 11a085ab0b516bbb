"""Activation functions and their gradients."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.saving import NotebookFigure


def activations(
    x: NDArray[np.floating],
    values: Mapping[str, NDArray[np.floating]],
    gradients: Mapping[str, NDArray[np.floating]],
) -> NotebookFigure:
    """Draw activation functions, and beside them their gradients.

    Args:
        x: (points,) floats, where the functions were evaluated.
        values: (points,) floats, f(x) of each function by its name.
        gradients: (points,) floats, df/dx of each, by the same names.

    Raises:
        ValueError: when there is no function, when the names differ, or when something is not
            of that shape.
    """
    if not values or set(values) != set(gradients):
        raise ValueError(
            "values must hold at least one function, and gradients the same ones, got "
            f"{list(values)} and {list(gradients)}"
        )
    for name in values:
        shapes = [np.shape(each) for each in (x, values[name], gradients[name])]
        if len(shapes[0]) != 1 or len(set(shapes)) > 1 or not shapes[0][0]:
            raise ValueError(
                f"x, values and gradients of {name!r} must all be of shape (points >= 1,), got "
                f"{', '.join(map(str, shapes))}"
            )
    figure = NotebookFigure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, name in enumerate(values):
        # Most of them are the same over half of the axis: where thin lies on thick, both show.
        look = style.line_style(index) | {"linewidth": max(1.0, 3.2 - 0.6 * index)}
        left.plot(x, values[name], label=name, **look)
        right.plot(x, gradients[name], label=name, **look)
    left.set(title="activation", xlabel="x", ylabel="f(x)")
    right.set(title="its gradient", xlabel="x", ylabel="df(x)/dx")
    for panel in (left, right):
        style.add_grid(panel)
    style.legend_beside(right)
    return figure
