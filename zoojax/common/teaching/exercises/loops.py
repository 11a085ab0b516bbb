"""Exercises of notebook 4: the training loop."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    judge,
    judge_function,
    numbers,
    unanswered,
)

LINE_X = np.linspace(-1.0, 1.0, 20)
LINE_Y = 3.0 * LINE_X - 0.5 + 0.2 * np.sin(9 * LINE_X)
RATE, NUM_STEPS = 0.3, 25
"""A line is fitted to these points, from slope 0 and offset 0."""

STEPS = ("zero_grad", "forward", "loss", "backward", "step")


def order_of_steps(answer: object) -> Words:
    """Judge in which order the five lines of a training step come."""
    steps = ", ".join(sorted(STEPS))
    if unanswered(answer) or not isinstance(answer, list | tuple):
        return f"Give a list of the five words {steps}, in your order."
    given = list(map(str, answer))
    if sorted(given) != sorted(STEPS):
        return f"Give each of these words once: {steps}."
    place = {name: given.index(name) for name in STEPS}
    for earlier, later, words in (
        ("forward", "loss", "A loss compares outputs with targets: where do outputs come from?"),
        ("loss", "backward", "backward starts from a loss, and there is none yet."),
        ("backward", "step", "step would use gradients that are not computed yet."),
    ):
        if place[earlier] > place[later]:
            return words
    if place["backward"] < place["zero_grad"] < place["step"]:
        return "zero_grad would clear the gradients that step needs."
    return ""


def _gradient(weights: Numbers, scale: float = 1.0) -> Numbers:
    """Return the gradient of the mean squared error by slope and offset."""
    error = weights[0] * LINE_X + weights[1] - LINE_Y
    return 2 * scale * np.array([(error * LINE_X).mean(), error.mean()])


def _loss(weights: Numbers) -> float:
    return float(((weights[0] * LINE_X + weights[1] - LINE_Y) ** 2).mean())


def _losses(
    direction_of: Callable[[Numbers, Numbers], Numbers], num_steps: int = NUM_STEPS
) -> Numbers:
    """Return the losses of a run whose direction may depend on the last one."""
    weights, direction, losses = np.zeros(2), np.zeros(2), []
    for _ in range(num_steps):
        losses.append(_loss(weights))
        direction = direction_of(weights, direction)
        weights = weights - RATE * direction
    return np.array(losses)


def _lagging_losses() -> Numbers:
    """Return the losses of a loop that steps first and differentiates afterwards."""
    weights, gradient, losses = np.zeros(2), np.zeros(2), []
    for _ in range(NUM_STEPS):
        losses.append(_loss(weights))
        gradient, weights = _gradient(weights), weights - RATE * gradient
    return np.array(losses)


def _losses_of(answer: object, mistakes: list[Mistake], unchanged: Words) -> Words:
    """Judge the losses of a training loop, each before its step."""
    found = numbers(answer)
    if not unanswered(answer) and found is not None and found.ndim == 1:
        if not len(found):
            return "There are no losses yet: write one down in each step."
        if len(found) != NUM_STEPS:
            return f"These are {len(found)} losses, and there are loops.NUM_STEPS steps."
        if not np.isfinite(found).all():
            return "The loss grows beyond all bounds: is it a mean, and the step size loops.RATE?"
        if np.allclose(found, found[0], rtol=1e-6):
            return unchanged
    one_more = _losses(lambda w, _: _gradient(w), NUM_STEPS + 1)
    sums = "The loss is a sum over the points: take their mean."
    both = "Only one of slope and offset moves: train both."
    return judge(
        answer,
        one_more[:-1],
        [
            *mistakes,
            Mistake(
                _losses(lambda w, _: -_gradient(w)),
                "The loss rises: the step goes up the gradient, and it has to go down.",
            ),
            Mistake(
                _losses(lambda w, last: last if last.any() else _gradient(w)),
                "Each step uses the gradient of the start: compute it anew in each step.",
            ),
            Mistake(one_more[1:], "Write the loss down before the step, not after."),
            Mistake(len(LINE_X) * _losses(lambda w, _: _gradient(w, len(LINE_X))), sums),
            Mistake(len(LINE_X) * one_more[:-1], sums),
            Mistake(_losses(lambda w, _: _gradient(w) * [1, 0]), both),
            Mistake(_losses(lambda w, _: _gradient(w) * [0, 1]), both),
        ],
        rtol=1e-4,
    )


def torch_loop(answer: object) -> Words:
    """Judge the losses of a loop of torch."""
    return _losses_of(
        answer,
        [
            Mistake(
                _losses(lambda w, last: last + _gradient(w)),
                "Gradients add up from step to step: was zero_grad forgotten?",
            ),
            Mistake(
                _lagging_losses(),
                "Each step uses the gradient of the step before: step comes too early.",
            ),
        ],
        "The loss never changes: does step run, and are there gradients when it does?",
    )


def jax_loop(answer: object) -> Words:
    """Judge the losses of a loop of JAX."""
    return _losses_of(
        answer,
        [
            Mistake(
                _losses(lambda w, _: _gradient(w) + w / RATE),
                "Each step starts at the first weights: hand the new ones on.",
            ),
        ],
        "The loss never changes: are the new weights handed on to the next step?",
    )


LARGE = [np.array([[6.0, -8.0], [2.0, 3.0]]), np.array([24.0])]
SMALL = [np.array([[0.3, 0.1], [0.2, -0.4]]), np.array([0.1])]
LARGEST = 7.0
"""Gradients over the largest norm allowed, and under it."""


def _flat(arrays: Numbers) -> Numbers:
    return np.concatenate([np.ravel(each) for each in arrays])


def _norm(arrays: Numbers) -> float:
    return float(np.sqrt((_flat(arrays) ** 2).sum()))


def clip(answer: Any) -> Words:
    """Judge ``clip(gradients, largest)``, which clips a list of arrays by their global norm."""
    if callable(answer) and (words := _clipped_list(answer)):
        return words

    def flat_answer(gradients: Numbers, largest: float) -> Numbers:
        found = answer(gradients, largest)
        if unanswered(found) or not isinstance(found, list | tuple):
            return found
        parts = [numbers(each) for each in found]
        return found if any(each is None for each in parts) else _flat(parts)

    singly = "Clipped number by number, a gradient changes its direction: scale all alike."
    return judge_function(
        flat_answer if callable(answer) else answer,
        lambda g, m: _flat(g) * min(1, m / _norm(g)),
        [
            (lambda g, m: _flat(g) * m / _norm(g), "Small gradients have to stay as they are."),
            (
                lambda g, m: _flat([each * min(1, m / _norm([each])) for each in g]),
                "Clipped array by array, a gradient changes its direction: take one norm of all.",
            ),
            (lambda g, m: np.clip(_flat(g), -m, m), singly),
            (lambda g, m: np.minimum(_flat(g), m), singly),
            (lambda g, m: _flat(g), "Nothing is clipped."),
            (
                lambda g, m: _flat(g) * min(1, 1 / _norm(g)),
                "The norm becomes 1 here, and it should become the largest one allowed.",
            ),
            (
                lambda g, m: _flat(g) * min(1, m / _norm(g) ** 2),
                "This is the square of the norm: its root is missing.",
            ),
        ],
        cases=[(LARGE, LARGEST), (SMALL, LARGEST)],
    )


def _clipped_list(answer: Callable[..., object]) -> Words:
    """Judge whether a list of arrays comes out; whatever else is wrong is judged elsewhere."""
    try:
        found = answer(copy.deepcopy(LARGE), LARGEST)
    except Exception:
        return ""
    if unanswered(found):
        return ""
    if not isinstance(found, list | tuple) or len(found) != len(LARGE):
        return "Return a list that has one array for each array in gradients."
    parts = [numbers(each) for each in found]
    if any(a is not None and a.shape != b.shape for a, b in zip(parts, LARGE, strict=True)):
        return "Each array has to keep its shape."
    return ""


EXERCISES = {
    "order of steps": order_of_steps,
    "loop in torch": torch_loop,
    "loop in JAX": jax_loop,
    "clipping": clip,
}
