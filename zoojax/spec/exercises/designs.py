"""Exercises of notebook 9: where functions pay off, and where objects do."""

import copy
from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import Numbers, Words, article, judge_function, unanswered


def in_axes(answer: Any) -> Words:
    """Judge the ``in_axes`` for shared weights and samples along axis 1."""
    if answer is ...:
        return "The dots are still there: give a pair."
    if isinstance(answer, int):
        return "One number is for all arguments, and would cut the weights up, too."
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "Give a pair: what is mapped of the weights, and what of xs."
    weights, samples = answer
    if weights is ... or samples is ...:
        return "The dots are still there: give a pair."
    if weights is not None and samples is None:
        return "The two have changed places: this maps over weights and keeps one sample."
    if weights is not None:
        return "The weights are the same for all samples: they are not mapped over."
    if samples is None:
        return "Something has to be mapped over: where are the samples?"
    if samples not in (1, -1):
        return "This takes xs apart along the axis of the features."
    return ""


def scan_step(answer: Any) -> Words:
    """Judge ``step(carry, x)``, a running average that is carried on and kept."""

    def right(carry: float, x: float) -> Numbers:
        return [0.9 * carry + 0.1 * x] * 2

    def pair(carry: float, x: float) -> Any:
        found = answer(carry, x)
        return list(found) if isinstance(found, tuple) else found

    def new(carry: float, x: float) -> float:
        return 0.9 * carry + 0.1 * x

    return judge_function(
        pair if callable(answer) else answer,
        right,
        [
            (new, "A step returns a pair: the new carry, and what is kept."),
            (
                lambda c, x: [0.1 * c + 0.9 * x] * 2,
                "The two weights have changed places: most of the old average stays.",
            ),
            (lambda c, x: [new(c, x), x], "What is kept is the input here, not the new average."),
            (lambda c, x: [new(c, x), c], "What is kept is the old average here, not the new one."),
            (lambda c, x: [c, new(c, x)], "The old carry goes on: nothing is carried."),
            (lambda c, x: [c + 0.1 * x] * 2, "The old average has to fade as the new comes in."),
            (lambda c, x: [(c + x) / 2] * 2, "The two do not weigh the same."),
        ],
        cases=[(2.0, 5.0), (0.0, 1.0)],
    )


FATES = ("the same as without jit", "what it should only once", "an old value")
RIGHT_FATES = {
    "A": "what it should only once",
    "B": "an old value",
    "C": "an old value",
    "D": "the same as without jit",
}
THINK = {
    "A": "In A, when does Python run `append`, and how often does it compile?",
    "B": "In B, where does the compiled program have the rate from?",
    "C": "In C, NumPy makes a number while it compiles. What is it to the program afterwards?",
    "D": "In D, is there anything that is not an argument?",
}


def under_jit(answer: Any) -> Words:
    """Judge a dictionary that says what four functions do when they are compiled."""
    if unanswered(answer) or not isinstance(answer, dict):
        return f"Give a dictionary from A, B, C, D to one of: {'; '.join(FATES)}."
    for name, right in RIGHT_FATES.items():
        if unanswered(answer.get(name)):
            return f"You have not said yet what {name} does."
        if answer[name] not in FATES:
            return f"{answer[name]!r} is none of: {'; '.join(FATES)}."
        if answer[name] != right:
            return THINK[name]
    return ""


def outputs_of_layers(answer: Any) -> Words:
    """Judge ``outputs_of(layers, x)``, a list of what each layer gave."""
    layers = [lambda x: 2 * x, lambda x: x + 3, lambda x: x**2]

    def right(layers: Any, x: Numbers) -> Numbers:
        outputs = []
        for layer in layers:
            x = layer(x)
            outputs.append(x)
        return outputs

    return judge_function(
        answer,
        right,
        [
            (
                lambda layers, x: [layer(x) for layer in layers],
                "Each layer is given the first input: hand on what the one before gave.",
            ),
            (lambda layers, x: right(layers, x)[-1], "This is what the last one gave: keep all."),
            (
                lambda layers, x: [x, *right(layers, x)[:-1]],
                "These are the inputs of the layers, not their outputs.",
            ),
            (lambda layers, x: [x, *right(layers, x)], "One too many: no layer gave the input."),
            (lambda layers, x: right(layers[::-1], x), "The layers are run from the last one."),
            (lambda layers, x: right(layers, x)[::-1], "These come in the wrong order."),
        ],
        cases=[(layers, np.array([1.0, -2.0]))],
    )


def new_head(answer: Any) -> Words:
    """Judge ``with_new_head(params, head)``, which leaves the dictionary as it was."""
    if unanswered(answer) or not callable(answer):
        return "Write a function with_new_head(params, head) that returns a new dictionary."
    params = {"body": {"kernel": [1.0, 2.0]}, "norm": {"scale": [3.0]}, "head": {"kernel": [4.0]}}
    given, head = copy.deepcopy(params), {"kernel": [5.0, 6.0]}
    try:
        found = answer(given, copy.deepcopy(head))
    except Exception as error:
        return f"Your function fails with {type(error).__name__}: {error}"
    if given != params:
        return "Your function changed the dictionary that it was given: make a new one."
    if found is None:
        return "Your function returns nothing: the new dictionary has to come out."
    if not isinstance(found, dict):
        return f"Parameters are a dictionary, and this is {article(type(found).__name__)}."
    if missing := set(params) - set(found):
        return f"{', '.join(sorted(missing))} got lost."
    if extra := set(found) - set(params):
        return f"There was no {', '.join(sorted(map(str, extra)))} before."
    if found["head"] == params["head"]:
        return "The head is still the old one."
    if found["head"] != head:
        return "The head is neither the old one nor the one given."
    if found != {**params, "head": head}:
        return "More than the head has changed."
    return ""


EXERCISES = {
    "in_axes": in_axes,
    "step of a scan": scan_step,
    "under jit": under_jit,
    "outputs of each layer": outputs_of_layers,
    "new head": new_head,
}
