"""The states of an ensemble's members side by side in one, trained by one compiled program.

``jax.vmap`` makes of the step of one model the step of all. MLPs and RNNs make a whole epoch in
one compiled loop. Not so a CNN: kernels of its own for each member make grouped convolutions, and
on a CPU convolutions are slow in a compiled loop; so its members come here one at a time, and
share a compiled step.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zoojax import compiled_loop, data, evaluation, random, weights
from zoojax.compiled_loop import Metrics
from zoojax.data import lazy_images
from zoojax.evaluation import evaluate_outputs
from zoojax.jit import jit
from zoojax.losses import loss_of
from zoojax.models.cnn import CNN
from zoojax.spec.config import TrainConfig
from zoojax.spec.ensembles import member_name
from zoojax.spec.history import History, Log
from zoojax.spec.layout import by_layer
from zoojax.spec.records import Batch, NonFiniteLossError
from zoojax.training import TrainState, create_state, train_step
from zoojax.types import Model, Tree, Variables


def member(tree: Tree, place: int) -> Tree:
    """Return one member's part of variables, states or other trees with an axis of members."""
    own: Tree = jax.tree.map(lambda leaf: leaf[place], tree)
    return own


def of_each_member(
    model: Model, function: Callable[[Variables], Array], variables: Variables
) -> Array:
    """Return what a function makes of each member's variables: (members, ...).

    Args:
        model: what each member is.
        function: of one member's variables.
        variables: with an axis of members first.
    """
    if isinstance(model, CNN):  # vmap would make grouped convolutions, which are slow
        num_members = len(jax.tree.leaves(variables)[0])
        return jnp.stack([function(member(variables, place)) for place in range(num_members)])
    return jax.vmap(function)(variables)


def create_states(
    model: Model,
    variables: Variables,
    configs: Sequence[TrainConfig],
    *,
    num_steps: int | None = None,
) -> TrainState:
    """Return the states of all members before their first step, side by side in one.

    Args:
        model: a zoojax model.
        variables: with an axis of members first; they are copied.
        configs: how each member is trained, as ``member_configs`` returns.
        num_steps: steps of the whole run; needed by schedules other than the constant one.
    """
    # Seed and rate are static in a state. What members differ in comes as arrays instead, so
    # that one program serves them all.
    shared = dataclasses.replace(configs[0], seed=0, learning_rate=1.0)
    states = jax.vmap(lambda own: create_state(model, own, shared, num_steps=num_steps))(variables)
    keys = [random.stream(random.root_key(config.seed), "dropout") for config in configs]
    rates = jnp.array([config.learning_rate for config in configs], shared.dtype)
    return states.replace(dropout_key=jnp.stack(keys), largest_rate=rates)


@jit(static="num_samples")
def epoch_orders(keys: Array, epoch: ArrayLike, num_samples: int) -> Array:
    """Return the order of the samples of an epoch for each member: (members, samples) int32.

    Args:
        keys: (members,), ``jax.random.key(seed)`` of each.
        epoch: () integer, counted from 0.
        num_samples: size of the training set.
    """
    return jax.vmap(lambda key: data.epoch_order(key, epoch, num_samples))(keys)


def train_step_of_all(states: TrainState, batches: Batch) -> tuple[TrainState, Metrics]:
    """Make a step with every member: ``train_step``, mapped over an axis of members."""
    stepped: tuple[TrainState, Metrics] = jax.vmap(train_step)(states, batches)
    return stepped


def predict_members(
    model: Model, variables: Variables, inputs: Array, batch_size: int = 256
) -> Array:
    """Return each member's outputs in eval mode.

    Args:
        model: a zoojax model.
        variables: with an axis of members first.
        inputs: (samples, height, width, 3) uint8 pictures, or (samples, ...) float.
        batch_size: samples at a time.

    Returns:
        (members, samples, outputs) float: logits, or predicted numbers.

    Raises:
        ValueError: when there are no samples or the batch size is under 1.
    """

    def predict(own: Variables) -> Array:
        return evaluation.predict(model, own, inputs, batch_size)

    return of_each_member(model, predict, variables)


def _write_epoch(model: Model, metrics: Metrics, log: Log, name: str) -> None:
    """Write an epoch of a member down; raise ``NonFiniteLossError`` at a bad loss."""
    bad = np.flatnonzero(~np.isfinite(metrics["loss"]))
    step = int(bad[0]) if len(bad) else 0
    largest = weights.name_scalars(model, member(metrics["largest_gradients"], step))
    if len(bad):
        loss = float(metrics["loss"][step])
        raise NonFiniteLossError(log.num_steps + step, loss, largest, member=name)
    log.largest_gradients.append(by_layer(model.config, largest))
    for loss, rate in zip(metrics["loss"], metrics["learning_rate"], strict=True):
        log.add_step(float(loss), float(rate))
    log.end_epoch()


