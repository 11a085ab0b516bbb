"""How good prediction sets and intervals are: how often they hold the truth, and their size.

Objects that keep counts or sums of the batches they are given, on the host. Numbers are float64,
counts int32. Where nothing is there to take a part of, the value is NaN.
"""

import torch
from torch import Tensor

from zoojax.spec.conformal import Interval, check_covered, check_ends, check_indices, check_sets
from zoojax.spec.metrics import warn_undefined
from zootorch.metrics.counts import ratio


def is_covered(sets: Tensor, labels: Tensor) -> Tensor:
    """Return whether the set of each sample holds its label.

    Args:
        sets: (samples, classes) bool.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (samples,) bool, on the host.

    Raises:
        ValueError: when the sets are no such array, or the labels do not go with them.
    """
    sets, labels = _checked_sets(sets), torch.as_tensor(labels).cpu()
    check_indices("labels", labels, sets.shape)
    return sets.gather(1, labels.long()[:, None])[:, 0]


class _Mean:
    """The mean of a number, or of an array of numbers, over all samples."""

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.num_samples = 0

    def _add(self, values: Tensor) -> None:
        """Add (samples, ...) numbers, of the shape of the batches before."""
        total = values.double().sum(0)
        if self.total is not None and self.total.shape != total.shape:
            raise ValueError(
                "a sample must have the shape of those of the batches before, "
                f"{tuple(self.total.shape)}, got {tuple(total.shape)}"
            )
        self.total = total if self.total is None else self.total + total
        self.num_samples += len(values)

    def compute(self) -> Tensor:
        """Return (...) float64 of all batches; NaN without samples, () before the first batch."""
        total = torch.zeros((), dtype=torch.float64) if self.total is None else self.total
        return total / self.num_samples


class Coverage(_Mean):
    """The part of the samples whose set holds their label.

    Its distribution is that of ``zoojax.spec.conformal.coverage_band``: A. Angelopoulos and
    S. Bates, A Gentle Introduction to Conformal Prediction, 2021, section 3.
    """

    def update(self, sets: Tensor, labels: Tensor) -> None:
        """Count a batch.

        Args:
            sets: (samples, classes) bool.
            labels: (samples,) integers from 0 to classes - 1.

        Raises:
            ValueError: as ``is_covered`` does.
        """
        self._add(is_covered(sets, labels))


class GroupCoverage:
    """The part of the samples of each group that are covered.

    Feature-stratified coverage, of which its authors take the smallest: Angelopoulos and Bates,
    2021, section 3.1.

    Args:
        num_groups: number of groups.
    """

    def __init__(self, num_groups: int) -> None:
        self.num_covered = torch.zeros(num_groups, dtype=torch.int32)
        self.num_samples = torch.zeros(num_groups, dtype=torch.int32)

    def update(self, covered: Tensor, groups: Tensor) -> None:
        """Count a batch.

        Args:
            covered: (samples,) bool.
            groups: (samples,) integers from 0 to num_groups - 1.

        Raises:
            ValueError: when covered is no such array, or the groups do not go with it.
        """
        covered, groups = torch.as_tensor(covered).cpu(), torch.as_tensor(groups).cpu()
        check_covered(tuple(covered.shape), covered.dtype)
        num_groups = len(self.num_samples)
        check_indices("groups", groups, (len(covered), num_groups))
        self.num_covered += _counts(groups[covered], num_groups)
        self.num_samples += _counts(groups, num_groups)

    def compute(self) -> Tensor:
        """Return (num_groups,) float64 from 0 to 1; NaN for a group without samples."""
        return ratio(self.num_covered, self.num_samples)


