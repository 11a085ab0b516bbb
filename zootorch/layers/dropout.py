"""Dropout whose masks come from a generator of its own."""

import torch
from torch import Tensor, nn

from zootorch import random
from zootorch.types import Model


class Dropout(nn.Module):
    """Clear a part of the values and scale the others up: Srivastava and others, 2014.

    ``torch.nn.Dropout`` draws its masks from a global generator; this one has its own, whose
    counter moves with each call in train mode.
    """

    def __init__(self, rate: float, layer: int) -> None:
        super().__init__()
        self.rate, self.layer = rate, layer
        self.generator = random.Generator(0).stream("dropout")

    def extra_repr(self) -> str:
        """Show the rate where a model is printed."""
        return f"rate={self.rate}"

    # Its counter moves: it would be compiled anew for each count. The decorator has no types.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _next_key(self) -> Tensor:
        return random.fold_in(self.generator.next_key(), self.layer)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values of a float tensor of any shape in train mode; keep all in eval mode."""
        if not self.training or self.rate == 0:
            return x
        keep = random.keep_mask(self._next_key().to(x.device), x.shape, self.rate)
        return torch.where(keep, x / (1 - self.rate), 0)


def seed_dropout(model: Model | nn.Module, generator: random.Generator) -> None:
    """Give every dropout layer of ``model`` a generator of its own, at the start of a stream.

    Args:
        model: any module.
        generator: a generator of the dropout stream.
    """
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator.copy()