@jit()
def _choose(chosen: Array | NDArray[np.bool_], new: Variables, old: Variables) -> Variables:
    """Return the new variables of the members chosen, (members,) bool, and the others' old ones."""

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(chosen.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return {name: jax.tree.map(choose, new[name], old[name]) for name in old}


def _run_epoch(
    states: TrainState,
    train: Batch,
    order: Sequence[NDArray[np.int32]],
    *,
    advance: Callable[[float], None],
) -> tuple[TrainState, Metrics]:
    """Make the steps of an epoch, (steps, members, batch) a part, in the way fast for the model."""
    made = []
    for part in order:
        if isinstance(states.model, CNN):
            state, metrics = _steps_of_one(member(states, 0), train, part[:, 0], advance)
            states = jax.tree.map(lambda leaf: leaf[None], state)
            made.append(jax.tree.map(lambda leaf: leaf[:, None], metrics))
        else:
            states, metrics = compiled_loop.steps_in_loop(
                train_step_of_all, states, train, part, 0, len(part)
            )
            made.append(jax.device_get(metrics))
            for loss in made[-1]["loss"].mean(1):
                advance(float(loss))
    return states, jax.tree.map(lambda *each: np.concatenate(each), *made)


def _steps_of_one(
    state: TrainState,
    train: Batch,
    order: NDArray[np.int32],
    advance: Callable[[float], None],
) -> tuple[TrainState, Metrics]:
    """Make the steps of one member, telling each loss."""
    made, at_once = [], compiled_loop.num_at_once(state.model.config)
    for start in range(0, len(order), at_once):
        span = slice(start, min(start + at_once, len(order)))
        state, metrics = compiled_loop.make_steps(train_step, state, train, order, span)
        made.append(metrics)
        for loss in metrics["loss"]:
            advance(float(loss))
    return state, jax.tree.map(lambda *each: np.concatenate(each), *made)


def fit_stacked(
    model: Model,
    variables: Variables,
    train: Batch,
    *,
    configs: Sequence[TrainConfig],
    validation: Batch | None = None,
    advance: Callable[[float], None],
) -> tuple[Variables, list[History]]:
    """Train members together until the last of them is over.

    Args:
        model: a zoojax model; of a CNN there must be one member.
        variables: with an axis of members first.
        train: inputs (samples, ...), pictures as uint8, and their targets (samples, ...).
        configs: how each member is trained; alike but for seed and learning rate.
        validation: samples to evaluate after each epoch, in eval mode.
        advance: called once a step with the members' mean loss.

    Returns:
        variables and histories of the members, as ``fit`` gives them of each alone, but for the
        times, which are of all together.
    """
    config, num_samples = configs[0], len(train.targets)
    logs = [Log(math.ceil(num_samples / config.batch_size)) for _ in configs]
    num_steps = config.num_epochs * logs[0].steps_per_epoch
    states = create_states(model, variables, configs, num_steps=num_steps)
    variables = jax.tree.map(lambda leaf: jnp.array(leaf, config.dtype), variables)
    keys = jnp.stack([random.root_key(each.seed) for each in configs])
    # A member that is over goes on in vain, until all are; what it was is kept.
    while running := [place for place, log in enumerate(logs) if not log.is_over(config)]:
        for log in logs:
            log.start_clock()
        epoch = logs[running[0]].num_epochs
        orders = np.asarray(epoch_orders(keys, epoch, num_samples))
        order = data.in_batches(orders, config.batch_size)
        samples = lazy_images.of_epoch(train, epoch)
        states, metrics = _run_epoch(states, samples, order, advance=advance)
        for place in running:
            own = jax.tree.map(lambda leaf, place=place: leaf[:, place], metrics)
            _write_epoch(model, own, logs[place], member_name(configs[place]))
        if validation is not None:
            outputs = predict_members(model, states.variables, validation.inputs)
            for place in running:
                found = evaluate_outputs(outputs[place], validation.targets, loss_of(config))
                logs[place].add_validation(found.loss, found.accuracy)
        chosen = [place for place in running if not config.keep_best or logs[place].is_best]
        variables = _choose(np.isin(np.arange(len(logs)), chosen), states.variables, variables)
    return variables, [log.history(num_samples) for log in logs]
