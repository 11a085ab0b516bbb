"""Exercises of notebook 8: conformal prediction."""

import math
from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import Numbers, Words, judge_function, unanswered


def _rank(n: int, alpha: float) -> int:
    return math.ceil((n + 1) * (1 - alpha))


def rank(answer: Any) -> Words:
    """Judge ``rank(n, alpha)``."""
    return judge_function(
        answer,
        _rank,
        [
            (
                lambda n, a: math.ceil(n * (1 - a)),
                "The new sample is one more: without it, the promise is not quite kept.",
            ),
            (
                lambda n, a: math.floor((n + 1) * (1 - a)),
                "Rounded down, a bit less is held than promised.",
            ),
            (lambda n, a: (n + 1) * (1 - a), "A rank is a whole number."),
            (lambda n, a: math.ceil((n + 1) * a), "This is the part that may be missed."),
            (lambda n, a: _rank(n, a) - 1, "One too few: ranks are counted from 1."),
            (lambda n, a: _rank(n, a) + 1, "One too many."),
        ],
        cases=[(50, 0.2), (30, 0.1), (7, 0.3)],
    )


def threshold(answer: Any) -> Words:
    """Judge ``threshold_of(scores, alpha)``."""
    scores = np.random.default_rng(8).permutation(np.linspace(0.05, 0.95, 19) ** 2)

    def right(scores: Numbers, alpha: float) -> float:
        k = _rank(len(scores), alpha)
        return math.inf if k > len(scores) else float(np.sort(scores)[k - 1])

    def at(scores: Numbers, place: int) -> float:
        return float(np.sort(scores)[max(0, min(place, len(scores) - 1))])

    return judge_function(
        answer,
        right,
        [
            (
                lambda s, a: at(s, len(s)),
                "More is asked for than the scores can promise: the threshold is infinite then, "
                "and not the largest score.",
            ),
            (
                lambda s, a: at(s, _rank(len(s), a)),
                "The place after it: the k-th smallest has the place k - 1, since Python counts "
                "from 0.",
            ),
            (
                lambda s, a: np.quantile(s, 1 - a),
                "A quantile of the scores knows nothing of the new sample: use the rank.",
            ),
            (
                lambda s, a: at(s, math.ceil(len(s) * (1 - a)) - 1),
                "The new sample is one more: its rank is among n + 1.",
            ),
            (
                lambda s, a: float(s[min(_rank(len(s), a), len(s)) - 1]),
                "The scores have to be sorted first.",
            ),
            (
                lambda s, a: at(s, len(s) - _rank(len(s), a)),
                "This counts from the largest; k counts from the smallest.",
            ),
        ],
        cases=[(scores, 0.25), (scores, 0.13), (scores[:5], 0.1)],
    )


def sets(answer: Any) -> Words:
    """Judge ``sets_of(probs, threshold)``, with 1 - probability as the score."""
    probs = np.array([[0.5, 0.25, 0.25], [0.75, 0.125, 0.125], [0.0, 0.375, 0.625]])

    return judge_function(
        answer,
        lambda p, t: 1 - p <= t,
        [
            (
                lambda p, t: p <= t,
                "These are the unlikely labels: the score is 1 - probability.",
            ),
            (
                lambda p, t: p >= t,
                "The threshold is one of scores, and you compare it with probabilities.",
            ),
            (lambda p, t: 1 - p < t, "A score that is equal to the threshold is not over it."),
            (lambda p, t: 1 - p > t, "These are the labels that are left out."),
            (
                lambda p, t: np.eye(3)[p.argmax(1)],
                "This is the likeliest label alone: a set may hold more, or none.",
            ),
            (lambda p, t: (1 - p <= t).sum(1), "These are sizes: say of each label if it is in."),
        ],
        cases=[(probs, 0.75), (probs, 0.4)],
    )


def coverage(answer: Any) -> Words:
    """Judge ``coverage_of(sets, labels)``."""
    held = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], bool)
    labels = np.array([1, 2, 0, 2, 1])

    def right(sets: Numbers, labels: Numbers) -> Numbers:
        return sets[np.arange(len(labels)), labels]

    return judge_function(
        answer,
        lambda s, y: right(s, y).mean(),
        [
            (lambda s, y: right(s, y).sum(), "This is a number of sets: which part is it?"),
            (right, "Now take the mean of these."),
            (
                lambda s, y: s.mean(),
                "This is how full the sets are; whether the label is in them matters.",
            ),
            (lambda s, y: s.any(1).mean(), "This is the part that is not empty."),
            (lambda s, y: s.sum(1).mean(), "This is the mean size of a set."),
            (
                lambda s, y: s[:, y].mean(),
                "s[:, labels] looks up every label in every row: pair them up.",
            ),
            (lambda s, y: 1 - right(s, y).mean(), "This is the part that is missed."),
        ],
        cases=[(held, labels)],
    )


PROMISES = {
    "90% of new samples are held, on average": True,
    "90% of each class are held": False,
    "it holds for a bad network too, with larger sets": True,
    "it holds for pictures from another camera": False,
}
WHY = {
    "90% of new samples are held, on average": (
        "Of the average, look again at how likely the new score is to be among the k smallest."
    ),
    "90% of each class are held": "Of each class, look at the table with two kinds of thresholds.",
    "it holds for a bad network too, with larger sets": (
        "Of a bad network: where in the three lines is anything asked of the network?"
    ),
    "it holds for pictures from another camera": (
        "Of another camera: are its pictures exchangeable with those of the calibration?"
    ),
}


def promises(answer: Any) -> Words:
    """Judge a dictionary that says of four promises whether they are made."""
    if unanswered(answer) or not isinstance(answer, dict):
        return "Give a dictionary from each promise to True or False."
    for promise, right in PROMISES.items():
        if unanswered(answer.get(promise)):
            return f"You have not said yet whether this is promised: {promise}."
        if not isinstance(answer[promise], bool | np.bool_):
            return f"{answer[promise]!r} is neither True nor False."
        if answer[promise] != right:
            return WHY[promise]
    return ""


EXERCISES = {
    "rank": rank,
    "threshold": threshold,
    "prediction sets": sets,
    "coverage": coverage,
    "promises": promises,
}
