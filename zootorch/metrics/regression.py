"""Metrics of predicted numbers."""

import torch
from torch import Tensor

from zoojax.spec.metrics import check_numbers, warn_undefined
from zootorch.metrics.base import Kept
from zootorch.metrics.counts import ratio


class _Paired(Kept):
    """Keeps the targets and predictions of all batches, as float64."""

    def update(self, targets: Tensor, predictions: Tensor) -> None:
        """Keep a batch.

        Args:
            targets: (samples,) numbers.
            predictions: (samples,) numbers.

        Raises:
            ValueError: unless they are two lists of one length of at least 1.
        """
        targets, predictions = targets.detach().cpu(), predictions.detach().cpu()
        check_numbers(targets, predictions)
        self.batches.append((targets.double(), predictions.double()))


class MSE(_Paired):
    """The mean squared error."""

    def compute(self) -> Tensor:
        """Return () float64."""
        targets, predictions = self._all()
        return (targets - predictions).square().mean()


class MAE(_Paired):
    """The mean absolute error."""

    def compute(self) -> Tensor:
        """Return () float64."""
        targets, predictions = self._all()
        return (targets - predictions).abs().mean()


class R2(_Paired):
    """The coefficient of determination: 1 less residual by total sum of squares."""

    def compute(self) -> Tensor:
        """Return () float64, at most 1; NaN where all targets are equal."""
        targets, predictions = self._all()
        # Equal numbers are told by their ends: their mean may round to another number.
        is_constant = targets.max() == targets.min()
        warn_undefined("r2", is_constant, "all targets are equal")
        total = (targets - targets.mean()).square().sum().masked_fill(is_constant, 0)
        return 1 - ratio((targets - predictions).square().sum(), total)


class PearsonR(_Paired):
    """Pearson's correlation."""

    def compute(self) -> Tensor:
        """Return () float64 from -1 to 1; NaN where all targets or predictions are equal."""
        pair = self._all()
        is_constant = torch.stack([each.max() == each.min() for each in pair]).any()
        warn_undefined("pearson_r", is_constant, "all targets or all predictions are equal")
        # Scaled to at most 1, and then to length 1: squares of large numbers overflow.
        a, b = (each / each.abs().max() for each in pair)
        a, b = (each - each.mean() for each in (a, b))
        a, b = (ratio(each, each.norm()) for each in (a, b))
        return (a * b).sum().clamp(-1, 1).masked_fill(is_constant, torch.nan)
