"""Adam as torch computes it. No twin: ``torch.optim`` has the rule already."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array


class AdamState(NamedTuple):
    """State of Adam.

    Attributes:
        num_updates: () int32, updates made.
        mu: running mean of the gradients, like the parameters.
        nu: running mean of the squared gradients, like the parameters.
    """

    num_updates: Array
    mu: Any
    nu: Any


def adam(
    learning_rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Return Adam: Kingma and Ba, 2015, algorithm 1.

    Parity: the formula of ``optax.adam``, whose bias correction 1 - b2^t is a difference of
    float32 numbers, 7e-6 off at the first step. Here it is -expm1(t log b2), which is exact
    to rounding, as torch's double arithmetic is.
    """

    def init(params: Any) -> AdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdamState(jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.copy, zeros))

    def update(grads: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        del params
        count = state.num_updates + 1
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, grads)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.nu, grads)

        def step(m: Array, v: Array) -> Array:
            time = count.astype(m.dtype)
            correction1 = -jnp.expm1(time * math.log(b1))
            correction2 = -jnp.expm1(time * math.log(b2))
            denominator = jnp.sqrt(v) / jnp.sqrt(correction2) + eps
            return -(learning_rate / correction1) * m / denominator

        return jax.tree.map(step, mu, nu), AdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)
