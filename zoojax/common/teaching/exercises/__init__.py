"""Exercises of the notebooks: `check` says in words what is wrong with an answer.

It knows no framework: arrays of JAX, tensors of torch and lists are the same to it. It never
shows the right answer.
"""

import difflib

from zoojax.common.teaching.exercises import (
    classifying,
    conformal,
    designs,
    evaluating,
    layers,
    loops,
    models,
    pretrained,
    runs,
    simulating,
    sinusoids,
    weights,
)
from zoojax.common.teaching.exercises.judging import Words

EXERCISES = {
    **simulating.EXERCISES,
    **layers.EXERCISES,
    **models.EXERCISES,
    **loops.EXERCISES,
    **runs.EXERCISES,
    **sinusoids.EXERCISES,
    **classifying.EXERCISES,
    **evaluating.EXERCISES,
    **conformal.EXERCISES,
    **designs.EXERCISES,
    **pretrained.EXERCISES,
    **weights.EXERCISES,
}
"""By name, a function from an answer to words."""

RIGHT = "Right."
NOT_YET = "Not yet. "


def check(name: str, answer: object) -> None:
    """Print whether an answer is right, or else what is wrong with it.

    Args:
        name: of the exercise.
        answer: what it asks for.

    Raises:
        ValueError: when no exercise has that name.
    """
    words = judge_answer(name, answer)
    print(NOT_YET + words if words else RIGHT)


def judge_answer(name: str, answer: object) -> Words:
    """Return what is wrong with an answer; nothing where it is right."""
    if name not in EXERCISES:
        near = difflib.get_close_matches(name, EXERCISES, n=1, cutoff=0)[0]
        raise ValueError(f"no exercise is called {name!r}; the nearest is {near!r}")
    return EXERCISES[name](answer)
