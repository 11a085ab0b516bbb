"""Training as a fold: each step takes a state and a batch and returns a new state."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from numpy.typing import NDArray

from zoojax import checkpoint, compiled_loop, data, random, weights
from zoojax.common.progress import progress_bar
from zoojax.common.storage.checkpoints import Arrays, Checkpoints, NoCheckpoints, Saver
from zoojax.compiled_loop import Metrics
from zoojax.evaluation import evaluate, without_state
from zoojax.jit import jit
from zoojax.losses import loss_of
from zoojax.optimizers import clip_by_global_norm, learning_rate, optimizer
from zoojax.spec.checks import check_num_steps, check_training
from zoojax.spec.config import TrainConfig
from zoojax.spec.history import History, Log
from zoojax.spec.records import Batch
from zoojax.types import Model, Variables


class TrainState(struct.PyTreeNode):
    """All that changes while a model is trained, and what does not.

    Attributes:
        step: () int32, steps made.
        params: trainable arrays.
        batch_stats: running statistics of the BatchNorms.
        opt_state: the optimizer's state.
        key: root key of the run, from which the order of each epoch is drawn.
        dropout_key: key of the dropout stream.
        largest_rate: () float, the learning rate, or the largest of its schedule: a number like
            the others, so that the members of an ensemble can each have their own.
        model: the model; static, so that a new one means a new compilation.
        config: how it is trained; static likewise.
        num_steps: steps of the whole run, where a schedule needs them; static likewise.
    """

    step: Array
    params: Variables
    batch_stats: Variables
    opt_state: Any
    key: Array
    dropout_key: Array
    largest_rate: Array
    model: Model = struct.field(pytree_node=False)
    config: TrainConfig = struct.field(pytree_node=False)
    num_steps: int | None = struct.field(pytree_node=False, default=None)

    @property
    def variables(self) -> Variables:
        """What ``model.apply`` takes: parameters and running statistics."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def create_state(
    model: Model, variables: Variables, config: TrainConfig, *, num_steps: int | None = None
) -> TrainState:
    """Return the state before the first step.

    Args:
        model: a zoojax model.
        variables: what ``init`` returned or ``load_pretrained`` loaded; they are copied,
            since each step gives the memory of its old state away.
        config: how to train.
        num_steps: steps of the whole run; needed by schedules other than the constant one.

    Raises:
        ValueError: when dtype is float64 and JAX has it switched off, or a schedule lacks
            its number of steps.
    """
    check_num_steps(config.schedule, num_steps)
    if config.dtype == "float64" and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "dtype float64 needs jax.config.update('jax_enable_x64', True) at the start of the "
            "program; JAX makes float32 of it otherwise"
        )
    variables = jax.tree.map(lambda x: jnp.array(x, config.dtype, copy=True), variables)
    key = random.root_key(config.seed)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer(config).init(variables["params"]),
        key=key,
        dropout_key=random.stream(key, "dropout"),
        largest_rate=jnp.array(config.learning_rate, config.dtype),
        model=model,
        config=config,
        num_steps=None if config.schedule == "constant" else num_steps,
    )


@jit(donate_argnames="state")
def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
    """Make one step of gradient descent: a pure function, compiled as a whole.

    The state is donated: its memory becomes the new state's, and it cannot be used again.

    Args:
        state: the state before the step.
        batch: inputs (batch, ...), images as uint8, and their targets (batch, ...).

    Returns:
        the new state, and a dictionary: ``loss``, () float, the batch's mean before the update;
        ``learning_rate``, () float; ``largest_gradients``, the maximum absolute gradient of each
        parameter, before clipping.
    """
    inputs = data.as_inputs(batch.inputs, jnp.dtype(state.config.dtype))
    key = jax.random.fold_in(state.dropout_key, state.step)

    # Training only: evaluation uses the full dtype.
    model = state.model.clone(dtype=state.config.compute_dtype)

    def loss_and_stats(params: Variables) -> tuple[Array, Any]:
        outputs, updated = model.apply(
            {"params": params, "batch_stats": state.batch_stats},
            inputs,
            train=True,
            key=key,
            mutable=["batch_stats"],
        )
        outputs = without_state(outputs).astype(state.config.dtype)
        loss = loss_of(state.config)(outputs, batch.targets)
        return loss, updated.get("batch_stats", {})

    (loss, batch_stats), grads = jax.value_and_grad(loss_and_stats, has_aux=True)(state.params)
    clipped = clip_by_global_norm(grads, state.config.clip_norm)
    directions, opt_state = optimizer(state.config).update(clipped, state.opt_state, state.params)
    rate = learning_rate(state.config, state.step, state.num_steps, largest=state.largest_rate)
    new_state = state.replace(
        step=state.step + 1,
        params=jax.tree.map(lambda p, d: p - (rate * d).astype(p.dtype), state.params, directions),
        batch_stats=batch_stats,
        opt_state=opt_state,
    )
    largest = jax.tree.map(lambda g: jnp.max(jnp.abs(g)), grads)
    return new_state, {"loss": loss, "learning_rate": rate, "largest_gradients": largest}


