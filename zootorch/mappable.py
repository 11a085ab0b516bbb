"""Models that `torch.vmap` can map over their parameters. No twin: JAX maps any function.

They take the parameters of the usual models, under the same names, and give the same outputs.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoojax.spec.config import RNNConfig
from zootorch.layers import Dropout
from zootorch.models import model_of
from zootorch.rnn import RNN

Parts = tuple[Tensor, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an lstm; each (batch, hidden_dim)."""


class GivenDropout(nn.Module):
    """Dropout by a mask that comes as a buffer.

    ``torch.vmap`` maps over tensors, and a generator is none: masks are drawn before.
    """

    keep: Tensor

    def __init__(self, rate: float, layer: int) -> None:
        super().__init__()
        self.rate, self.layer = rate, layer
        self.register_buffer("keep", torch.ones((), dtype=torch.bool), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values of a float tensor in train mode; keep all in eval mode."""
        if not self.training or self.rate == 0:
            return x
        return torch.where(self.keep, x / (1 - self.rate), 0)


def rnn_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of an Elman network: ``zoojax.rnn.rnn_step``."""
    (hidden,) = parts
    return (torch.tanh(x + recurrent(hidden)),)


def lstm_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of an LSTM: ``zoojax.lstm.lstm_step``."""
    hidden, cell = parts
    enter, forget, candidate, leave = (x + recurrent(hidden)).chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell


def gru_step(parts: Parts, x: Tensor, recurrent: Callable[[Tensor], Tensor]) -> Parts:
    """Make one time step of a GRU: ``zoojax.rnn.gru_step``."""
    (hidden,) = parts
    x_reset, x_update, x_candidate = x.chunk(3, dim=-1)
    h_reset, h_update, h_candidate = recurrent(hidden).chunk(3, dim=-1)
    update = torch.sigmoid(x_update + h_update)
    candidate = torch.tanh(x_candidate + torch.sigmoid(x_reset + h_reset) * h_candidate)
    return ((1 - update) * candidate + update * hidden,)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}


class SteppedRNN(RNN):
    """An RNN whose time steps are written out: torch's own recurrent layers know no vmap."""

    def _run_layer(self, layer: int, x: Tensor, parts: list[Tensor]) -> tuple[Tensor, ...]:
        """Run one layer over all time steps."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.rnn.all_weights[layer]
        # What the inputs contribute is one product for all steps; only the rest must wait.
        x = nn.functional.linear(x, weight_ih, bias_ih)
        state, outputs = tuple(part[0] for part in parts), []
        for each in x.unbind(1):
            state = STEPS[self.config.cell](
                state, each, lambda hidden: nn.functional.linear(hidden, weight_hh, bias_hh)
            )
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), *(part[None] for part in state)


def mappable(config: Any) -> Any:
    """Return a model for ``functional_call`` under ``vmap``.

    Args:
        config: of an MLP or an RNN.
    """
    model = SteppedRNN(config) if isinstance(config, RNNConfig) else model_of(config)
    drops = [(n, each) for n, each in model.named_modules() if isinstance(each, Dropout)]
    for name, each in drops:
        model.set_submodule(name, GivenDropout(each.rate, each.layer))
    return model


def dropouts(model: nn.Module) -> Iterator[tuple[str, GivenDropout]]:
    """Yield what needs a mask in train mode, by the name of the buffer that holds it."""
    for name, module in model.named_modules():
        if isinstance(module, GivenDropout) and module.rate:
            yield f"{name}.keep", module
