"""Answers to the exercises of notebook 7."""

import statistics

import jax.numpy as jnp
import numpy as np
import torch
from sklearn import metrics

from parity_tests.notebooks.answers import Answers, Wrong

# confusion matrix


def confusion(labels, predictions, num):
    counts = np.zeros((num, num), int)
    for label, prediction in zip(labels, predictions, strict=True):
        counts[label, prediction] += 1
    return counts


def confusion_by_jax(labels, predictions, num):
    return jnp.zeros((num, num)).at[labels, predictions].add(1)


def confusion_by_torch(labels, predictions, num):
    of = torch.nn.functional.one_hot
    labels, predictions = of(torch.tensor(labels), num), of(torch.tensor(predictions), num)
    return labels.T.double().requires_grad_() @ predictions.double()


def confusion_in_lists(labels, predictions, num):
    pairs = list(zip(labels.tolist(), predictions.tolist(), strict=True))
    return [[pairs.count((row, column)) for column in range(num)] for row in range(num)]


def confusion_by_index(labels, predictions, num):
    counts = np.zeros((num, num))
    counts[labels, predictions] += 1
    return counts


def confusion_of_right(labels, predictions, num):
    counts = np.zeros((num, num))
    for label, prediction in zip(labels, predictions, strict=True):
        if label == prediction:
            counts[label, prediction] += 1
    return counts


def confusion_of_rows(labels, predictions, num):
    counts = confusion(labels, predictions, num)
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def confusion_with_aliased_rows(labels, predictions, num):
    counts = [[0] * num] * num
    for label, prediction in zip(labels, predictions, strict=True):
        counts[label][prediction] += 1
    return counts


# precision and recall


def both(counts):
    right = np.diag(counts)
    return right / counts.sum(0), right / counts.sum(1)


def both_in_loops(counts):
    classes = range(len(counts))
    precision = [counts[i, i] / sum(counts[row, i] for row in classes) for i in classes]
    recall = [counts[i, i] / sum(counts[i, column] for column in classes) for i in classes]
    return precision, recall


def both_by_torch(counts):
    counts = torch.tensor(counts, requires_grad=True)
    return counts.diag() / counts.sum(0), counts.diag() / counts.sum(1)


def both_by_jax(counts):
    counts = jnp.asarray(counts)
    return [jnp.diag(counts) / counts.sum(axis) for axis in (0, 1)]


def both_by_odds(counts):
    right = np.diag(counts)
    return right / (counts.sum(0) - right), right / (counts.sum(1) - right)


def both_in_place(counts):
    right = np.diag(counts).copy()
    recall = right / counts.sum(1)
    counts /= counts.sum(0)
    return np.diag(counts), recall


# area by pairs


def area(ones, zeros):
    return (ones[:, None] > zeros).mean() + 0.5 * (ones[:, None] == zeros).mean()


def area_in_loops(ones, zeros):
    wins = 0
    for one in ones:
        for zero in zeros:
            wins += 1 if one > zero else 0.5 if one == zero else 0
    return wins / (len(ones) * len(zeros))


def area_by_jax(ones, zeros):
    return 0.5 + 0.5 * jnp.sign(ones[:, None] - zeros).mean()


def area_by_torch(ones, zeros):
    ones, zeros = torch.tensor(ones, requires_grad=True), torch.tensor(zeros)
    return torch.heaviside(ones[:, None] - zeros, torch.tensor(0.5).double()).mean()


def area_by_sklearn(ones, zeros):
    labels = [1] * len(ones) + [0] * len(zeros)
    return metrics.roc_auc_score(labels, np.concatenate([ones, zeros]))


def area_uncounted(ones, zeros):
    return sum(1.0 if one > zero else 0.5 * (one == zero) for one in ones for zero in zeros)


def area_without_ties(ones, zeros):
    won, lost = (ones[:, None] > zeros).sum(), (ones[:, None] < zeros).sum()
    return won / (won + lost)


CASES = (
    "no mine may be overlooked",
    "no good mail may be thrown away as spam",
    "ten classes of one size, all mistakes cost the same",
    "the price of a house",
)


def choices(*words):
    return dict(zip(CASES, words, strict=True))


