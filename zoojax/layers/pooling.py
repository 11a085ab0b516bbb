"""Pools, and how pixels become features."""

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.pooling import Window, all_views, max_pool, window_views


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
            return max_pool(x, self.kernel_size)
        largest, *others = all_views(x, window, fill=-jnp.inf)
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
            views = window_views(x, self.kernel_size)
        else:
            views = all_views(x, window, fill=0)
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


class Head(nn.Module):
    """Turn pixels into features: flatten, or the global maximum or mean of each channel."""

    kind: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Take (batch, height, width, channels) to (batch, features)."""
        if self.kind == "flatten":
            return x.reshape(len(x), -1)
        if self.kind == "average":
            return x.mean((1, 2))
        # Not x.max((1, 2)): its gradient goes to the pixels that equal the maximum, and a
        # compiled program may compute x twice and round it in two ways, so that none does.
        pixels = x.reshape(len(x), -1, x.shape[-1])
        place = pixels.argmax(1, keepdims=True)
        return jnp.take_along_axis(pixels, place, 1)[:, 0]
