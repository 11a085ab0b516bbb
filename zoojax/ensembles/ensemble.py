"""Ensembles: one model from several seeds, or with several learning rates, and their mean.

Each member equals a single run with its seed. Deep ensembles are of B. Lakshminarayanan,
A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty estimation using deep
ensembles, 2017.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from zoojax import compiled_loop, random, weights
from zoojax.common.progress import progress_bar
from zoojax.ensembles.stacked import fit_stacked, of_each_member
from zoojax.evaluation import without_state
from zoojax.models.cnn import CNN
from zoojax.spec.checks import check_training
from zoojax.spec.config import ModelConfig, TrainConfig
from zoojax.spec.ensembles import check_dtype, member_configs, member_seeds
from zoojax.spec.history import History
from zoojax.spec.records import Batch
from zoojax.types import Model, Variables


def init_ensemble(seed: int, model: Model, example: Array, *, num_members: int) -> Variables:
    """Draw the variables of all members, whose seeds are seed, seed + 1, and so on.

    Args:
        seed: of the first member.
        model: a zoojax model.
        example: (batch, ...) float, as of ``init``.
        num_members: members of the ensemble.

    Returns:
        variables as of ``init``, with an axis of members first.

    Raises:
        ValueError: when there is no member, a seed is too large, or the example does not fit.
    """
    keys = jnp.stack([random.root_key(each) for each in member_seeds(seed, num_members)])
    return jax.vmap(lambda key: weights.init(key, model, example))(keys)


def fit_ensemble(
    model: Model,
    variables: Variables,
    train: Batch,
    *,
    config: TrainConfig,
    learning_rates: Sequence[float] | None = None,
    validation: Batch | None = None,
    progress: bool = False,
) -> tuple[Variables, tuple[History, ...]]:
    """Train the members of an ensemble, each as ``fit`` would with a seed of its own.

    Args:
        model: a zoojax model.
        variables: with an axis of members first, as ``init_ensemble`` returns; they stay usable.
        train: inputs (samples, ...), images as uint8, and their targets (samples, ...).
        config: how to train; its seed is the first member's, the next one's is one more.
        learning_rates: of each member, for a sweep; the configuration's when None.
        validation: samples to evaluate after each epoch, in eval mode.
        progress: whether to draw a progress bar with the mean loss.

    Returns:
        the variables after the last step, of the best epoch where the configuration keeps them,
        with an axis of members first; and the history of each member, whose times are of all
        that were trained together: all members, of a CNN one.

    Raises:
        ValueError: as ``fit`` does; and when a seed is too large or the learning rates are of
            another number than the members, or mixed precision is asked for of members that are
            trained together.
        NonFiniteLossError: when a step's loss is not finite; says of which member.
    """
    num_members = len(jax.tree.leaves(variables)[0])
    configs = member_configs(config, num_members, learning_rates)
    check_dtype(config, model.config)
    check_training(config, model.config, train, validation)
    groups = [slice(num_members)]
    if isinstance(model, CNN):
        groups = [slice(index, index + 1) for index in range(num_members)]
    if compiled_loop.is_looped(model.config):
        train = jax.device_put(train)
    num_steps = config.num_epochs * math.ceil(len(train.targets) / config.batch_size)
    made, histories = [], []
    with progress_bar(num_steps * len(groups), "zoojax", enabled=progress) as advance:
        for group in groups:
            own = jax.tree.map(lambda leaf, group=group: leaf[group], variables)
            own, written = fit_stacked(
                model, own, train, configs=configs[group], validation=validation, advance=advance
            )
            made.append(own)
            histories += written
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *made), tuple(histories)


def mean_outputs(outputs: Array, *, classes: bool) -> Array:
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
    return jax.nn.logsumexp(jax.nn.log_softmax(outputs), axis=0) - math.log(len(outputs))


@dataclasses.dataclass(frozen=True)
class DeepEnsemble:
    """An ensemble as one model, which predicts the mean of its members.

    It holds no numbers: ``apply`` computes with variables that have an axis of members first.
    What takes a model to predict with, such as ``predict`` and ``evaluate``, takes this one.

    Args:
        model: what each member is.
        classes: whether its outputs are logits.
    """

    model: Model
    classes: bool

    @property
    def config(self) -> ModelConfig:
        """The configuration of each member."""
        return self.model.config

    def apply(self, variables: Variables, inputs: Array) -> Array:
        """Predict in eval mode.

        Args:
            variables: with an axis of members first.
            inputs: as the model takes them.

        Returns:
            (batch, outputs) float: see ``mean_outputs``.
        """

        def predict(own: Variables) -> Array:
            return without_state(self.model.apply(own, inputs))

        outputs = of_each_member(self.model, predict, variables)
        return mean_outputs(outputs, classes=self.classes)
