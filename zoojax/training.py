"""Training as a fold: each step takes a state and a batch and returns a new state."""

import functools
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from zoojax import data, random, weights
from zoojax.layers import Variables
from zoojax.losses import cross_entropy, loss_of
from zoojax.optimizers import clip_by_global_norm, learning_rate, optimizer
from zoojax.spec.config import TrainConfig
from zoojax.spec.data import check_batch_size, check_last_batch, check_num_steps, check_targets
from zoojax.spec.layout import has_batch_norm, num_outputs
from zoojax.spec.progress import progress_bar
from zoojax.spec.records import Batch, History, NonFiniteLossError
from zoojax.spec.stopping import best_epoch, check_validation, is_over


class TrainState(struct.PyTreeNode):
    """All that changes while a model is trained, and what does not.

    Attributes:
        step: () int32, steps made.
        params: trainable arrays.
        batch_stats: running statistics of the BatchNorms.
        opt_state: the optimiser's state.
        dropout_key: key of the dropout stream.
        model: the model; static, so that a new one means a new compilation.
        config: how it is trained; static likewise.
        num_steps: steps of the whole run, where a schedule needs them; static likewise.
    """

    step: Array
    params: Any
    batch_stats: Any
    opt_state: Any
    dropout_key: Array
    model: Any = struct.field(pytree_node=False)
    config: TrainConfig = struct.field(pytree_node=False)
    num_steps: int | None = struct.field(pytree_node=False, default=None)

    @property
    def variables(self) -> Variables:
        """What ``model.apply`` takes: parameters and running statistics."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def create_state(
    model: Any, variables: Variables, config: TrainConfig, *, num_steps: int | None = None
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
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer(config).init(variables["params"]),
        dropout_key=random.stream(random.root_key(config.seed), "dropout"),
        model=model,
        config=config,
        num_steps=None if config.schedule == "constant" else num_steps,
    )


@functools.partial(jax.jit, donate_argnums=0)
def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Any]]:
    """Make one step of gradient descent: a pure function, compiled as a whole.

    The state is donated: its memory becomes the new state's, and it cannot be used again.

    Args:
        state: the state before the step.
        batch: inputs (batch, ...), pictures as uint8, and their targets (batch, ...).

    Returns:
        the new state, and ``loss``, () float, the batch's mean before the update, with
        ``largest_gradients``, the largest absolute gradient of each parameter.
    """
    inputs = data.as_inputs(batch.inputs, jnp.dtype(state.config.dtype))
    key = jax.random.fold_in(state.dropout_key, state.step)

    def loss_and_stats(params: Any) -> tuple[Array, Any]:
        outputs, updated = state.model.apply(
            {"params": params, "batch_stats": state.batch_stats},
            inputs,
            train=True,
            key=key,
            mutable=["batch_stats"],
        )
        loss = loss_of(state.config)(_without_state(outputs), batch.targets)
        return loss, updated.get("batch_stats", {})

    (loss, batch_stats), grads = jax.value_and_grad(loss_and_stats, has_aux=True)(state.params)
    clipped = clip_by_global_norm(grads, state.config.clip_norm)
    directions, opt_state = optimizer(state.config).update(clipped, state.opt_state, state.params)
    rate = learning_rate(state.config, state.step, state.num_steps)
    new_state = state.replace(
        step=state.step + 1,
        params=jax.tree.map(lambda p, d: p - (rate * d).astype(p.dtype), state.params, directions),
        batch_stats=batch_stats,
        opt_state=opt_state,
    )
    largest = jax.tree.map(lambda g: jnp.max(jnp.abs(g)), grads)
    return new_state, {"loss": loss, "largest_gradients": largest}


def _without_state(outputs: Any) -> Array:
    """Return the predictions alone: a recurrent model returns its last state as well."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


@functools.partial(jax.jit, static_argnames="model")
def _predict_batch(model: Any, variables: Variables, inputs: Array) -> Array:
    dtype = jax.tree.leaves(variables)[0].dtype
    return _without_state(model.apply(variables, data.as_inputs(inputs, dtype)))


def predict(model: Any, variables: Variables, inputs: Array, batch_size: int = 256) -> Array:
    """Return a model's outputs in eval mode: logits, or predicted numbers.

    Args:
        model: a zoojax model.
        variables: its parameters and running statistics.
        inputs: (samples, height, width, 3) uint8 pictures, or (samples, ...) float.
        batch_size: samples at a time.

    Returns:
        (samples, outputs) float.

    Raises:
        ValueError: when there are no samples or the batch size is under 1.
    """
    check_batch_size(len(inputs), batch_size)
    outputs = []
    for start in range(0, len(inputs), batch_size):
        chunk = inputs[start : start + batch_size]
        # One shape, one compilation: the last batch is filled up, and cut again.
        rows = np.minimum(np.arange(min(batch_size, len(inputs))), len(chunk) - 1)
        outputs.append(_predict_batch(model, variables, chunk[rows])[: len(chunk)])
    return jnp.concatenate(outputs)


