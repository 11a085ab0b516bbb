"""Answers to the exercises of notebook 8."""

import math

import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong
from zoojax.spec import conformal


def rank(n, alpha):
    return int(np.ceil((n + 1) * (1 - alpha)))


def rank_by_trying(n, alpha):
    k = 0
    while k < (n + 1) * (1 - alpha):
        k += 1
    return k


def threshold_by_sorting(scores, alpha):
    k = rank(len(scores), alpha)
    return np.inf if k > len(scores) else np.sort(scores)[k - 1]


def threshold_in_place(scores, alpha):
    scores.sort()
    k = rank(len(scores), alpha)
    return float("inf") if k > len(scores) else scores[k - 1]


def threshold_with_infinity_at_the_end(scores, alpha):
    return sorted([*scores, math.inf])[rank(len(scores), alpha) - 1]


def threshold_of_torch(scores, alpha):
    k = rank(len(scores), alpha)
    scores = torch.tensor(scores, requires_grad=True)
    return torch.inf if k > len(scores) else torch.kthvalue(scores, k).values


def threshold_of_a_quantile(scores, alpha):
    level = rank(len(scores), alpha) / len(scores)
    return np.inf if level > 1 else np.quantile(scores, level, method="inverted_cdf")


def threshold_of_the_quantile_that_interpolates(scores, alpha):
    level = rank(len(scores), alpha) / len(scores)
    return np.inf if level > 1 else np.quantile(scores, level)


def threshold_without_the_last_rank(scores, alpha):
    k = rank(len(scores), alpha)
    return np.sort(scores)[k - 1] if k < len(scores) else np.inf


def threshold_or(otherwise):
    def threshold_of(scores, alpha):
        k = rank(len(scores), alpha)
        return otherwise if k > len(scores) else np.sort(scores)[k - 1]

    return threshold_of


def sets_in_loops(probs, threshold):
    return [[bool(1 - p <= threshold) for p in row] for row in probs]


def sets_as_lists_of_labels(probs, threshold):
    return [[label for label, p in enumerate(row) if 1 - p <= threshold] for row in probs]


def sets_as_sets(probs, threshold):
    return [{label for label, p in enumerate(row) if 1 - p <= threshold} for row in probs]


def likeliest(probs, threshold):
    sets = np.zeros(probs.shape, bool)
    sets[range(len(probs)), probs.argmax(axis=1)] = True
    return sets


def square_loops(probs, threshold):
    sets = np.zeros(probs.shape, bool)
    for i in range(len(sets[0])):
        for j in range(len(sets[0])):
            sets[i, j] = 1 - probs[i, j] <= threshold
    return sets


def coverage_in_a_loop(sets, labels):
    held = 0
    for row, label in zip(sets, labels, strict=True):
        if row[label]:
            held += 1
    return held / len(labels)


def coverage_of_torch(sets, labels):
    sets, labels = torch.tensor(sets), torch.tensor(labels)
    return sets.gather(1, labels[:, None]).float().mean()


def coverage_by_one_hot(sets, labels):
    return (sets & np.eye(sets.shape[1], dtype=bool)[labels]).sum() / len(sets)


def said(average=True, each_class=False, bad_network=True, other_pictures=False):
    return {
        "90% of new samples are held, on average": average,
        "90% of each class are held": each_class,
        "it holds for a bad network too": bad_network,
        "it holds for pictures from another camera": other_pictures,
    }


