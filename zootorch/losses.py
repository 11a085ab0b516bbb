"""Losses as functions of predictions and targets: torch has them, named alike."""

from torch import Tensor
from torch.nn import functional

from zoojax.spec.data import check_same_shape


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of the labels under softmax(logits).

    Args:
        logits: (batch, num_classes) float.
        labels: (batch,) integers from 0 to num_classes - 1.

    Returns:
        () float, in nats.
    """
    return functional.cross_entropy(logits, labels.long())


def mean_squared_error(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of (predictions - targets)^2.

    Args:
        predictions: (batch, outputs) float.
        targets: (batch, outputs) float.

    Returns:
        () float.

    Raises:
        ValueError: when the shapes differ, which would broadcast unseen.
    """
    check_same_shape(predictions.shape, targets.shape)
    return functional.mse_loss(predictions, targets.to(predictions.dtype))


LOSSES = {"cross_entropy": cross_entropy, "mean_squared_error": mean_squared_error}
"""What ``TrainConfig.loss`` names."""
