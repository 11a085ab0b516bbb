"""One time step of each recurrent cell."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from jax import Array

State = tuple[Array, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an LSTM; each (batch, hidden_dim)."""

Step = Callable[[State, Array, Array], State]


def rnn_step(state: State, x: Array, h: Array) -> State:
    """Compute one time step of an Elman network: Elman, 1990.

    Args:
        state: (hidden,).
        x: (batch, hidden_dim), what the input contributes: a product with a bias.
        h: (batch, hidden_dim), what the hidden state contributes, likewise.

    Returns:
        the new state.
    """
    del state  # it only enters through h
    return (jnp.tanh(x + h),)


def lstm_step(state: State, x: Array, h: Array) -> State:
    """Compute one time step of an LSTM: Hochreiter and Schmidhuber, 1997; forget gate, 2000.

    Args:
        state: (hidden, cell).
        x: (batch, 4 * hidden_dim), what the input contributes to the input gate i, the forget
            gate f, the cell candidate g and the output gate o: products with biases.
        h: (batch, 4 * hidden_dim), what the hidden state contributes, likewise.

    Returns:
        the new state.
    """
    _, cell = state
    i, f, g, o = jnp.split(x + h, 4, axis=-1)
    cell = nn.sigmoid(f) * cell + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(cell), cell


def gru_step(state: State, x: Array, h: Array) -> State:
    """Compute one time step of a GRU: Cho and others, 2014.

    Parity: as in torch, the reset gate scales the recurrent product with its bias; in the paper
    it scales the hidden state before the product.

    Args:
        state: (hidden,).
        x: (batch, 3 * hidden_dim), what the input contributes to the reset gate r, the update
            gate z and the candidate n: products with biases.
        h: (batch, 3 * hidden_dim), what the hidden state contributes, likewise.

    Returns:
        the new state.
    """
    (hidden,) = state
    x_r, x_z, x_n = jnp.split(x, 3, axis=-1)
    h_r, h_z, h_n = jnp.split(h, 3, axis=-1)
    r, z = nn.sigmoid(x_r + h_r), nn.sigmoid(x_z + h_z)
    n = jnp.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * hidden,)


STEPS: dict[str, Step] = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
