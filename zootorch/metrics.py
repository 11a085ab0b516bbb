"""Metrics as objects: update them with batches, compute when all are seen."""

import torch
from torch import Tensor

from zoojax.spec.data import check_classes


class Accuracy:
    """The fraction of predictions that equal their label."""

    def __init__(self) -> None:
        self.num_right = 0
        self.num_samples = 0

    def update(self, labels: Tensor, predictions: Tensor) -> None:
        """Count a batch.

        Args:
            labels: (samples,) integers.
            predictions: (samples,) integers.

        Raises:
            ValueError: when there are not as many predictions as labels.
        """
        labels, predictions = labels.cpu(), predictions.cpu()
        check_classes(labels, predictions)
        self.num_right += int((labels == predictions).sum())
        self.num_samples += len(labels)

    def compute(self) -> float:
        """Return the accuracy of all batches, 0..1; NaN before the first."""
        return self.num_right / self.num_samples if self.num_samples else float("nan")


class ConfusionMatrix:
    """Counts of how often each class is predicted as each.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.int32)

    def update(self, labels: Tensor, predictions: Tensor) -> None:
        """Count a batch.

        Args:
            labels: (samples,) integers from 0 to num_classes - 1.
            predictions: (samples,) integers from 0 to num_classes - 1.

        Raises:
            ValueError: when there are not as many predictions as labels, or a class is none.
        """
        labels, predictions = labels.cpu(), predictions.cpu()
        check_classes(labels, predictions, self.num_classes)
        cells = labels.long() * self.num_classes + predictions
        counts = torch.bincount(cells, minlength=self.num_classes**2)
        self.counts += counts.view_as(self.counts).to(torch.int32)

    def compute(self) -> Tensor:
        """Return (num_classes, num_classes) int32; row: true class, column: predicted."""
        return self.counts.clone()
