"""Evaluation: a model's outputs for any number of samples, and how good they are."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from zoojax import data
from zoojax.jit import jit
from zoojax.losses import cross_entropy
from zoojax.spec.checks import check_batch_size
from zoojax.spec.records import Batch, Evaluation
from zoojax.types import Predictor, Variables


def without_state(outputs: Array | tuple[Array, Any]) -> Array:
    """Return the predictions alone: a recurrent model returns its last state as well."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


@jit(static_argnames="model")
def _predict_batch(model: Predictor, variables: Variables, inputs: Array) -> Array:
    dtype = jax.tree.leaves(variables)[0].dtype
    return without_state(model.apply(variables, data.as_inputs(inputs, dtype)))


def predict(model: Predictor, variables: Variables, inputs: Array, batch_size: int = 256) -> Array:
    """Return a model's outputs in eval mode: logits, or predicted numbers.

    Args:
        model: a zoojax model.
        variables: its parameters and running statistics.
        inputs: (samples, height, width, 3) uint8 images, or (samples, ...) float.
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
        num_samples, num_rows = len(chunk), min(batch_size, len(inputs))
        if num_samples < num_rows:
            # Pad the last batch so that all have one shape (one compilation); drop the padding.
            chunk = chunk[np.minimum(np.arange(num_rows), num_samples - 1)]
        outputs.append(_predict_batch(model, variables, chunk)[:num_samples])
    return jnp.concatenate(outputs)


def evaluate(
    model: Predictor,
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
    return evaluate_outputs(outputs, dataset.targets, loss)


def evaluate_outputs(
    outputs: Array, targets: ArrayLike, loss: Callable[[Array, Array], Array]
) -> Evaluation:
    """Evaluate what a model gave.

    Args:
        outputs: (samples, outputs) float, in eval mode.
        targets: (samples,) integers of classes, or (samples, outputs) numbers.
        loss: a function of outputs and targets.
    """
    targets = jnp.asarray(targets)
    value = float(loss(outputs, targets))
    if targets.ndim > 1 or not jnp.issubdtype(targets.dtype, jnp.integer):
        return Evaluation(value, math.nan, np.asarray(outputs))
    predictions = np.asarray(outputs.argmax(-1), np.int32)
    # Counted in integers: a mean in JAX would be a float32.
    num_right = int(np.sum(predictions == np.asarray(targets)))
    return Evaluation(value, num_right / len(predictions), predictions)
