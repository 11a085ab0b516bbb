"""Evaluation: a model's outputs for any number of samples, and how good they are."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoojax.spec.checks import check_batch_size
from zoojax.spec.records import Batch, Evaluation
from zootorch import data, metrics
from zootorch.losses import cross_entropy
from zootorch.types import Model


def without_state(outputs: Tensor | tuple[Tensor, Any]) -> Tensor:
    """Return the predictions alone: a recurrent model returns its last state as well."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


@torch.no_grad()
def predict(model: Model, inputs: Tensor, batch_size: int = 256) -> Tensor:
    """Return a model's outputs in eval mode (the model stays in it): logits or predictions.

    Args:
        model: a zootorch model.
        inputs: (samples, height, width, 3) uint8 images, or (samples, ...) float.
        batch_size: samples at a time.

    Returns:
        (samples, outputs) float.

    Raises:
        ValueError: when there are no samples or the batch size is under 1.
    """
    check_batch_size(len(inputs), batch_size)
    model.eval()
    weight = next(model.parameters())
    outputs = []
    for start in range(0, len(inputs), batch_size):
        chunk = inputs[start : start + batch_size].to(weight.device)
        outputs.append(without_state(model(data.as_inputs(chunk, weight.dtype))))
    return torch.cat(outputs)


def evaluate(
    model: Model,
    dataset: Batch,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
    batch_size: int = 256,
) -> Evaluation:
    """Evaluate a model in eval mode on all samples of ``dataset``.

    Args:
        model: a zootorch model.
        dataset: inputs (samples, ...), and targets: integers of classes, or numbers.
        loss: a function of outputs and targets.
        batch_size: samples at a time.
    """
    outputs = predict(model, dataset.inputs, batch_size)
    return evaluate_outputs(outputs, dataset.targets, loss)


def evaluate_outputs(
    outputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> Evaluation:
    """Evaluate what a model gave.

    Args:
        outputs: (samples, outputs) float, in eval mode.
        targets: (samples,) integers of classes, or (samples, outputs) numbers.
        loss: a function of outputs and targets.
    """
    targets = targets.to(outputs.device)
    value = float(loss(outputs, targets))
    if targets.ndim > 1 or targets.is_floating_point():
        return Evaluation(value, math.nan, outputs.numpy(force=True))
    predictions = outputs.argmax(-1)
    accuracy = metrics.Accuracy()
    accuracy.update(targets, predictions)
    return Evaluation(value, accuracy.compute(), predictions.int().numpy(force=True))
