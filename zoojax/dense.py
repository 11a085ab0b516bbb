"""The linear layer. No twin: torch has it."""

from typing import Any

from flax import linen as nn
from jax import Array

from zoojax.mixed_precision import add_bias, full_dtype, operands


class Dense(nn.Module):
    """Return x @ kernel + bias, as ``torch.nn.Linear``.

    Args:
        features: numbers of the output.
        dtype: what the product is computed in (``zoojax.mixed_precision``); None for that of ``x``.
    """

    features: int
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Take (batch, inputs) float to (batch, features) of ``dtype``."""
        shape, dtype = (x.shape[-1], self.features), full_dtype(x)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, dtype)
        bias = self.param("bias", nn.initializers.zeros, shape[1:], dtype)
        x, kernel = operands(self.dtype, x, kernel)
        return add_bias(x @ kernel, bias)
