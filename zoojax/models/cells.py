"""One time step of each recurrent cell."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

Parts = tuple[Array, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an lstm."""


def rnn_step(parts: Parts, x: Array, recurrent: Callable[[Array], Array]) -> Parts:
    """Make one time step of an Elman network: tanh(x + recurrent(hidden)).

    Args:
        parts: (hidden,), (batch, hidden_dim).
        x: (batch, hidden_dim), what the input contributes.
        recurrent: what the hidden state contributes.

    Returns:
        the new (hidden,).
    """
    (hidden,) = parts
    return (jnp.tanh(x + recurrent(hidden)),)


def gru_step(parts: Parts, x: Array, recurrent: Callable[[Array], Array]) -> Parts:
    """Make one time step of a GRU: Cho and others, 2014.

    Parity: as in torch the reset gate scales the recurrent product with its bias; in the
    paper it scales the hidden state before the product.

    Args:
        parts: (hidden,), (batch, hidden_dim).
        x: (batch, 3 hidden_dim), what the input contributes to reset and update gate and to
            the candidate.
        recurrent: what the hidden state contributes.

    Returns:
        the new (hidden,).
    """
    (hidden,) = parts
    x_reset, x_update, x_candidate = jnp.split(x, 3, axis=-1)
    h_reset, h_update, h_candidate = jnp.split(recurrent(hidden), 3, axis=-1)
    update = nn.sigmoid(x_update + h_update)
    candidate = jnp.tanh(x_candidate + nn.sigmoid(x_reset + h_reset) * h_candidate)
    return ((1 - update) * candidate + update * hidden,)


STEPS = {"rnn": rnn_step, "gru": gru_step}
