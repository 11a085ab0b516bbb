"""Sums over a batch, made in parts. No twin: torch runs one operation after another by itself."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype

PART = 8
"""Samples a part: few enough for a processor's cache, and for XLA's quick routine for the weights
of a convolution, which it leaves for a slower one where there are many."""

MOST_PARTS = 16
"""Parts of a large batch, whose parts are larger then: each takes time to compile."""


def sum_over_batch(function: Callable[..., Any], *arrays: Array) -> Any:
    """Return ``function(*arrays)``, a tree of sums over the first axis of the arrays.

    On a CPU it is made of a part of the batch after another. XLA there writes all that is to be
    summed into memory first, and new memory takes longer to get than the sum; what belongs to a
    part is computed as it is needed, in memory that all parts share.

    Args:
        function: adds something up over the samples of the arrays it is given.
        arrays: (batch, ...) float each; of bfloat16 a part is made float32.

    Returns:
        the tree, of float32 or float64.
    """

    def in_parts(*arrays: Array) -> Any:
        shapes = jax.eval_shape(function, *arrays)
        total = jax.tree.map(lambda each: jnp.zeros(each.shape, full_dtype(each)), shapes)
        num = len(arrays[0])
        length = max(PART, -(-num // MOST_PARTS))
        for start in range(0, num, length):
            # 0, but known only when the sum so far is: so XLA makes the parts in turn, in the
            # same memory. (Where it is not 0, the sum is NaN in any case.)
            late = jnp.isnan(jax.tree.leaves(total)[0].ravel()[0]).astype(jnp.int32)
            size = min(length, num - start)
            part = (jax.lax.dynamic_slice_in_dim(each, start + late, size) for each in arrays)
            total = jax.tree.map(jnp.add, total, function(*(x.astype(full_dtype(x)) for x in part)))
        return total

    def whole(*arrays: Array) -> Any:
        return jax.tree.map(lambda each: each.astype(full_dtype(each)), function(*arrays))

    return jax.lax.platform_dependent(*arrays, cpu=in_parts, default=whole)
