"""Windows that move over pictures, and the pools made of them. No twin: torch has both pools."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.spec.conv import conv_output_size
from zoojax.spec.draws import is_integer


class Window(NamedTuple):
    """A square window that moves over a picture.

    Attributes:
        kernel_size: places on a side.
        stride: pixels from one window to the next.
        padding: pixels added at every edge of the picture.
        dilation: pixels from one place in the window to the next.
    """

    kernel_size: int
    stride: int
    padding: int = 0
    dilation: int = 1

    def num_places(self, x: Array) -> tuple[int, int]:
        """Return how many windows there are, one below another and side by side.

        Args:
            x: (batch, height, width, channels) float.

        Raises:
            ValueError: when ``x`` is of another kind, when a field is not an integer or too
                small, or when the window exceeds the padded picture.
        """
        if x.ndim != 4 or not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(
                "inputs must be floats of shape (batch, height, width, channels), "
                f"got {x.dtype} of shape {x.shape}"
            )
        for name, value in self._asdict().items():
            low = 0 if name == "padding" else 1
            if not is_integer(value) or value < low:
                raise ValueError(f"{name} must be an integer >= {low}, got {value!r}")
        rows, columns = (conv_output_size(size, **self._asdict()) for size in x.shape[1:3])
        return rows, columns


def all_views(x: Array, window: Window, *, fill: float) -> list[Array]:
    """Return the pixels of all windows by their place in the window, row by row.

    Like ``window_views``, but windows may overlap and lie apart. On a CPU elementwise
    operations on these are faster than ``reduce_window``.

    Args:
        x: (batch, height, width, channels).
        window: the moving window.
        fill: value of the padding.
    """
    size, stride, padding, dilation = window
    batch, _, _, channels = x.shape
    rows, columns = ((places - 1) * stride + 1 for places in window.num_places(x))
    edges = (padding, padding)
    padded = jnp.pad(x, ((0, 0), edges, edges, (0, 0)), constant_values=fill)
    return [
        jax.lax.slice(
            padded,
            (0, top, left, 0),
            (batch, top + rows, left + columns, channels),
            (1, stride, stride, 1),
        )
        for top in range(0, size * dilation, dilation)
        for left in range(0, size * dilation, dilation)
    ]


def max_pool(x: Array, size: int) -> Array:
    """Return the largest value of each square window; windows do not overlap.

    Parity: of equal values the first takes the whole gradient, as in torch.

    Args:
        x: (batch, height, width, channels) float.
        size: side of a window in pixels.

    Returns:
        (batch, floor(height / size), floor(width / size), channels).
    """

    def forward(x: Array) -> tuple[Array, Array]:
        return largest_of_views(window_views(x, size))

    def backward(place: Array, grad: Array) -> tuple[Array]:
        return (to_places(grad, place, size, x.shape),)

    differentiable = jax.custom_vjp(lambda x: forward(x)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x)


def largest_of_views(views: Sequence[Array]) -> tuple[Array, Array]:
    """Return the largest value of each window, and at which of its places the first such is.

    Args:
        views: what ``window_views`` returned.
    """
    first, *others = views
    place = jnp.zeros(first.shape, jnp.int8 if len(views) < 128 else jnp.int32)
    for index, view in enumerate(others, start=1):
        place = jnp.where(view > first, place.dtype.type(index), place)
        first = jnp.maximum(first, view)
    return first, place


def to_places(grad: Array, place: Array, size: int, shape: Sequence[int]) -> Array:
    """Return an array of ``shape`` with each window's gradient at its place, and 0 elsewhere."""

    def spread(pooled: Array) -> Array:
        return jnp.repeat(jnp.repeat(pooled, size, axis=1), size, axis=2)

    places = jnp.arange(size**2, dtype=place.dtype).reshape(size, size)
    here = jnp.tile(places, grad.shape[1:3])[:, :, None]
    windows = jnp.where(spread(place) == here, spread(grad), 0)
    return jnp.pad(windows, [(0, n - used) for n, used in zip(shape, windows.shape, strict=True)])


def window_views(x: Array, size: int) -> list[Array]:
    """Return the pixels of all windows by their place in the window, one array a place.

    On a CPU elementwise operations on these are faster than ``reduce_window``.

    Args:
        x: (batch, height, width, channels).
        size: side of a window in pixels; what is left at the edges belongs to no window.
    """
    rows, columns = (n // size for n in x.shape[1:3])
    x = x[:, : rows * size, : columns * size]
    x = x.reshape(len(x), rows, size, columns, size, x.shape[-1])
    return [x[:, :, i, :, j] for i in range(size) for j in range(size)]
