"""Exercises of notebook 7: evaluation."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from zoojax.common.teaching.exercises.judging import Numbers, Words, judge_choices, judge_function


def _confusion(labels: ArrayLike, predictions: ArrayLike, num: int) -> Numbers:
    counts = np.zeros((num, num))
    np.add.at(counts, (np.asarray(labels), np.asarray(predictions)), 1)
    return counts


def confusion_matrix(answer: object) -> Words:
    """Judge ``confusion(labels, predictions, num)``."""
    labels = np.array([0, 0, 1, 2, 2, 2, 3, 1])
    predictions = np.array([0, 1, 1, 2, 0, 2, 1, 3])

    def of(change: Callable[[Numbers], Numbers]) -> Callable[..., Numbers]:
        return lambda y, p, n: change(_confusion(y, p, n))

    mistakes = [
        (of(np.transpose), "It is transposed: rows are true classes, columns predicted ones."),
        (
            of(lambda counts: np.minimum(counts, 1)),
            "A pair that comes twice counts twice: add 1 to its cell for each.",
        ),
        (of(lambda counts: np.diag(np.diag(counts))), "Only right predictions have been counted."),
        (
            of(lambda counts: counts - np.diag(np.diag(counts))),
            "Only wrong predictions have been counted.",
        ),
        (of(lambda counts: counts / counts.sum()), "Counts are asked for, not fractions."),
        (
            of(lambda counts: counts / np.maximum(counts.sum(1, keepdims=True), 1)),
            "Counts are asked for, not fractions of each row.",
        ),
        (of(np.diag), "This is its diagonal alone."),
        (of(np.ravel), "Its cells are in one row: a matrix has rows and columns."),
        (
            lambda y, p, n: _confusion(y, p, max(y) + 1),
            "A class that never comes up has its row and column, too: use num.",
        ),
    ]
    cases = [(labels, predictions, 4), (labels, predictions, 6)]
    return judge_function(answer, _confusion, mistakes, cases=cases)


def precision_and_recall(answer: object) -> Words:
    """Judge ``precision_and_recall(counts)``, a pair of arrays (classes,)."""
    counts = np.array([[8.0, 2.0, 0.0], [1.0, 5.0, 4.0], [3.0, 0.0, 27.0]])

    def both(counts: Numbers) -> Numbers:
        return np.stack([np.diag(counts) / counts.sum(0), np.diag(counts) / counts.sum(1)])

    def of(change: Callable[[Numbers], Numbers]) -> Callable[..., Numbers]:
        return lambda counts: change(both(counts))

    pair = "Both are asked for: return a pair of arrays."
    mistakes = [
        (
            of(lambda pair: pair[::-1]),
            "The two have changed places: precision looks at what was called so.",
        ),
        (
            lambda counts: np.stack([np.diag(counts) / counts.sum()] * 2),
            "Not a fraction of all samples: of those called so, and of those that are so.",
        ),
        (of(lambda pair: 1 - pair), "These are the fractions that are wrong."),
        (
            of(lambda pair: pair / (1 - pair)),
            "Divide by all samples of a class, the right ones included.",
        ),
        (of(lambda pair: pair[[0, 0]]), "The second is the first again: sum along the other axis."),
        (of(lambda pair: pair[[1, 1]]), "The first is the second again: sum along the other axis."),
        (of(lambda pair: pair[0]), pair),
        (of(lambda pair: pair[1]), pair),
        (of(np.transpose), "Return all precisions first, then all recalls: not a pair by class."),
        (of(lambda pair: pair.mean(1)), "Each class has its own: take no mean."),
        (
            lambda counts: np.stack([counts / counts.sum(0), counts / counts.sum(1)]),
            "Only the diagonal is right: divide that alone.",
        ),
    ]
    return judge_function(answer, both, mistakes, cases=[(counts,)])


def f1(answer: object) -> Words:
    """Judge ``f1_of(precision, recall)``."""
    mistakes = [
        (
            lambda p, r: (p + r) / 2,
            "This is the arithmetic mean: it can be high when one of the two is low.",
        ),
        (lambda p, r: (p * r) ** 0.5, "This is the geometric mean."),
        (lambda p, r: p * r / (p + r), "A factor is missing: where both are 1, F1 is 1."),
        (lambda p, r: p * r, "This is the product, and not a mean: it is lower than both."),
        (lambda p, r: 2 * p * r / p + r, "Only the first term is divided: use parentheses."),
        (lambda p, r: 2 / (p + r), "The inverse of the mean is not the mean of the inverses."),
        (lambda p, r: (1 / p + 1 / r) / 2, "This is the mean of the inverses: one step is left."),
        (lambda *both: min(both), "Both count, not the lower one alone."),
    ]
    cases = [(0.8, 0.3), (0.5, 0.7)]
    return judge_function(answer, lambda p, r: 2 * p * r / (p + r), mistakes, cases=cases)


def area_by_pairs(answer: object) -> Words:
    """Judge ``area_by_pairs(ones, zeros)``, a tie as half."""
    ones, zeros = np.array([0.9, 0.4, 0.4, 0.7]), np.array([0.4, 0.1, 0.8])

    def matrix(ones: Numbers, zeros: Numbers, tie: float = 0.5) -> Numbers:
        return (ones[:, None] > zeros) + tie * (ones[:, None] == zeros)

    def area(ones: Numbers, zeros: Numbers, tie: float = 0.5) -> Numbers:
        return matrix(ones, zeros, tie).mean()

    means = "Compare all pairs of scores, not one summary with another."
    counted = "Divide by the number of pairs: each of the ones with each of the zeros."
    mistakes = [
        (lambda o, z: area(o, z, 0), "A tie counts as half, and yours do not count."),
        (lambda o, z: area(o, z, 1), "A tie counts as half, and yours count in full."),
        (lambda o, z: area(z, o), "Count where the class has the higher score, not the lower."),
        *((lambda o, z, tie=tie: matrix(o, z, tie).sum(), counted) for tie in (0, 0.5, 1)),
        (lambda o, z: matrix(o, z).sum() / len(o), counted),
        (lambda o, z: matrix(o, z).sum() / len(z), counted),
        (
            lambda o, z: area(o, z, 0) / (o[:, None] != z).mean(),
            "A tie is a pair as well: it counts as half, and is not left out.",
        ),
        (matrix, "This is what each pair counts: take the mean."),
        (
            lambda o, z: o.mean() - z.mean(),
            means,
        ),
        (
            lambda o, z: o.mean() > z.mean(),
            means,
        ),
    ]
    cases = [(ones, zeros), (np.array([0.2, 0.6]), np.array([0.5, 0.5, 0.1]))]
    return judge_function(answer, area, mistakes, cases=cases)


METRICS = ("accuracy", "precision", "recall", "R²")
RIGHT_METRICS = {
    "no mine may be overlooked": "recall",
    "no good mail may be thrown away as spam": "precision",
    "ten classes of one size, all mistakes cost the same": "accuracy",
    "the price of a house": "R²",
}
REASONS = {
    "no mine may be overlooked": (
        "Mines: which number is low when half of the mines are called none, and nothing else is "
        "wrong? Most of the ground has none."
    ),
    "no good mail may be thrown away as spam": (
        "Mail: look only at what is called spam. A good mail among it is what hurts."
    ),
    "ten classes of one size, all mistakes cost the same": (
        "Ten classes: nothing is rare here, and no class matters more than another."
    ),
    "the price of a house": "House: a price is hardly ever exactly right. What still works then?",
}


def which_metric(answer: object) -> Words:
    """Judge a dictionary that says which metric to look at first."""
    if isinstance(answer, dict):
        answer = {case: _metric(chosen) for case, chosen in answer.items()}
    return judge_choices(answer, RIGHT_METRICS, REASONS, METRICS)


def _metric(chosen: object) -> object:
    """Return a word as it is spelled in the notebook: few keyboards have a ²."""
    plain = {metric.lower().replace("²", "2"): metric for metric in METRICS}
    spelled = chosen.lower().replace("²", "2").replace("^", "") if isinstance(chosen, str) else ""
    return plain.get(spelled, chosen)


EXERCISES = {
    "confusion matrix": confusion_matrix,
    "precision and recall": precision_and_recall,
    "F1": f1,
    "area by pairs": area_by_pairs,
    "which metric": which_metric,
}
