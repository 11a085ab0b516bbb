"""The convolution with a bias that can be frozen; the linear layer is torch's own."""

from typing import Any

import torch
from torch import Tensor, nn


class Conv2d(nn.Conv2d):
    """``torch.nn.Conv2d``, whose bias is not trained where a BatchNorm follows.

    Args:
        args: those of ``torch.nn.Conv2d``.
        freeze_bias: stop the gradient of the bias in train mode. Set it where a BatchNorm
            follows: it subtracts the mean, so the bias has no effect, and its gradient is
            rounding noise that Adam would turn into full steps.
        options: those of ``torch.nn.Conv2d``.
    """

    def __init__(self, *args: Any, freeze_bias: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.freeze_bias = freeze_bias

    def forward(self, input: Tensor) -> Tensor:
        """Take (batch, channels, height, width) to (batch, features, rows, columns)."""
        bias = self.bias
        if bias is not None and self.freeze_bias and self.training:
            bias = stop_gradient(bias)
        output: Tensor = self._conv_forward(input, self.weight, bias)
        return output


def stop_gradient(x: Tensor) -> Tensor:
    """Return x with a gradient of zero, as ``jax.lax.stop_gradient`` does.

    ``x.detach()`` would leave no gradient at all, and optimizers skip a parameter without one:
    it would have no moments, and no weight decay.
    """
    nowhere = torch.zeros((), dtype=torch.bool, device=x.device)
    return torch.where(nowhere, x, x.detach())
