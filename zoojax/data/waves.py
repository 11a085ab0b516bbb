"""Sinusoids as pure functions: a place in the data set in, a wave out."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import Array

from zoojax import random
from zoojax.jit import jit
from zoojax.spec.config import SinusoidsConfig, check_num_each
from zoojax.spec.records import SinusoidBatch


def sinusoid(
    amplitude: Array, frequency: Array, phase: Array, vertical_shift: Array, *, length: int
) -> Array:
    """Return amplitude * sin(x + phase) + vertical_shift, x from 0 to 2 pi frequency.

    Args:
        amplitude: () float, height of the wave over its middle.
        frequency: () float, periods in the wave.
        phase: () float, where in the period the wave starts, in radians.
        vertical_shift: () float, height of the wave's middle.
        length: points of the wave, at least 2.

    Returns:
        (length,) float.
    """
    x = jnp.arange(length) * (2 * math.pi * frequency / (length - 1))
    return amplitude * jnp.sin(x + phase) + vertical_shift


def simulate_sinusoids(
    config: SinusoidsConfig, num_each: int, *, key: Array | None = None, dtype: str | None = None
) -> SinusoidBatch[Array]:
    """Simulate every combination of the configured lists ``num_each`` times.

    The arithmetic is float64 whatever JAX is set to: at the end of a wave of many periods a
    float32 has lost six digits of where in the period it is.

    Args:
        config: which waves.
        num_each: waves of each combination; the whole list is gone through this many times.
        key: ``jax.random.key(seed)``, for the noise; not needed without any.
        dtype: float32 or float64, rounded to at the end; JAX's default unless given.

    Returns:
        a batch of num_each * config.num_combinations waves.

    Raises:
        ValueError: when ``num_each`` is not allowed, or noise is asked for without a key.
    """
    indices = jnp.arange(check_num_each(num_each) * config.num_combinations)
    if config.noise and key is None:
        raise ValueError(f"noise of {config.noise} needs a key, got none")
    dtype = dtype or jnp.ones(()).dtype.name
    with jax.enable_x64(True):
        batch = _simulate(config, indices, key if config.noise else None)
        rounded: SinusoidBatch[Array] = jax.tree.map(lambda field: field.astype(dtype), batch)
        return rounded


@jit(static_argnames="config")
def _simulate(config: SinusoidsConfig, indices: Array, key: Array | None) -> SinusoidBatch[Array]:
    lists = (config.vertical_shifts, config.phases, config.frequencies, config.amplitudes)
    rest, drawn = indices, []
    for values in lists:  # the last list of the configuration varies fastest
        drawn.append(jnp.asarray(values)[rest % len(values)])
        rest = rest // len(values)
    vertical_shift, phase, frequency, amplitude = drawn
    draw = functools.partial(sinusoid, length=config.length)
    waves = jax.vmap(draw)(amplitude, frequency, phase, vertical_shift)
    if key is not None:
        keys = jax.vmap(functools.partial(jax.random.fold_in, random.stream(key, "waves")))(indices)
        noise = jax.vmap(functools.partial(random.normal, num=config.length))(keys)
        waves = waves + config.noise * noise
    return SinusoidBatch(waves, amplitude, frequency, phase, vertical_shift)
