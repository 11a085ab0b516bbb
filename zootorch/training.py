"""Training as an object: a trainer changes its model, its optimizer and its generators."""

import copy
import itertools
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from zoojax.common.progress import progress_bar
from zoojax.common.storage.checkpoints import Arrays, Checkpoints, NoCheckpoints, Saver
from zoojax.spec.checks import check_num_steps, check_training
from zoojax.spec.config import TrainConfig
from zoojax.spec.history import History, Log
from zoojax.spec.records import Batch
from zootorch import checkpoint, data, weights
from zootorch.evaluation import evaluate, without_state
from zootorch.layers import seed_dropout
from zootorch.losses import loss_of
from zootorch.optimizers import optimizer, scheduler
from zootorch.random import Generator
from zootorch.types import Model


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
        optimizer: holds its moments and the learning rate.
        scheduler: updates the learning rate after each step.
        shuffle: generator of the order of samples; advances by one draw per epoch.
        dropout: generator of which each dropout layer has a copy.
        num_steps: steps made.
        largest_gradients: () float by parameter, its maximum absolute gradient at the last step,
            before clipping.
    """

    def __init__(self, model: Model, config: TrainConfig, *, num_steps: int | None = None) -> None:
        self.model = model.to(getattr(torch, config.dtype))
        self.config = config
        self.optimizer = optimizer(model.parameters(), config)
        self.scheduler = None if num_steps is None else self._schedule(num_steps)
        generator = Generator(config.seed)
        self.shuffle, self.dropout = generator.stream("shuffle"), generator.stream("dropout")
        seed_dropout(model, self.dropout)
        self.num_steps = 0
        self.largest_gradients: dict[str, Tensor] = {}

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def _schedule(self, num_steps: int | None) -> LRScheduler:
        check_num_steps(self.config.schedule, num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] = self.config.learning_rate
        return scheduler(self.optimizer, self.config, num_steps)

    def step(self, batch: Batch) -> Tensor:
        """Make one step of gradient descent.

        Args:
            batch: inputs (batch, ...), images as uint8, and their targets (batch, ...).

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
        # Training only: evaluation uses the full dtype.
        mixed = self.config.compute_dtype is not None
        with torch.autocast(weight.device.type, torch.bfloat16, enabled=mixed):
            outputs = without_state(self.model(inputs))
        loss = loss_of(self.config)(outputs.to(weight.dtype), targets)
        loss.backward()  # fills p.grad of every parameter p
        self.largest_gradients = weights.largest_gradients(self.model)
        if self.config.clip_norm is not None and loss.isfinite():
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()  # changes every p by its p.grad
        self.scheduler.step()  # sets the next step's learning rate
        self.num_steps += 1
        return loss.detach()

    def _gradients(self) -> dict[str, float]:
        """Return the maximum absolute gradients of the last step, by name in weight files."""
        return {name: float(each) for name, each in self.largest_gradients.items()}

    def _run_epoch(
        self,
        train: Batch,
        order: Iterable[Tensor],
        *,
        log: Log,
        best: Arrays | None,
        saver: Saver,
        advance: Callable[[float], None],
    ) -> None:
        """Train on each batch, log each step, and checkpoint when due."""
        log.start_clock()
        rest = itertools.islice(order, log.num_steps_in_epoch, None)
        batches = (data.take(train, indices) for indices in rest)
        for batch in batches:
            rate = self.learning_rate
            loss = float(self.step(batch))
            # Logged at once: the gradients that explain a bad loss are gone a step later.
            log.record(loss, rate, self._gradients)
            advance(loss)
            if saver.is_due(log.num_steps):
                saver.save(checkpoint.of_training(self, log, best))
                log.start_clock()
        log.end_epoch()

    def fit(
        self,
        train: Batch,
        *,
        validation: Batch | None = None,
        checkpoints: Checkpoints | None = None,
        progress: bool = False,
    ) -> History:
        """Train for ``config.num_epochs`` epochs.

        Args:
            train: inputs (samples, ...), images as uint8, and their targets (samples, ...).
            validation: samples to evaluate after each epoch, in eval mode.
            checkpoints: where to save the training state, and resume it from.
            progress: whether to draw a progress bar with the loss.

        Returns:
            the history; the model holds the weights after the last step, or of the best
            epoch where the configuration keeps them.

        Raises:
            ValueError: when the last batch would hold one sample and there is a BatchNorm, when
                targets are not what the loss compares, when stopping lacks a validation set, or
                when a checkpoint is of another training.
            OSError: when a file of a checkpoint is missing, or one cannot be written.
            NonFiniteLossError: when a step's loss is not finite; says where and how large
                the gradients were.
        """
        config = self.config
        hosted, hosted_validation = on_host(train), validation and on_host(validation)
        check_training(config, self.model.config, hosted, hosted_validation)
        num_samples = len(train.targets)
        log = Log(math.ceil(num_samples / config.batch_size), model_config=self.model.config)
        num_steps = config.num_epochs * log.steps_per_epoch
        self.scheduler = self._schedule(num_steps)  # from its start, also in a second fit
        best: Arrays | None = None
        saver: Saver = checkpoints or NoCheckpoints()
        saved = saver.open(
            "torch", self.model.config, config, train=hosted, validation=hosted_validation
        )
        if saved is not None:
            checkpoint.resume(self, saved)
            log, best = saved.log, saved.best
        with progress_bar(num_steps, "zootorch", enabled=progress, done=log.num_steps) as advance:
            while not log.is_over(config):
                order = data.batch_indices(self.shuffle, num_samples, config.batch_size)
                samples = data.of_epoch(train, log.num_epochs)
                self._run_epoch(samples, order, log=log, best=best, saver=saver, advance=advance)
                if validation is not None:
                    result = evaluate(self.model, validation, loss=loss_of(config))
                    log.add_validation(result.loss, result.accuracy)
                    if config.keep_best and log.is_best:
                        # Copied, since the next step changes these tensors.
                        best = copy.deepcopy(weights.to_arrays(self.model))
        saver.save(checkpoint.of_training(self, log, best))
        if best is not None:
            weights.from_arrays(self.model, best)
        return log.history(num_samples)


def on_host(dataset: Batch) -> Batch:
    """Return a data set as NumPy arrays; lazy inputs stay lazy."""
    return Batch(*(each.numpy(force=True) if torch.is_tensor(each) else each for each in dataset))
