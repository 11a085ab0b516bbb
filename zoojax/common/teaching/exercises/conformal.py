"""Exercises of notebook 8: conformal prediction."""

import math
import operator
from typing import Any, SupportsIndex

import numpy as np

from zoojax.common.teaching.exercises.judging import Numbers, Words, judge_function, unanswered


def _rank(n: int, alpha: float) -> int:
    return math.ceil((n + 1) * (1 - alpha))


def rank(answer: Any) -> Words:
    """Judge ``rank(n, alpha)``."""
    words = judge_function(
        answer,
        _rank,
        [
            (
                lambda n, a: _rank(n, a) / n,
                "This is a level, as np.quantile wants it. The rank itself is asked for.",
            ),
            (lambda n, a: math.ceil((n + 1) * a), "This counts what may be missed."),
            (lambda n, a: n * (1 - a), "A rank is a whole number, and the new sample counts, too."),
            (lambda n, a: (n + 1) * (1 - a), "A rank is a whole number."),
            (
                lambda n, a: round((n + 1) * (1 - a)),
                "The nearest whole number may be the one below, and that promises less.",
            ),
            (
                lambda n, a: math.ceil(n * (1 - a)),
                "Count the new sample, too: without it the promise is not quite kept.",
            ),
            (
                lambda n, a: math.floor((n + 1) * (1 - a)),
                "Rounded down, a bit less is held than promised.",
            ),
            (
                lambda n, a: _rank(n, a) - 1,
                "One too few: ranks are counted from 1, and the new sample counts, too.",
            ),
            (
                lambda n, a: _rank(n, a) + 1,
                "One too many: what is whole already is not rounded up any further.",
            ),
        ],
        # Of these only the first has nothing to round, only the third needs the new sample, and
        # only the last is nearer to the whole number below: so each mistake is told at its case.
        cases=[(19, 0.75), (10, 0.75), (31, 0.1), (42, 0.25)],
    )
    return words or _not_an_integer(answer(19, 0.75))


def _not_an_integer(found: SupportsIndex) -> Words:
    try:
        operator.index(found)
    except TypeError:
        return f"The number is right, but its type is {type(found).__name__}: make it an integer."
    return ""


def threshold(answer: object) -> Words:
    """Judge ``threshold_of(scores, alpha)``."""
    scores = np.random.default_rng(11).permutation(np.linspace(0.05, 0.95, 19) ** 2)

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
                lambda s, a: at(s, _rank(len(s), a) - 1),
                "Here k is larger than the number of scores: not even the largest promises enough.",
            ),
            (
                lambda s, a: math.inf if _rank(len(s), a) >= len(s) else right(s, a),
                "Here k is just the number of scores, and so there still is a k-th smallest.",
            ),
            (lambda s, a: s.max(), "This is always the largest score, whatever alpha is."),
            (
                lambda s, a: at(s, _rank(len(s), a)),
                "One place too high: Python counts from 0, so the k-th has the place k - 1.",
            ),
            (
                lambda s, a: at(s, _rank(len(s), a) - 2),
                "One place too low: the new sample counts, too, k is rounded up, and the first "
                "place is 0.",
            ),
            (
                lambda s, a: np.quantile(s, 1 - a),
                "A quantile of the scores knows nothing of the new sample: use the rank.",
            ),
            (
                lambda s, a: np.quantile(s, min(1, _rank(len(s), a) / len(s))),
                "np.quantile mixes two scores that are neighbors: the threshold is one of them.",
            ),
            (
                lambda s, a: float(s[min(_rank(len(s), a), len(s)) - 1]),
                "The scores have to be sorted first.",
            ),
            (
                lambda s, a: at(s, len(s) - _rank(len(s), a)),
                "This counts from the largest; k counts from the smallest.",
            ),
            (
                lambda s, a: at(s, math.ceil((len(s) + 1) * a) - 1),
                "alpha is the part that may be missed: this holds no more than that.",
            ),
            (lambda s, a: _rank(len(s), a), "This is the rank: which score has it?"),
        ],
        cases=[(scores, 0.22), (scores, 0.13), (scores[:7], 0.125), (scores[:5], 0.1)],
    )


