"""Windows that move over pictures, and the pools made of them. No twin: torch has both pools."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax import gradients
from zoojax.mixed_precision import full_dtype
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


class MaxPool2d(nn.Module):
    """Largest value of each square window, as ``torch.nn.MaxPool2d``.

    Padding counts as -inf. Of equal values the first, row by row, takes the whole gradient.

    Parity: a dilated window may lie in the padding alone. The result is then -inf in both; here
    no pixel gets its gradient, while torch's gradient on a CPU writes outside its memory.

    Args:
        kernel_size: places on a side of a window, at least 1.
        stride: pixels from one window to the next, at least 1; None for ``kernel_size``.
        padding: pixels added at every edge, from 0 to half of ``kernel_size``.
        dilation: pixels from one place in a window to the next, at least 1.
    """

    kernel_size: int
    stride: int | None = None
    padding: int = 0
    dilation: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Pool.

        Args:
            x: (batch, height, width, channels) float.

        Returns:
            (batch, rows, columns, channels) like ``x``, of the size that
            ``zoojax.spec.conv.conv_output_size`` gives.

        Raises:
            ValueError: when an option is out of its range or the window exceeds the padded
                picture.
        """
        window = _pool_window(x, self.kernel_size, self.stride, self.padding, self.dilation)
        if window == Window(self.kernel_size, self.kernel_size):
            return gradients.max_pool(x, self.kernel_size)
        largest, *others = _views(x, window, fill=-jnp.inf)
        for view in others:
            # Not jnp.maximum, which shares the gradient out among equal values. NaN compares
            # as not greater, but must pass through, as in torch.
            largest = jnp.where((view > largest) | jnp.isnan(view), view, largest)
        return largest


class AvgPool2d(nn.Module):
    """Mean of each square window, as ``torch.nn.AvgPool2d``.

    Padding counts as zeros, so that every mean is of ``kernel_size`` ** 2 values.

    Args:
        kernel_size: pixels on a side of a window, at least 1.
        stride: pixels from one window to the next, at least 1; None for ``kernel_size``.
        padding: pixels added at every edge, from 0 to half of ``kernel_size``.
    """

    kernel_size: int
    stride: int | None = None
    padding: int = 0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Pool.

        Args:
            x: (batch, height, width, channels) float.

        Returns:
            (batch, rows, columns, channels) like ``x``, of the size that
            ``zoojax.spec.conv.conv_output_size`` gives.

        Raises:
            ValueError: when an option is out of its range or the window exceeds the padded
                picture.
        """
        window = _pool_window(x, self.kernel_size, self.stride, self.padding)
        if window == Window(self.kernel_size, self.kernel_size):
            views = gradients.window_views(x, self.kernel_size)
        else:
            views = _views(x, window, fill=0)
        first, *others = (view.astype(full_dtype(x)) for view in views)
        return (sum(others, start=first) / self.kernel_size**2).astype(x.dtype)


def _pool_window(
    x: Array, kernel_size: int, stride: int | None, padding: int, dilation: int = 1
) -> Window:
    """Return the window of a pool of ``x``; raise ``ValueError`` when it cannot be."""
    window = Window(kernel_size, kernel_size if stride is None else stride, padding, dilation)
    window.num_places(x)
    allowed = kernel_size // 2
    if padding > allowed:
        raise ValueError(
            f"padding must be at most half of kernel_size {kernel_size}, so {allowed}, "
            f"got {padding}"
        )
    return window


def _views(x: Array, window: Window, *, fill: float) -> list[Array]:
    """Return the pixels of all windows by their place in the window, row by row.

    Like ``gradients.window_views``, but windows may overlap and lie apart. On a CPU elementwise
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