ANSWERS = {
    "rank": Answers(
        right=[
            rank,
            rank_by_trying,
            conformal.rank,
            lambda n, a: math.ceil((n + 1) * (1 - a)),
            lambda n, a: n + 1 - int(a * (n + 1)),
            lambda n, a: np.ceil((n + 1) * (1 - a)).astype(int),
            lambda n, a: jnp.ceil((n + 1) * (1 - a)).astype(int),
            lambda n, a: torch.ceil(torch.tensor((n + 1) * (1 - a))).long(),
        ],
        wrong=[
            Wrong(lambda n, a: int(np.ceil(n * (1 - a))), "Count the new sample"),
            Wrong(lambda n, a: int(n * (1 - a)) + 1, "Count the new sample"),
            Wrong(lambda n, a: int((n + 1) * (1 - a)), "Rounded down"),
            Wrong(lambda n, a: (n + 1) * (1 - a) // 1, "Rounded down"),
            Wrong(lambda n, a: round((n + 1) * (1 - a)), "nearest whole number"),
            Wrong(lambda n, a: (n + 1) * (1 - a), "A rank is a whole number."),
            Wrong(lambda n, a: n * (1 - a), "A rank is a whole number, and the new"),
            Wrong(lambda n, a: int(np.ceil((n + 1) * a)), "what may be missed"),
            Wrong(lambda n, a: rank(n, a) - 1, "One too few"),
            Wrong(lambda n, a: int(n * (1 - a)), "One too few"),
            Wrong(lambda n, a: rank(n, a) + 1, "One too many"),
            Wrong(lambda n, a: int((n + 1) * (1 - a)) + 1, "One too many"),
            Wrong(lambda n, a: np.ceil((n + 1) * (1 - a)), "is float64: make it an integer"),
            Wrong(lambda n, a: float(rank(n, a)), "float: make it an integer"),
            Wrong(lambda n, a: np.ceil((n + 1) * (1 - a)) / n, "The rank itself"),
            Wrong(lambda n, a: str(rank(n, a)), "a str, and numbers are asked for"),
            Wrong(lambda n, a: [rank(n, a)], "One number is asked for"),
            Wrong(lambda n, a: print(rank(n, a)), "returns nothing"),
            Wrong(lambda n, a: ..., "dots"),
            Wrong(lambda n, a: ceil((n + 1) * (1 - a)), "NameError"),  # noqa: F821
            Wrong(rank(50, 0.1), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "threshold": Answers(
        right=[
            threshold_by_sorting,
            threshold_in_place,
            threshold_with_infinity_at_the_end,
            threshold_of_torch,
            threshold_of_a_quantile,
            threshold_or(jnp.inf),
        ],
        wrong=[
            Wrong(lambda s, a: np.sort(s)[rank(len(s), a) - 1], "fails with IndexError"),
            Wrong(lambda s, a: np.sort(s)[min(rank(len(s), a), len(s)) - 1], "larger than the"),
            Wrong(lambda s, a: np.sort(s)[: rank(len(s), a)][-1], "larger than the"),
            Wrong(lambda s, a: max(s), "always the largest"),
            Wrong(threshold_without_the_last_rank, "just the number of scores"),
            Wrong(lambda s, a: np.sort(s)[rank(len(s), a)], "One place too high"),
            Wrong(lambda s, a: np.sort(s)[rank(len(s), a) - 2], "One place too low"),
            Wrong(lambda s, a: np.sort(s)[math.ceil(len(s) * (1 - a)) - 1], "One place too low"),
            Wrong(lambda s, a: np.sort(s)[int((len(s) + 1) * (1 - a)) - 1], "One place too low"),
            Wrong(lambda s, a: np.quantile(s, 1 - a), "knows nothing of the new sample"),
            Wrong(lambda s, a: np.quantile(s, 1 - a, method="higher"), "One place too low"),
            Wrong(threshold_of_the_quantile_that_interpolates, "mixes two scores"),
            Wrong(lambda s, a: s[rank(len(s), a) - 1], "sorted first"),
            Wrong(lambda s, a: np.sort(s)[::-1][rank(len(s), a) - 1], "counts from the largest"),
            Wrong(lambda s, a: np.sort(s)[-rank(len(s), a)], "counts from the largest"),
            Wrong(lambda s, a: np.sort(s)[math.ceil((len(s) + 1) * a) - 1], "may be missed"),
            Wrong(lambda s, a: rank(len(s), a), "This is the rank"),
            Wrong(threshold_or(-np.inf), "wrong sign"),
            Wrong(threshold_or(1.0), "too small"),
            Wrong(threshold_or(None), "returns nothing"),
            Wrong(threshold_or("infinity"), "a str, and numbers are asked for"),
            Wrong(lambda s, a: np.sort(s)[: rank(len(s), a)], "One number is asked for"),
            Wrong(lambda s, a: s.sort()[rank(len(s), a) - 1], "fails with TypeError"),
            Wrong(lambda s, a: None, "returns nothing"),
            Wrong(0.4, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "prediction sets": Answers(
        right=[
            lambda p, t: 1 - p <= t,
            lambda p, t: p >= 1 - t,
            lambda p, t: ~(1 - p > t),
            sets_in_loops,
            lambda p, t: 1 - jnp.asarray(p) <= t,
            lambda p, t: 1 - torch.tensor(p, requires_grad=True) <= t,
            lambda p, t: np.where(1 - p <= t, 1, 0),
        ],
        wrong=[
            Wrong(lambda p, t: p <= t, "unlikely labels"),
            Wrong(lambda p, t: p < t, "unlikely labels"),
            Wrong(lambda p, t: p >= t, "you compare it with probabilities"),
            Wrong(lambda p, t: p > t, "you compare it with probabilities"),
            Wrong(lambda p, t: 1 - p < t, "equal to the threshold"),
            Wrong(lambda p, t: p > 1 - t, "equal to the threshold"),
            Wrong(lambda p, t: 1 - p > t, "left out"),
            Wrong(lambda p, t: 1 - p >= t, "left out"),
            Wrong(likeliest, "likeliest label alone"),
            Wrong(lambda p, t: 1 - p, "compare them"),
            Wrong(lambda p, t: np.sum(1 - p <= t, axis=1), "sizes"),
            Wrong(lambda p, t: np.where(1 - p <= t), "places"),
            Wrong(lambda p, t: np.argwhere(1 - p <= t), "places"),
            Wrong(sets_as_lists_of_labels, "rows of different lengths"),
            Wrong(sets_as_sets, "not a number"),
            Wrong(lambda p, t: (1 - p <= t).T, "transposed"),
            Wrong(lambda p, t: 1 - p.max(1) <= t, "1 axis"),
            Wrong(lambda p, t: (1 - p <= t).all(), "This is one number"),
            Wrong(square_loops, "3 of 12 numbers are wrong"),
            Wrong(lambda p, t: [p for p in p if 1 - p <= t], "fails with ValueError"),
            Wrong(lambda p, t: None, "returns nothing"),
            Wrong(np.ones((4, 3), bool), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "coverage": Answers(
        right=[
            lambda s, y: s[np.arange(len(y)), y].mean(),
            coverage_in_a_loop,
            coverage_by_one_hot,
            coverage_of_torch,
            lambda s, y: jnp.take_along_axis(jnp.asarray(s), y[:, None], axis=1).mean(),
        ],
        wrong=[
            Wrong(lambda s, y: s[np.arange(len(y)), y].sum(), "This counts sets"),
            Wrong(lambda s, y: s[np.arange(len(y)), y], "take the mean"),
            Wrong(lambda s, y: [row[label] for row, label in zip(s, y, strict=True)], "the mean"),
            Wrong(lambda s, y: 100 * coverage_in_a_loop(s, y), "in percent"),
            Wrong(lambda s, y: np.mean(s), "how full"),
            Wrong(lambda s, y: (s.sum(1) > 0).mean(), "not empty"),
            Wrong(lambda s, y: s.sum() / len(s), "mean size"),
            Wrong(lambda s, y: s[:, y].mean(), "pair each row"),
            Wrong(lambda s, y: s[:, y], "pair each row"),
            Wrong(lambda s, y: s[y].mean(), "picks rows"),
            Wrong(lambda s, y: np.mean(s.argmax(1) == y), "argmax"),
            Wrong(lambda s, y: np.mean(~s[np.arange(len(y)), y]), "missed"),
            Wrong(lambda s, y: np.arange(n), "NameError"),  # noqa: F821
            Wrong(lambda s, y: s[np.arange(6), y].mean(), "fails with IndexError"),
            Wrong(lambda s, y: np.take_along_axis(s, y[:, None], 1), "One number is asked for"),
            Wrong(lambda s, y: None, "returns nothing"),
            Wrong(0.9, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "promises": Answers(
        right=[said(), {name: np.bool_(value) for name, value in said().items()}],
        wrong=[
            Wrong(said(average=False), "About the average"),
            Wrong(said(each_class=True), "About each class"),
            Wrong(said(bad_network=False), "About a bad network"),
            Wrong(said(other_pictures=True), "About another camera"),
            Wrong(said(..., ..., ..., ...), "not said yet whether this is promised: 90% of new"),
            Wrong(said(other_pictures=...), "whether this is promised: it holds for p"),
            Wrong({}, "not said yet"),
            Wrong(said("True"), "neither True nor False"),
            Wrong(said(each_class=0), "neither True nor False"),
            Wrong(said(each_class=np.zeros(2)), "neither True nor False"),
            Wrong([True, False, True, False], "a dictionary"),
            Wrong(True, "a dictionary"),
            Wrong(..., "a dictionary"),
        ],
    ),
}
