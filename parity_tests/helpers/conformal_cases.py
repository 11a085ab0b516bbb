"""Scores, ways to calibrate and data of conformal tests: both backends, and plain loops."""

import functools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import torch

import zootorch
from zoojax import conformal as ours
from zoojax.spec import draws
from zoojax.spec.conformal import Interval
from zootorch import conformal as theirs

SEED = 21

RAPS_OPTIONS = {"penalty": 0.05, "k_reg": 2}
SAPS_OPTIONS = {"weight": 0.15}

DETERMINISTIC = {
    "lac": (ours.lac, theirs.LAC),
    "aps": (ours.aps, theirs.APS),
    "raps": (
        functools.partial(ours.raps, **RAPS_OPTIONS),
        functools.partial(theirs.RAPS, **RAPS_OPTIONS),
    ),
    "saps": (
        functools.partial(ours.saps, **SAPS_OPTIONS),
        functools.partial(theirs.SAPS, **SAPS_OPTIONS),
    ),
    "top_k": (ours.top_k, theirs.TopK),
}
"""Functions of probabilities in zoojax, and what makes objects in zootorch, by name."""

RANDOMISED = ("aps", "raps", "saps")

ALL_SCORES = (*DETERMINISTIC, *(f"{name}, randomised" for name in RANDOMISED))

RESIDUALS = {
    "absolute": (ours.absolute, theirs.AbsoluteResidual(), 1),
    "normalized": (ours.normalized, theirs.NormalizedResidual(), 2),
    "cqr": (ours.cqr, theirs.CQR(), 2),
    "asymmetric_cqr": (ours.asymmetric_cqr, theirs.AsymmetricCQR(), 2),
}
"""Both twins, and how many numbers are predicted for a target, by name."""


def draw_key(draw, seed=SEED):
    """Return the key of one draw of the stream, as zoojax passes it by hand."""
    root = jax.random.key(seed)
    return jax.random.fold_in(jax.random.fold_in(root, draws.STREAMS["conformal"]), draw)


def draw_generator(seed=SEED):
    """Return the generator of the stream, which counts its draws itself."""
    return zootorch.Generator(seed).stream("conformal")


def uniforms(num, draw, seed=SEED):
    """Return the numbers u of one draw by the NumPy reference: (num,) float64, 24 bits each."""
    stream = draws.fold_in(draws.root_key(seed), draws.STREAMS["conformal"])
    words = draws.words(draws.fold_in(stream, draw), num)
    return (words >> 8) / 2.0**24


def jax_score(name, draw=0, seed=SEED):
    """Return a function of probabilities; one that is randomised by the key of a draw."""
    name, is_randomised = name.removesuffix(", randomised"), name.endswith("randomised")
    function = DETERMINISTIC[name][0]
    if not is_randomised:
        return function
    return functools.partial(function, key=draw_key(draw, seed))


def torch_score(name, seed=SEED):
    """Return an object, which moves on to its next draw by itself."""
    make = DETERMINISTIC[name.removesuffix(", randomised")][1]
    return make(draw_generator(seed)) if name.endswith("randomised") else make()


def plain_score(name, row, u=0.0):
    """Return the scores of one sample's labels: a loop over labels, most probable first."""
    scores = [0.0] * len(row)
    total, largest = 0.0, max(row)
    for place, label in enumerate(sorted(range(len(row)), key=lambda each: (-row[each], each))):
        own = row[label]
        total += own
        penalty = RAPS_OPTIONS["penalty"] * max(place + 1 - RAPS_OPTIONS["k_reg"], 0)
        weight = SAPS_OPTIONS["weight"]
        scores[label] = {
            "lac": 1 - own,
            "aps": total - u * own,
            "raps": total - u * own + penalty,
            "saps": largest + place * weight - u * (weight if place else largest),
            "top_k": place + 1,
        }[name]
    return scores


def plain_threshold(scores, alpha, weights=None, test_weight=None):
    """Return the threshold of a list of scores: the weights of all up to it, in fractions.

    Without weights all have one, the test among them, and (n + 1)(1 - alpha) is counted.
    """
    alpha = Fraction(alpha).limit_denominator(10**6)
    if weights is None:
        weights, test_weight = [1] * len(scores), 1
    weights = [Fraction(float(each)) for each in weights]
    needed = (1 - alpha) * (sum(weights) + Fraction(float(test_weight)))
    total = Fraction(0)
    for place in sorted(range(len(scores)), key=lambda each: scores[each]):
        total += weights[place]
        if total >= needed:
            return scores[place]
    return math.inf


def probabilities(num, num_classes, seed, *, ties=False):
    """Return (num, num_classes) float64 and labels, which mostly follow them."""
    generator = np.random.default_rng(seed)
    if ties:
        # Sixteenths, so that all sums are exact and many are the same.
        return generator.multinomial(16, [1 / num_classes] * num_classes, size=num) / 16, None
    logits = generator.normal(size=(num, num_classes)) * 1.5
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (probs.cumsum(1) < generator.uniform(size=(num, 1))).sum(1).clip(max=num_classes - 1)
    return probs, labels


def numbers(shape, seed, num_predicted):
    """Return targets, and one or two numbers predicted for each: the second positive, the larger.

    So that two serve as a number with its spread and as two quantiles alike, all are over 0.
    """
    generator = np.random.default_rng(seed)
    first = generator.uniform(1, 3, size=shape)
    second = first + generator.uniform(0.5, 1.5, size=shape)
    targets = (first + second) / 2 + generator.normal(size=shape)
    return targets, (first, second)[:num_predicted]


def tensor(values):
    """Return an array as a tensor of the same type."""
    return torch.from_numpy(np.array(values))


def tensors(*arrays):
    """Return arrays as tensors of the same types."""
    return [tensor(each) for each in arrays]


def same(found, expected, allowed=1e-12):
    """Assert that numbers are expected ones, to rounding, and infinite where those are."""
    if isinstance(expected, Interval):
        for ends in zip(found, expected, strict=True):
            same(*ends, allowed)
        return
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"shapes {found.shape} and {expected.shape}"
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    scale = np.maximum(np.abs(expected[finite]), 1)
    assert (np.abs(found[finite] - expected[finite]) / scale).max(initial=0.0) <= allowed


def both_thresholds(function, *arrays, alpha, **options):
    """Return what ``calibrate`` or another of that name returns in each backend, as NumPy."""
    kept = {name: value for name, value in options.items() if isinstance(value, int)}
    given = {name: value for name, value in options.items() if name not in kept}
    first = getattr(ours, function)(*map(jnp.asarray, arrays), alpha, **options)
    as_tensors = {name: tensor(value) for name, value in given.items()}
    second = getattr(theirs, function)(*tensors(*arrays), alpha, **kept, **as_tensors)
    return np.asarray(first), second.numpy()
