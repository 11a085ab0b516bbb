"""Nonconformity scores of classes: how badly each label fits a sample, large where it does not.

Each is a function of probabilities that returns a score of every possible label. With a key,
scores are randomised, which makes sets as small as coverage allows; without one they are not.
Each call takes a key of its own: one for the calibration, another for each batch of tests.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zoojax import random
from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import check_probs, check_score_option


def lac(probs: ArrayLike) -> Array:
    """Return 1 - the probability of each label.

    The "least ambiguous" sets: on average the smallest where probabilities are right. M. Sadinle,
    J. Lei and L. Wasserman, Least ambiguous set-valued classifiers with bounded error levels,
    2019, section 2.

    Args:
        probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.

    Returns:
        (samples, classes) float, 0 to 1.

    Raises:
        ValueError: when probs are no probabilities.
    """
    return 1 - _checked(probs)


def aps(probs: ArrayLike, key: Array | None = None) -> Array:
    """Return the probability of all labels up to each, from the most probable down.

    Adaptive prediction sets: Y. Romano, M. Sesia and E. Candes, Classification with valid and
    adaptive coverage, 2020, equations 5 to 7, where the part u of a label's own probability,
    uniform from 0 to 1, is taken off. Of equal probabilities the lower label comes first. With
    u = 0 the sets of the surest samples may be empty: their largest probability is over the
    threshold.

    Args:
        probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.
        key: of the draws u, one a sample; (samples,) keys to give each its own; None for u = 0.

    Returns:
        (samples, classes) float, 0 to 1.

    Raises:
        ValueError: when probs are no probabilities.
    """
    return _up_to_each(_checked(probs), key)


def _up_to_each(probs: Array, key: Array | None) -> Array:
    """Return the scores of ``aps`` for probabilities that were checked."""
    rising = jnp.flip(jnp.argsort(-probs, axis=1, stable=True), axis=1)
    up_to_each = jnp.cumsum(jnp.take_along_axis(probs, rising, 1), axis=1)
    # What comes after each label, taken off 1: of the last label nothing, so that its 1 has no
    # rounding. Scores that are 1 on paper are equal, and stay so.
    after_each = jnp.pad(up_to_each, ((0, 0), (1, 0)))[:, :-1]
    totals = 1 - jnp.take_along_axis(after_each, jnp.argsort(rising, axis=1), 1)
    return totals - _uniforms(probs, key) * probs


def raps(
    probs: ArrayLike, key: Array | None = None, *, penalty: float = 0.01, k_reg: int = 1
) -> Array:
    """Return the scores of ``aps``, and a penalty for each label that comes late.

    Regularised adaptive prediction sets: A. Angelopoulos, S. Bates, J. Malik and M. Jordan,
    Uncertainty sets for image classifiers using conformal prediction, 2021, section 2 (whose
    u is 1 - u here). Choose the two numbers on other samples than those of the calibration.

    Args:
        probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.
        key: of the draws u, one a sample; (samples,) keys to give each its own; None for u = 0.
        penalty: lambda, added for each label beyond the first ``k_reg``, at least 0.
        k_reg: how many labels are free of it, at least 0.

    Returns:
        (samples, classes) float, at least 0.

    Raises:
        ValueError: when probs are no probabilities, or an option is negative.
    """
    check_score_option("penalty", penalty)
    check_score_option("k_reg", k_reg)
    probs = _checked(probs)
    late = np.maximum(np.arange(1, probs.shape[1] + 1) - k_reg, 0)
    return _up_to_each(probs, key) + _of_ranks(penalty * late, _ranks(probs), probs.dtype)


def saps(probs: ArrayLike, key: Array | None = None, *, weight: float = 0.2) -> Array:
    """Return the largest probability, and a weight for each label after the first up to each.

    Sorted adaptive prediction sets: J. Huang, H. Xi, L. Zhang, H. Yao, Y. Qiu and H. Wei,
    Conformal prediction for deep classifier via label ranking, 2024, section 3 (whose u is
    1 - u here): ``aps`` with all probabilities but the largest made the same.

    Args:
        probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.
        key: of the draws u, one a sample; (samples,) keys to give each its own; None for u = 0.
        weight: lambda, of each label after the first, at least 0.

    Returns:
        (samples, classes) float, at least 0.

    Raises:
        ValueError: when probs are no probabilities, or the weight is negative.
    """
    check_score_option("weight", weight)
    probs = _checked(probs)
    ranks, largest = _ranks(probs), probs.max(1, keepdims=True)
    up_to_each = largest + _of_ranks(weight * np.arange(probs.shape[1]), ranks, probs.dtype)
    own = jnp.where(ranks == 1, largest, jnp.asarray(weight, probs.dtype))
    return up_to_each - _uniforms(probs, key) * own


def top_k(probs: ArrayLike) -> Array:
    """Return the rank of each label, 1 for the most probable.

    All sets then have the same size: Angelopoulos and others, 2021 (see ``raps``), "top-k".
    Of equal probabilities the lower label comes first.

    Args:
        probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.

    Returns:
        (samples, classes) float, 1 to classes.

    Raises:
        ValueError: when probs are no probabilities.
    """
    probs = _checked(probs)
    return _ranks(probs).astype(probs.dtype)


def _checked(probs: ArrayLike) -> Array:
    check_probs(probs, values=not is_traced(probs))
    probs = jnp.asarray(probs)
    # Sums of half precision would lose too much; integers and bools have no 0.9.
    return probs.astype(jnp.promote_types(probs.dtype, jnp.float32))


def _ranks(probs: Array) -> Array:
    """Return the place of each label, 1 for the most probable: (samples, classes) int32."""
    order = jnp.argsort(-probs, axis=1, stable=True)
    return jnp.argsort(order, axis=1).astype(jnp.int32) + 1


def _of_ranks(values: NDArray[np.floating], ranks: Array, dtype: jnp.dtype) -> Array:
    """Return the value of each label's rank, of one a rank.

    From a table: a compiler may fuse a product with the sum after it, and scores that are equal
    on paper would round apart.
    """
    return jnp.asarray(values, dtype)[ranks - 1]


def _uniforms(probs: Array, key: Array | None) -> Array:
    """Return the draw of each sample, (samples, 1), or zeros without a key."""
    if key is None:
        return jnp.zeros((len(probs), 1), probs.dtype)
    if key.ndim:
        words = jax.vmap(lambda each: random.words(each, 1)[0])(key)
    else:
        words = random.words(key, len(probs))
    return random.uniform(words, probs.dtype)[:, None]
