"""Activations by name, and their derivatives."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array

from zoojax.mixed_precision import full_dtype

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "relu": nn.relu,
    # Parity: at 0 the slope is the small one, as in torch; Flax has the large one.
    "leaky_relu": lambda x: jnp.where(x > 0, x, 0.01 * x),
    "elu": nn.elu,
    # Parity: torch's GELU is the exact one, Flax's default the tanh approximation.
    "gelu": lambda x: nn.gelu(x, approximate=False),
}


class Activation(nn.Module):
    """An activation by its name in ``ACTIVATIONS``."""

    kind: str

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Apply it to each element of an array of any shape."""
        return ACTIVATIONS[self.kind](x.astype(full_dtype(x))).astype(x.dtype)


def activation_gradient(kind: str, x: Array) -> Array:
    """Return the derivative of an activation at each element.

    Args:
        kind: a name in ``ACTIVATIONS``.
        x: float array of any shape.

    Returns:
        an array like ``x``.

    Raises:
        ValueError: when the kind is unknown or ``x`` is not of floats.
    """
    if kind not in ACTIVATIONS:
        raise ValueError(f"kind must be one of {', '.join(ACTIVATIONS)}, got {kind!r}")
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"inputs must be floats, got {x.dtype}")
    # Each element moves its own term of the sum alone.
    gradient: Array = jax.grad(lambda x: ACTIVATIONS[kind](x).sum())(x)
    return gradient