class ClassCoverage:
    """The part of the samples of each class whose set holds it.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes, self.groups = num_classes, GroupCoverage(num_classes)

    def update(self, sets: Tensor, labels: Tensor) -> None:
        """Count a batch.

        Args:
            sets: (samples, num_classes) bool.
            labels: (samples,) integers from 0 to num_classes - 1.

        Raises:
            ValueError: as ``is_covered`` does, and for another number of classes.
        """
        sets = _checked_sets(sets, self.num_classes)
        self.groups.update(is_covered(sets, labels), labels)

    def compute(self) -> Tensor:
        """Return (num_classes,) float64 from 0 to 1; NaN, with a warning, without samples."""
        each = self.groups.compute()
        warn_undefined("coverage", each.isnan(), "it has no samples")
        return each


class SizeStratifiedCoverage:
    """The part of the samples covered among those whose set has each size.

    Sets that adapt to how hard a sample is are near 1 - alpha at every size; the smallest value
    is the "SSC metric": Angelopoulos and Bates, 2021, section 3.1. The largest distance from
    1 - alpha is the violation (SSCV): A. Angelopoulos, S. Bates, J. Malik and M. Jordan,
    Uncertainty sets for image classifiers using conformal prediction, 2021, section 4.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes, self.groups = num_classes, GroupCoverage(num_classes + 1)

    def update(self, sets: Tensor, labels: Tensor) -> None:
        """Count a batch.

        Args:
            sets: (samples, num_classes) bool.
            labels: (samples,) integers from 0 to num_classes - 1.

        Raises:
            ValueError: as ``is_covered`` does, and for another number of classes.
        """
        sets = _checked_sets(sets, self.num_classes)
        self.groups.update(is_covered(sets, labels), sets.sum(1))

    def compute(self) -> Tensor:
        """Return (num_classes + 1,) float64 from 0 to 1: of sets of 0, 1, 2, ... classes.

        NaN where no set has this size, which is usual and so no cause for a warning.
        """
        return self.groups.compute()


class SetSizes:
    """How many sets have 0, 1, 2, ... classes.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes + 1, dtype=torch.int32)

    def update(self, sets: Tensor) -> None:
        """Count a batch.

        Args:
            sets: (samples, num_classes) bool.

        Raises:
            ValueError: when the sets are no such array, or of another number of classes.
        """
        sizes = _checked_sets(sets, self.num_classes).sum(1)
        self.counts += _counts(sizes, self.num_classes + 1)

    def compute(self) -> Tensor:
        """Return (num_classes + 1,) int32; zeros before the first batch."""
        return self.counts.clone()

    def mean(self) -> Tensor:
        """Return the mean number of classes in a set, () float64; NaN before the first batch."""
        sizes = torch.arange(self.num_classes + 1)
        return ratio((sizes * self.counts).sum(), self.counts.sum())


class IntervalCoverage(_Mean):
    """The part of the samples whose interval holds their target, ends included."""

    def update(self, interval: Interval[Tensor], targets: Tensor) -> None:
        """Count a batch.

        Args:
            interval: both ends, each (samples, ...) numbers.
            targets: (samples, ...) numbers.

        Raises:
            ValueError: when shapes differ, have no samples axis or are not those of the batches
                before, or for NaN.
        """
        lower, upper, targets = _checked_ends("lower, upper and targets", *interval, targets)
        self._add((lower <= targets) & (targets <= upper))


class IntervalWidth(_Mean):
    """The mean width of intervals, in the unit of the targets.

    An empty interval, whose lower end is over its upper one, counts as 0; the mean is infinite
    where an interval is.
    """

    def update(self, interval: Interval[Tensor]) -> None:
        """Add a batch.

        Args:
            interval: both ends, each (samples, ...) numbers.

        Raises:
            ValueError: when shapes differ, have no samples axis or are not those of the batches
                before, or for NaN.
        """
        lower, upper = _checked_ends("lower and upper", *interval)
        # Compared first, then subtracted: an interval from inf to inf has width 0, not NaN.
        self._add(torch.where(lower < upper, upper - lower, 0))


def _checked_sets(sets: Tensor, num_classes: int | None = None) -> Tensor:
    sets = torch.as_tensor(sets).cpu()
    check_sets(tuple(sets.shape), sets.dtype, num_classes)
    return sets


def _checked_ends(names: str, *given: Tensor) -> list[Tensor]:
    """Return tensors of one shape as float64, on the host."""
    tensors = [torch.as_tensor(each).detach().cpu().double() for each in given]
    check_ends(names, *tensors)
    return tensors


def _counts(groups: Tensor, num_groups: int) -> Tensor:
    """Return how many samples each group has, (num_groups,) int32."""
    return torch.bincount(groups.long(), minlength=num_groups).to(torch.int32)
