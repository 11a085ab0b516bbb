"""Exercises of notebook 4: the training loop."""

from collections.abc import Callable
from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    judge,
    judge_function,
    unanswered,
)

LINE_X = np.linspace(-1.0, 1.0, 20)
LINE_Y = 3.0 * LINE_X - 0.5 + 0.2 * np.sin(9 * LINE_X)
RATE, NUM_STEPS = 0.3, 25
"""A line is fitted to these points, from slope 0 and offset 0."""

STEPS = ("zero_grad", "forward", "loss", "backward", "step")


def order_of_steps(answer: Any) -> Words:
    """Judge in which order the five lines of a training step come."""
    if unanswered(answer) or not isinstance(answer, list | tuple):
        return f"Give a list of the five words {', '.join(STEPS)}."
    if sorted(answer) != sorted(STEPS):
        return f"Each of {', '.join(STEPS)} comes once."
    place = {name: answer.index(name) for name in STEPS}
    for earlier, later, words in (
        ("forward", "loss", "A loss compares outputs with targets: where do outputs come from?"),
        ("loss", "backward", "backward is called on a loss, which is not there yet."),
        ("backward", "step", "step would use gradients that nobody has computed yet."),
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
    next_direction: Callable[[Numbers, Numbers], Numbers], *, after: bool = False
) -> Numbers:
    """Return the losses of a run whose direction may depend on the last one."""
    weights, direction, losses = np.zeros(2), np.zeros(2), []
    for _ in range(NUM_STEPS):
        before = _loss(weights)
        direction = next_direction(weights, direction)
        weights = weights - RATE * direction
        losses.append(_loss(weights) if after else before)
    return np.array(losses)


def _plain(weights: Numbers, last: Numbers) -> Numbers:
    return _gradient(weights)


def _lagging_losses() -> Numbers:
    """Return the losses of a loop that steps first and differentiates afterwards."""
    weights, gradient, losses = np.zeros(2), np.zeros(2), []
    for _ in range(NUM_STEPS):
        losses.append(_loss(weights))
        gradient, weights = _gradient(weights), weights - RATE * gradient
    return np.array(losses)


def _losses_of(answer: Any, forgotten: list[Mistake]) -> Words:
    """Judge the losses of a training loop, each before its step."""
    right = _losses(_plain)
    return judge(
        answer,
        right,
        [
            *forgotten,
            Mistake(np.full(NUM_STEPS, right[0]), "The loss never changes: no step is made."),
            Mistake(
                _losses(lambda w, _: -_gradient(w)),
                "The loss rises: the step goes up the gradient, and it has to go down.",
            ),
            Mistake(_losses(_plain, after=True), "Write the loss down before the step, not after."),
            Mistake(
                _losses(lambda w, _: _gradient(w, len(LINE_X))),
                "The loss is a sum over the samples; take their mean.",
            ),
            Mistake(
                len(LINE_X) * right, "These losses are sums over the samples; take their mean."
            ),
            Mistake(
                _losses(lambda w, _: _gradient(w) * [1, 0]),
                "The offset does not move: train it too.",
            ),
            Mistake(right[:-1], "One step is missing."),
        ],
        rtol=1e-4,
    )


def torch_loop(answer: Any) -> Words:
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
                "Each step uses the gradient of the step before: step is too early.",
            ),
        ],
    )


def jax_loop(answer: Any) -> Words:
    """Judge the losses of a loop of JAX."""
    return _losses_of(
        answer,
        [
            Mistake(
                np.full(NUM_STEPS, _losses(_plain)[0]),
                "The loss never changes: are the new parameters handed on to the next step?",
            ),
            Mistake(
                np.r_[_losses(_plain)[0], np.full(NUM_STEPS - 1, _losses(_plain)[1])],
                "Each step starts at the first parameters: hand the new ones on.",
            ),
        ],
    )


