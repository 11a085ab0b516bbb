"""One time step of each recurrent cell."""

from collections.abc import Callable

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an lstm; each (batch, hidden_dim)."""


def rnn_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of an Elman network: ``zoojax.models.cells.rnn_step``."""
    (hidden,) = parts
    return (torch.tanh(x + recurrent(hidden)),)


def lstm_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of an LSTM: ``zoojax.ops.lstm.lstm_step``."""
    hidden, cell = parts
    enter, forget, candidate, leave = (x + recurrent(hidden)).chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def gru_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of a GRU: ``zoojax.models.cells.gru_step``."""
    (hidden,) = parts
    x_reset, x_update, x_candidate = x.chunk(3, dim=-1)
    h_reset, h_update, h_candidate = recurrent(hidden).chunk(3, dim=-1)
    update = torch.sigmoid(x_update + h_update)
    candidate = torch.tanh(x_candidate + torch.sigmoid(x_reset + h_reset) * h_candidate)
    return ((1 - update) * candidate + update * hidden,)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
