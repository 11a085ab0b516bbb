"""Activations by name, and their derivatives."""

import torch
from torch import Tensor, nn

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
