"""Adaptive conformal inference: intervals for sequences whose distribution drifts.

The level moves with each miss, so that in the long run the part alpha is missed, whatever the
sequence does, if the step size is over 0: I. Gibbs and E. Candes, Adaptive conformal inference
under distribution shift, 2021, equation 2 and proposition 4.1.
"""

from fractions import Fraction
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from zoojax.metrics.counts import is_traced
from zoojax.spec.conformal import SLACK, as_fraction, check_score_option, check_sequence


class AdaptiveState(NamedTuple):
    """All that changes from step to step.

    Attributes:
        scores: (window,) float, the last ones, in no order.
        num_steps: () int32, steps made.
        num_errors: () int32, scores that were over their threshold.
    """

    scores: Array
    num_steps: Array
    num_errors: Array


class AdaptiveStep(NamedTuple):
    """What was known before a step, and how it turned out.

    Attributes:
        level: () float, the alpha of this step: under 0 it may miss nothing, over 1 all.
        threshold: () float, of the last scores at that level; infinite where nothing may be
            missed, minus infinite where all may.
        error: () bool, whether the score was over the threshold.
    """

    level: Array
    threshold: Array
    error: Array


def adaptive_state(scores: ArrayLike) -> AdaptiveState:
    """Return the state before the first step.

    Args:
        scores: (window,) numbers, of calibration samples; each step's score takes the place
            of the oldest.

    Raises:
        ValueError: when there are none, or one is NaN.
    """
    check_sequence(scores, values=not is_traced(scores))
    zero = jnp.zeros((), jnp.int32)
    return AdaptiveState(jnp.asarray(scores, jnp.result_type(float)), zero, zero)


def adaptive_threshold(
    state: AdaptiveState, *, alpha: float | Fraction, step_size: float
) -> tuple[Array, Array]:
    """Return level and threshold of the next step.

    Args:
        state: of all steps so far.
        alpha: part of the sequence that may be missed, over 0 and under 1.
        step_size: gamma, by how much a miss lowers the level, at least 0; 0 leaves it at alpha.

    Raises:
        ValueError: when alpha or the step size is not allowed.
    """
    check_score_option("step_size", step_size)
    target, num, dtype = float(as_fraction(alpha)), len(state.scores), state.scores.dtype
    # The same as adding gamma (alpha - error) at each step, without its rounding.
    level = target + step_size * (target * state.num_steps.astype(dtype) - state.num_errors)
    # A level that is 1 on paper, or leads to a whole rank, does so whatever its rounding.
    k = jnp.ceil((num + 1) * (1 - level - SLACK[dtype.name])).astype(jnp.int32)
    infinity = jnp.full(1, jnp.inf, dtype)
    ends = jnp.concatenate([-infinity, jnp.sort(state.scores), infinity])
    return level, ends[jnp.clip(k, 0, num + 1)]


def adaptive_step(
    state: AdaptiveState, score: ArrayLike, *, alpha: float | Fraction, step_size: float
) -> tuple[AdaptiveState, AdaptiveStep]:
    """Make one step: what was allowed, and whether the score that came kept to it.

    Args:
        state: of all steps so far.
        score: () number, of what turned out.
        alpha: as of ``adaptive_threshold``.
        step_size: as of ``adaptive_threshold``.

    Raises:
        ValueError: when the score is NaN or not one number, or an option is not allowed.
    """
    check_sequence(jnp.asarray(score)[None], values=not is_traced(score))
    level, threshold = adaptive_threshold(state, alpha=alpha, step_size=step_size)
    error = jnp.asarray(score) > threshold
    oldest = state.num_steps % len(state.scores)
    new_state = AdaptiveState(
        state.scores.at[oldest].set(score), state.num_steps + 1, state.num_errors + error
    )
    return new_state, AdaptiveStep(level, threshold, error)


def adaptive(
    scores: ArrayLike, calibration_scores: ArrayLike, *, alpha: float | Fraction, step_size: float
) -> AdaptiveStep:
    """Make a step with each score of a sequence: a scan, compiled as one loop.

    Args:
        scores: (steps,) numbers, as they come.
        calibration_scores: (window,) numbers, from before the sequence.
        alpha: part of the sequence that may be missed, over 0 and under 1.
        step_size: gamma, by how much a miss lowers the level, at least 0; 0 leaves it at alpha.

    Returns:
        level (steps,) float, threshold (steps,) float and error (steps,) bool.

    Raises:
        ValueError: when there are no calibration scores, one score is NaN, or an option is not
            allowed.
    """
    check_sequence(scores, values=not is_traced(scores))
    state = adaptive_state(calibration_scores)

    def step(state: AdaptiveState, score: Array) -> tuple[AdaptiveState, AdaptiveStep]:
        return adaptive_step(state, score, alpha=alpha, step_size=step_size)

    return jax.lax.scan(step, state, jnp.asarray(scores, state.scores.dtype))[1]
