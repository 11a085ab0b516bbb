"""Exercises of notebook 5: sinusoids and recurrent networks."""

import math
from collections.abc import Callable

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

ROUNDING = 1e-5
"""Of a sine in float32, where x is as large as 25."""


def _x(frequency: float, n: int) -> Numbers:
    return np.linspace(0, 2 * np.pi * frequency, n)


def _wave(amplitude: float, frequency: float, phase: float, shift: float, n: int) -> Numbers:
    return amplitude * np.sin(_x(frequency, n) + phase) + shift


def _with_x(x_of: Callable[[float, int], Numbers]) -> Callable[..., Numbers]:
    return lambda a, f, p, s, n: a * np.sin(x_of(f, n) + p) + s


WAVE_MISTAKES = [
    (_with_x(lambda f, n: _x(f, n + 1)[:-1]), "x stops one step early: its end is included."),
    (_with_x(lambda f, n: np.linspace(0, f, n)), "A sine has a period of 2 pi, not of 1."),
    (_with_x(lambda f, n: _x(1, n)), "Every wave has one period: where does the frequency go?"),
    (_with_x(lambda f, n: _x(f / 2, n)), "These waves have half as many periods as they should."),
    (_with_x(lambda f, n: f * _x(f, n)), "The frequency is used twice: x has it already."),
    (
        lambda a, f, p, s, n: _wave(a, f, p + s, 0, n),
        "The shift moves a wave up, not along: add it to the sine, not to x.",
    ),
    (
        lambda a, f, p, s, n: _wave(a, f, p, a * s, n),
        "The amplitude stretches the sine alone, not the shift.",
    ),
    (lambda a, f, p, s, n: _wave(a, f, 0, p + s, n), "The phase is added to x, inside the sine."),
    (lambda a, f, p, s, n: _wave(a, f, f * p, s, n), "The frequency does not multiply the phase."),
    (lambda a, f, p, s, n: _wave(a, f, -p, s, n), "The phase is added, not subtracted."),
    (lambda a, f, p, s, n: _wave(a, f, 0, s, n), "The phase is missing."),
    (lambda a, f, p, s, n: _wave(a, f, p, 0, n), "The shift is missing."),
    (lambda a, f, p, s, n: _wave(1, f, p, s, n), "The amplitude is missing."),
    (lambda a, f, p, s, n: _wave(a, f, p + np.pi / 2, s, n), "This is a cosine."),
]


def wave(answer: object) -> Words:
    """Judge ``wave_of(amplitude, frequency, phase, shift, length)``."""
    cases = [(2.0, 1.5, 0.7, -0.25, 12), (0.5, 4.0, 3.0, 0.5, 50)]
    return judge_function(answer, _wave, WAVE_MISTAKES, cases=cases, atol=ROUNDING)


NUM_WAVES, LENGTH, NUM_NEXT = 20, 50, 3
GIVEN = LENGTH - NUM_NEXT
SHAPES = {
    "mlp": (NUM_WAVES, GIVEN),
    "rnn": (NUM_WAVES, GIVEN, 1),
    "targets": (NUM_WAVES, NUM_NEXT),
}
ONE_NEXT = "More than one point of each wave is to be predicted."
SHAPE_MISTAKES: dict[tuple[str, tuple[float, ...]], Words] = {
    ("mlp", SHAPES["rnn"]): "To an MLP all points of a wave are features: no other axis is needed.",
    ("mlp", (NUM_WAVES, LENGTH - 1)): ONE_NEXT,
    ("rnn", SHAPES["mlp"]): "An RNN reads (batch, time, features), even with one feature.",
    ("rnn", (NUM_WAVES, LENGTH - 1, 1)): ONE_NEXT,
    ("targets", (NUM_WAVES,)): ONE_NEXT,
    ("targets", (NUM_WAVES, 1)): ONE_NEXT,
    ("targets", (NUM_WAVES, GIVEN)): "These are the points that are given, not the next ones.",
    ("targets", (NUM_WAVES, NUM_NEXT, 1)): "Targets have no axis for features here.",
}