def _gradients(model: Any, metrics: Metrics, index: int) -> dict[str, float]:
    """Return the maximum absolute gradients of a step, by name in weight files."""
    gradients = jax.tree.map(lambda leaf: leaf[index], metrics["largest_gradients"])
    return weights.name_scalars(model, gradients)


def read_steps(
    model: Any, metrics: Metrics
) -> Iterator[tuple[float, float, Callable[[], dict[str, float]]]]:
    """Yield what ``Log.record`` takes for each step: loss, learning rate, gradients.

    Args:
        model: a zoojax model.
        metrics: what ``train_step`` returned at each step, (steps, ...) on the host.
    """
    losses, rates = metrics["loss"].tolist(), metrics["learning_rate"].tolist()
    for index, (loss, rate) in enumerate(zip(losses, rates, strict=True)):
        yield loss, rate, functools.partial(_gradients, model, metrics, index)


def _run_epoch(
    state: TrainState,
    train: Batch,
    order: Sequence[NDArray[np.int32]],
    *,
    log: Log,
    best: Arrays | None,
    saver: Saver,
    advance: Callable[[float], None],
) -> TrainState:
    """Train on each batch, log each step, and checkpoint when due."""
    log.start_clock()
    # The same as: for each batch: state, metrics = train_step(state, batch).
    chunks = compiled_loop.run_in_chunks(
        train_step,
        state,
        train,
        order,
        start=log.num_steps_in_epoch,
        steps_left=lambda limit: saver.steps_left(log.num_steps, limit),
    )
    for state, metrics in chunks:
        for loss, rate, gradients in read_steps(state.model, metrics):
            log.record(loss, rate, gradients)
            advance(loss)
        if saver.is_due(log.num_steps):
            saver.save(checkpoint.of_training(state, log, best))
            log.start_clock()
    log.end_epoch()
    return state


def fit(
    model: Model,
    variables: Variables,
    train: Batch,
    *,
    config: TrainConfig,
    validation: Batch | None = None,
    checkpoints: Checkpoints | None = None,
    progress: bool = False,
) -> tuple[TrainState, History]:
    """Train a model.

    Args:
        model: a zoojax model.
        variables: what ``init`` returned or ``load_pretrained`` loaded; they stay usable.
        train: inputs (samples, ...), images as uint8, and their targets (samples, ...).
        config: how to train.
        validation: samples to evaluate after each epoch, in eval mode.
        checkpoints: where to save the training state, and resume it from.
        progress: whether to draw a progress bar with the loss.

    Returns:
        the state after the last step, its weights those of the best epoch where the
        configuration keeps them, and the history.

    Raises:
        ValueError: when the last batch would hold one sample and there is a BatchNorm, when
            targets are not what the loss compares, when float64 is switched off, when
            stopping lacks a validation set, or when a checkpoint is of another training.
        OSError: when a file of a checkpoint is missing, or one cannot be written.
        NonFiniteLossError: when a step's loss is not finite; says where and how large the
            gradients were.
    """
    check_training(config, model.config, train, validation)
    num_samples = len(train.targets)
    log = Log(math.ceil(num_samples / config.batch_size), model_config=model.config)
    num_steps = config.num_epochs * log.steps_per_epoch
    state = create_state(model, variables, config, num_steps=num_steps)
    best: Arrays | None = None
    saver: Saver = checkpoints or NoCheckpoints()
    saved = saver.open("jax", model.config, config, train=train, validation=validation)
    if saved is not None:
        state, log, best = checkpoint.resume(state, saved), saved.log, saved.best
    if compiled_loop.is_looped(model.config):
        train = jax.device_put(train)
    with progress_bar(num_steps, "zoojax", enabled=progress, done=log.num_steps) as advance:
        while not log.is_over(config):
            order = data.batch_indices(state.key, log.num_epochs, num_samples, config.batch_size)
            samples = data.of_epoch(train, log.num_epochs)
            state = _run_epoch(
                state, samples, order, log=log, best=best, saver=saver, advance=advance
            )
            if validation is not None:
                result = evaluate(model, state.variables, validation, loss=loss_of(config))
                log.add_validation(result.loss, result.accuracy)
                if config.keep_best and log.is_best:
                    best = weights.to_arrays(model, jax.tree.map(jnp.copy, state.variables))
    saver.save(checkpoint.of_training(state, log, best))
    if best is not None:
        state = state.replace(**weights.from_arrays(model, best))
    return state, log.history(num_samples)