def clip(answer: Any) -> Words:
    """Judge ``clip(gradients, largest)``, which clips a list of arrays by their global norm."""
    cases: list[tuple[Any, ...]] = [
        ([np.array([3.0, 4.0]), np.array([12.0])], 6.5),
        ([np.array([0.3, -0.4]), np.array([0.0])], 6.5),
    ]

    def norm(arrays: Numbers) -> float:
        return float(np.sqrt(sum((each**2).sum() for each in arrays)))

    def flat(arrays: Numbers) -> Numbers:
        return np.concatenate([np.ravel(each) for each in arrays])

    def right(arrays: Numbers, largest: float) -> Numbers:
        return flat(arrays) * min(1, largest / norm(arrays))

    def joined(arrays: Any, largest: float) -> Any:
        found = answer([each.copy() for each in arrays], largest)
        if isinstance(found, list | tuple) and not unanswered(found):
            return flat(found)
        return found

    return judge_function(
        joined if callable(answer) else answer,
        right,
        [
            (
                lambda g, m: flat(g) * m / norm(g),
                "Gradients that are small enough stay as they are.",
            ),
            (
                lambda g, m: flat([each * min(1, m / max(norm([each]), 1e-12)) for each in g]),
                "One norm of all together: clipped one by one, they change their direction.",
            ),
            (
                lambda g, m: np.clip(flat(g), -m, m),
                "Clipped number by number, the gradient changes its direction: scale all of them.",
            ),
            (lambda g, m: flat(g), "Nothing is clipped."),
            (
                lambda g, m: flat(g) / norm(g) if norm(g) > m else flat(g),
                "The norm is to become the largest one allowed, and yours becomes 1.",
            ),
        ],
        cases=cases,
    )


PROBLEMS = ("learning rate too large", "learning rate too small", "overfits", "healthy")
RIGHT_PROBLEMS = {"A": "overfits", "B": "learning rate too large", "C": "healthy"}
RIGHT_PROBLEMS["D"] = "learning rate too small"
LOOK = {
    "A": "In A, compare the two curves after the first epochs: which of them goes on falling?",
    "B": "In B, does the loss settle anywhere?",
    "C": "In C, do both curves fall, and stay together?",
    "D": "In D, how much of the way down has been made at the end?",
}


def runs() -> dict[str, tuple[Numbers, Numbers]]:
    """Return training and validation losses of four runs, drawn for an exercise."""
    epochs = np.arange(30)
    noise = np.random.default_rng(4).normal(size=(8, 30))
    jump = 1.4 + 0.9 * np.abs(noise[2])
    found = {
        "A": (1.4 * np.exp(-epochs / 6), 0.45 + 0.95 * np.exp(-epochs / 5) + 0.012 * epochs),
        "B": (jump, jump + 0.3 * noise[3]),
        "C": (0.1 + 1.3 * np.exp(-epochs / 6), 0.14 + 1.28 * np.exp(-epochs / 6)),
        "D": (1.4 - 0.004 * epochs, 1.41 - 0.004 * epochs),
    }
    return {
        name: (train + 0.01 * noise[i], validation + 0.015 * noise[i + 4])
        for i, (name, (train, validation)) in enumerate(found.items())
    }


def diagnosis(answer: Any) -> Words:
    """Judge a dictionary that says what is wrong with each of ``runs()``."""
    if unanswered(answer) or not isinstance(answer, dict):
        return f"Give a dictionary from A, B, C, D to one of {', '.join(PROBLEMS)}."
    for name, right in RIGHT_PROBLEMS.items():
        if unanswered(answer.get(name)):
            return f"You have not said yet what {name} is."
        if answer[name] not in PROBLEMS:
            return f"{answer[name]!r} is none of {', '.join(PROBLEMS)}."
        if answer[name] != right:
            return LOOK[name]
    return ""


EXERCISES = {
    "order of steps": order_of_steps,
    "loop in torch": torch_loop,
    "loop in JAX": jax_loop,
    "clipping": clip,
    "diagnosis": diagnosis,
}