def window_shapes(answer: object) -> Words:
    """Judge a dictionary with the shapes of an MLP's inputs, an RNN's inputs, and targets."""
    if not isinstance(answer, dict):
        return f"Give a dictionary with {', '.join(SHAPES)}."
    for name, wanted in SHAPES.items():
        if unanswered(answer.get(name)):
            return f"There is no shape for {name} yet."
        found = numbers(answer[name])
        if found is None or found.ndim != 1:
            return f"A shape is a tuple of whole numbers: look at {name}."
        if words := _shape_words(name, tuple(found.tolist()), wanted):
            return words
    return ""


def _shape_words(name: str, found: tuple[float, ...], wanted: tuple[int, ...]) -> Words:
    if found == wanted:
        return ""
    if words := SHAPE_MISTAKES.get((name, found)):
        return words
    if sorted(found) == sorted(wanted):
        return f"The axes of {name} are in another order: the batch comes first, then time."
    if LENGTH in found:
        return f"This is all of a wave, and {name} is a part of it: what is given, or what is next."
    if NUM_WAVES not in found:
        return f"Where is the batch in the shape of {name}?"
    if len(found) != len(wanted):
        return f"The shape of {name} has too {'many' if len(found) > len(wanted) else 'few'} axes."
    if name == "rnn" and found[:2] == wanted[:2]:
        return "How many numbers does one time step of these waves have?"
    axis = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    return f"Look at axis {axis} of {name} again."


def _cell() -> tuple[dict[str, Numbers], Numbers, Numbers]:
    """Return weights, a state (batch, hidden) and a sequence (time, batch, inputs)."""
    generator = np.random.default_rng(2)
    shapes: dict[str, int | tuple[int, int]] = {"W": (3, 4), "U": (4, 4), "b": 4, "c": 4}
    weights = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    return weights, generator.normal(size=(2, 4)), generator.normal(size=(5, 2, 3))


def _tanh(x: Numbers) -> Numbers:
    return 2 / (1 + math.e ** (-2 * x)) - 1  # np.tanh refuses what lax.scan hands to a step


def _step(weights: dict[str, Numbers], h: Numbers, x: Numbers) -> Numbers:
    return _tanh(x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])


def _terms(combine: Callable[[Numbers, Numbers], Numbers]) -> Callable[..., Numbers]:
    """Return a step that combines what the input and what the state contribute."""
    return lambda w, h, x: combine(x @ w["W"] + w["b"], h @ w["U"] + w["c"])


def _without(*names: str) -> Callable[..., Numbers]:
    return lambda w, h, x: _step({**w, **{name: 0 * w[name] for name in names}}, h, x)


ONE_BIAS = "One of the two biases is missing."
ONE_TANH = "Add everything first, and take one tanh of the sum."
OTHER = "The formula has another activation."
STEP_MISTAKES = [
    (_terms(lambda x, h: x + h), "The activation is missing: nothing keeps the state small."),
    (_terms(lambda x, h: _tanh(x) + _tanh(h)), ONE_TANH),
    (_terms(lambda x, h: _tanh(x) + h), ONE_TANH),
    (_terms(lambda x, h: x + _tanh(h)), ONE_TANH),
    (_terms(lambda x, h: np.maximum(x + h, 0)), OTHER),
    (_terms(lambda x, h: 1 / (1 + np.exp(-x - h))), OTHER),
    (_terms(lambda x, h: _tanh(x)), "The old state is not used, nor its bias."),
    (_terms(lambda x, h: _tanh(h)), "The new input is not used, nor its bias."),
    (_without("U"), "The old state is not used."),
    (_without("W"), "The new input is not used."),
    (_without("b", "c"), "Both biases are missing."),
    (_without("b"), ONE_BIAS),
    (_without("c"), ONE_BIAS),
    (lambda w, h, x: _step({**w, "U": w["U"].T}, h, x), "Multiply h by U itself: no transpose."),
    (lambda w, h, x: np.stack([_step(w, h, x)] * 2), "Return the new state once, not in a pair."),
    (lambda w, h, x: h, "This is the old state: return the new one."),
]


def rnn_step(answer: object) -> Words:
    """Judge ``rnn_step(weights, h, x)``, a step of a recurrent layer with tanh."""
    weights, h, xs = _cell()
    cases = [(weights, h, xs[0]), (weights, 0 * h + 0.5, xs[1])]
    return judge_function(answer, _step, STEP_MISTAKES, cases=cases)


