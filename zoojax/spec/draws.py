"""The draw table: which random number means what, in NumPy, for both backends.

A draw is a pure function of (seed, stream, sample or step, position):

1. ``root_key(seed)`` is the key of ``jax.random.key(seed)``.
2. ``fold_in(root, STREAMS[name])`` gives every purpose its own stream.
3. ``fold_in(stream, index)`` gives every image, epoch, layer or parameter its own key.
4. ``words(key, num)`` expands that key into ``num`` words of 32 bits.

Steps 1 to 3 are threefry2x32, which is strong and slow: keys are few. Step 4 is a mix
of eleven integer operations a word, which is fast: pixels are many. The functions here are
the plain reference that ``zoojax.random`` and ``zootorch.random`` are tested against.
"""

from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

STREAMS = {
    "scenes": 0,
    "noise": 1,
    "split": 2,
    "init": 3,
    "shuffle": 4,
    "dropout": 5,
    "waves": 6,
    "conformal": 7,
    "augment": 8,
}
"""Index folded into the root key for each purpose. New streams go at the end."""

SCENE_DRAWS = ("magnitude", "size", "top", "left", "upside_down", "sideways")
"""What the words at positions 0, 1, 2, ... of an image's scene key decide."""

SHRINK_DRAWS = ("height", "top", "left")
"""What the words at positions 0, 1, 2 of a shrunk image's place key decide."""

SHRINK_KEYS = {"place": 0, "noise": 1}
"""Index folded into a shrunk image's augment key for its place and for the noise around it."""

CALIBRATION_DRAW, PREDICTION_DRAW = 0, 1
"""Which key of the stream "conformal" randomised scores take: never the same for both."""

MAX_SEED = 2**32 - 1

# "lowbias32" (C. Wellons, Hash function prospector, 2018, with the lower-bias constants
# found later): a bijection of 32-bit words whose every input bit flips every output bit
# half of the time. (shift, multiplier) a round; the last round only shifts.
MIX_ROUNDS = ((16, 0x21F0AAAD), (15, 0xD35A2D97))
MIX_LAST_SHIFT = 15

# 2^32 over the golden ratio, odd: the walk visits every word, and few of its multiples are
# close. A step taken from the key would now and then be one that the rounds cancel.
WALK = 0x9E3779B9

# Threefry2x32, 20 rounds: J. Salmon and others, Parallel random numbers: as easy as
# 1, 2, 3 (SC11), table 2 and section 3.2.
THREEFRY_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
THREEFRY_PARITY = 0x1BD11BDA

UNIFORM_BITS = 24
"""Bits of a word that make a uniform number: all that a float32 holds exactly."""


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer of Python or of NumPy; a bool is none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_seed(seed: int, name: str = "seed") -> int:
    """Return ``seed`` when it is an integer from 0 to 2^32 - 1.

    Args:
        seed: the seed.
        name: what error messages call it.

    Raises:
        ValueError: for anything else, saying what was given and what is allowed.
    """
    if not is_integer(seed) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"{name} must be an integer from 0 to {MAX_SEED}, got {seed!r}")
    return int(seed)


