"""Training as an object: a trainer changes its model, its optimiser and its generators."""

import copy
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from zoojax.spec.config import TrainConfig
from zoojax.spec.data import check_batch_size, check_last_batch, check_num_steps, check_targets
from zoojax.spec.layout import has_batch_norm, num_outputs
from zoojax.spec.progress import progress_bar
from zoojax.spec.records import Batch, History, NonFiniteLossError
from zoojax.spec.stopping import best_epoch, check_validation, is_over
from zootorch import data, metrics, weights
from zootorch.layers import seed_dropout
from zootorch.losses import cross_entropy, loss_of
from zootorch.optimizers import optimizer, scheduler
from zootorch.random import Generator


def _without_state(outputs: Any) -> Tensor:
    """Return the predictions alone: a recurrent model returns its last state as well."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


@torch.no_grad()
def predict(model: Any, inputs: Tensor, batch_size: int = 256) -> Tensor:
    """Return a model's outputs in eval mode, in which it is left: logits, or predicted numbers.

    Args:
        model: a zootorch model.
        inputs: (samples, height, width, 3) uint8 pictures, or (samples, ...) float.
        batch_size: samples at a time.

    Returns:
        (samples, outputs) float.

    Raises:
        ValueError: when there are no samples or the batch size is under 1.
    """
    check_batch_size(len(inputs), batch_size)
    model.eval()
    weight = next(model.parameters())
    chunks = (data.as_inputs(c.to(weight.device), weight.dtype) for c in inputs.split(batch_size))
    return torch.cat([_without_state(model(chunk)) for chunk in chunks])


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
    targets = dataset.targets.to(outputs.device)
    value = float(loss(outputs, targets))
    if targets.ndim > 1 or targets.is_floating_point():
        return Evaluation(value, math.nan, outputs.numpy(force=True))
    predictions = outputs.argmax(-1)
    accuracy = metrics.Accuracy()
    accuracy.update(targets, predictions)
    return Evaluation(value, accuracy.compute(), predictions.int().numpy(force=True))


class Trainer:
    """Trains a model, which it changes in place.

    Args:
        model: a zootorch model, on the device where it is to be trained; its numbers become
            ``config.dtype``.
        config: how to train.
        num_steps: steps of the whole run; needed by schedules other than the constant one,
            unless ``fit`` makes the steps, which counts them itself.

    Attributes:
        model: the model.
        config: how it is trained.
        optimizer: holds its moments and the step size.
        scheduler: sets the step size anew after each step.
        shuffle: generator of the order of samples; moves by a draw an epoch.
        num_steps: steps made.
    """

    def __init__(self, model: Any, config: TrainConfig, *, num_steps: int | None = None) -> None:
        self.model = model.to(getattr(torch, config.dtype))
        self.config = config
        self.optimizer = optimizer(model.parameters(), config)
        self.scheduler = None if num_steps is None else self._schedule(num_steps)
        generator = Generator(config.seed)
        self.shuffle = generator.stream("shuffle")
        seed_dropout(model, generator.stream("dropout"))
        self.num_steps = 0

    def _schedule(self, num_steps: int | None) -> Any:
        check_num_steps(self.config.schedule, num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] = self.config.learning_rate
        return scheduler(self.optimizer, self.config, num_steps)

    def step(self, batch: Batch) -> Tensor:
        """Make one step of gradient descent.

        Args:
            batch: inputs (batch, ...), pictures as uint8, and their targets (batch, ...).

        Returns:
            () float, the batch's mean loss before the update.
        """
        if self.scheduler is None:
            self.scheduler = self._schedule(None)
        self.model.train()
        weight = next(self.model.parameters())
        inputs = data.as_inputs(batch.inputs.to(weight.device), weight.dtype)
        targets = batch.targets.to(weight.device)

        self.optimizer.zero_grad()  # else the last step's gradients would be added to
        outputs = self.model(inputs)
        loss = loss_of(self.config)(_without_state(outputs), targets)
        loss.backward()  # fills p.grad of every parameter p
        if self.config.clip_norm is not None and loss.isfinite():
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()  # changes every p by its p.grad
        self.scheduler.step()  # sets the next step's size
        self.num_steps += 1
        return loss.detach()

    def _read_loss(self, loss: Tensor) -> float:
        """Wait for a step's loss; raise ``NonFiniteLossError`` when it is not finite."""
        if not math.isfinite(value := float(loss)):
            largest = weights.largest_gradients(self.model)
            raise NonFiniteLossError(self.num_steps - 1, value, largest)
        return value

    def _run_epoch(self, batches: Iterable[Batch], advance: Callable[..., None]) -> list[float]:
        """Make a step with each batch; return the step losses."""
        losses = []
        for batch in batches:
            # Read at once: the gradients that explain a bad loss are gone a step later.
            losses.append(self._read_loss(self.step(batch)))
            advance(losses[-1])
        return losses

    def fit(
        self, train: Batch, *, validation: Batch | None = None, progress: bool = False
    ) -> History:
        """Train for ``config.num_epochs`` epochs.

        Args:
            train: inputs (samples, ...), pictures as uint8, and their targets (samples, ...).
            validation: samples to evaluate after each epoch, in eval mode.
            progress: whether to draw a progress bar with the loss.

        Returns:
            the history; the model holds the weights after the last step, or of the best
            epoch where the configuration keeps them.

        Raises:
            ValueError: when the last batch would hold one sample and there is a BatchNorm, when
                targets are not what the loss compares, or when stopping lacks a validation
                set.
            NonFiniteLossError: when a step's loss is not finite; says where and how large
                the gradients were.
        """
        check_validation(self.config, validation)
        for dataset in (train, validation):
            if dataset is not None:
                targets = dataset.targets.numpy(force=True)
                check_targets(self.config.loss, targets, num_outputs(self.model.config))
        num_samples, batch_size = len(train.targets), self.config.batch_size
        normalised = has_batch_norm(self.model.config)
        check_last_batch(num_samples, batch_size, has_batch_norm=normalised)
        epochs: list[list[float]] = []
        evaluations: list[Evaluation] = []
        seconds: list[float] = []
        best: dict[str, Tensor] | None = None
        num_steps = self.config.num_epochs * math.ceil(num_samples / batch_size)
        self.scheduler = self._schedule(num_steps)  # from its start, also in a second fit
        with progress_bar(num_steps, "zootorch", enabled=progress) as advance:
            for epoch in range(self.config.num_epochs):
                start = time.perf_counter()
                order = data.batch_indices(self.shuffle, num_samples, batch_size)
                losses = self._run_epoch((data.take(train, i) for i in order), advance)
                seconds.append(time.perf_counter() - start)
                epochs.append(losses)
                if validation is not None:
                    result = evaluate(self.model, validation, loss=loss_of(self.config))
                    evaluations.append(result)
                    so_far = [each.loss for each in evaluations]
                    if self.config.keep_best and best_epoch(so_far) == epoch:
                        # Copied, since the next step changes these tensors.
                        best = copy.deepcopy(self.model.state_dict())
                    if is_over(so_far, self.config.patience):
                        break
        if best is not None:
            self.model.load_state_dict(best)
        return History.of(epochs, evaluations, seconds, num_samples)
