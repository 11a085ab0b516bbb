"""Weights on disk, in the workshop's names, and a training's state as a checkpoint holds it."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from zoojax import optimizers, random, weights
from zoojax.layers import Variables
from zoojax.models import model_of
from zoojax.spec import files
from zoojax.spec.checkpoints import Arrays, Checkpoint
from zoojax.spec.history import Log


def save_pretrained(folder: str | Path, model: Any, variables: Variables) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zoojax model.
        variables: its parameters and running statistics.
    """
    files.save_weights(folder, weights.to_arrays(model, variables), model.config)


def load_pretrained(folder: str | Path) -> tuple[Any, Variables]:
    """Load what either backend, or the workshop, wrote.

    Returns:
        the model and its variables; ``model.apply(variables, x)`` gives eval-mode outputs.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    model = model_of(config)
    return model, weights.from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))


def of_training(state: Any, log: Log, best: Arrays | None) -> Checkpoint:
    """Return all that a training needs to go on.

    Args:
        state: a ``TrainState``.
        log: what was written down up to it.
        best: the weights of the best epoch so far, where they are kept.
    """
    config, counts = state.config, {"dropout": log.num_steps, "shuffle": log.num_epochs}
    keys = {
        "dropout": state.dropout_key,
        "shuffle": random.stream(random.root_key(config.seed), "shuffle"),
    }
    return Checkpoint(
        weights=weights.to_arrays(state.model, state.variables),
        moments=optimizers.to_arrays(state.model, state.opt_state),
        best=best,
        random={
            name: {"key": jax.random.key_data(key).tolist(), "count": counts[name]}
            for name, key in keys.items()
        },
        learning_rate=float(optimizers.learning_rate(config, state.step, state.num_steps)),
        log=log,
    )


def resume(state: Any, checkpoint: Checkpoint) -> Any:
    """Return a ``TrainState`` that goes on where a checkpoint was saved.

    Args:
        state: the state before the first step of the same training.
        checkpoint: by either backend.

    Raises:
        ValueError: when random numbers were drawn before the training, which a pure function
            knows nothing of.
    """
    num_steps = checkpoint.log.num_steps
    counts = {name: checkpoint.random[name]["count"] for name in ("dropout", "shuffle")}
    if counts != {"dropout": num_steps, "shuffle": checkpoint.log.num_epochs}:
        raise ValueError(
            f"the checkpoint is of a trainer's second fit: its random numbers are at {counts} "
            f"after {num_steps} steps; go on in torch"
        )
    words = jnp.array(checkpoint.random["dropout"]["key"], jnp.uint32)
    return state.replace(
        step=jnp.array(num_steps, jnp.int32),
        **weights.from_arrays(state.model, checkpoint.weights),
        opt_state=optimizers.from_arrays(
            state.model, state.opt_state, checkpoint.moments, num_steps
        ),
        dropout_key=jax.random.wrap_key_data(words, impl="threefry2x32"),
    )
