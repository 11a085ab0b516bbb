"""Exercises of notebook 5: sinusoids and recurrent networks."""

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

NUM_WAVES, LENGTH, NUM_NEXT = 20, 50, 3
INPUTS, HIDDEN, GATES = 1, 16, 4
"""Features and gates of the LSTM whose parameters are counted."""


def wave(answer: Any) -> Words:
    """Judge ``wave_of(amplitude, frequency, phase, shift, length)``."""

    def right(amplitude: float, frequency: float, phase: float, shift: float, n: int) -> Numbers:
        return amplitude * np.sin(np.linspace(0, 2 * np.pi * frequency, n) + phase) + shift

    def with_x(x_of: Callable[[float, int], Numbers]) -> Callable[..., Numbers]:
        return lambda a, f, p, s, n: a * np.sin(x_of(f, n) + p) + s

    def x(frequency: float, n: int) -> Numbers:
        return np.linspace(0, 2 * np.pi * frequency, n)

    return judge_function(
        answer,
        right,
        [
            (
                with_x(lambda f, n: np.linspace(0, 2 * np.pi * f, n, endpoint=False)),
                "Both ends are included: the last point stands at the end of the last period.",
            ),
            (
                with_x(lambda f, n: np.linspace(0, f, n)),
                "A period of a sine is not 1 long: x is in radians.",
            ),
            (
                with_x(lambda f, n: np.linspace(0, 2 * np.pi, n)),
                "Every wave has one period here: where does the frequency go?",
            ),
            (
                with_x(lambda f, n: np.linspace(0, np.pi * f, n)),
                "These waves have half of the periods that they should have.",
            ),
            (
                lambda a, f, p, s, n: a * np.sin(x(f, n) + p + s),
                "The shift moves the wave up, and not along: it is added to the sine.",
            ),
            (
                lambda a, f, p, s, n: a * (np.sin(x(f, n) + p) + s),
                "The amplitude stretches the sine alone, not the shift.",
            ),
            (
                lambda a, f, p, s, n: a * np.sin(x(f, n)) + p + s,
                "The phase is added to x, inside of the sine.",
            ),
            (lambda a, f, p, s, n: a * np.sin(x(f, n)) + s, "The phase is missing."),
            (lambda a, f, p, s, n: a * np.sin(x(f, n) + p), "The shift is missing."),
            (
                lambda a, f, p, s, n: a * np.cos(x(f, n) + p) + s,
                "This is a cosine.",
            ),
        ],
        cases=[(2.0, 1.5, 0.7, -0.25, 12), (0.5, 4.0, 3.0, 0.5, 50)],
    )


def window_shapes(answer: Any) -> Words:
    """Judge a dictionary with the shapes of an MLP's inputs, an RNN's inputs, and targets."""
    given = LENGTH - NUM_NEXT
    right = {
        "mlp": (NUM_WAVES, given),
        "rnn": (NUM_WAVES, given, 1),
        "targets": (NUM_WAVES, NUM_NEXT),
    }
    if not isinstance(answer, dict):
        return f"Give a dictionary with {', '.join(right)}."
    for name, shape in right.items():
        found = answer.get(name)
        if unanswered(found) or not isinstance(found, tuple | list):
            return f"The shape of {name} is still to be given, as a tuple."
        found = tuple(found)
        if found == shape:
            continue
        if LENGTH in found:
            return "The points to be predicted are not given: an input is shorter than its wave."
        if sorted(map(str, found)) == sorted(map(str, shape)):
            return f"The axes of {name} are in another order: the batch comes first, then time."
        if name == "rnn" and found == right["mlp"]:
            return "An RNN reads (batch, time, features), also where there is one feature."
        if name == "rnn" and len(found) == len(shape) and found[2] != 1:
            return "A time step of these waves is one number: that is how many features?"
        if name == "targets" and found in {(NUM_WAVES,), (NUM_WAVES, 1)}:
            return "More than one point of each wave is to be predicted."
        if len(found) != len(shape):
            return f"{name} has {len(found)} axes here, which is not how many it needs."
        axis = next(i for i, (a, b) in enumerate(zip(found, shape, strict=True)) if a != b)
        return f"Look at axis {axis} of {name} again."
    return ""


def _cell() -> tuple[dict[str, Numbers], Numbers, Numbers]:
    """Return weights, a state (batch, hidden) and a sequence (time, batch, inputs)."""
    generator = np.random.default_rng(2)
    weights = {
        "W": generator.normal(size=(3, 4)),
        "U": generator.normal(size=(4, 4)),
        "b": generator.normal(size=4),
        "c": generator.normal(size=4),
    }
    return weights, generator.normal(size=(2, 4)), generator.normal(size=(5, 2, 3))


