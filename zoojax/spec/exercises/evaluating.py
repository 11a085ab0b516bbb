"""Exercises of notebook 7: evaluation."""

from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import Numbers, Words, judge_function, unanswered


def _confusion(labels: Any, predictions: Any, num: int) -> Numbers:
    counts = np.zeros((num, num))
    np.add.at(counts, (np.asarray(labels), np.asarray(predictions)), 1)
    return counts


def confusion_matrix(answer: Any) -> Words:
    """Judge ``confusion(labels, predictions, num)``."""
    labels = np.array([0, 0, 1, 2, 2, 2, 3, 1])
    predictions = np.array([0, 1, 1, 2, 0, 2, 1, 3])
    return judge_function(
        answer,
        _confusion,
        [
            (
                lambda y, p, n: _confusion(p, y, n),
                "It is transposed: rows are true classes, columns what was said.",
            ),
            (
                lambda y, p, n: np.minimum(_confusion(y, p, n), 1),
                "A pair that comes twice counts twice: add 1 to its cell.",
            ),
            (
                lambda y, p, n: np.diag(np.diag(_confusion(y, p, n))),
                "Only what is right has been counted.",
            ),
            (
                lambda y, p, n: _confusion(y, p, n) - np.diag(np.diag(_confusion(y, p, n))),
                "Only what is wrong has been counted.",
            ),
            (lambda y, p, n: _confusion(y, p, n) / len(y), "Counts are asked for, not parts."),
            (lambda y, p, n: np.diag(_confusion(y, p, n)), "This is its diagonal."),
        ],
        cases=[(labels, predictions, 4)],
    )


def precision_and_recall(answer: Any) -> Words:
    """Judge ``precision_and_recall(counts)``, a pair of arrays (classes,)."""
    counts = np.array([[8.0, 2.0, 0.0], [1.0, 5.0, 4.0], [3.0, 0.0, 27.0]])

    def of(counts: Numbers) -> tuple[Numbers, Numbers]:
        return np.diag(counts) / counts.sum(0), np.diag(counts) / counts.sum(1)

    def pair(counts: Any) -> Any:
        found = answer(counts)
        if isinstance(found, tuple | list) and len(found) == 2 and not unanswered(found):
            return np.stack([np.asarray(each) for each in found])
        return found

    return judge_function(
        pair if callable(answer) else answer,
        lambda counts: np.stack(of(counts)),
        [
            (
                lambda counts: np.stack(of(counts)[::-1]),
                "The two have changed places: precision is of those that were called so.",
            ),
            (
                lambda counts: np.stack([np.diag(counts) / counts.sum()] * 2),
                "Not of all samples: of those called so, and of those that are so.",
            ),
            (
                lambda counts: 1 - np.stack(of(counts)),
                "These are the parts that are wrong.",
            ),
            (
                lambda counts: np.stack([of(counts)[0]] * 2),
                "The second is the first again: sum along the other axis.",
            ),
            (
                lambda counts: np.stack([of(counts)[1]] * 2),
                "The first is the second again: sum along the other axis.",
            ),
            (lambda counts: np.stack(of(counts)).mean(1), "Each class has its own; take no mean."),
        ],
        cases=[(counts,)],
    )


def f1(answer: Any) -> Words:
    """Judge ``f1_of(precision, recall)``."""
    return judge_function(
        answer,
        lambda p, r: 2 * p * r / (p + r),
        [
            (
                lambda p, r: (p + r) / 2,
                "This is the arithmetic mean: it is high also when one of the two is low.",
            ),
            (lambda p, r: (p * r) ** 0.5, "This is the geometric mean."),
            (lambda p, r: p * r / (p + r), "A factor is missing: where both are 1, F1 is 1."),
            (lambda p, r: 2 / (p + r), "The inverse of the mean is not the mean of inverses."),
            (lambda p, r: (1 / p + 1 / r) / 2, "Turn it over once more: this is over 1."),
            (min, "Both count, not the lower one alone."),
        ],
        cases=[(0.9, 0.3), (0.5, 0.8)],
    )


def area_by_pairs(answer: Any) -> Words:
    """Judge ``area_by_pairs(ones, zeros)``, a tie as half."""
    ones, zeros = np.array([0.9, 0.4, 0.4, 0.7]), np.array([0.4, 0.1, 0.8])

    def part(ones: Numbers, zeros: Numbers, tie: float) -> float:
        above, equal = ones[:, None] > zeros, ones[:, None] == zeros
        return float(above.mean() + tie * equal.mean())

    return judge_function(
        answer,
        lambda o, z: part(o, z, 0.5),
        [
            (lambda o, z: part(o, z, 0.0), "Ties count as half, and yours do not count."),
            (lambda o, z: part(o, z, 1.0), "Ties count as half, and yours count in full."),
            (lambda o, z: part(z, o, 0.5), "The class is to have the higher score, not the lower."),
            (
                lambda o, z: part(o, z, 0.5) * len(o) * len(z),
                "This counts pairs: divide by how many there are.",
            ),
            (lambda o, z: o.mean() - z.mean(), "Means alone do not tell how pairs stand."),
            (
                lambda o, z: float(o.mean() > z.mean()),
                "Compare each with each, not one mean with the other.",
            ),
        ],
        cases=[(ones, zeros), (np.array([0.2, 0.6]), np.array([0.5, 0.5, 0.1]))],
    )


METRICS = ("accuracy", "precision", "recall", "R²")
RIGHT_METRICS = {
    "no mine may be overlooked": "recall",
    "no good mail may be thrown away as spam": "precision",
    "ten classes, equally many of each, all mistakes cost the same": "accuracy",
    "the price of a house": "R²",
}
REASONS = {
    "no mine may be overlooked": (
        "Mines: which number falls when a mine is called none? Most of the ground has none."
    ),
    "no good mail may be thrown away as spam": (
        "Mail: look at all that is called spam. Which part of it should be spam?"
    ),
    "ten classes, equally many of each, all mistakes cost the same": (
        "Ten classes: nothing is rare here, and no class matters more than another."
    ),
    "the price of a house": "A price is a number: no class is right or wrong.",
}


def which_metric(answer: Any) -> Words:
    """Judge a dictionary that says which metric to look at first."""
    if unanswered(answer) or not isinstance(answer, dict):
        return f"Give a dictionary from each case to one of {', '.join(METRICS)}."
    for case, right in RIGHT_METRICS.items():
        if unanswered(answer.get(case)):
            return f"You have not said yet which one you take where {case!r}."
        if answer[case] not in METRICS:
            return f"{answer[case]!r} is none of {', '.join(METRICS)}."
        if answer[case] != right:
            return REASONS[case]
    return ""


EXERCISES = {
    "confusion matrix": confusion_matrix,
    "precision and recall": precision_and_recall,
    "F1": f1,
    "area by pairs": area_by_pairs,
    "which metric": which_metric,
}
