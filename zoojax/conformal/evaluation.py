"""How good prediction sets and intervals are: how often they hold the truth, and their size.

Numbers are of JAX's default float, counts are int32. Where nothing is there to take a part of,
the value is NaN. Values are not checked under jit, only shapes.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced, ratio
from zoojax.spec.conformal import Interval, check_covered, check_ends, check_indices, check_sets
from zoojax.spec.metrics import warn_undefined


def is_covered(sets: ArrayLike, labels: ArrayLike) -> Array:
    """Return whether the set of each sample holds its label.

    Args:
        sets: (samples, classes) bool.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (samples,) bool.

    Raises:
        ValueError: when the sets are no such array, or the labels do not go with them.
    """
    sets = _checked_sets(sets)
    check_indices("labels", labels, sets.shape, values=not is_traced(labels))
    # No gather: under jit it would take a label that is none for another one.
    is_label = jnp.asarray(labels)[:, None] == jnp.arange(sets.shape[1])
    return (sets & is_label).any(1)


def coverage(sets: ArrayLike, labels: ArrayLike) -> Array:
    """Return the part of the samples whose set holds their label.

    Its distribution is that of ``zoojax.spec.conformal.coverage_band``: A. Angelopoulos and
    S. Bates, A Gentle Introduction to Conformal Prediction, 2021, section 3.

    Args:
        sets: (samples, classes) bool.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        () float from 0 to 1; NaN without samples.

    Raises:
        ValueError: as ``is_covered`` does.
    """
    return _mean(is_covered(sets, labels))


def group_coverage(covered: ArrayLike, groups: ArrayLike, num_groups: int) -> Array:
    """Return the part of the samples of each group that are covered.

    Feature-stratified coverage, of which its authors take the smallest: Angelopoulos and Bates,
    2021, section 3.1.

    Args:
        covered: (samples,) bool.
        groups: (samples,) integers from 0 to num_groups - 1.
        num_groups: number of groups.

    Returns:
        (num_groups,) float from 0 to 1; NaN for a group without samples.

    Raises:
        ValueError: when covered is no such array, or the groups do not go with it.
    """
    covered = jnp.asarray(covered)
    check_covered(covered.shape, covered.dtype)
    sizes = len(covered), num_groups
    check_indices("groups", groups, sizes, values=not is_traced(groups))
    return ratio(_counts(groups, num_groups, covered), _counts(groups, num_groups))


def class_coverage(sets: ArrayLike, labels: ArrayLike) -> Array:
    """Return the part of the samples of each class whose set holds it.

    Args:
        sets: (samples, classes) bool.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (classes,) float from 0 to 1; NaN for a class without samples, with a warning outside
        jit.

    Raises:
        ValueError: as ``is_covered`` does.
    """
    each = group_coverage(is_covered(sets, labels), labels, jnp.shape(sets)[1])
    if not is_traced(each):
        warn_undefined("coverage", jnp.isnan(each), "it has no samples")
    return each


def size_stratified_coverage(sets: ArrayLike, labels: ArrayLike) -> Array:
    """Return the part of the samples covered among those whose set has each size.

    Sets that adapt to how hard a sample is are near 1 - alpha at every size; the smallest value
    is the "SSC metric": Angelopoulos and Bates, 2021, section 3.1. The largest distance from
    1 - alpha is the violation (SSCV): A. Angelopoulos, S. Bates, J. Malik and M. Jordan,
    Uncertainty sets for image classifiers using conformal prediction, 2021, section 4.

    Args:
        sets: (samples, classes) bool.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (classes + 1,) float from 0 to 1: of sets of 0, 1, 2, ... classes; NaN where no set has
        this size, which is usual and so no cause for a warning.

    Raises:
        ValueError: as ``is_covered`` does.
    """
    return group_coverage(is_covered(sets, labels), set_sizes(sets), jnp.shape(sets)[1] + 1)


def set_sizes(sets: ArrayLike) -> Array:
    """Return how many classes each set holds.

    Args:
        sets: (samples, classes) bool.

    Returns:
        (samples,) int32 from 0 to classes.

    Raises:
        ValueError: when the sets are no such array.
    """
    return _checked_sets(sets).sum(1, dtype=jnp.int32)


def set_size_counts(sets: ArrayLike) -> Array:
    """Return how many sets have 0, 1, 2, ... classes.

    Args:
        sets: (samples, classes) bool.

    Returns:
        (classes + 1,) int32.

    Raises:
        ValueError: when the sets are no such array.
    """
    return _counts(set_sizes(sets), jnp.shape(sets)[1] + 1)


def mean_set_size(sets: ArrayLike) -> Array:
    """Return the mean number of classes in a set.

    Args:
        sets: (samples, classes) bool.

    Returns:
        () float from 0 to classes; NaN without samples.

    Raises:
        ValueError: when the sets are no such array.
    """
    return _mean(set_sizes(sets))


def interval_coverage(interval: Interval[ArrayLike], targets: ArrayLike) -> Array:
    """Return the part of the samples whose interval holds their target, ends included.

    Args:
        interval: both ends, each (samples, ...) numbers.
        targets: (samples, ...) numbers.

    Returns:
        (...) float from 0 to 1, such as () or (outputs,); NaN without samples.

    Raises:
        ValueError: when shapes differ or have no samples axis or, outside jit, for NaN.
    """
    lower, upper, targets = _checked_ends("lower, upper and targets", *interval, targets)
    is_inside = (lower <= targets) & (targets <= upper)
    return _mean(is_inside)


def interval_width(interval: Interval[ArrayLike]) -> Array:
    """Return the mean width of intervals.

    Args:
        interval: both ends, each (samples, ...) numbers.

    Returns:
        (...) float, at least 0, such as () or (outputs,), in the unit of the targets; an empty
        interval, whose lower end is over its upper one, counts as 0; infinite where an interval
        is; NaN without samples.

    Raises:
        ValueError: when shapes differ or have no samples axis or, outside jit, for NaN.
    """
    lower, upper = _checked_ends("lower and upper", *interval)
    # Compared first, then subtracted: an interval from inf to inf has width 0, not NaN.
    return _mean(jnp.where(lower < upper, upper - lower, 0))


def _checked_sets(sets: ArrayLike) -> Array:
    sets = jnp.asarray(sets)
    check_sets(sets.shape, sets.dtype)
    return sets


def _checked_ends(names: str, *given: ArrayLike) -> list[Array]:
    """Return arrays of one shape as JAX's default float."""
    arrays = [jnp.asarray(each, jnp.result_type(float)) for each in given]
    check_ends(names, *arrays, values=not is_traced(*arrays))
    return arrays


def _mean(numbers: Array) -> Array:
    """Return the mean of (samples, ...) numbers or bools over samples; NaN where there are none."""
    return ratio(numbers.sum(0), jnp.asarray(len(numbers)))


def _counts(groups: ArrayLike, num_groups: int, where: Array | None = None) -> Array:
    """Return how many samples each group has, (num_groups,) int32; of those ``where`` is true."""
    groups = jnp.asarray(groups)
    ones = jnp.ones(groups.shape, jnp.int32) if where is None else where.astype(jnp.int32)
    return jax.ops.segment_sum(ones, groups, num_groups)
