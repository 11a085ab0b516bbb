"""Dropout whose masks come from the step's key."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax import random
from zoojax.mixed_precision import full_dtype


class Dropout(nn.Module):
    """Clear a part of the values and scale the others up: Srivastava and others, 2014."""

    rate: float
    layer: int

    @nn.compact
    def __call__(self, x: Array, *, key: Array | None) -> Array:
        """Drop.

        Args:
            x: float array of any shape.
            key: the step's dropout key; None to keep everything, as in evaluation.

        Returns:
            an array like ``x``.
        """
        if key is None or self.rate == 0:
            return x
        keep = random.keep_mask(jax.random.fold_in(key, self.layer), x.shape, self.rate)
        scaled = (x.astype(full_dtype(x)) / (1 - self.rate)).astype(x.dtype)
        return jnp.where(keep, scaled, 0)
