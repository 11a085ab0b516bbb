"""Metrics of scores: what every threshold would give, equal scores taken together."""

import torch
from torch import Tensor

from zoojax.spec.metrics import check_average, check_curve, check_scores, warn_undefined
from zootorch.metrics.base import Kept
from zootorch.metrics.counts import ratio


class _Scored(Kept):
    """Keeps the labels and scores of all batches: a threshold of one may fall into another."""

    def update(self, labels: Tensor, scores: Tensor) -> None:
        """Keep a batch.

        Args:
            labels: (samples,) integers: 0 and 1, or classes from 0 to num_classes - 1.
            scores: (samples,) finite numbers, larger for 1; or (samples, num_classes).

        Raises:
            ValueError: when labels and scores cannot belong together, or a score is not
                finite.
        """
        labels, scores = labels.detach().cpu(), scores.detach().cpu()
        check_scores(labels, scores)
        if self.batches and self.batches[0][1].shape[1:] != scores.shape[1:]:
            before = tuple(self.batches[0][1].shape)
            raise ValueError(f"scores of shape {tuple(scores.shape)} follow ones of {before}")
        # Integers have no infinity.
        scores = scores if scores.is_floating_point() else scores.double()
        self.batches.append((labels, scores))

    def _counts_by_threshold(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return thresholds from high to low, and how many ones and zeros score at least each."""
        labels, scores = self._all()
        check_curve(scores)
        sorted_scores, order = scores.sort(descending=True, stable=True)
        is_last = torch.cat([sorted_scores[1:] != sorted_scores[:-1], torch.tensor([True])])
        ends = is_last.nonzero().squeeze(1)
        num_ones = (labels[order] == 1).cumsum(0)[ends]
        return sorted_scores[ends], num_ones, ends + 1 - num_ones


class RocCurve(_Scored):
    """The receiver operating characteristic."""

    def compute(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return false and true positive rates, and the thresholds.

        Returns:
            rates (thresholds,) float64 each, from 0 to 1, and the thresholds, falling, the
            first infinite; every distinct score is one. A rate of no samples is NaN.
        """
        thresholds, num_ones, num_zeros = self._counts_by_threshold()
        warn_undefined("the true positive rate", num_ones[-1] == 0, "no label is 1")
        warn_undefined("the false positive rate", num_zeros[-1] == 0, "no label is 0")
        false, true = (
            ratio(torch.cat([torch.zeros_like(n[:1]), n]), n[-1]) for n in (num_zeros, num_ones)
        )
        infinite = torch.full((1,), torch.inf, dtype=thresholds.dtype)
        return false, true, torch.cat([infinite, thresholds])


class PrecisionRecallCurve(_Scored):
    """Precision and recall by threshold."""

    def compute(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return precisions, recalls and thresholds.

        Returns:
            precisions and recalls, (thresholds + 1,) float64 each, and the thresholds, rising;
            the last precision is 1 and the last recall 0, without a threshold. A recall of
            no samples is NaN.
        """
        thresholds, num_ones, num_zeros = self._counts_by_threshold()
        warn_undefined("the recall", num_ones[-1] == 0, "no label is 1")
        precisions = ratio(num_ones, num_ones + num_zeros)
        recalls = ratio(num_ones, num_ones[-1])
        last = torch.zeros(1).double()
        return (
            torch.cat([precisions.flip(0), last + 1]),
            torch.cat([recalls.flip(0), ratio(last, num_ones[-1])]),
            thresholds.flip(0),
        )


class _Area(_Scored):
    """One number for a curve, of each class against the rest, averaged as asked."""

    name, missing = "", ""

    def __init__(self, *, average: str | None = "macro") -> None:
        super().__init__()
        check_average(average, (None, "macro", "micro"))
        self.average = average

    def _rule(self, ones: Tensor, scores: Tensor) -> Tensor:
        """Return the number of (samples,) bool and (samples,) scores."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Return () float64 from 0 to 1, or (num_classes,); NaN where it is undefined."""
        labels, scores = self._all()
        if scores.ndim == 1:
            value = self._rule(labels == 1, scores)
            reason = self.missing.replace("of it", "a one")
            warn_undefined(self.name, value.isnan(), reason)
            return value
        ones = labels[:, None] == torch.arange(scores.shape[1])
        if self.average == "micro":
            return self._rule(ones.flatten(), scores.flatten())
        columns = zip(ones.unbind(1), scores.unbind(1), strict=True)
        each = torch.stack([self._rule(*column) for column in columns])
        warn_undefined(self.name, each.isnan(), self.missing)
        return each if self.average is None else each.nanmean()


class RocAuc(_Area):
    """The area under the receiver operating characteristic.

    Args:
        average: None for each class, "macro" for the mean of those defined, "micro" for all
            (sample, class) pairs as one list; makes no difference to 0 and 1.
    """

    name, missing = "roc_auc", "all samples are of it, or none"

    def _rule(self, ones: Tensor, scores: Tensor) -> Tensor:
        """Return the chance that a one scores higher than a zero, equal scores counting half."""
        zeros_sorted = scores[~ones].sort().values
        below = torch.searchsorted(zeros_sorted, scores[ones], side="left")
        up_to = torch.searchsorted(zeros_sorted, scores[ones], side="right")
        return ratio((below + up_to).sum(), 2 * ones.sum() * (~ones).sum())


class AveragePrecision(_Area):
    """The average precision: the sum of precision times gain in recall by threshold.

    Args:
        average: as of ``RocAuc``.
    """

    name, missing = "average_precision", "no sample is of it"

    def _rule(self, ones: Tensor, scores: Tensor) -> Tensor:
        """Return the mean, over the ones, of the precision at their score."""
        at = scores[ones]
        num_right, num_all = (
            len(each) - torch.searchsorted(each.sort().values, at, side="left")
            for each in (at, scores)
        )
        return ratio(ratio(num_right, num_all).sum(), ones.sum())
