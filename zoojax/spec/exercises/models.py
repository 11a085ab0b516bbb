"""Exercises of notebook 3: models as objects and as functions."""

import copy
from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    article,
    judge,
    judge_function,
    unanswered,
)

INPUTS, HIDDEN, OUTPUTS = 10, 16, 3
"""Features of the network whose parameters are counted: Linear, BatchNorm, ReLU, Linear."""


def num_parameters(answer: Any) -> Words:
    """Judge the number of trainable numbers of that network."""
    weights, biases, norm = INPUTS * HIDDEN + HIDDEN * OUTPUTS, HIDDEN + OUTPUTS, 2 * HIDDEN
    return judge(
        answer,
        weights + biases + norm,
        [
            Mistake(weights, "These are the weights; biases and the BatchNorm have some as well."),
            Mistake(weights + biases, "The BatchNorm has a scale and a shift of each feature."),
            Mistake(weights + norm, "Each Linear has a bias for each of its outputs."),
            Mistake(
                weights + biases + 2 * norm,
                "The running mean and variance are state, but no gradient trains them.",
            ),
            Mistake(
                weights + biases + norm // 2,
                "The BatchNorm has two numbers of each feature: a scale and a shift.",
            ),
        ],
    )


KINDS = ("parameter", "buffer", "neither")
RIGHT_KINDS = {
    "weight of a Linear": "parameter",
    "scale of a BatchNorm": "parameter",
    "running mean of a BatchNorm": "buffer",
    "learning rate": "neither",
    "number of hidden features": "neither",
}
HINTS = {
    "weight of a Linear": "Does a gradient change the weight of a Linear?",
    "scale of a BatchNorm": "The scale of a BatchNorm is learnt: which of the three is that?",
    "running mean of a BatchNorm": (
        "The running mean of a BatchNorm changes in training, but no gradient changes it. It is "
        "saved with the weights."
    ),
    "learning rate": "The optimiser has the learning rate: would a model need it to predict?",
    "number of hidden features": (
        "The number of hidden features is fixed before there is any number to learn: it is "
        "configuration."
    ),
}


def kinds_of_state(answer: Any) -> Words:
    """Judge a dictionary that says of five things what they are to an object."""
    if unanswered(answer) or not isinstance(answer, dict):
        return f"Give a dictionary from {', '.join(RIGHT_KINDS)} to one of {', '.join(KINDS)}."
    for name, right in RIGHT_KINDS.items():
        if unanswered(answer.get(name)):
            return f"You have not said yet what the {name} is."
        if answer[name] not in KINDS:
            return f"{answer[name]!r} is none of {', '.join(KINDS)}."
        if answer[name] != right:
            return HINTS[name]
    return ""


def network(answer: Any) -> Words:
    """Judge ``apply(params, x)``: a Linear, ReLU, a Linear, of parameters in a dictionary."""
    generator = np.random.default_rng(0)
    params = {
        "w1": generator.normal(size=(4, 5)),
        "b1": generator.normal(size=5),
        "w2": generator.normal(size=(5, 2)),
        "b2": generator.normal(size=2),
    }
    x = generator.normal(size=(7, 4))

    def right(p: Any, x: Numbers) -> Numbers:
        return np.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]

    def no_activation(p: Any, x: Numbers) -> Numbers:
        return (x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]

    def without(name: str) -> Any:
        return lambda p, x: right({**p, name: 0 * p[name]}, x)

    return judge_function(
        answer,
        right,
        [
            (no_activation, "Without an activation in between, two linear layers are one."),
            (
                lambda p, x: np.maximum(right(p, x), 0),
                "The outputs come straight from the last layer, without an activation.",
            ),
            (without("b1"), "The bias of the first layer is missing."),
            (without("b2"), "The bias of the last layer is missing."),
            (
                lambda p, x: np.maximum(x @ p["w1"], 0) @ p["w2"],
                "Both layers have a bias, and it is missing.",
            ),
            (
                lambda p, x: (np.maximum(x @ p["w1"], 0) + p["b1"]) @ p["w2"] + p["b2"],
                "The bias of the first layer comes before the activation.",
            ),
        ],
        cases=[(params, x)],
    )


def running_mean(answer: Any) -> Words:
    """Judge ``update(state, x)``, the pure twin of an object that keeps count and mean."""
    if unanswered(answer) or not callable(answer):
        return "Write a function update(state, x) that returns a new state."
    state = {"count": 3, "mean": 2.0}
    given = copy.deepcopy(state)
    try:
        new = answer(given, 6.0)
    except Exception as error:
        return f"Your function fails with {type(error).__name__}: {error}"
    if given != state:
        return "Your function changed the state that it was given: make a new dictionary."
    if new is None:
        return "Your function returns nothing: the new state has to come out."
    if not isinstance(new, dict):
        return f"The new state is to be a dictionary, not {article(type(new).__name__)}."
    if set(new) != set(state):
        return "The new state is to have what the old one had: count and mean, no more and no less."
    if new["count"] != state["count"] + 1:
        return "One more number has been seen, and count does not say so."
    return judge(
        new["mean"],
        3.0,
        [
            Mistake(2.0, "The mean is still the old one."),
            Mistake(6.0, "This is the last number, not the mean of all."),
            Mistake(4.0, "Old mean and new number do not weigh the same: one stands for three."),
            Mistake(2.0 + 4.0 / 3, "Divide by how many there are now, not by how many there were."),
            Mistake(12.0, "This is the sum of all."),
        ],
    )


EXERCISES = {
    "number of parameters": num_parameters,
    "kinds of state": kinds_of_state,
    "network as a function": network,
    "running mean": running_mean,
}
