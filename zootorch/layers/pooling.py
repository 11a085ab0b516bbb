"""How pixels become features."""

from torch import Tensor, nn


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
