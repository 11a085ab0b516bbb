"""Models that `torch.vmap` can map over their parameters. No twin: JAX maps any function.

They take the parameters of the usual models, under the same names, and give the same outputs.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from zoojax.spec.config import ModelConfig, RNNConfig
from zootorch.layers import Dropout
from zootorch.models import Network, model_of
from zootorch.models.cells import STEPS
from zootorch.models.rnn import RNN


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


class SteppedRNN(RNN):
    """An RNN whose time steps are written out: torch's own recurrent layers do not support vmap."""

    def _run_layer(self, layer: int, x: Tensor, parts: list[Tensor]) -> tuple[Tensor, ...]:
        """Run one layer over all time steps."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.rnn.all_weights[layer]
        # What the inputs contribute is one product for all steps; only the rest is sequential.
        inputs = nn.functional.linear(x, weight_ih, bias_ih)
        state, outputs = tuple(part[0] for part in parts), []
        for x_t in inputs.unbind(1):
            h = nn.functional.linear(state[0], weight_hh, bias_hh)
            state = STEPS[self.config.cell](state, x_t, h)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), *(part[None] for part in state)


def mappable(config: ModelConfig) -> Network:
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


def rows(values: Tensor, like: Tensor) -> Tensor:
    """Return (members,) values in a shape that broadcasts against a (members, ...) tensor."""
    return values.view(-1, *[1] * (like.ndim - 1))


def clip_each(grads: Sequence[Tensor], largest: float) -> None:
    """Scale gradients down, in place, so that the norm of each member's is at most ``largest``.

    Parity: the norm plus 1e-6 divides, as in ``torch.nn.utils.clip_grad_norm_``.

    Args:
        grads: (members, ...) of each parameter.
        largest: norm of all gradients of a member together.
    """
    norms = torch.stack([each.flatten(1).norm(dim=1) for each in grads]).norm(dim=0)
    factors = (largest / (norms + 1e-6)).clamp(max=1)
    for each in grads:
        each.mul_(rows(factors, each))
