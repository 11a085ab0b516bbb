"""One method in both backends, over many resamples of its data: what it covers of each."""

import jax
import numpy as np

from parity_tests.helpers.conformal_cases import both_thresholds, tensors
from zoojax import conformal as ours

SEED = 2024
NUM_RESAMPLES = 4000
NUM_LOOPED = 400
"""Of resamples that zootorch's objects go through one at a time."""


def over_resamples(function, *arrays):
    """Call a function of one resample's arrays for all of them, in one compiled call."""
    return np.asarray(jax.jit(jax.vmap(function))(*arrays))


def one_by_one(function, *arrays, num=NUM_LOOPED):
    """Call a function of one resample's tensors for each of the first ``num`` resamples."""
    rows = zip(*tensors(*(each[:num] for each in arrays)), strict=True)
    return np.stack([function(*row).numpy() for row in rows])


def both_hits(function, method, *arrays, num=NUM_LOOPED):
    """Return what zoojax covers of all resamples, and zootorch, alike, of the first ``num``."""
    hits, found = over_resamples(function, *arrays), one_by_one(method, *arrays, num=num)
    np.testing.assert_array_equal(hits[:num], found)
    return hits, found


def same_thresholds(scores, alpha):
    """Return the thresholds of both backends, which must be the same to the last bit."""
    found, twin = both_thresholds("calibrate", scores, alpha=alpha)
    np.testing.assert_array_equal(found, twin)
    return found


def is_inside(interval, targets):
    lower, upper = interval
    return (lower <= targets) & (targets <= upper)


def own_lac_scores(probs, labels):
    return ours.label_scores(ours.lac(probs), labels)
