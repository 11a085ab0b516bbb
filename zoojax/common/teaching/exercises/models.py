"""Exercises of notebook 3: models as objects and as functions."""

from collections.abc import Callable

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    article,
    judge,
    judge_choices,
    judge_function,
    unanswered,
)

INPUTS, HIDDEN, OUTPUTS = 10, 16, 4
"""Features of the network whose parameters are counted: Linear, BatchNorm, ReLU, Linear."""


def num_parameters(answer: object) -> Words:
    """Judge the number of trainable numbers of that network."""
    weights, biases, norm = INPUTS * HIDDEN + HIDDEN * OUTPUTS, HIDDEN + OUTPUTS, 2 * HIDDEN
    statistics = "The running mean and variance are state, but no gradient trains them."
    return judge(
        answer,
        weights + biases + norm,
        [
            Mistake(weights, "These are the weights; the biases and the BatchNorm count as well."),
            Mistake(INPUTS * HIDDEN + HIDDEN + norm, "The second Linear counts as well."),
            Mistake(weights + biases, "The BatchNorm has a scale and a shift for each feature."),
            Mistake(weights + norm, "Each Linear has a bias for each of its outputs."),
            Mistake(weights + norm + HIDDEN, "The last Linear has a bias as well."),
            Mistake(weights + biases + 2 * norm, statistics),
            Mistake(
                weights + biases + 2 * norm + 1,
                f"{statistics} Nor does one train the count of batches.",
            ),
            Mistake(
                # Half of the BatchNorm forgotten, or the first bias: both give this number.
                weights + OUTPUTS + norm,
                "Count again for each hidden feature: it has a bias in the first Linear, and a "
                "scale and a shift in the BatchNorm.",
            ),
            Mistake(
                weights + INPUTS + HIDDEN + norm,
                "A Linear has a bias for each of its outputs, not for each of its inputs.",
            ),
            Mistake(
                weights + biases + 2 * INPUTS,
                "The BatchNorm comes after the first Linear: how many features reach it?",
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
    "scale of a BatchNorm": "The scale of a BatchNorm is learned: which of the three is that?",
    "running mean of a BatchNorm": (
        "The running mean of a BatchNorm changes in training, but no gradient changes it. It is "
        "saved with the weights."
    ),
    "learning rate": "The optimizer has the learning rate: would the model need it to predict?",
    "number of hidden features": (
        "The number of hidden features is configuration: it is fixed before there is anything to "
        "learn or to keep."
    ),
}


def kinds_of_state(answer: object) -> Words:
    """Judge a dictionary that says of five things what they are to an object."""
    return judge_choices(answer, RIGHT_KINDS, HINTS, KINDS)


def network(answer: object) -> Words:
    """Judge ``apply(params, x)``: a Linear, ReLU, a Linear, of parameters in a dictionary."""
    generator = np.random.default_rng(0)
    params = {
        "w1": generator.normal(size=(4, 5)),
        "b1": generator.normal(size=5),
        "w2": generator.normal(size=(5, 2)),
        "b2": generator.normal(size=2),
    }
    x = generator.normal(size=(7, 4))

    def right(p: dict[str, Numbers], x: Numbers) -> Numbers:
        return np.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]

    def linear(p: dict[str, Numbers], x: Numbers, place: int) -> Numbers:
        return x @ p[f"w{place}"] + p[f"b{place}"]

    def without(*names: str) -> Callable[..., Numbers]:
        return lambda p, x: right({**p, **{name: 0 * p[name] for name in names}}, x)

    hidden = "This is what the hidden layer hands on: the last layer is missing."
    return judge_function(
        answer,
        right,
        [
            (
                lambda p, x: linear(p, linear(p, x, 1), 2),
                "Without an activation in between, two linear layers are one.",
            ),
            (
                lambda p, x: linear(p, linear(p, np.maximum(x, 0), 1), 2),
                "The activation comes between the layers, not before them.",
            ),
            (
                lambda p, x: np.maximum(right(p, x), 0),
                "The outputs come straight from the last layer, without an activation.",
            ),
            (
                lambda p, x: np.maximum(linear(p, linear(p, x, 1), 2), 0),
                "The activation comes between the layers, not after them.",
            ),
            (without("b1"), "The bias of the first layer is missing."),
            (without("b2"), "The bias of the last layer is missing."),
            (without("b1", "b2"), "Both biases are missing."),
            (
                lambda p, x: linear(p, np.maximum(x @ p["w1"], 0) + p["b1"], 2),
                "The bias of the first layer comes before the activation.",
            ),
            (lambda p, x: np.maximum(linear(p, x, 1), 0), hidden),
            (lambda p, x: linear(p, x, 1), hidden),
            (
                lambda p, x: linear(p, linear(p, x, 1).max(0), 2),
                "np.max takes the largest along an axis; np.maximum compares number by number.",
            ),
            (
                lambda p, x: linear(p, np.tanh(linear(p, x, 1)), 2),
                "This is tanh, and the activation asked for is ReLU.",
            ),
        ],
        cases=[(params, x)],
    )


def running_mean(answer: object) -> Words:
    """Judge ``update(state, x)``, the pure twin of an object that keeps count and mean."""
    if unanswered(answer) or not callable(answer):
        return "Write a function update(state, x) that returns a new state."
    before = "Divide by how many there are now, not by how many there were."
    return _new_state(answer) or judge_function(
        lambda count, mean, x: answer({"count": count, "mean": mean}, x)["mean"],
        lambda count, mean, x: mean + (x - mean) / (count + 1),
        [
            (lambda count, mean, x: mean, "The mean is still the old one."),
            (lambda count, mean, x: x, "This is the last number, not the mean of all."),
            (
                lambda count, mean, x: (mean + x) / 2,
                "The old mean stands for several numbers, and x for one: do not weigh them alike.",
            ),
            (
                lambda count, mean, x: (mean + x) / (count + 1),
                "The old mean stands for several numbers: it is not their sum.",
            ),
            (lambda count, mean, x: mean + (x - mean) / max(count, 1), before),
            (lambda count, mean, x: mean + x / max(count, 1), before),
            (lambda count, mean, x: mean * count + x, "This is the sum of all."),
        ],
        cases=[(4, 2.0, 7.0), (0, 0.0, 5.0)],
    )


def _new_state(update: Callable[..., object]) -> Words:
    """Judge what kind of state comes out of a step, and whether the old one stays as it was."""
    state = {"count": 4, "mean": 2.0}
    given = dict(state)
    try:
        new = update(given, 7.0)
    except Exception as error:
        return f"Your function fails with {type(error).__name__}: {error}"
    if given.keys() != state.keys() or any(given[name] is not state[name] for name in state):
        return "Your function changed the state that it was given: make a new dictionary."
    if unanswered(new):
        return "Your function returns nothing: the new state has to come out."
    if not isinstance(new, dict):
        return f"The new state should be a dictionary, not {article(type(new).__name__)}."
    if set(new) != set(state):
        return "The new state should have what the old one had: count and mean, and nothing else."
    if unanswered(list(new.values())):
        return "The new state is not complete yet: count or mean is missing."
    if said := judge(new["count"], 5, [Mistake(4, "One more number has been seen: count it.")]):
        return f"count: {said}"
    return ""


EXERCISES = {
    "number of parameters": num_parameters,
    "kinds of state": kinds_of_state,
    "network as a function": network,
    "running mean": running_mean,
}
