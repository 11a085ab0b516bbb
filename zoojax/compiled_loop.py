"""Many steps at once: a compiled loop over the steps of an epoch. No twin: objects loop in Python.

All functions take the step itself, such as ``train_step``: a state and a batch in, a new state and
a dictionary of metrics out.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zoojax import data
from zoojax.jit import jit
from zoojax.spec.config import CNNConfig, ModelConfig
from zoojax.spec.records import Batch
from zoojax.types import Model

Metrics = dict[str, Any]
Step = Callable[[Any, Batch], tuple[Any, Metrics]]


class HasModel(Protocol):
    """A state whose model says how its steps are best made."""

    @property
    def model(self) -> Model:
        """The model."""


State = TypeVar("State", bound=HasModel)


def is_looped(model_config: ModelConfig) -> bool:
    """Return whether the steps of a model are faster in a compiled loop.

    Those of a CNN on a CPU are not: there XLA makes convolutions 8 to 36 times slower in a loop.
    """
    return jax.default_backend() != "cpu" or not isinstance(model_config, CNNConfig)


def num_at_once(model_config: ModelConfig) -> int:
    """Return the maximum number of steps between reads of the loss."""
    return 256 if is_looped(model_config) else 4


@jit(static_argnames="step", donate_argnames="state")
def steps_in_loop(
    step: Step, state: Any, train: Batch, order: ArrayLike, start: ArrayLike, stop: ArrayLike
) -> tuple[Any, Metrics]:
    """Make the steps from ``start`` to ``stop`` of an epoch as one program.

    No Python runs between them, which for a small model takes longer than the step. The same
    program makes any of them, so that it does not matter where an epoch is cut.

    Args:
        step: what to do with a batch.
        state: the state before; donated.
        train: inputs (samples, ...) and their targets (samples, ...).
        order: (steps, batch) int32, the samples of each step.
        start: () int, the first step to make.
        stop: () int, the one after the last.

    Returns:
        the new state, and what ``step`` returned of each, (steps, ...): 0 where none was made.
    """
    order = jnp.asarray(order)

    def make(index: Array, made: tuple[Any, Metrics]) -> tuple[Any, Metrics]:
        state, metrics = made
        state, latest = step(state, data.take(train, order[index]))
        return state, jax.tree.map(lambda all_, one: all_.at[index].set(one), metrics, latest)

    _, latest = jax.eval_shape(step, state, data.take(train, order[0]))
    empty = jax.tree.map(lambda one: jnp.zeros((len(order), *one.shape), one.dtype), latest)
    made: tuple[Any, Metrics] = jax.lax.fori_loop(start, stop, make, (state, empty))
    return made


def make_steps(
    step: Step, state: Any, train: Batch, order: NDArray[np.int32], span: slice
) -> tuple[Any, Metrics]:
    """Make some steps of an epoch, and wait for them.

    Args:
        step: what to do with a batch.
        state: the state before; donated.
        train: inputs (samples, ...) and their targets (samples, ...).
        order: (steps, batch) int32, the samples of each step of the epoch.
        span: which steps to make, from start to stop.

    Returns:
        the new state, and what ``step`` returned of each step made, (made, ...) on the host.
    """
    if is_looped(state.model.config):
        state, metrics = steps_in_loop(step, state, train, order, span.start, span.stop)
        return state, jax.tree.map(lambda each: np.asarray(each)[span], metrics)
    made = []
    for indices in order[span]:
        state, latest = step(state, data.take(train, indices))
        made.append(latest)
    return state, jax.tree.map(lambda *each: np.array(each), *made)


def run_in_chunks(
    step: Step,
    state: State,
    train: Batch,
    order: Sequence[NDArray[np.int32]],
    *,
    start: int = 0,
    steps_left: Callable[[int], int] = lambda limit: limit,
) -> Iterator[tuple[State, Metrics]]:
    """Make the steps of an epoch, as many at once as the model and the caller allow.

    Args:
        step: what to do with a batch.
        state: the state before; donated.
        train: inputs (samples, ...) and their targets (samples, ...).
        order: the samples of each step, as ``data.batch_indices`` returns them.
        start: the first step to make, counted from 0.
        steps_left: returns how many of the next ``limit`` steps may be made before the caller
            must see the state, at least 1. Called before each chunk, so that it may depend on
            what the caller did with the last one.

    Yields:
        after each chunk the new state, donated to the next chunk, and what ``step`` returned at
        each of its steps, (steps, ...) on the host.
    """
    for part in order:
        while start < len(part):
            num_steps = steps_left(num_at_once(state.model.config))
            span = slice(start, min(start + num_steps, len(part)))
            state, metrics = make_steps(step, state, train, part, span)
            yield state, metrics
            start = span.stop
        start -= len(part)
