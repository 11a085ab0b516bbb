"""Metrics of predicted classes: all are ratios of counts in the confusion matrix."""

import torch
from torch import Tensor

from zoojax.spec.checks import check_classes
from zoojax.spec.metrics import check_average, warn_undefined


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide as float64; where the denominator is zero the result is NaN."""
    quotient = numerator.double() / denominator
    return quotient.masked_fill(denominator == 0, torch.nan)


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
        normalized: whether ``compute`` divides each row by its sum.
    """

    def __init__(self, num_classes: int, *, normalized: bool = False) -> None:
        self.num_classes, self.normalized = num_classes, normalized
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
        """Return (num_classes, num_classes) int32; row: true class, column: predicted.

        Normalised, float64, and NaN in the row of a class without samples.
        """
        if not self.normalized:
            return self.counts.clone()
        sums = self.counts.sum(1)
        warn_undefined("the row", sums == 0, "no sample is of this class")
        return ratio(self.counts, sums[:, None])


class _Ratio:
    """A ratio of counts for each class, averaged as asked.

    Args:
        num_classes: number of classes.
        average: None for each class; "macro" for their mean, "weighted" for their mean by
            the samples of each, both over the classes where it is defined; "micro" for the
            ratio of the sums.

    Raises:
        ValueError: for an unknown average.
    """

    name, reason = "", ""

    def __init__(self, num_classes: int, *, average: str | None = None) -> None:
        check_average(average)
        self.confusion, self.average = ConfusionMatrix(num_classes), average

    def update(self, labels: Tensor, predictions: Tensor) -> None:
        """Count a batch.

        Args:
            labels: (samples,) integers from 0 to num_classes - 1.
            predictions: (samples,) integers from 0 to num_classes - 1.

        Raises:
            ValueError: as ``ConfusionMatrix.update`` does.
        """
        self.confusion.update(labels, predictions)

    def _parts(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Return numerator and denominator for each class."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Return (num_classes,) float64, or () float64; NaN where it is undefined."""
        counts = self.confusion.counts
        numerator, denominator = self._parts(counts)
        if self.average == "micro":
            return ratio(numerator.sum(), denominator.sum())
        warn_undefined(self.name, denominator == 0, self.reason)
        each, defined = ratio(numerator, denominator), denominator != 0
        if self.average is None:
            return each
        weight = counts.sum(1) if self.average == "weighted" else torch.ones_like(denominator)
        return ratio((weight * each)[defined].sum(), weight[defined].sum())


class Precision(_Ratio):
    """The part of the predictions of each class that are right.

    Args:
        num_classes: number of classes.
        average: None for each class; "macro" for their mean, "weighted" for their mean by
            the samples of each, both over the classes where it is defined; "micro" for the
            ratio of the sums.
    """

    name, reason = "precision", "it is never predicted"

    def _parts(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        return counts.diagonal(), counts.sum(0)


class Recall(_Ratio):
    """The part of the samples of each class that are predicted right.

    Args:
        num_classes: number of classes.
        average: None for each class; "macro" for their mean, "weighted" for their mean by
            the samples of each, both over the classes where it is defined; "micro" for the
            ratio of the sums.
    """

    name, reason = "recall", "it has no samples"

    def _parts(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        return counts.diagonal(), counts.sum(1)


class F1(_Ratio):
    """The harmonic mean of precision and recall.

    Args:
        num_classes: number of classes.
        average: None for each class; "macro" for their mean, "weighted" for their mean by
            the samples of each, both over the classes where it is defined; "micro" for the
            ratio of the sums.
    """

    name, reason = "f1", "it has no samples and is never predicted"

    def _parts(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * counts.diagonal(), counts.sum(0) + counts.sum(1)
