"""The parameters of an ensemble's members side by side in one, trained by one optimizer.

``torch.vmap`` turns the loss of one model into the losses of all; ``torch.optim`` works element by
element, so that one optimizer of stacked parameters equals one optimizer per member.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state
from torch.optim.lr_scheduler import LRScheduler

from zoojax.common.progress import progress_bar
from zoojax.spec.checks import check_batch_size, check_num_steps, check_training
from zoojax.spec.config import TrainConfig
from zoojax.spec.ensembles import member_name
from zoojax.spec.history import History, Log
from zoojax.spec.records import Batch
from zootorch import data, random
from zootorch.ensembles.vmapped import clip_each, dropouts, mappable, rows
from zootorch.evaluation import evaluate_outputs, without_state
from zootorch.losses import loss_of
from zootorch.models import Network
from zootorch.optimizers import optimizer, scheduler
from zootorch.random import Generator
from zootorch.training import on_host


class StackedTrainer:
    """Trains MLPs or RNNs of one architecture together; they are changed in place by ``fit``.

    Args:
        models: on the device where they are to be trained; their numbers become ``config.dtype``.
        configs: how each is trained; alike but for seed and learning rate.

    Attributes:
        params: by name the parameters of all members, with an axis of members first.
        buffers: running statistics likewise.
        optimizer: holds the moments of all.
        shuffle: generator of the orders of samples; advances by one draw per epoch.
        dropout: generator of the masks; advances by one draw per step.
        num_steps: steps made.
        largest_gradients: (members,) float by parameter, the maximum absolute gradient at the last
            step, before clipping.
    """

    def __init__(self, models: Sequence[Network], configs: Sequence[TrainConfig]) -> None:
        self.models, self.configs = models, configs
        for model in models:
            model.to(getattr(torch, configs[0].dtype))
        self.model = mappable(models[0].config)
        self.params, self.buffers = stack_module_state(list(models))
        rates = [config.learning_rate for config in configs]
        self.config, self.rates = configs[0], None
        if len(set(rates)) > 1:
            # A learning rate of 1, which `_move` scales by each member's own.
            self.config = dataclasses.replace(configs[0], learning_rate=1.0)
            self.rates = next(iter(self.params.values())).new_tensor(rates)
        self.optimizer = optimizer(self.params.values(), self.config)
        self.scheduler: LRScheduler | None = None
        generators = [Generator(config.seed) for config in configs]
        self.shuffle, self.dropout = (
            random.stack([generator.stream(name) for generator in generators])
            for name in ("shuffle", "dropout")
        )
        self.num_steps = 0
        self.largest_gradients: dict[str, Tensor] = {}

    @property
    def learning_rates(self) -> list[float]:
        """Learning rate of each member's next step."""
        rate = float(self.optimizer.param_groups[0]["lr"])
        parts = [1.0] * len(self.models) if self.rates is None else self.rates.tolist()
        return [rate * part for part in parts]

    def _schedule(self, num_steps: int | None) -> LRScheduler:
        check_num_steps(self.config.schedule, num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] = self.config.learning_rate
        return scheduler(self.optimizer, self.config, num_steps)

    def _outputs(self, inputs: Tensor, *state: dict[str, Tensor]) -> Tensor:
        """Return one member's outputs, given its numbers by name."""
        return without_state(functional_call(self.model, state, (inputs,)))

    def _masks(self, inputs: Tensor) -> dict[str, Tensor]:
        """Draw the masks of a step, (members, ...) bool, by the buffer that takes each."""
        shape = (*inputs.shape[1:-1], self.model.config.hidden_dim)
        key = self.dropout.next_key().to(inputs.device)
        return {
            name: random.keep_mask(random.fold_in(key, layer.layer), shape, layer.rate)
            for name, layer in dropouts(self.model)
        }

    def step(self, batch: Batch) -> Tensor:
        """Make one step of gradient descent with every member.

        Args:
            batch: inputs (members, batch, ...) and their targets (members, batch, ...).

        Returns:
            (members,) float, the mean loss of each member's batch before the update.
        """
        if self.scheduler is None:
            self.scheduler = self._schedule(None)
        self.model.train()
        weight = next(iter(self.params.values()))
        inputs = data.as_inputs(batch.inputs.to(weight.device), weight.dtype)
        targets = batch.targets.to(weight.device)

        def loss_of_one(
            inputs: Tensor, targets: Tensor, *state: dict[str, Tensor]
        ) -> tuple[Tensor, dict[str, Tensor]]:
            loss = loss_of(self.config)(self._outputs(inputs, *state), targets)
            return loss, state[1]  # the buffers, which BatchNorm has changed

        self.optimizer.zero_grad()  # else the last step's gradients would be added to
        losses, self.buffers = torch.vmap(loss_of_one)(
            inputs, targets, self.params, self.buffers, self._masks(inputs)
        )
        losses.sum().backward()  # each of them depends on the parameters of one member alone
        grads = {name: each.grad for name, each in self.params.items() if each.grad is not None}
        self.largest_gradients = {n: g.abs().flatten(1).amax(1) for n, g in grads.items()}
        if self.config.clip_norm is not None:
            clip_each(list(grads.values()), self.config.clip_norm)
        self._move()
        self.scheduler.step()  # sets the next step's learning rate
        self.num_steps += 1
        return losses.detach()

    @torch.no_grad()
    def _move(self) -> None:
        """Change the parameters by their gradients, each member's by its own learning rate."""
        if self.rates is None:
            self.optimizer.step()
            return
        before = [each.clone() for each in self.params.values()]
        self.optimizer.step()
        # Every optimizer's update is proportional to the learning rate, which was 1 for all here.
        for each, old in zip(self.params.values(), before, strict=True):
            each.sub_(old).mul_(rows(self.rates, each)).add_(old)

    @torch.no_grad()
    def predict(self, inputs: Tensor, batch_size: int = 256) -> Tensor:
        """Return each member's outputs in eval mode: (members, samples, outputs) float.

        Args:
            inputs: (samples, ...) float.
            batch_size: samples at a time.

        Raises:
            ValueError: when there are no samples or the batch size is under 1.
        """
        check_batch_size(len(inputs), batch_size)
        self.model.eval()
        weight = next(iter(self.params.values()))
        predict = torch.vmap(self._outputs, in_dims=(None, 0, 0))
        chunks = (
            data.as_inputs(c.to(weight.device), weight.dtype) for c in inputs.split(batch_size)
        )
        return torch.cat([predict(c, self.params, self.buffers) for c in chunks], dim=1)

    def _gradients(self, index: int) -> dict[str, float]:
        """Return a member's maximum absolute gradients of the last step, by name in files."""
        return {name: float(each[index]) for name, each in self.largest_gradients.items()}

    def _run_epoch(
        self,
        train: Batch,
        order: Iterable[Tensor],
        *,
        logs: Sequence[Log],
        running: Sequence[int],
        advance: Callable[[float], None],
    ) -> None:
        """Train all members on each batch, and log each step of those that are running."""
        for log in logs:
            log.start_clock()
        for indices in order:
            rates = self.learning_rates
            losses = self.step(data.take(train, indices)).tolist()
            # Logged at once: the gradients that explain a bad loss are gone a step later.
            for index in running:
                gradients = functools.partial(self._gradients, index)
                logs[index].record(losses[index], rates[index], gradients)
            advance(sum(losses) / len(losses))
        for index in running:
            logs[index].end_epoch()

    def fit(
        self, train: Batch, *, validation: Batch | None = None, progress: bool = False
    ) -> list[History]:
        """Train members together until the last of them is over.

        Args:
            train: inputs (samples, ...) and their targets (samples, ...).
            validation: samples to evaluate after each epoch, in eval mode.
            progress: whether to draw a progress bar with the mean loss.

        Returns:
            the history of each, as ``Trainer.fit`` gives it of that member alone, but for the
            times, which are of all together. The models hold the weights after the last step, or
            of the best epoch where the configuration keeps them.

        Raises:
            ValueError: as ``Trainer.fit`` does.
            NonFiniteLossError: when a step's loss is not finite; says of which member.
        """
        config, num_samples = self.config, len(train.targets)
        check_training(
            config, self.model.config, on_host(train), validation and on_host(validation)
        )
        steps_per_epoch = math.ceil(num_samples / config.batch_size)
        logs = [
            Log(steps_per_epoch, model_config=self.model.config, member=member_name(each))
            for each in self.configs
        ]
        num_steps = config.num_epochs * steps_per_epoch
        self.scheduler = self._schedule(num_steps)  # from its start, also in a second fit
        own = {**self.params, **self.buffers}
        kept = {name: each.detach().clone() for name, each in own.items()}
        with progress_bar(num_steps, "zootorch", enabled=progress) as advance:
            # A member that is over goes on in vain, until all are; what it was is kept.
            while running := [index for index, log in enumerate(logs) if not log.is_over(config)]:
                order = data.batch_indices(self.shuffle, num_samples, config.batch_size)
                self._run_epoch(train, order, logs=logs, running=running, advance=advance)
                if validation is not None:
                    self._validate(validation, logs, running)
                chosen = [index for index in running if not config.keep_best or logs[index].is_best]
                for name, each in {**self.params, **self.buffers}.items():
                    kept[name][chosen] = each.detach()[chosen]
        self._load(kept)
        return [log.history(num_samples) for log in logs]

    def _validate(self, validation: Batch, logs: Sequence[Log], running: Sequence[int]) -> None:
        """Log how the members do on the validation set."""
        outputs = self.predict(validation.inputs)
        for index in running:
            result = evaluate_outputs(outputs[index], validation.targets, loss_of(self.config))
            logs[index].add_validation(result.loss, result.accuracy)

    @torch.no_grad()
    def _load(self, numbers: dict[str, Tensor]) -> None:
        """Take numbers, with an axis of members first, and give each model its own."""
        for name, each in {**self.params, **self.buffers}.items():
            each.copy_(numbers[name])
        for index, model in enumerate(self.models):
            model.load_state_dict({name: each[index] for name, each in numbers.items()})