def threefry2x32(key: NDArray[np.uint32], count: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Encrypt two words with a two-word key.

    Args:
        key: (..., 2) uint32.
        count: (..., 2) uint32, the two words to encrypt; broadcasts against ``key``.

    Returns:
        (..., 2) uint32.
    """
    key, count = np.broadcast_arrays(np.asarray(key, np.uint32), np.asarray(count, np.uint32))
    shape = key.shape
    # NumPy warns when a scalar wraps around and not when an array does.
    key, count = np.atleast_2d(key), np.atleast_2d(count)
    schedule = (key[..., 0], key[..., 1], key[..., 0] ^ key[..., 1] ^ np.uint32(THREEFRY_PARITY))
    x, y = count[..., 0] + schedule[0], count[..., 1] + schedule[1]
    for group in range(5):
        for rotation in THREEFRY_ROTATIONS[group % 2]:
            x = x + y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y = y ^ x
        x = x + schedule[(group + 1) % 3]
        y = y + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return np.stack([x, y], axis=-1).reshape(shape)


def root_key(seed: int) -> NDArray[np.uint32]:
    """Return the (2,) uint32 key of a seed: the data of ``jax.random.key(seed)``."""
    return np.array([0, check_seed(seed)], np.uint32)


def fold_in(key: NDArray[np.uint32], data: int | NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the key that ``jax.random.fold_in(key, data)`` gives, vectorised over ``data``.

    Args:
        key: (2,) uint32.
        data: integers from 0 to 2^32 - 1, any shape.

    Returns:
        (*data.shape, 2) uint32.
    """
    low = np.asarray(data, np.uint32)
    return threefry2x32(key, np.stack([np.zeros_like(low), low], axis=-1))


def stream(seed: int, name: str) -> NDArray[np.uint32]:
    """Return the (2,) uint32 key of the stream ``name`` of a seed."""
    return fold_in(root_key(seed), STREAMS[name])


def words(key: NDArray[np.uint32], num: int) -> NDArray[np.uint32]:
    """Expand a key into words: word i depends on the key and on i alone.

    The position walks in steps of WALK from the key's first word; each place on that walk,
    its bits flipped by the second word, is scrambled by a bijection. No word repeats under
    one key.

    Args:
        key: (..., 2) uint32.
        num: how many words a key.

    Returns:
        (..., num) uint32.
    """
    key = np.asarray(key, np.uint32)[..., None, :]
    x = (np.arange(num, dtype=np.uint32) * np.uint32(WALK) + key[..., 0]) ^ key[..., 1]
    for shift, multiplier in MIX_ROUNDS:
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(multiplier)
    return x ^ (x >> np.uint32(MIX_LAST_SHIFT))


def integers(word: NDArray[np.uint32], low: int, high: int) -> NDArray[np.int32]:
    """Return int32 integers from ``low`` to ``high``, both ends included.

    The remainder of a 32-bit word favours small values by less than
    (high - low + 1) / 2^32: under one part in a million for any picture's size.
    """
    return (np.asarray(word, np.uint32) % np.uint32(high - low + 1)).astype(np.int32) + low


def symmetric_uniform(
    word: NDArray[np.uint32], bound: float, dtype: str = "float32"
) -> NDArray[np.floating]:
    """Return uniform numbers in [-bound, bound).

    Parity: one exact integer and one rounding, so that every backend and device gives the
    same bits; the usual ``2 * u - 1`` may or may not be fused into one operation.
    """
    signed = (np.asarray(word, np.uint32) >> np.uint32(32 - UNIFORM_BITS)).astype(np.int32)
    signed = signed - 2 ** (UNIFORM_BITS - 1)
    scale = np.dtype(dtype).type(bound * 2.0 ** (1 - UNIFORM_BITS))
    numbers: NDArray[np.floating] = signed.astype(dtype) * scale
    return numbers


def uniform(word: NDArray[np.uint32], dtype: str = "float32") -> NDArray[np.floating]:
    """Return uniform numbers in [0, 1): exact in float32 and float64, so the same anywhere."""
    kept = np.asarray(word, np.uint32) >> np.uint32(32 - UNIFORM_BITS)
    numbers: NDArray[np.floating] = kept.astype(dtype) * np.dtype(dtype).type(2.0**-UNIFORM_BITS)
    return numbers


def normal(key: NDArray[np.uint32], num: int) -> NDArray[np.float64]:
    """Draw standard normal numbers from two words each: Box and Muller, 1958.

    Parity: logarithm and cosine in float64, where libraries differ in the last digit alone.

    Args:
        key: (..., 2) uint32.
        num: how many numbers a key.

    Returns:
        (..., num) float64, all within 6.8 of 0.
    """
    pairs = words(key, 2 * num).reshape(*np.shape(key)[:-1], num, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log((pairs[..., 0] + 0.5) / 2**32))
    numbers: NDArray[np.float64] = radius * np.cos(2 * np.pi / 2**32 * pairs[..., 1])
    return numbers


def keep_threshold(rate: float) -> int:
    """Return the count of words, of 2^32, for which dropout of ``rate`` keeps a value."""
    return round((1.0 - rate) * 2**32)
