"""Maximum and mean over windows that move over images. No twin: torch has both built in."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.dispatch import on_cpu, with_fast_gradient
from zoojax.spec.conv import conv_output_size
from zoojax.spec.draws import is_integer


class Window(NamedTuple):
    """A square window that moves over an image.

    Attributes:
        kernel_size: positions on a side.
        stride: pixels from one window to the next.
        padding: pixels added at every edge of the image.
        dilation: pixels from one position in the window to the next.
    """

    kernel_size: int
    stride: int
    padding: int = 0
    dilation: int = 1

    def output_size(self, x: Array) -> tuple[int, int]:
        """Return the number of rows and columns of windows.

        Args:
            x: (batch, height, width, channels) float.

        Raises:
            ValueError: when ``x`` has another rank or dtype, when a field is not an integer or
                is too small, or when the window exceeds the padded image.
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

    @property
    def tiles(self) -> bool:
        """Whether windows lie side by side, without overlap, gaps or padding."""
        return self == Window(self.kernel_size, self.kernel_size)


def max_pool_reference(x: Array, window: Window) -> Array:
    """Return the maximum of each window: XLA's own. Arguments are those of ``max_pool``."""
    return _reduce_window(x, window, -jnp.inf, jax.lax.max)


def max_pool(x: Array, window: Window) -> Array:
    """Return the maximum of each window.

    Padding counts as -inf, and NaN passes through. Parity: among equal values the first, row by
    row, takes the whole gradient, as in torch.

    Args:
        x: (batch, height, width, channels) float.
        window: the moving window.

    Returns:
        (batch, rows, columns, channels) like ``x``.
    """
    if window.dilation > 1:  # XLA has no gradient for the maximum of dilated windows
        return _max_of_overlapping(x, window)
    reference = functools.partial(max_pool_reference, window=window)
    if not window.tiles:
        return on_cpu(reference, functools.partial(_max_of_overlapping, window=window))(x)
    size = window.kernel_size

    def forward(x: Array) -> tuple[Array, Array]:
        return first_maximum(tile_views(x, size))

    def backward(arrays: tuple[Array], index: Array, grad: Array) -> tuple[Array]:
        return (scatter_to_tiles(grad, index, size, arrays[0].shape),)

    return with_fast_gradient(reference, forward, backward)(x)


def avg_pool_reference(x: Array, window: Window) -> Array:
    """Return the mean of each window: XLA's own. Arguments are those of ``avg_pool``."""
    wide = x.astype(full_dtype(x))
    total = _reduce_window(wide, window, 0.0, jax.lax.add)
    return (total / window.kernel_size**2).astype(x.dtype)


def avg_pool(x: Array, window: Window) -> Array:
    """Return the mean of each window. Padding counts as zeros.

    Args:
        x: (batch, height, width, channels) float.
        window: the moving window.

    Returns:
        (batch, rows, columns, channels) like ``x``.
    """

    def by_views(x: Array) -> Array:
        views = tile_views(x, window.kernel_size) if window.tiles else all_views(x, window, fill=0)
        first, *others = (view.astype(full_dtype(x)) for view in views)
        return (sum(others, start=first) / window.kernel_size**2).astype(x.dtype)

    return on_cpu(functools.partial(avg_pool_reference, window=window), by_views)(x)


def _reduce_window(x: Array, window: Window, fill: float, reduce: Callable[..., Array]) -> Array:
    size, stride, padding, dilation = window
    edges = (padding, padding)
    reduced: Array = jax.lax.reduce_window(
        x,
        np.array(fill, x.dtype),  # JAX knows the gradient if it can read this number
        reduce,
        window_dimensions=(1, size, size, 1),
        window_strides=(1, stride, stride, 1),
        padding=((0, 0), edges, edges, (0, 0)),
        window_dilation=(1, dilation, dilation, 1),
    )
    return reduced


def _max_of_overlapping(x: Array, window: Window) -> Array:
    first, *others = all_views(x, window, fill=-jnp.inf)
    for view in others:
        # Not jnp.maximum, which shares the gradient among equal values. NaN compares as not
        # greater, but must pass through, as in torch.
        first = jnp.where((view > first) | jnp.isnan(view), view, first)
    return first


def all_views(x: Array, window: Window, *, fill: float) -> list[Array]:
    """Return the pixels of all windows by their position in the window, row by row.

    Each view is (batch, rows, columns, channels): one pixel of every window. On a CPU
    elementwise operations on views are faster than ``reduce_window``.

    Args:
        x: (batch, height, width, channels).
        window: the moving window; windows may overlap and leave gaps.
        fill: value of the padding.
    """
    size, stride, padding, dilation = window
    batch, _, _, channels = x.shape
    rows, columns = ((num - 1) * stride + 1 for num in window.output_size(x))
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


def tile_views(x: Array, size: int) -> list[Array]:
    """Return ``all_views`` of windows that tile the image, in a form that XLA fuses better.

    Args:
        x: (batch, height, width, channels).
        size: side of a window in pixels; what is left at the edges belongs to no window.
    """
    rows, columns = (n // size for n in x.shape[1:3])
    x = x[:, : rows * size, : columns * size]
    x = x.reshape(len(x), rows, size, columns, size, x.shape[-1])
    return [x[:, :, i, :, j] for i in range(size) for j in range(size)]


def first_maximum(views: Sequence[Array]) -> tuple[Array, Array]:
    """Return the maximum of each window, and the position in the window where it first occurs.

    Args:
        views: what ``tile_views`` returned.
    """
    maximum, *others = views
    index = jnp.zeros(maximum.shape, jnp.int8 if len(views) < 128 else jnp.int32)
    for position, view in enumerate(others, start=1):
        index = jnp.where(view > maximum, index.dtype.type(position), index)
        maximum = jnp.maximum(maximum, view)
    return maximum, index


def scatter_to_tiles(grad: Array, index: Array, size: int, shape: Sequence[int]) -> Array:
    """Return an array of ``shape`` with each window's gradient at its index, and 0 elsewhere."""

    def spread(pooled: Array) -> Array:
        return jnp.repeat(jnp.repeat(pooled, size, axis=1), size, axis=2)

    positions = jnp.arange(size**2, dtype=index.dtype).reshape(size, size)
    here = jnp.tile(positions, grad.shape[1:3])[:, :, None]
    windows = jnp.where(spread(index) == here, spread(grad), 0)
    return jnp.pad(windows, [(0, n - used) for n, used in zip(shape, windows.shape, strict=True)])