def _slower(weights: dict[str, Numbers], h: Numbers, x: Numbers) -> Numbers:
    """Make a step of another kind."""
    return 0.5 * h + 0.5 * _step(weights, h, x)


def _states(
    step: Callable[..., Numbers], w: dict[str, Numbers], h: Numbers, xs: Numbers
) -> Numbers:
    found = []
    for x in xs:
        h = step(w, h, x)
        found.append(h)
    return np.stack(found)


def _after(change: Callable[[Numbers, Numbers], Numbers]) -> Callable[..., Numbers]:
    """Return a run that changes the right states; it is handed the first state, too."""
    return lambda step, w, h, xs: change(h, _states(step, w, h, xs))


ONE_STEP = "Only one step was made: return after the loop, not inside it."
RUN_MISTAKES = [
    (
        lambda step, w, h, xs: np.stack([step(w, h, x) for x in xs]),
        "Each step starts from the first state: hand the new one on.",
    ),
    (
        lambda step, w, h, xs: _states(step, w, 0 * h, xs),
        "Start from the state that is given, not from zero.",
    ),
    (lambda step, w, h, xs: _states(_step, w, h, xs), "Call the step that is handed in."),
    (_after(lambda h, s: s[-1]), "This is the last state alone: all of them are asked for."),
    (
        _after(lambda h, s: np.stack([s[-1]] * len(s))),
        "All of these are the last state: was one array changed in place, and kept many times?",
    ),
    (_after(lambda h, s: s[:1]), ONE_STEP),
    (_after(lambda h, s: s[0]), ONE_STEP),
    (
        _after(lambda h, s: np.stack([h, *s[:-1]])),
        "Keep the state after a step, not the one before it.",
    ),
    (
        _after(lambda h, s: np.stack([h, *s])),
        "One too many: the state before the first step is not asked for.",
    ),
    (
        _after(lambda h, s: s.swapaxes(0, 1)),
        "Time and batch have changed places: time comes first here.",
    ),
    (_after(lambda h, s: np.concatenate(s)), "Time needs an axis of its own: stack the states."),
    (_after(lambda h, s: s[::-1]), "These run backwards in time: the first state comes first."),
]


def sequence(answer: object) -> Words:
    """Judge ``run(step, weights, h, xs)``, which returns the states after each step."""
    cases = [(_step, *_cell()), (_slower, *_cell())]
    return judge_function(answer, _states, RUN_MISTAKES, cases=cases)


INPUTS, HIDDEN, PARTS = 3, 8, 4
"""Features and parts of the LSTM whose parameters are counted."""


def lstm_parameters(answer: object) -> Words:
    """Judge the number of trainable numbers of one LSTM layer with two biases."""
    w, u, b = INPUTS * HIDDEN, HIDDEN * HIDDEN, HIDDEN
    part = w + u + 2 * b
    once = "All time steps use the same weights: count them once."
    mistakes = [
        Mistake(part, "This is one part; an LSTM has more."),
        Mistake((PARTS - 1) * part, "This is right for a GRU: an LSTM has one part more."),
        Mistake(PARTS * (part - b), "Each part has two biases: one of them is missing."),
        Mistake(PARTS * (part - 2 * b), "The biases are missing."),
        Mistake(PARTS * (part - w), "W is missing: each part looks at the input."),
        Mistake(PARTS * (part - u), "U is missing: each part looks at the old state, too."),
        Mistake(PARTS * (part - u + b), "U is a matrix: (hidden, hidden)."),
        Mistake(PARTS * (w + u + 2), "A bias has a number for each hidden feature."),
        Mistake(PARTS * w + u + 2 * b, "Count the parts for U and the biases as well, not only W."),
        Mistake(PARTS * part + HIDDEN + 1, "This counts the output layer as well."),
        *(Mistake(steps * PARTS * part, once) for steps in (GIVEN, LENGTH - 1, LENGTH)),
    ]
    return judge(answer, PARTS * part, mistakes)


EXERCISES = {
    "a wave": wave,
    "shapes of windows": window_shapes,
    "step of an RNN": rnn_step,
    "a whole sequence": sequence,
    "parameters of an LSTM": lstm_parameters,
}
