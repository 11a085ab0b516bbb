"""Sums over a batch, accumulated chunk by chunk. No twin: torch runs one operation at a time."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import full_dtype
from zoojax.ops.dispatch import on_cpu
from zoojax.types import Tree

CHUNK = 8
"""Samples a chunk: few enough for a processor's cache, and for XLA's fast routine for the weight
gradient of a convolution, which it does not take for large batches."""

MAX_CHUNKS = 16
"""A large batch gets larger chunks instead of more, since each chunk takes time to compile."""


def sum_over_batch_reference(function: Callable[..., Tree], *arrays: Array) -> Tree:
    """Return ``function(*arrays)``, a tree of sums over the batch, as float32 or float64."""
    total: Tree = jax.tree.map(lambda x: x.astype(full_dtype(x)), function(*arrays))
    return total


def sum_over_batch(function: Callable[..., Tree], *arrays: Array) -> Tree:
    """Return ``function(*arrays)``, a tree of sums over the first axis of the arrays.

    On a CPU the sum is accumulated chunk by chunk: XLA would otherwise write the whole summand
    into memory, and touching fresh memory costs more than the arithmetic. It has no gradient.

    Args:
        function: sums something over the samples of the arrays that it is given.
        arrays: (batch, ...) float each; a chunk of bfloat16 is converted to float32.

    Returns:
        the tree, float32 or float64.
    """

    def in_chunks(*arrays: Array) -> Tree:
        shapes = jax.eval_shape(function, *arrays)
        total: Tree = jax.tree.map(lambda x: jnp.zeros(x.shape, full_dtype(x)), shapes)
        num = len(arrays[0])
        length = max(CHUNK, -(-num // MAX_CHUNKS))
        for start in range(0, num, length):
            # Always 0, but data-dependent on the running total, so that XLA runs the chunks in
            # order and reuses their memory. (It is 1 only if the total is NaN already.)
            late = jnp.isnan(jax.tree.leaves(total)[0].ravel()[0]).astype(jnp.int32)
            size = min(length, num - start)
            chunk = (jax.lax.dynamic_slice_in_dim(x, start + late, size) for x in arrays)
            new = function(*(x.astype(full_dtype(x)) for x in chunk))
            total = jax.tree.map(jnp.add, total, new)
        return total

    def whole(*arrays: Array) -> Tree:
        return sum_over_batch_reference(function, *arrays)

    return on_cpu(whole, in_chunks, differentiable=False)(*arrays)
