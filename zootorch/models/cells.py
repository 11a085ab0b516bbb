"""One time step of each recurrent cell.

Parity: ``RNN`` uses torch's own layers; only ensembles, which ``torch.vmap`` trains, use these.
"""

from collections.abc import Callable

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an LSTM; each (batch, hidden_dim)."""

Step = Callable[[State, Tensor, Tensor], State]


def rnn_step(state: State, x: Tensor, h: Tensor) -> State:
    """Compute one time step of an Elman network: Elman, 1990.

    Args:
        state: (hidden,).
        x: (batch, hidden_dim), what the input contributes: a product with a bias.
        h: (batch, hidden_dim), what the hidden state contributes, likewise.

    Returns:
        the new state.
    """
    del state  # it only enters through h
    return (torch.tanh(x + h),)


def lstm_step(state: State, x: Tensor, h: Tensor) -> State:
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
    i, f, g, o = (x + h).chunk(4, dim=-1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def gru_step(state: State, x: Tensor, h: Tensor) -> State:
    """Compute one time step of a GRU: Cho and others, 2014.

    Parity: as in torch's own layer, the reset gate scales the recurrent product with its bias;
    in the paper it scales the hidden state before the product.

    Args:
        state: (hidden,).
        x: (batch, 3 * hidden_dim), what the input contributes to the reset gate r, the update
            gate z and the candidate n: products with biases.
        h: (batch, 3 * hidden_dim), what the hidden state contributes, likewise.

    Returns:
        the new state.
    """
    (hidden,) = state
    x_r, x_z, x_n = x.chunk(3, dim=-1)
    h_r, h_z, h_n = h.chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)
    return ((1 - z) * n + z * hidden,)


STEPS: dict[str, Step] = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
