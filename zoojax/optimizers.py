"""Optimisers, learning rates and clipping as functions of gradients and a state.

Each rule is torch's, step for step; optax has them all, with other defaults and roundings.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from numpy.typing import NDArray

from zoojax import weights
from zoojax.spec.config import TrainConfig
from zoojax.spec.layout import layout, to_tree
from zoojax.types import Model, Tree, Variables


class AdamState(NamedTuple):
    """State of Adam.

    Attributes:
        num_updates: () int32, updates made.
        mu: running mean of the gradients, like the parameters.
        nu: running mean of the squared gradients, like the parameters.
    """

    num_updates: Array
    mu: Variables
    nu: Variables


def scale_by_adam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Return Adam's direction: Kingma and Ba, 2015, algorithm 1.

    Parity: the formula of ``optax.adam``, whose bias correction 1 - b2^t is a difference of
    float32 numbers, 7e-6 off at the first step. Here it is -expm1(t log b2), which is exact
    to rounding, as torch's double arithmetic is.
    """

    def init(params: Variables) -> AdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdamState(jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.copy, zeros))

    def update(
        grads: Variables, state: AdamState, params: Variables | None = None
    ) -> tuple[Variables, AdamState]:
        del params
        count = state.num_updates + 1
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, grads)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.nu, grads)

        def direction(m: Array, v: Array) -> Array:
            time = count.astype(m.dtype)
            correction1 = -jnp.expm1(time * math.log(b1))
            correction2 = -jnp.expm1(time * math.log(b2))
            return m / correction1 / (jnp.sqrt(v) / jnp.sqrt(correction2) + eps)

        return jax.tree.map(direction, mu, nu), AdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)


class RMSPropState(NamedTuple):
    """State of RMSprop.

    Attributes:
        nu: running mean of the squared gradients, like the parameters.
    """

    nu: Variables


def scale_by_rms(decay: float = 0.99, eps: float = 1e-8) -> optax.GradientTransformation:
    """Return RMSprop's direction: Hinton, Neural networks for machine learning, lecture 6.

    Parity: eps is added to the root, where optax adds it inside.
    """

    def init(params: Variables) -> RMSPropState:
        return RMSPropState(jax.tree.map(jnp.zeros_like, params))

    def update(
        grads: Variables, state: RMSPropState, params: Variables | None = None
    ) -> tuple[Variables, RMSPropState]:
        del params
        nu = jax.tree.map(lambda v, g: decay * v + (1 - decay) * g * g, state.nu, grads)
        directions = jax.tree.map(lambda v, g: g / (jnp.sqrt(v) + eps), nu, grads)
        return directions, RMSPropState(nu)

    return optax.GradientTransformation(init, update)


def optimizer(config: TrainConfig) -> optax.GradientTransformation:
    """Return what turns gradients into directions; a step subtracts learning rate times these.

    Weight decay adds its share of the weights to the gradients; adamw adds it to the
    directions, past the moments: Loshchilov and Hutter, 2019.
    """
    decay = optax.add_decayed_weights(config.weight_decay)
    momentum = optax.identity()
    if config.momentum:
        momentum = optax.trace(config.momentum, config.nesterov)
    match config.optimizer:
        case "adam":
            return optax.chain(decay, scale_by_adam())
        case "adamw":
            return optax.chain(scale_by_adam(), decay)
        case "sgd":
            return optax.chain(decay, momentum)
        case "rmsprop":
            return optax.chain(decay, scale_by_rms(), momentum)
        case other:
            raise ValueError(f"unknown optimizer {other!r}")


def learning_rate(
    config: TrainConfig, step: Array, num_steps: int | None, *, largest: Array | float | None = None
) -> Array | float:
    """Return the step size of a step.

    Args:
        config: names the schedule, and its largest step size.
        step: () integer, counted from 0.
        num_steps: steps of the whole run; not needed by the constant schedule.
        largest: () float, the largest step size instead of the configuration's.

    Returns:
        () float; one_cycle rises from a 25th in 30% of the steps and falls to a 250,000th,
        both along a cosine: Smith and Topin, 2018.
    """
    largest = config.learning_rate if largest is None else largest
    if config.schedule == "constant" or num_steps is None:
        return largest
    time = step.astype(jnp.result_type(float))
    if config.schedule == "cosine":
        return largest * (1 + jnp.cos(math.pi * time / num_steps)) / 2
    peak, last = 0.3 * num_steps - 1, num_steps - 1
    rise = _along_cosine(largest / 25, largest, time / peak)
    fall = _along_cosine(largest, largest / 25e4, (time - peak) / (last - peak))
    return jnp.where(time <= peak, rise, fall)


def _along_cosine(start: Array | float, end: Array | float, part: Array) -> Array:
    """Return where a half cosine from ``start`` to ``end`` is after ``part`` of its way."""
    return end + (start - end) / 2 * (1 + jnp.cos(math.pi * part))


def clip_by_global_norm(grads: Tree, largest: float | None) -> Tree:
    """Scale gradients down so that the norm of all together is at most ``largest``.

    Parity: the norm plus 1e-6 divides, as in ``torch.nn.utils.clip_grad_norm_``.
    """
    if largest is None:
        return grads
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))
    factor = jnp.minimum(largest / (norm + 1e-6), 1)
    clipped: Tree = jax.tree.map(lambda g: g * factor, grads)
    return clipped


SLOTS = ("mu", "nu", "trace")
"""Fields of the states above, and of optax's, that hold an array a parameter."""


def to_arrays(model: Model, opt_state: Any) -> dict[str, NDArray[Any]]:
    """Return an optimiser's arrays by slot and name in weight files, such as ``mu/fc.weight``."""
    return {
        f"{slot}/{name}": array
        for link in opt_state  # of the chain
        for slot in SLOTS
        if hasattr(link, slot)
        for name, array in weights.to_arrays(model, {"params": getattr(link, slot)}).items()
    }


def from_arrays(
    model: Model, opt_state: Any, arrays: Mapping[str, NDArray[Any]], num_updates: int
) -> Any:
    """Return an optimiser's state that holds the arrays that ``to_arrays`` returned.

    Args:
        model: a zoojax model.
        opt_state: a state of the same optimiser, which says what it is made of.
        arrays: by slot and name.
        num_updates: updates made.
    """
    leaves = [leaf for leaf in layout(model.config) if leaf.path[0] == "params"]

    def fill(link: Any) -> Any:
        fields: dict[str, Any] = {}
        for slot in SLOTS:
            if hasattr(link, slot):
                named = {leaf.name: jnp.array(arrays[f"{slot}/{leaf.name}"]) for leaf in leaves}
                fields[slot] = to_tree(named, leaves)["params"]
        if hasattr(link, "num_updates"):
            fields["num_updates"] = jnp.array(num_updates, jnp.int32)
        return link._replace(**fields)

    return tuple(fill(link) for link in opt_state)
