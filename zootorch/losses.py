"""Losses as functions of predictions and targets: torch has them, named alike."""

import functools
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional

from zoojax.spec.checks import check_same_shape
from zoojax.spec.config import TrainConfig
from zoojax.spec.config.checks import check_class_weights


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> Tensor:
    """Return the mean negative log-likelihood of the labels under softmax(logits).

    Args:
        logits: (batch, num_classes) float.
        labels: (batch,) integers from 0 to num_classes - 1.
        label_smoothing: part of each label that is spread over all classes, 0 up to under 1:
            Szegedy and others, 2016, section 7.
        class_weights: (num_classes,) positive, how much a sample of each class counts; the
            mean is by these weights.

    Returns:
        () float, in nats.

    Raises:
        ValueError: when there are not as many weights as classes.
    """
    check_class_weights(class_weights, logits.shape[1])
    weights = None if class_weights is None else logits.new_tensor(class_weights)
    return functional.cross_entropy(
        logits, labels.long(), weight=weights, label_smoothing=label_smoothing
    )


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


def loss_of(config: TrainConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss that a configuration names, as a function of outputs and targets."""
    if config.loss == "mean_squared_error":
        return mean_squared_error
    return functools.partial(
        cross_entropy,
        label_smoothing=config.label_smoothing,
        class_weights=config.class_weights,
    )
