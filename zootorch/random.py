"""Random words as objects with a counter: `zoojax.spec.draws` in torch.

Keys are (2,) int64 tensors of two 32-bit words, which int64 adds and shifts without loss;
bulk words are int32, whose multiplication wraps around as unsigned words do.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from zoojax.spec import draws

WORD = 0xFFFFFFFF

W = TypeVar("W", int, Tensor)
"""A word, or a tensor of words."""


def _signed(word: int) -> int:
    """Return the int32 with the bits of a 32-bit word."""
    return word - 2**32 if word >= 2**31 else word


def _encrypt(k0: W, k1: W, x: W, y: W) -> tuple[W, W]:
    """Encrypt the words ``x`` and ``y``, integers or int64 tensors of one shape."""
    schedule = (k0, k1, k0 ^ k1 ^ draws.THREEFRY_PARITY)
    x, y = (x + k0) & WORD, (y + k1) & WORD
    for group in range(5):
        for rotation in draws.THREEFRY_ROTATIONS[group % 2]:
            x = (x + y) & WORD
            y = ((y << rotation) & WORD) | (y >> (32 - rotation))
            y = y ^ x
        x = (x + schedule[(group + 1) % 3]) & WORD
        y = (y + schedule[(group + 2) % 3] + group + 1) & WORD
    return x, y


def threefry2x32(key: Tensor, count: Tensor) -> Tensor:
    """Encrypt two words with a two-word key: ``draws.threefry2x32``.

    Args:
        key: (..., 2) int64 with values 0..2^32-1.
        count: (..., 2) int64 with values 0..2^32-1; broadcasts against ``key``.

    Returns:
        (..., 2) int64 with values 0..2^32-1.
    """
    if key.ndim == count.ndim == 1 and key.device.type == "cpu":
        # One key, as a step of training needs: torch takes longer to start than to calculate.
        return torch.tensor(_encrypt(*key.tolist(), *count.tolist()))
    key, count = torch.broadcast_tensors(key, count)
    return torch.stack(_encrypt(*key.unbind(-1), *count.unbind(-1)), dim=-1)


def root_key(seed: int) -> Tensor:
    """Return the (2,) int64 key of a seed.

    Raises:
        ValueError: when the seed is not an integer from 0 to 2^32 - 1.
    """
    return torch.tensor([0, draws.check_seed(seed)])


def fold_in(key: Tensor, data: int | Tensor) -> Tensor:
    """Return the key that ``jax.random.fold_in(key, data)`` gives, vectorised over both.

    Args:
        key: (2,) int64, or (..., 2) of which the axes before the last broadcast against ``data``.
        data: integers from 0 to 2^32 - 1, any shape.

    Returns:
        (*data.shape, 2) int64.
    """
    low = torch.as_tensor(data, dtype=torch.int64, device=key.device)
    return threefry2x32(key, torch.stack([torch.zeros_like(low), low], dim=-1))


def bits(key: Tensor, num: int) -> Tensor:
    """Expand keys into words: word i depends on the key and on i alone.

    Works in place, since a picture's words fit the processor's cache and a dozen copies
    of them do not.

    Args:
        key: (..., 2) int64.
        num: how many words a key.

    Returns:
        (..., num) int32 with the bits of ``draws.words``.
    """
    start, flip = key[..., :1].to(torch.int32), key[..., 1:].to(torch.int32)
    walk = torch.arange(num, dtype=torch.int32, device=key.device).mul_(_signed(draws.WALK))
    x = walk + start
    x ^= flip
    shifted = torch.empty_like(x)
    for shift, multiplier in (*draws.MIX_ROUNDS, (draws.MIX_LAST_SHIFT, 1)):
        # int32 shifts copy the sign downwards; the mask takes the copies off again.
        torch.bitwise_right_shift(x, shift, out=shifted)
        shifted &= (1 << (32 - shift)) - 1
        x ^= shifted
        if multiplier != 1:
            x *= _signed(multiplier)
    return x


def words(key: Tensor, num: int) -> Tensor:
    """Return ``bits`` as numbers: (..., num) int64 with values 0..2^32-1."""
    return bits(key, num).to(torch.int64) & WORD


def integers(word: Tensor, low: int | Tensor, high: int | Tensor) -> Tensor:
    """Return int32 integers from ``low`` to ``high``, both included: ``draws.integers``."""
    return (word % (high - low + 1)).to(torch.int32) + low


def symmetric_uniform(word: Tensor, bound: float, dtype: torch.dtype) -> Tensor:
    """Return uniform numbers in [-bound, bound): ``draws.symmetric_uniform``."""
    signed = (word >> (32 - draws.UNIFORM_BITS)) - 2 ** (draws.UNIFORM_BITS - 1)
    scale = torch.tensor(bound * 2.0 ** (1 - draws.UNIFORM_BITS), dtype=dtype)
    numbers: Tensor = signed.to(dtype) * scale.to(word.device)
    return numbers


def uniform(word: Tensor, dtype: torch.dtype) -> Tensor:
    """Return uniform numbers in [0, 1): ``draws.uniform``."""
    numbers: Tensor = (word >> (32 - draws.UNIFORM_BITS)).to(dtype) * 2.0**-draws.UNIFORM_BITS
    return numbers


def normal(key: Tensor, num: int) -> Tensor:
    """Draw standard normal numbers: ``draws.normal``, (..., num) float64."""
    first, second = words(key, 2 * num).unflatten(-1, (num, 2)).to(torch.float64).unbind(-1)
    radius = torch.sqrt(-2 * torch.log((first + 0.5) / 2**32))
    return radius * torch.cos(2 * math.pi / 2**32 * second)


class Generator:
    """A key and a counter: each draw uses the next key and moves the counter.

    The counter is the state that JAX code passes by hand: drawing twice gives two results.

    Args:
        seed: integer from 0 to 2^32 - 1.

    Raises:
        ValueError: when the seed is not an integer from 0 to 2^32 - 1.
    """

    def __init__(self, seed: int) -> None:
        self.key = root_key(seed)
        self.count = 0

    def __repr__(self) -> str:
        """Return the key's two words and the count."""
        return f"Generator(key={self.key.tolist()}, count={self.count})"

    def stream(self, name: str) -> "Generator":
        """Return a generator of the stream ``name`` of ``draws.STREAMS``, at its start."""
        child = Generator(0)
        child.key = fold_in(self.key, draws.STREAMS[name])
        return child

    def copy(self) -> "Generator":
        """Return a generator that will give the same draws."""
        child = Generator(0)
        child.key, child.count = self.key, self.count
        return child

    def next_key(self) -> Tensor:
        """Return the (2,) int64 key of the next draw."""
        key = fold_in(self.key, self.count)
        self.count += 1
        return key

    def words(self, num: int) -> Tensor:
        """Draw (num,) int64 words with values 0..2^32-1."""
        return words(self.next_key(), num)

    def permutation(self, num: int) -> Tensor:
        """Draw an order of the integers 0..num-1, (num,) int64."""
        return torch.argsort(self.words(num), stable=True)


def stack(generators: Sequence[Generator]) -> Generator:
    """Return a generator that draws what each of these would, side by side.

    Args:
        generators: one or more, at their start.

    Returns:
        a generator of (generators, 2) int64 keys, whose draws have that axis first.
    """
    stacked = Generator(0)
    stacked.key = torch.stack([each.key for each in generators])
    return stacked


def keep_mask(key: Tensor, shape: Sequence[int], rate: float) -> Tensor:
    """Return which values dropout of ``rate`` keeps.

    Args:
        key: (..., 2) int64, of one mask or of several.
        shape: of a mask.
        rate: part that is dropped, 0 up to under 1.

    Returns:
        (..., *shape) bool.
    """
    kept = words(key, math.prod(shape)) < draws.keep_threshold(rate)
    return kept.view(*key.shape[:-1], *shape)
