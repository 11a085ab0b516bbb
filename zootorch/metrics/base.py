"""What metrics that need all samples at once keep of each batch."""

import torch
from torch import Tensor


class Kept:
    """Pairs of tensors, such as labels and scores, in batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[Tensor, Tensor]] = []

    def _all(self) -> tuple[Tensor, Tensor]:
        """Return all batches as one.

        Raises:
            ValueError: when there is none.
        """
        if not self.batches:
            raise ValueError("compute needs a batch first; there was no update")
        first, second = zip(*self.batches, strict=True)
        return torch.cat(first), torch.cat(second)
