"""Ensembles: one model from several seeds, or with several learning rates, and their mean.

Each member equals a single run with its seed. Deep ensembles are of B. Lakshminarayanan,
A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty estimation using deep
ensembles, 2017.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoojax.spec.config import ModelConfig, TrainConfig
from zoojax.spec.ensembles import (
    check_dtype,
    check_one_architecture,
    member_configs,
    member_name,
    member_seeds,
)
from zoojax.spec.errors import NonFiniteLossError
from zoojax.spec.history import History
from zoojax.spec.records import Batch
from zootorch.ensembles.stacked import StackedTrainer
from zootorch.evaluation import without_state
from zootorch.models import Network, model_of
from zootorch.models.cnn import CNN
from zootorch.random import Generator
from zootorch.training import Trainer


def init_ensemble(seed: int, config: ModelConfig, *, num_members: int) -> list[Network]:
    """Make the models of all members, whose seeds are seed, seed + 1, and so on.

    Args:
        seed: of the first member.
        config: of each model.
        num_members: members of the ensemble.

    Raises:
        ValueError: when there is no member or a seed is too large.
    """
    return [model_of(config, Generator(each)) for each in member_seeds(seed, num_members)]


class EnsembleTrainer:
    """Trains the members of an ensemble, each as ``Trainer`` would with a seed of its own.

    MLPs and RNNs make each step together; CNNs are trained one after another, since a kernel of
    its own for each member makes grouped convolutions, which are slow.

    Args:
        models: as ``init_ensemble`` returns, on the device where they are to be trained; they
            are changed in place.
        config: how to train; its seed is the first member's, the next one's is one more.
        learning_rates: of each member, for a sweep; the configuration's when None.

    Attributes:
        models: the models.
        configs: how each is trained.
        together: trains all members at once; None of CNNs.
        one_by_one: train a member each; of CNNs alone.

    Raises:
        ValueError: when there is no model or they are not alike, a seed is too large, or the
            learning rates are of another number than the models, or mixed precision is asked
            for of models that are trained together.
    """

    def __init__(
        self,
        models: Sequence[Network],
        config: TrainConfig,
        *,
        learning_rates: Sequence[float] | None = None,
    ) -> None:
        check_one_architecture([model.config for model in models])
        check_dtype(config, models[0].config)
        self.models = list(models)
        self.configs = member_configs(config, len(models), learning_rates)
        self.together: StackedTrainer | None = None
        self.one_by_one: list[Trainer] = []
        if isinstance(models[0], CNN):
            pairs = zip(self.models, self.configs, strict=True)
            self.one_by_one = [Trainer(model, own) for model, own in pairs]
        else:
            self.together = StackedTrainer(self.models, self.configs)

    def fit(
        self, train: Batch, *, validation: Batch | None = None, progress: bool = False
    ) -> tuple[History, ...]:
        """Train for ``config.num_epochs`` epochs.

        Args:
            train: inputs (samples, ...), images as uint8, and their targets (samples, ...).
            validation: samples to evaluate after each epoch, in eval mode.
            progress: whether to draw a progress bar with the mean loss, of CNNs one for each.

        Returns:
            the history of each member, whose times are of all that were trained together: all
            members, of CNNs one. The models hold the weights after the last step, or of the
            best epoch where the configuration keeps them.

        Raises:
            ValueError: as ``Trainer.fit`` does.
            NonFiniteLossError: when a step's loss is not finite; says of which member.
        """
        if self.together is not None:
            return tuple(self.together.fit(train, validation=validation, progress=progress))
        histories = []
        for trainer in self.one_by_one:
            try:
                made = trainer.fit(train, validation=validation, progress=progress)
            except NonFiniteLossError as error:
                found = (error.step, error.loss, error.largest_gradients)
                raise NonFiniteLossError(*found, member=member_name(trainer.config)) from None
            histories.append(made)
        return tuple(histories)


def mean_outputs(outputs: Tensor, *, classes: bool) -> Tensor:
    """Return what an ensemble gives: the mean of its members (section 2.4 of the paper).

    Args:
        outputs: (members, ..., outputs) float: logits, or predicted numbers.
        classes: whether outputs are logits.

    Returns:
        (..., outputs) float: of numbers their mean, of quantiles that of each; of classes the
        logarithm of the mean of the members' probabilities, of which a softmax makes that mean.
    """
    if not classes:
        return outputs.mean(0)
    return outputs.log_softmax(-1).logsumexp(0) - math.log(len(outputs))


class DeepEnsemble(nn.Module):
    """An ensemble as one model, which predicts the mean of its members.

    What takes a model to predict with, such as ``predict`` and ``evaluate``, takes this one.

    Args:
        models: the members.
        classes: whether their outputs are logits.

    Attributes:
        models: the members.
        config: of each of them.

    Raises:
        ValueError: when there is no model, or they are not alike.
    """

    def __init__(self, models: Sequence[Network], *, classes: bool) -> None:
        super().__init__()
        check_one_architecture([model.config for model in models])
        self.models, self.classes = nn.ModuleList(models), classes
        self.config = models[0].config

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict.

        Args:
            inputs: as the members take them.

        Returns:
            (batch, outputs) float: see ``mean_outputs``.
        """
        outputs = torch.stack([without_state(model(inputs)) for model in self.models])
        return mean_outputs(outputs, classes=self.classes)
