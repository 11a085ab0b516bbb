"""Exercises of notebook 4: what is wrong with a run, and what is needed to go on with it."""

import numpy as np

from zoojax.common.teaching.exercises.judging import Numbers, Words, judge_choices

PROBLEMS = ("learning rate too large", "learning rate too small", "overfits", "healthy")
RIGHT_PROBLEMS = {"A": "overfits", "B": "learning rate too large", "C": "healthy"}
RIGHT_PROBLEMS["D"] = "learning rate too small"
LOOK = {
    "A": "In A, compare the two curves after the first epochs: which of them goes on falling?",
    "B": "In B, does the loss settle anywhere?",
    "C": "In C, do both curves fall, and stay together?",
    "D": "In D, how much of the way down has been made at the end?",
}


def losses() -> dict[str, tuple[Numbers, Numbers]]:
    """Return training and validation losses of four runs, drawn for an exercise."""
    epochs = np.arange(30)
    noise = np.random.default_rng(4).normal(size=(8, 30))
    jump = 1.4 + 0.9 * np.abs(noise[2])
    found = {
        "A": (0.03 + 1.4 * np.exp(-epochs / 6), 0.45 + 0.95 * np.exp(-epochs / 5) + 0.012 * epochs),
        "B": (jump, jump + 0.3 * noise[3]),
        "C": (0.1 + 1.3 * np.exp(-epochs / 6), 0.14 + 1.28 * np.exp(-epochs / 6)),
        "D": (1.4 - 0.004 * epochs, 1.41 - 0.004 * epochs),
    }
    return {
        name: (train + 0.01 * noise[i], validation + 0.015 * noise[i + 4])
        for i, (name, (train, validation)) in enumerate(found.items())
    }


def diagnosis(answer: object) -> Words:
    """Judge a dictionary that says what is wrong with each of ``losses()``."""
    return judge_choices(answer, RIGHT_PROBLEMS, LOOK, PROBLEMS)


SAVE, AGAIN = "save", "make again"
RIGHT_SAVED = {
    "weights": SAVE,
    "moments of Adam": SAVE,
    "number of steps made": SAVE,
    "simulated pictures": AGAIN,
    "dropout masks, each of a key and its step": AGAIN,
    "running statistics of a BatchNorm": SAVE,
}
WHY = {
    "weights": "Every step has changed the weights: does the seed know how?",
    "moments of Adam": "The moments of Adam are running means of the gradients so far.",
    "number of steps made": "Neither the configuration nor the seed says how far the run has come.",
    "simulated pictures": "The pictures do not change in training: what were they drawn from?",
    "dropout masks, each of a key and its step": "What does the same key give a second time?",
    "running statistics of a BatchNorm": "Every step in train mode has moved those statistics.",
}


def what_to_save(answer: object) -> Words:
    """Judge a dictionary that says what a checkpoint needs."""
    return judge_choices(answer, RIGHT_SAVED, WHY, (SAVE, AGAIN))


EXERCISES = {
    "diagnosis": diagnosis,
    "what to save": what_to_save,
}