def sets(answer: object) -> Words:
    """Judge ``sets_of(probs, threshold)``, with 1 - probability as the score."""
    probs = np.array([[0.5, 0.25, 0.25], [0.7, 0.2, 0.1], [0.0, 0.375, 0.625], [0.25, 0.25, 0.5]])
    left_out = "These are the labels that are left out."
    places = "These are places of labels: say True or False of every label."

    return judge_function(
        answer,
        lambda p, t: 1 - p <= t,
        [
            (lambda p, t: 1 - p, "These are the scores: compare them with the threshold."),
            (
                lambda p, t: p <= t,
                "These are the unlikely labels: the score is 1 - probability.",
            ),
            (
                lambda p, t: p >= t,
                "The threshold is one of scores, and you compare it with probabilities.",
            ),
            (lambda p, t: 1 - p < t, "A score that is equal to the threshold is not over it."),
            (lambda p, t: 1 - p > t, left_out),
            (lambda p, t: 1 - p >= t, left_out),
            (
                lambda p, t: np.eye(3)[p.argmax(1)],
                "This is the likeliest label alone: a set may hold more, or none.",
            ),
            (
                lambda p, t: (1 - p <= t).sum(1),
                "These are the sizes of the sets: say of each label whether it is in.",
            ),
            (lambda p, t: np.argwhere(1 - p <= t), places),
            (lambda p, t: np.nonzero(1 - p <= t), places),
        ],
        cases=[(probs, 0.75), (probs, 0.4)],
    )


def coverage(answer: object) -> Words:
    """Judge ``coverage_of(sets, labels)``."""
    # Such that each mistake comes to another number.
    held = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 0], [1, 0, 1]], bool)
    labels = np.array([1, 0, 1, 1, 0, 2])
    pair_up = "This looks up every label in every row: pair each row with its own label."

    def right(sets: Numbers, labels: Numbers) -> Numbers:
        return sets[np.arange(len(labels)), labels]

    return judge_function(
        answer,
        lambda s, y: right(s, y).mean(),
        [
            (lambda s, y: right(s, y).sum(), "This counts sets. What part of all sets is that?"),
            (right, "Now take the mean of these."),
            (
                lambda s, y: 100 * right(s, y).mean(),
                "This is in percent. Do not multiply by 100.",
            ),
            (
                lambda s, y: s.mean(),
                "This is how full the sets are. What matters is whether the label is in them.",
            ),
            (lambda s, y: s.any(1).mean(), "This is the part of the sets that are not empty."),
            (lambda s, y: s.sum(1).mean(), "This is the mean size of a set."),
            (lambda s, y: s[:, y].mean(), pair_up),
            (lambda s, y: s[:, y], pair_up),
            (lambda s, y: s[y].mean(), "This picks rows with the labels, and labels are columns."),
            (
                lambda s, y: (s.argmax(1) == y).mean(),
                "argmax finds one label of each set, and the right one may be another of them.",
            ),
            (lambda s, y: 1 - right(s, y).mean(), "This is the part that is missed."),
        ],
        cases=[(held, labels), (held[:4], labels[:4])],
    )


PROMISES = {
    "90% of new samples are held, on average": True,
    "90% of each class are held": False,
    "it holds for a bad network too": True,
    "it holds for pictures from another camera": False,
}
WHY = {
    "90% of new samples are held, on average": (
        "About the average: how likely is a new score to be among the k smallest?"
    ),
    "90% of each class are held": (
        "About each class: look again at the table. Does each class have its 90%?"
    ),
    "it holds for a bad network too": (
        "About a bad network: which of the three lines asks anything of the network?"
    ),
    "it holds for pictures from another camera": (
        "About another camera: are its pictures exchangeable with those of the calibration?"
    ),
}


def promises(answer: object) -> Words:
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
