"""Random words as pure functions of a key: `zoojax.spec.draws` in JAX."""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike, DTypeLike

from zoojax.spec import draws


def root_key(seed: int) -> Array:
    """Return ``jax.random.key(seed)``, a scalar key array.

    Raises:
        ValueError: when the seed is not an integer from 0 to 2^32 - 1.
    """
    return jax.random.key(draws.check_seed(seed), impl="threefry2x32")


def stream(key: Array, name: str) -> Array:
    """Return the key of the stream ``name`` of ``draws.STREAMS`` under a root key."""
    return jax.random.fold_in(key, draws.STREAMS[name])


def words(key: Array, num: int) -> Array:
    """Expand a key into words: word i depends on the key and on i alone.

    Args:
        key: scalar key array.
        num: how many words.

    Returns:
        (num,) uint32, equal to ``draws.words``.
    """
    start, flip = jax.random.key_data(key)
    x = (jax.lax.iota(jnp.uint32, num) * jnp.uint32(draws.WALK) + start) ^ flip
    for shift, multiplier in draws.MIX_ROUNDS:
        x = (x ^ (x >> shift)) * jnp.uint32(multiplier)
    word: Array = x ^ (x >> draws.MIX_LAST_SHIFT)
    return word


def integers(word: Array, low: ArrayLike, high: ArrayLike) -> Array:
    """Return int32 integers from ``low`` to ``high``, both included: ``draws.integers``."""
    span = (jnp.asarray(high, jnp.int32) - low + 1).astype(jnp.uint32)
    drawn: Array = (word % span).astype(jnp.int32) + low
    return drawn


def symmetric_uniform(word: Array, bound: float, dtype: DTypeLike) -> Array:
    """Return uniform numbers in [-bound, bound): ``draws.symmetric_uniform``."""
    signed: Array = (word >> (32 - draws.UNIFORM_BITS)).astype(jnp.int32)
    signed = signed - 2 ** (draws.UNIFORM_BITS - 1)
    return signed.astype(dtype) * jnp.asarray(bound * 2.0 ** (1 - draws.UNIFORM_BITS), dtype)


def uniform(word: Array, dtype: DTypeLike) -> Array:
    """Return uniform numbers in [0, 1): ``draws.uniform``."""
    kept = (word >> (32 - draws.UNIFORM_BITS)).astype(dtype)
    return kept * jnp.asarray(2.0**-draws.UNIFORM_BITS, dtype)


def normal(key: Array, num: int) -> Array:
    """Draw standard normal numbers: ``draws.normal``, (num,) float64, so with x64 on."""
    first, second = words(key, 2 * num).reshape(num, 2).T.astype(jnp.float64)
    radius = jnp.sqrt(-2 * jnp.log((first + 0.5) / 2**32))
    return radius * jnp.cos(2 * math.pi / 2**32 * second)


def permutation(key: Array, num: int) -> Array:
    """Return the integers 0..num-1 in an order that the key decides, (num,) int32."""
    return jnp.argsort(words(key, num), stable=True).astype(jnp.int32)


def keep_mask(key: Array, shape: tuple[int, ...], rate: float) -> Array:
    """Return which values dropout of ``rate`` keeps, (*shape,) bool."""
    threshold = draws.keep_threshold(rate)
    num = 1
    for size in shape:
        num *= size
    if threshold >= 2**32:
        return jnp.ones(shape, bool)
    kept: Array = words(key, num) < jnp.uint32(threshold)
    return kept.reshape(shape)
