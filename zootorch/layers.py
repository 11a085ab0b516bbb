"""Layers that torch lacks or has in another form, as small modules.

A module here is an object: it keeps its parameters, its running statistics and the generator
of its dropout masks, and changes them while it is used.
"""

import torch
from torch import Tensor, nn

# torch has these as they are; here they have the names that zoojax.layers has.
from torch.nn import AvgPool2d, Conv2d, LayerNorm, MaxPool2d

from zootorch import random

__all__ = [
    "ACTIVATIONS",
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Head",
    "LayerNorm",
    "MaxPool2d",
    "activation_gradient",
    "seed_dropout",
]

ACTIVATIONS = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
}


def activation_gradient(kind: str, x: Tensor) -> Tensor:
    """Return the derivative of an activation at each element.

    Args:
        kind: a name in ``ACTIVATIONS``.
        x: float tensor of any shape.

    Returns:
        a tensor like ``x``.

    Raises:
        ValueError: when the kind is unknown or ``x`` is not of floats.
    """
    if kind not in ACTIVATIONS:
        raise ValueError(f"kind must be one of {', '.join(ACTIVATIONS)}, got {kind!r}")
    if not x.is_floating_point():
        raise ValueError(f"inputs must be floats, got {str(x.dtype).removeprefix('torch.')}")
    # A leaf of its own: the caller's tensor keeps its graph and its gradient.
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        total = ACTIVATIONS[kind]()(x).sum()
    # Each element moves its own term of the sum alone.
    return torch.autograd.grad(total, x)[0]


class Head(nn.Module):
    """Turn pixels into features: flatten, or the global maximum or mean of each channel."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Take (batch, channels, height, width) to (batch, features)."""
        if self.kind == "flatten":
            return x.flatten(1)
        if self.kind == "average":
            return x.mean((2, 3))
        # Parity: of equal values the first takes the gradient; `amax` would share it out.
        return nn.functional.max_pool2d(x, x.shape[2:]).flatten(1)


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

    @torch.compiler.disable  # its counter moves: it would be compiled anew for each count
    def _next_key(self) -> Tensor:
        return random.fold_in(self.generator.next_key(), self.layer)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values of a float tensor of any shape in train mode; keep all in eval mode."""
        if not self.training or self.rate == 0:
            return x
        keep = random.keep_mask(self._next_key().to(x.device), x.shape, self.rate)
        return torch.where(keep, x / (1 - self.rate), 0)


def seed_dropout(model: nn.Module, generator: random.Generator) -> None:
    """Give every dropout layer of ``model`` a generator of its own, at the start of a stream.

    Args:
        model: any module.
        generator: a generator of the dropout stream.
    """
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator.copy()
