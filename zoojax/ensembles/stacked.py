"""The states of an ensemble's members side by side in one, trained by one compiled program.

``jax.vmap`` turns a step of one model into a step of all, and MLPs and RNNs make many such steps
in one compiled loop. CNNs do not: with its own kernels for each member a convolution becomes a
grouped one, which is slow. So their members come here one at a time, and share a compiled step.
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

from zoojax import compiled_loop, data, evaluation, random
from zoojax.compiled_loop import Metrics
from zoojax.evaluation import evaluate_outputs
from zoojax.jit import jit
from zoojax.losses import loss_of
from zoojax.models.cnn import CNN
from zoojax.spec.config import TrainConfig
from zoojax.spec.ensembles import member_name
from zoojax.spec.history import History, Log
from zoojax.spec.records import Batch
from zoojax.training import TrainState, create_state, read_steps, train_step
from zoojax.types import Model, Tree, Variables


def member(tree: Tree, index: int) -> Tree:
    """Return one member's part of variables, states or other trees with an axis of members."""
    own: Tree = jax.tree.map(lambda leaf: leaf[index], tree)
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
        return jnp.stack([function(member(variables, index)) for index in range(num_members)])
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
    keys = jnp.stack([random.root_key(config.seed) for config in configs])
    dropout_keys = jax.vmap(lambda key: random.stream(key, "dropout"))(keys)
    rates = jnp.array([config.learning_rate for config in configs], shared.dtype)
    return states.replace(key=keys, dropout_key=dropout_keys, largest_rate=rates)


@jit(static_argnames="num_samples")
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
        inputs: (samples, height, width, 3) uint8 images, or (samples, ...) float.
        batch_size: samples at a time.

    Returns:
        (members, samples, outputs) float: logits, or predicted numbers.

    Raises:
        ValueError: when there are no samples or the batch size is under 1.
    """

    def predict(own: Variables) -> Array:
        return evaluation.predict(model, own, inputs, batch_size)

    return of_each_member(model, predict, variables)


@jit()
def _choose(chosen: Array | NDArray[np.bool_], new: Variables, old: Variables) -> Variables:
    """Return the new variables of the members chosen, (members,) bool, and the others' old ones."""

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(chosen.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return {name: jax.tree.map(choose, new[name], old[name]) for name in old}


def _run_steps(
    step: compiled_loop.Step,
    states: TrainState,
    train: Batch,
    order: Sequence[NDArray[np.int32]],
    *,
    advance: Callable[[float], None],
) -> tuple[TrainState, Metrics]:
    """Train on each batch, and return what all steps returned: (steps, ...) on the host."""
    made = []
    for latest, metrics in compiled_loop.run_in_chunks(step, states, train, order):
        states, losses = latest, metrics["loss"]
        for loss in losses.reshape(len(losses), -1).mean(1):
            advance(float(loss))
        made.append(metrics)
    return states, jax.tree.map(lambda *each: np.concatenate(each), *made)


def _run_epoch(
    states: TrainState,
    train: Batch,
    order: Sequence[NDArray[np.int32]],
    *,
    advance: Callable[[float], None],
) -> tuple[TrainState, Metrics]:
    """Train all members on each batch of (members, batch) samples, in the way fast for the model.

    Returns:
        the new states, and what the steps returned: (steps, members, ...) on the host.
    """
    if not isinstance(states.model, CNN):
        return _run_steps(train_step_of_all, states, train, order, advance=advance)
    state, only = member(states, 0), [part[:, 0] for part in order]
    state, metrics = _run_steps(train_step, state, train, only, advance=advance)
    states = jax.tree.map(lambda leaf: leaf[None], state)
    return states, jax.tree.map(lambda leaf: leaf[:, None], metrics)


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
        train: inputs (samples, ...), images as uint8, and their targets (samples, ...).
        configs: how each member is trained; alike but for seed and learning rate.
        validation: samples to evaluate after each epoch, in eval mode.
        advance: called once a step with the members' mean loss.

    Returns:
        variables and histories of the members, as ``fit`` gives them of each alone, but for the
        times, which are of all together.
    """
    config, num_samples = configs[0], len(train.targets)
    steps_per_epoch = math.ceil(num_samples / config.batch_size)
    logs = [
        Log(steps_per_epoch, model_config=model.config, member=member_name(each))
        for each in configs
    ]
    num_steps = config.num_epochs * steps_per_epoch
    states = create_states(model, variables, configs, num_steps=num_steps)
    variables = jax.tree.map(lambda leaf: jnp.array(leaf, config.dtype), variables)
    # A member that is over goes on in vain, until all are; what it was is kept.
    while running := [index for index, log in enumerate(logs) if not log.is_over(config)]:
        for log in logs:
            log.start_clock()
        epoch = logs[running[0]].num_epochs
        orders = np.asarray(epoch_orders(states.key, epoch, num_samples))
        order = data.in_batches(orders, config.batch_size)
        samples = data.of_epoch(train, epoch)
        states, metrics = _run_epoch(states, samples, order, advance=advance)
        for index in running:
            own = jax.tree.map(lambda leaf, index=index: leaf[:, index], metrics)
            for loss, rate, gradients in read_steps(model, own):
                logs[index].record(loss, rate, gradients)
            logs[index].end_epoch()
        if validation is not None:
            outputs = predict_members(model, states.variables, validation.inputs)
            for index in running:
                found = evaluate_outputs(outputs[index], validation.targets, loss_of(config))
                logs[index].add_validation(found.loss, found.accuracy)
        chosen = [index for index in running if not config.keep_best or logs[index].is_best]
        variables = _choose(np.isin(np.arange(len(logs)), chosen), states.variables, variables)
    return variables, [log.history(num_samples) for log in logs]
