"""The state of a training run, as a checkpoint holds it."""

from typing import TYPE_CHECKING

import torch

from zoojax.common.storage.checkpoints import Arrays, Checkpoint
from zoojax.spec.history import Log
from zootorch import optimizers, weights
from zootorch.layers import seed_dropout

if TYPE_CHECKING:
    from zootorch.training import Trainer


def of_training(trainer: "Trainer", log: Log, best: Arrays | None) -> Checkpoint:
    """Return all that is needed to resume a training run.

    Args:
        trainer: a ``Trainer``.
        log: what was logged up to its last step.
        best: the weights of the best epoch so far, where they are kept.
    """
    # The order of the current epoch is drawn again.
    epoch = trainer.shuffle.count - (log.num_steps_in_epoch > 0)
    return Checkpoint(
        weights=weights.to_arrays(trainer.model),
        moments=optimizers.to_arrays(trainer.model, trainer.optimizer, trainer.config),
        best=best,
        random={
            "dropout": {"key": trainer.dropout.key.tolist(), "count": trainer.num_steps},
            "shuffle": {"key": trainer.shuffle.key.tolist(), "count": epoch},
        },
        learning_rate=trainer.learning_rate,
        log=log,
    )


def resume(trainer: "Trainer", checkpoint: Checkpoint) -> None:
    """Let a ``Trainer``, changed in place, resume where a checkpoint was saved.

    Args:
        trainer: of the same training, before its first step.
        checkpoint: by either backend.
    """
    random, num_steps = checkpoint.random, checkpoint.random["dropout"]["count"]
    weights.from_arrays(trainer.model, checkpoint.weights)
    optimizers.from_arrays(
        trainer.model, trainer.optimizer, trainer.config, checkpoint.moments, num_steps
    )
    for group in trainer.optimizer.param_groups:
        group["lr"] = checkpoint.learning_rate
    place = {"last_epoch": checkpoint.log.num_steps, "_last_lr": [checkpoint.learning_rate]}
    assert trainer.scheduler is not None, "fit makes it first"
    trainer.scheduler.load_state_dict(place)
    for name in ("dropout", "shuffle"):
        generator = getattr(trainer, name)
        generator.key, generator.count = torch.tensor(random[name]["key"]), random[name]["count"]
    seed_dropout(trainer.model, trainer.dropout)
    trainer.num_steps = num_steps
