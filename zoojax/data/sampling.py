"""Which samples go where: splits, the order of an epoch, batches."""

from collections.abc import Sequence

import jax
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zoojax import random
from zoojax.spec.data import deal


def split_indices(
    key: Array, num_samples: int, fractions: Sequence[float], *, labels: ArrayLike | None = None
) -> list[NDArray[np.integer]]:
    """Deal samples out at random, to train, validate, test or calibrate with.

    Args:
        key: ``jax.random.key(seed)``.
        num_samples: how many samples there are.
        fractions: part of the samples in each split; must add up to 1.
        labels: (samples,) integers; each split then gets the same part of each class.

    Returns:
        for each split the indices of its samples, int32, in the order of the data set.

    Raises:
        ValueError: when the fractions do not add up to 1, or a split would be empty or lack
            a class; names the class's label.
    """
    key = jax.random.fold_in(random.stream(key, "split"), 0)
    order = np.asarray(random.permutation(key, num_samples))
    return deal(order, fractions, labels)


def epoch_order(key: Array, epoch: ArrayLike, num_samples: int) -> Array:
    """Return the order of the samples of an epoch, which key and epoch decide.

    Args:
        key: ``jax.random.key(seed)``.
        epoch: () integer, counted from 0.
        num_samples: size of the training set.

    Returns:
        (num_samples,) int32.
    """
    key = jax.random.fold_in(random.stream(key, "shuffle"), epoch)
    return random.permutation(key, num_samples)


def in_batches(order: NDArray[np.int32], batch_size: int) -> list[NDArray[np.int32]]:
    """Cut the order of an epoch into the samples of each step.

    Args:
        order: (..., samples) int32; leading axes index ensemble members.
        batch_size: samples per step; the last step has what is left.

    Returns:
        (steps, ..., batch_size) int32, the samples of all steps but a smaller last one; and,
        where there is such a one, (1, ..., rest) int32.
    """
    whole = order.shape[-1] // batch_size * batch_size
    steps = order[..., :whole].reshape(*order.shape[:-1], -1, batch_size)
    parts = np.moveaxis(steps, -2, 0), order[None, ..., whole:]
    return [part for part in parts if part.size]


def batch_indices(
    key: Array, epoch: int, num_samples: int, batch_size: int
) -> list[NDArray[np.int32]]:
    """Return the samples of each step of an epoch, in an order that key and epoch decide.

    Args:
        key: ``jax.random.key(seed)``.
        epoch: counted from 0.
        num_samples: size of the training set.
        batch_size: samples per step; the last step has what is left.

    Returns:
        see ``in_batches``.
    """
    return in_batches(np.asarray(epoch_order(key, epoch, num_samples)), batch_size)
