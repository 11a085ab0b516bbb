"""Losses as functions of predictions and targets: torch has them, named alike."""

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from zoojax.spec.checks import check_same_shape
from zoojax.spec.config import TrainConfig
from zoojax.spec.config.checks import check_class_weights, check_quantiles
from zoojax.spec.quantiles import check_quantile_shapes, quantile_parts


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


def pinball(predictions: Tensor, targets: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return the mean of max(q (y - p), (q - 1) (y - p)), which is least at the q-quantile of y.

    R. Koenker and G. Bassett, Regression quantiles, Econometrica 46, 1978; under this name in
    Y. Romano, E. Patterson and E. Candès, Conformalized quantile regression, 2019, section 2.
    Where p = y any slope from -q to 1 - q would do; here it is 0: what is exact stays as it is.

    Args:
        predictions: (batch, 3 * outputs) float, p: all lower, all middle, all upper quantiles.
        targets: (batch, outputs) float, y.
        quantiles: levels q of the lower, the middle (0.5) and the upper.

    Returns:
        () float, the mean over batch, outputs and quantiles.

    Raises:
        ValueError: when there are not three predictions for each target, or no such levels.
    """
    check_quantile_shapes(predictions.shape, targets.shape)
    targets = targets.to(predictions.dtype)
    # In two halves, of which each has slope 0 where p = y: a maximum would take the mean slope.
    losses = [
        level * functional.relu(targets - part) + (1 - level) * functional.relu(part - targets)
        for level, part in zip(check_quantiles(quantiles), quantile_parts(predictions), strict=True)
    ]
    return torch.stack(losses).mean()


def loss_of(config: TrainConfig) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss that a configuration names, as a function of outputs and targets."""
    if config.loss == "mean_squared_error":
        return mean_squared_error
    if config.loss == "pinball":
        return functools.partial(pinball, quantiles=config.quantiles)
    return functools.partial(
        cross_entropy,
        label_smoothing=config.label_smoothing,
        class_weights=config.class_weights,
    )