class Evaluation(NamedTuple):
    """How a model does on a data set.

    Attributes:
        loss: of all samples; a cross-entropy is in nats.
        accuracy: fraction of right predictions, 0..1; NaN where there are no classes.
        predictions: (samples,) int32 predicted classes, or (samples, outputs) numbers.
    """

    loss: float
    accuracy: float
    predictions: np.ndarray


def evaluate(
    model: Any,
    variables: Variables,
    dataset: Batch,
    *,
    loss: Callable[[Array, Array], Array] = cross_entropy,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate a model in eval mode on all samples of ``dataset``.

    Args:
        model: a zoojax model.
        variables: its parameters and running statistics.
        dataset: inputs (samples, ...), and targets: integers of classes, or numbers.
        loss: a function of outputs and targets.
        batch_size: samples at a time.
    """
    outputs = predict(model, variables, dataset.inputs, batch_size)
    targets = jnp.asarray(dataset.targets)
    value = float(loss(outputs, targets))
    if targets.ndim > 1 or not jnp.issubdtype(targets.dtype, jnp.integer):
        return Evaluation(value, math.nan, np.asarray(outputs))
    predictions = np.asarray(outputs.argmax(-1), np.int32)
    # Counted in integers: a mean in JAX would be a float32.
    num_right = int(np.sum(predictions == np.asarray(dataset.targets)))
    return Evaluation(value, num_right / len(predictions), predictions)


def _read_loss(model: Any, step: int, step_metrics: dict[str, Any]) -> float:
    """Wait for a step's loss; raise ``NonFiniteLossError`` when it is not finite."""
    loss = float(step_metrics["loss"])
    if not math.isfinite(loss):
        largest = step_metrics["largest_gradients"]
        raise NonFiniteLossError(step, loss, weights.name_scalars(model, largest))
    return loss


def _run_epoch(
    state: TrainState, batches: Iterable[Batch], advance: Callable[..., None]
) -> tuple[TrainState, list[float]]:
    """Make a step with each batch; return the new state and the step losses."""
    losses: list[float] = []
    first = int(state.step)
    pending = None
    for batch in batches:
        state, latest = train_step(state, batch)
        # Read one step behind: the device works on this step while we look at the last.
        if pending is not None:
            losses.append(_read_loss(state.model, first + len(losses), pending))
            advance(losses[-1])
        pending = latest
    if pending is not None:
        losses.append(_read_loss(state.model, first + len(losses), pending))
        advance(losses[-1])
    return state, losses


def fit(
    model: Any,
    variables: Variables,
    train: Batch,
    *,
    config: TrainConfig,
    validation: Batch | None = None,
    progress: bool = False,
) -> tuple[TrainState, History]:
    """Train a model.

    Args:
        model: a zoojax model.
        variables: what ``init`` returned or ``load_pretrained`` loaded; they stay usable.
        train: inputs (samples, ...), pictures as uint8, and their targets (samples, ...).
        config: how to train.
        validation: samples to evaluate after each epoch, in eval mode.
        progress: whether to draw a progress bar with the loss.

    Returns:
        the state after the last step, its weights those of the best epoch where the
        configuration keeps them, and the history.

    Raises:
        ValueError: when the last batch would hold one sample and there is a BatchNorm, when
            targets are not what the loss compares, when float64 is switched off, or when
            stopping lacks a validation set.
        NonFiniteLossError: when a step's loss is not finite; says where and how large the
            gradients were.
    """
    check_validation(config, validation)
    for dataset in (train, validation):
        if dataset is not None:
            check_targets(config.loss, dataset.targets, num_outputs(model.config))
    num_samples = len(train.targets)
    normalised = has_batch_norm(model.config)
    check_last_batch(num_samples, config.batch_size, has_batch_norm=normalised)
    num_steps = config.num_epochs * math.ceil(num_samples / config.batch_size)
    state = create_state(model, variables, config, num_steps=num_steps)
    key = random.root_key(config.seed)
    epochs: list[list[float]] = []
    evaluations: list[Evaluation] = []
    seconds: list[float] = []
    best: Variables | None = None
    with progress_bar(num_steps, "zoojax", enabled=progress) as advance:
        for epoch in range(config.num_epochs):
            start = time.perf_counter()
            order = data.batch_indices(key, epoch, num_samples, config.batch_size)
            state, losses = _run_epoch(state, (data.take(train, i) for i in order), advance)
            seconds.append(time.perf_counter() - start)
            epochs.append(losses)
            if validation is not None:
                result = evaluate(model, state.variables, validation, loss=loss_of(config))
                evaluations.append(result)
                so_far = [each.loss for each in evaluations]
                if config.keep_best and best_epoch(so_far) == epoch:
                    # Copied, since the next step gives the memory of this state away.
                    best = jax.tree.map(jnp.copy, state.variables)
                if is_over(so_far, config.patience):
                    break
    if best is not None:
        state = state.replace(**best)
    return state, History.of(epochs, evaluations, seconds, num_samples)