def _step(weights: Any, h: Numbers, x: Numbers) -> Numbers:
    return np.tanh(x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])


def rnn_step(answer: Any) -> Words:
    """Judge ``rnn_step(weights, h, x)``, a step of a recurrent layer with tanh."""
    weights, h, xs = _cell()

    def without(*names: str) -> Callable[..., Numbers]:
        return lambda w, h, x: _step({**w, **{name: 0 * w[name] for name in names}}, h, x)

    return judge_function(
        answer,
        _step,
        [
            (
                lambda w, h, x: x @ w["W"] + w["b"] + h @ w["U"] + w["c"],
                "The activation is missing: nothing keeps such a state from growing.",
            ),
            (without("U"), "The old state is not used: this is an MLP with a tanh."),
            (without("W"), "The new input is not used."),
            (without("b", "c"), "Both biases are missing."),
            (without("b"), "One of the two biases is missing."),
            (without("c"), "One of the two biases is missing."),
            (
                lambda w, h, x: _step({**w, "U": w["U"].T}, h, x),
                "U is transposed: h is (batch, hidden), and stands on its left.",
            ),
            (
                lambda w, h, x: np.tanh(x @ w["W"] + w["b"]) + np.tanh(h @ w["U"] + w["c"]),
                "Add first, and take one tanh of the sum.",
            ),
            (
                lambda w, h, x: np.maximum(x @ w["W"] + w["b"] + h @ w["U"] + w["c"], 0),
                "This is a ReLU, and the formula has another activation.",
            ),
        ],
        cases=[(weights, h, xs[0]), (weights, 0 * h + 0.5, xs[1])],
    )


def sequence(answer: Any) -> Words:
    """Judge ``run(step, weights, h, xs)``, which returns the states after each step."""
    weights, h, xs = _cell()

    def states(step: Any, w: Any, h: Numbers, xs: Numbers) -> Numbers:
        found = []
        for x in xs:
            h = step(w, h, x)
            found.append(h)
        return np.stack(found)

    return judge_function(
        answer,
        states,
        [
            (
                lambda step, w, h, xs: np.stack([step(w, h, x) for x in xs]),
                "Each step starts at the first state: hand the new one on.",
            ),
            (
                lambda step, w, h, xs: states(step, w, 0 * h, xs),
                "The first state is the one given, and not zero.",
            ),
            (
                lambda step, w, h, xs: states(step, w, h, xs)[-1],
                "This is the last state alone: all of them are asked for.",
            ),
            (
                lambda step, w, h, xs: np.concatenate([h[None], states(step, w, h, xs)[:-1]]),
                "Keep the state after a step, not the one before it.",
            ),
            (
                lambda step, w, h, xs: np.concatenate([h[None], states(step, w, h, xs)]),
                "One too many: the state before the first step is not asked for.",
            ),
            (
                lambda step, w, h, xs: states(step, w, h, xs).swapaxes(0, 1),
                "Time and batch have changed places: time comes first here.",
            ),
            (
                lambda step, w, h, xs: states(step, w, h, xs[::-1]),
                "The sequence is read from its end.",
            ),
        ],
        cases=[(_step, weights, h, xs)],
    )


def lstm_parameters(answer: Any) -> Words:
    """Judge the number of trainable numbers of one LSTM layer with two biases."""
    of_gate = INPUTS * HIDDEN + HIDDEN * HIDDEN + 2 * HIDDEN
    return judge(
        answer,
        GATES * of_gate,
        [
            Mistake(of_gate, "This is one gate; an LSTM has more."),
            Mistake((GATES - 1) * of_gate, "This is a GRU: an LSTM has one gate more."),
            Mistake(
                GATES * (of_gate - HIDDEN), "Each gate has two biases here, one for each product."
            ),
            Mistake(GATES * (of_gate - 2 * HIDDEN), "The biases are missing."),
            Mistake(
                GATES * (of_gate - HIDDEN * HIDDEN),
                "Each gate looks at the old state as well: U is missing.",
            ),
            Mistake(
                GATES * (of_gate - INPUTS * HIDDEN),
                "Each gate looks at the input as well: W is missing.",
            ),
            Mistake(
                LENGTH * GATES * of_gate, "All time steps use the same weights: count them once."
            ),
        ],
    )


EXERCISES = {
    "a wave": wave,
    "shapes of windows": window_shapes,
    "step of an RNN": rnn_step,
    "a whole sequence": sequence,
    "parameters of an LSTM": lstm_parameters,
}
