"""Losses as functions of logits and labels: torch has them, named alike."""

from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of the labels under softmax(logits).

    Args:
        logits: (batch, num_classes) float.
        labels: (batch,) integers from 0 to num_classes - 1.

    Returns:
        () float, in nats.
    """
    return functional.cross_entropy(logits, labels.long())
