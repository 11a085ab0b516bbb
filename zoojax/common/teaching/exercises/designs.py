"""Exercises of notebook 9: where functions pay off, and where objects do."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Numbers,
    Words,
    article,
    judge_choices,
    judge_function,
    numbers,
    unanswered,
)


def in_axes(answer: object) -> Words:
    """Judge the ``in_axes`` for shared weights and samples along axis 1."""
    if answer is ...:
        return "The dots are still there: give a pair."
    if isinstance(answer, int):
        return "One number is for all arguments: it would cut the weights up, too."
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "Give a pair: what is mapped of the weights, and what of xs."
    weights, samples = answer
    if weights is ... or samples is ...:
        return "The dots are still there: give a pair."
    if weights is not None and samples is None:
        return "The two have changed places: this maps over the weights."
    if weights is not None:
        return "The weights are the same for all samples: they are not mapped over."
    if samples is None:
        return "Something has to be mapped over: where are the samples?"
    if type(samples) is not int:  # nor will vmap have another kind
        return f"An axis is an integer, and for xs you give {article(type(samples).__name__)}."
    if samples in (0, -2):
        return "This takes xs apart along the axis of the features."
    return "" if samples in (1, -1) else f"xs has two axes, and {samples} is none of them."


def scan_step(answer: Any) -> Words:
    """Judge ``step(carry, x)``, a running average that is carried on and kept."""

    def pair(carry: float, x: float) -> Numbers:
        """Return what a step returns, with NaN for what is not kept and for what is no pair."""
        found = answer(carry, x)
        if isinstance(found, tuple | list) and len(found) == 2:
            return [math.nan if each is None else each for each in found]
        return None if found is None else math.nan

    def new(carry: float, x: float) -> float:
        return 0.9 * carry + 0.1 * x

    return judge_function(
        pair if callable(answer) else answer,
        lambda c, x: [new(c, x)] * 2,
        [
            (lambda c, x: math.nan, "A step returns a pair: the new carry, and what is kept."),
            (lambda c, x: [new(c, x), math.nan], "Nothing is kept here, and each average should."),
            (
                lambda c, x: [0.1 * c + 0.9 * x] * 2,
                "The two weights have changed places: most of the old average stays.",
            ),
            (lambda c, x: [new(c, x), x], "What is kept is the input here, not the new average."),
            (lambda c, x: [new(c, x), c], "What is kept is the old average here, not the new one."),
            (lambda c, x: [c, new(c, x)], "The old carry goes on here: it never changes."),
            (lambda c, x: [x, new(c, x)], "The input goes on here, and not the average."),
            (lambda c, x: [c + 0.1 * x] * 2, "The old average has to fade as the new comes in."),
            (
                lambda c, x: [0.9 * c + x] * 2,
                "x has a weight, too, and comes in at its full size.",
            ),
            (lambda c, x: [(c + x) / 2] * 2, "The two do not have the same weight."),
        ],
        cases=[(2.0, 5.0), (0.0, 1.0)],
    )


FATES = ("as without jit", "only the first call did it", "an old value in the result")
RIGHT_FATES = {
    "A": "only the first call did it",
    "B": "an old value in the result",
    "C": "an old value in the result",
    "D": "as without jit",
}
THINK = {
    "A": "In A, when does Python run `append`, and how often is A compiled?",
    "B": "In B, when does the compiled program learn the rate?",
    "C": "In C, noise is added in each of the ten calls. When was it drawn?",
    "D": "In D, is there anything that is not an argument?",
}


def under_jit(answer: object) -> Words:
    """Judge a dictionary that says what four functions do when they are compiled."""
    return judge_choices(answer, RIGHT_FATES, THINK, FATES)


def outputs_of_layers(answer: Any) -> Words:
    """Judge ``outputs_of(layers, x)``, a list of what each layer gave."""
    layers = [lambda x: 2 * x, lambda x: x + 3, lambda x: x**2]

    def right(layers: Sequence[Callable[[Numbers], Numbers]], x: Numbers) -> Numbers:
        outputs = []
        for layer in layers:
            x = layer(x)
            outputs.append(x)
        return outputs

    def listed(layers: Sequence[Callable[[Numbers], Numbers]], x: Numbers) -> Numbers:
        """Return what the answer returns, with NaN for what is no list."""
        found = answer(layers, x)
        is_list = isinstance(found, list | tuple) or hasattr(found, "shape")
        return found if found is None or is_list else math.nan

    return judge_function(
        listed if callable(answer) else answer,
        right,
        [
            (lambda layers, x: math.nan, "Return a list of what each layer gave."),
            (
                lambda layers, x: [layer(x) for layer in layers],
                "Each layer is given the first input: pass on what the one before gave.",
            ),
            (
                lambda layers, x: right(layers, x)[-1],
                "This is what the last layer gave: return what each of them gave.",
            ),
            (
                lambda layers, x: right(layers, x)[:1],
                "Only the first output is there: does return stand inside the loop?",
            ),
            (
                lambda layers, x: [x, *right(layers, x)[:-1]],
                "These are the inputs of the layers, not their outputs.",
            ),
            (
                lambda layers, x: [x, *right(layers, x)],
                "One too many: no layer gave the input.",
            ),
            (
                lambda layers, x: right(layers[::-1], x),
                "The layers run from the last to the first.",
            ),
            (lambda layers, x: right(layers, x)[::-1], "The outputs come in the wrong order."),
        ],
        cases=[(layers, np.array([1.0, -2.0]))],
    )


def new_head(answer: object) -> Words:
    """Judge ``with_new_head(params, head)``, which leaves the dictionary as it was."""
    if unanswered(answer) or not callable(answer):
        return "Write a function with_new_head(params, head) that returns a new dictionary."
    params = {"body": {"kernel": [1.0, 2.0]}, "norm": {"scale": [3.0]}, "head": {"kernel": [4.0]}}
    given, head = copy.deepcopy(params), {"kernel": [5.0, 6.0]}
    try:
        found = answer(given, copy.deepcopy(head))
    except Exception as error:
        return f"Your function fails with {type(error).__name__}: {error}"
    if _plain(given) != params:
        return "Your function changed the dictionary that it was given: make a new one instead."
    if found is None:
        return "Your function returns nothing: are its dots still there, or is return missing?"
    if not isinstance(found, dict):
        return f"Parameters are a dictionary, and this is {article(type(found).__name__)}."
    found = _plain(found)
    if missing := sorted(set(params) - set(found)):
        return f"{missing[0]!r} got lost."
    if extra := sorted(map(str, set(found) - set(params))):
        return f"There was no {extra[0]!r} before: head is to take the old head's place."
    if found["head"] == params["head"]:
        return "The head is still the old one."
    if found["head"] != head:
        return "The head is neither the old one nor the one given."
    return "" if found == {**params, "head": head} else "More than the head has changed."


def _plain(tree: object) -> Any:
    """Return a dictionary of dictionaries with lists for arrays, which can be compared."""
    if isinstance(tree, dict):
        return {name: _plain(each) for name, each in tree.items()}
    found = numbers(tree)
    return repr(tree) if found is None else found.tolist()


EXERCISES = {
    "in_axes": in_axes,
    "step of a scan": scan_step,
    "under jit": under_jit,
    "outputs of each layer": outputs_of_layers,
    "new head": new_head,
}
