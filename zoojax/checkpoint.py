"""The state of a training run, as a checkpoint holds it."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from zoojax import optimizers, random, weights
from zoojax.common.storage.checkpoints import Arrays, Checkpoint
from zoojax.spec.history import Log

if TYPE_CHECKING:
    from zoojax.training import TrainState


def of_training(state: "TrainState", log: Log, best: Arrays | None) -> Checkpoint:
    """Return all that is needed to resume a training run.

    Args:
        state: a ``TrainState``.
        log: what was logged up to it.
        best: the weights of the best epoch so far, where they are kept.
    """
    counts = {"dropout": log.num_steps, "shuffle": log.num_epochs}
    keys = {"dropout": state.dropout_key, "shuffle": random.stream(state.key, "shuffle")}
    return Checkpoint(
        weights=weights.to_arrays(state.model, state.variables),
        moments=optimizers.to_arrays(state.model, state.opt_state),
        best=best,
        random={
            name: {"key": jax.random.key_data(key).tolist(), "count": counts[name]}
            for name, key in keys.items()
        },
        learning_rate=float(optimizers.learning_rate(state.config, state.step, state.num_steps)),
        log=log,
    )


def resume(state: "TrainState", checkpoint: Checkpoint) -> "TrainState":
    """Return a ``TrainState`` that resumes where a checkpoint was saved.

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
