"""Weights on disk, in the workshop's names, and a training's state as a checkpoint holds it."""

from pathlib import Path
from typing import Any

import torch

from zoojax.spec import files
from zoojax.spec.checkpoints import Arrays, Checkpoint
from zoojax.spec.history import Log
from zootorch import optimizers, weights
from zootorch.layers import seed_dropout


def save_pretrained(folder: str | Path, model: Any) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zootorch model.
    """
    files.save_weights(folder, weights.to_arrays(model), model.config)


def load_pretrained(folder: str | Path, model_type: type) -> Any:
    """Load what either backend, or the workshop, wrote.

    Args:
        folder: where from.
        model_type: the model's class, whose name with "Config" is its configuration's.

    Returns:
        the model, in eval mode.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    described = type(config).__name__.removesuffix("Config")
    if described != model_type.__name__:
        raise ValueError(
            f"{Path(folder) / files.CONFIG} describes an {described}, not an {model_type.__name__}"
        )
    model = model_type(config)
    weights.from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))
    return model.eval()


def of_training(trainer: Any, log: Log, best: Arrays | None) -> Checkpoint:
    """Return all that a training needs to go on.

    Args:
        trainer: a ``Trainer``.
        log: what was written down up to its last step.
        best: the weights of the best epoch so far, where they are kept.
    """
    # The order of the epoch under way is drawn again.
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


def resume(trainer: Any, checkpoint: Checkpoint) -> None:
    """Let a ``Trainer`` go on where a checkpoint was saved: it is changed in place.

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
    trainer.scheduler.load_state_dict(place)
    for name in ("dropout", "shuffle"):
        generator = getattr(trainer, name)
        generator.key, generator.count = torch.tensor(random[name]["key"]), random[name]["count"]
    seed_dropout(trainer.model, trainer.dropout)
    trainer.num_steps = num_steps
