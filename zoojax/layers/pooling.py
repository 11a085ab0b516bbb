"""Pools, and how pixels become features."""

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax.ops import Window, avg_pool, max_pool


class MaxPool2d(nn.Module):
    """Maximum of each square window, as ``torch.nn.MaxPool2d``.

    Padding counts as -inf. Among equal values the first, row by row, takes the whole gradient.

    Parity: a dilated window may lie entirely in the padding. The result is then -inf in both;
    here no pixel gets its gradient, while torch's gradient on a CPU writes out of bounds.

    Args:
        kernel_size: positions on a side of a window, at least 1.
        stride: pixels from one window to the next, at least 1; None for ``kernel_size``.
        padding: pixels added at every edge, 0 to half of ``kernel_size``.
        dilation: pixels from one place in a window to the next, at least 1.
    """

    kernel_size: int
    stride: int | None = None
    padding: int = 0
    dilation: int = 1

    @property
    def window(self) -> Window:
        """The moving window."""
        stride = self.kernel_size if self.stride is None else self.stride
        return Window(self.kernel_size, stride, self.padding, self.dilation)

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
                image.
        """
        _check_pool(x, self.window)
        return max_pool(x, self.window)


class AvgPool2d(nn.Module):
    """Mean of each square window, as ``torch.nn.AvgPool2d``.

    Padding counts as zeros, so that every mean is of ``kernel_size`` ** 2 values.

    Args:
        kernel_size: pixels on a side of a window, at least 1.
        stride: pixels from one window to the next, at least 1; None for ``kernel_size``.
        padding: pixels added at every edge, 0 to half of ``kernel_size``.
    """

    kernel_size: int
    stride: int | None = None
    padding: int = 0

    @property
    def window(self) -> Window:
        """The moving window."""
        stride = self.kernel_size if self.stride is None else self.stride
        return Window(self.kernel_size, stride, self.padding)

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
                image.
        """
        _check_pool(x, self.window)
        return avg_pool(x, self.window)


def _check_pool(x: Array, window: Window) -> None:
    """Raise ``ValueError`` when a window does not fit ``x``, or is padded by more than its half."""
    window.output_size(x)
    allowed = window.kernel_size // 2
    if window.padding > allowed:
        raise ValueError(
            f"padding must be at most half of kernel_size {window.kernel_size}, so {allowed}, "
            f"got {window.padding}"
        )


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
        # Not x.max((1, 2)): its gradient goes to the pixels that equal the maximum, and where x is
        # computed twice and rounded in two ways, none does.
        pixels = x.reshape(len(x), -1, x.shape[-1])
        index = pixels.argmax(1, keepdims=True)
        return jnp.take_along_axis(pixels, index, 1)[:, 0]