ANSWERS = {
    "confusion matrix": Answers(
        right=[
            confusion,
            confusion_by_jax,
            confusion_by_torch,
            confusion_in_lists,
            lambda y, p, n: np.bincount(n * y + p, minlength=n * n).reshape(n, n),
            lambda y, p, n: metrics.confusion_matrix(y, p, labels=range(n)),
        ],
        wrong=[
            Wrong(lambda y, p, n: confusion(p, y, n), "It is transposed"),
            Wrong(confusion_by_index, "add 1 to its cell"),
            Wrong(confusion_of_right, "Only right"),
            Wrong(lambda y, p, n: confusion(y, p, n) - confusion_of_right(y, p, n), "Only wrong"),
            Wrong(lambda y, p, n: confusion(y, p, n) / len(y), "not fractions."),
            Wrong(confusion_of_rows, "of each row"),
            Wrong(lambda y, p, n: np.bincount(y[y == p], minlength=n), "its diagonal alone"),
            Wrong(lambda y, p, n: np.bincount(n * y + p, minlength=n * n), "rows and columns"),
            Wrong(lambda y, p, n: metrics.confusion_matrix(y, p), "num"),
            Wrong(lambda y, p, n: confusion(y, p, n + 1), "too long"),
            Wrong(lambda y, p, n: confusion(y, p, n - 1), "fails with IndexError"),
            Wrong(lambda y, p, n: 1 + confusion(y, p, n), "same amount"),
            Wrong(confusion_with_aliased_rows, "numbers are wrong"),
            Wrong(lambda y, p, n: confusion(y, p, n)[::-1], "numbers are wrong"),
            Wrong(lambda y, p, n: np.mean(y == p), "one number"),
            Wrong(lambda y, p, n: confusion(y, p, n).tolist().sort(), "returns nothing"),
            Wrong(lambda y, p, n: {(0, 0): 1}, "a dict"),
            Wrong(np.eye(4), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "precision and recall": Answers(
        right=[
            both,
            both_in_loops,
            both_by_torch,
            both_by_jax,
            both_in_place,
            lambda counts: np.stack(both(counts)),
        ],
        wrong=[
            Wrong(lambda c: both(c.T), "changed places"),
            Wrong(lambda c: (np.diag(c) / c.sum(), np.diag(c) / c.sum()), "of all samples"),
            Wrong(lambda c: [1 - each for each in both(c)], "that are wrong"),
            Wrong(both_by_odds, "right ones included"),
            Wrong(lambda c: (np.diag(c) / c.sum(0), np.diag(c) / c.sum(0)), "The second"),
            Wrong(lambda c: (np.diag(c) / c.sum(1), np.diag(c) / c.sum(1)), "The first"),
            Wrong(lambda c: np.diag(c) / c.sum(0), "a pair of arrays"),
            Wrong(lambda c: both(c)[1], "a pair of arrays"),
            Wrong(lambda c: list(zip(*both(c), strict=True)), "not a pair by class"),
            Wrong(lambda c: tuple(each.mean() for each in both(c)), "take no mean"),
            Wrong(lambda c: (c / c.sum(0), c / c.sum(1)), "Only the diagonal"),
            Wrong(lambda c: (c / c.sum(0), np.diag(c) / c.sum(1)), "different lengths"),
            Wrong(lambda c: (np.diag(c) / c.sum(0), 0.9), "different lengths"),
            Wrong(lambda c: (*both(c), both(c)[0]), "too long"),
            Wrong(lambda c: np.diag(c).sum() / c.sum(), "one number"),
            Wrong(lambda c: dict(zip("pr", both(c), strict=True)), "a dict"),
            Wrong(lambda c: (both(c)[0], ...), "dots"),
            Wrong(lambda c: (both(c)[0], None), "a None"),
            Wrong(lambda c: c.diag() / c.sum(0), "fails with AttributeError"),
            Wrong(lambda c: None, "returns nothing"),
            Wrong((np.ones(3), np.ones(3)), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "F1": Answers(
        right=[
            lambda p, r: 2 * p * r / (p + r),
            lambda p, r: 1 / ((1 / p + 1 / r) / 2),
            lambda *both: statistics.harmonic_mean(both),
            lambda p, r: jnp.array(2 * p * r) / jnp.array(p + r),
            lambda p, r: 2 / (1 / torch.tensor(p, requires_grad=True) + 1 / torch.tensor(r)),
        ],
        wrong=[
            Wrong(lambda p, r: (p + r) / 2, "arithmetic mean"),
            Wrong(lambda p, r: np.sqrt(p * r), "geometric mean"),
            Wrong(lambda p, r: 1 / (1 / p + 1 / r), "A factor is missing"),
            Wrong(lambda p, r: p * r, "the product"),
            Wrong(lambda p, r: 2 * (p * r) / p + r, "parentheses"),
            Wrong(lambda p, r: 1 / ((p + r) / 2), "inverse of the mean"),
            Wrong(lambda p, r: np.mean([1 / p, 1 / r]), "one step is left"),
            Wrong(min, "not the lower one"),
            Wrong(max, "too large"),
            Wrong(lambda p, r: 2 * p * r / (p - r), "too large"),
            Wrong(lambda p, r: (p, r), "One number is asked for"),
            Wrong(lambda counts: 1.0, "fails with TypeError"),
            Wrong(lambda p, r: None, "returns nothing"),
            Wrong(lambda p, r: f"{2 * p * r / (p + r):.1%}", "numbers are asked for"),
            Wrong(0.45, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "area by pairs": Answers(
        right=[area, area_in_loops, area_by_jax, area_by_torch, area_by_sklearn],
        wrong=[
            Wrong(lambda o, z: (o[:, None] > z).mean(), "do not count"),
            Wrong(lambda o, z: (o[:, None] >= z).mean(), "count in full"),
            Wrong(lambda o, z: area(z, o), "not the lower"),
            Wrong(area_uncounted, "number of pairs"),
            Wrong(lambda o, z: (o[:, None] > z).sum(), "number of pairs"),
            Wrong(lambda o, z: (o[:, None] >= z).sum(), "number of pairs"),
            Wrong(lambda o, z: area_uncounted(o, z) / len(o), "number of pairs"),
            Wrong(lambda o, z: area_uncounted(o, z) / len(z), "number of pairs"),
            Wrong(area_without_ties, "is not left out"),
            Wrong(lambda o, z: 0.5 + 0.5 * np.sign(o[:, None] - z), "take the mean"),
            Wrong(lambda o, z: o.mean() - z.mean(), "not one summary"),
            Wrong(lambda o, z: o.mean() > z.mean(), "not one summary"),
            Wrong(lambda o, z: (o[:, None] > z).mean(0), "One number is asked for"),
            Wrong(lambda o, z: (o > z).mean(), "fails with ValueError"),
            Wrong(lambda o, z: 0.9, "too large"),
            Wrong(lambda o, z: 0.5, "too small"),
            Wrong(lambda o, z: None, "returns nothing"),
            Wrong(0.7, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "which metric": Answers(
        right=[
            choices("recall", "precision", "accuracy", "R²"),
            choices("Recall", "precision", "accuracy", "R2"),
            choices("recall", "precision", "accuracy", "r^2"),
        ],
        wrong=[
            Wrong(choices("accuracy", "precision", "accuracy", "R²"), "Mines"),
            Wrong(choices("precision", "recall", "accuracy", "R²"), "Mines"),
            Wrong(choices("recall", "recall", "accuracy", "R²"), "Mail"),
            Wrong(choices("recall", "accuracy", "accuracy", "R²"), "Mail"),
            Wrong(choices("recall", "precision", "recall", "R²"), "Ten classes"),
            Wrong(choices("recall", "precision", "R²", "R²"), "Ten classes"),
            Wrong(choices("recall", "precision", "accuracy", "accuracy"), "House"),
            Wrong(choices("recall", "precision", "accuracy", ...), "no answer for 'the price"),
            Wrong(choices(..., ..., ..., ...), "no answer for 'no mine"),
            Wrong({CASES[0]: "recall"}, "no answer for 'no good mail"),
            Wrong(choices("F1", "precision", "accuracy", "R²"), "'F1' is none of"),
            Wrong(choices(np.ones(2), "precision", "accuracy", "R²"), "is none of"),
            Wrong(choices(["recall"], "precision", "accuracy", "R²"), "is none of"),
            Wrong(["recall", "precision", "accuracy", "R²"], "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
}
