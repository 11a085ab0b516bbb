"""Conformal scores of classes and of numbers: by hand, by plain loops, against MAPIE."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zootorch.random
from parity_tests.helpers.builders import check_refused
from parity_tests.helpers.conformal_cases import (
    DETERMINISTIC,
    RANDOMISED,
    RAPS_OPTIONS,
    RESIDUALS,
    draw_generator,
    draw_key,
    jax_score,
    numbers,
    plain_score,
    probabilities,
    same,
    tensor,
    tensors,
    torch_score,
    uniforms,
)
from zoojax import conformal as ours
from zoojax import random
from zoojax.spec import draws
from zootorch import conformal as theirs

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "random.json").read_text())
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])
SEEDS = st.integers(0, draws.MAX_SEED)


@pytest.fixture(autouse=True)
def float64():
    """Let JAX keep float64 where it is given."""
    with jax.enable_x64(True):
        yield


# Uniform numbers, and the stream they come from.

WORDS = np.array([0, 255, 256, 2**31, 2**32 - 256, 2**32 - 1], np.uint32)
UNIFORM = [0.0, 0.0, 2**-24, 0.5, 1 - 2**-24, 1 - 2**-24]


@FLOATS
def test_uniform_numbers_are_the_first_24_bits_of_a_word(dtype):
    numpy = draws.uniform(WORDS, dtype)
    jaxs = random.uniform(jnp.asarray(WORDS), jnp.dtype(dtype))
    torchs = zootorch.random.uniform(
        torch.from_numpy(WORDS.astype(np.int64)), getattr(torch, dtype)
    )
    for found in (numpy, jaxs, torchs.numpy()):
        assert found.dtype == dtype
        assert found.tolist() == UNIFORM


@given(st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=8))
def test_uniform_numbers_are_the_same_in_all_three(words):
    words = np.array(words, np.uint32)
    expected = draws.uniform(words)
    assert (expected >= 0).all()
    assert (expected < 1).all()
    assert (np.asarray(random.uniform(jnp.asarray(words), jnp.float32)) == expected).all()
    theirs = zootorch.random.uniform(torch.from_numpy(words.astype(np.int64)), torch.float32)
    assert (theirs.numpy() == expected).all()


@pytest.mark.parametrize("seed", VECTORS)
def test_draws_of_scores_equal_the_golden_vectors(seed):
    expected = VECTORS[seed]["conformal_uniform_times_2^24_draw_2"]
    assert (uniforms(6, 2, int(seed)) * 2**24).tolist() == expected
    key = draw_key(2, int(seed))
    assert (random.uniform(random.words(key, 6), jnp.float32) * 2**24).tolist() == expected
    generator = draw_generator(int(seed))
    words = [generator.words(6) for _ in range(3)][2]
    assert (zootorch.random.uniform(words, torch.float32) * 2**24).tolist() == expected


# Scores of classes. All numbers are binary fractions, so that sums are exact.

PROBS = [[0.5, 0.125, 0.25, 0.125], [0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 1.0, 0.0]]
RANKS = [[1, 3, 2, 4], [1, 2, 3, 4], [2, 3, 1, 4]]
APS = [[0.5, 0.875, 0.75, 1], [0.25, 0.5, 0.75, 1], [1, 1, 1, 1]]

BY_HAND = {
    "lac": (ours.lac, theirs.LAC(), [[0.5, 0.875, 0.75, 0.875], [0.75] * 4, [1, 1, 0, 1]]),
    "aps": (ours.aps, theirs.APS(), APS),
    "raps with one free label": (
        lambda probs: ours.raps(probs, penalty=0.25, k_reg=1),
        theirs.RAPS(penalty=0.25, k_reg=1),
        [[0.5, 1.375, 1, 1.75], [0.25, 0.75, 1.25, 1.75], [1.25, 1.5, 1, 1.75]],
    ),
    "raps with none": (
        lambda probs: ours.raps(probs, penalty=0.5, k_reg=0),
        theirs.RAPS(penalty=0.5, k_reg=0),
        [[1, 2.375, 1.75, 3], [0.75, 1.5, 2.25, 3], [2, 2.5, 1.5, 3]],
    ),
    "raps with all": (
        lambda probs: ours.raps(probs, penalty=0.5, k_reg=4),
        theirs.RAPS(penalty=0.5, k_reg=4),
        APS,
    ),
    "saps": (
        lambda probs: ours.saps(probs, weight=0.125),
        theirs.SAPS(weight=0.125),
        [[0.5, 0.75, 0.625, 0.875], [0.25, 0.375, 0.5, 0.625], [1.125, 1.25, 1, 1.375]],
    ),
    "top_k": (ours.top_k, theirs.TopK(), RANKS),
}


@FLOATS
@pytest.mark.parametrize("name", BY_HAND)
def test_scores_by_hand(name, dtype):
    function, twin, expected = BY_HAND[name]
    for found in (function(np.array(PROBS, dtype)), twin(tensor(np.array(PROBS, dtype))).numpy()):
        assert found.dtype == dtype
        assert found.tolist() == expected


def test_defaults_are_the_same():
    probs, _ = probabilities(30, 5, 1)
    for function, twin in ((ours.raps, theirs.RAPS()), (ours.saps, theirs.SAPS())):
        same(function(probs), twin(tensor(probs)))


@given(st.integers(0, 10**6), st.sampled_from((1, 2, 7)), st.booleans())
def test_scores_are_those_of_a_plain_loop(seed, num_classes, ties):
    probs, _ = probabilities(12, num_classes, seed, ties=ties)
    for name in DETERMINISTIC:
        expected = [plain_score(name, row) for row in probs.tolist()]
        same(jax_score(name)(probs), expected)
        same(torch_score(name)(tensor(probs)), expected)


@given(SEEDS, st.integers(0, 3))
def test_the_draws_are_those_of_the_stream_bit_for_bit(seed, draw):
    # The only label of a sample scores 1 - u, which no float rounds.
    expected = 1 - uniforms(9, draw, seed)
    for dtype in ("float32", "float64"):
        ones, generator = np.ones((9, 1), dtype), draw_generator(seed)
        found = ours.aps(ones, draw_key(draw, seed))[:, 0]
        assert (np.asarray(found, np.float64) == expected).all()
        twin = theirs.APS(generator)
        found = [twin(tensor(ones))[:, 0] for _ in range(draw + 1)][draw]
        assert (found.double().numpy() == expected).all()
        assert generator.count == draw + 1


@pytest.mark.parametrize("name", RANDOMISED)
@given(seed=st.integers(0, 10**6), ties=st.booleans())
def test_randomised_scores_take_a_part_of_each_label_s_own_off(name, seed, ties):
    probs, _ = probabilities(12, 5, seed, ties=ties)
    twin = torch_score(f"{name}, randomised", seed)
    for draw in range(2):
        u = uniforms(12, draw, seed)
        expected = [plain_score(name, *each) for each in zip(probs.tolist(), u, strict=True)]
        same(jax_score(f"{name}, randomised", draw, seed)(probs), expected)
        same(twin(tensor(probs)), expected)


@pytest.mark.parametrize("name", RANDOMISED)
def test_another_draw_or_seed_gives_other_scores(name):
    probs, _ = probabilities(12, 5, 0)
    twin, name = torch_score(f"{name}, randomised"), f"{name}, randomised"
    first = jax_score(name)(probs)
    assert (np.abs(first - jax_score(name, 1)(probs)) > 1e-12).any(axis=1).all()
    assert (np.abs(first - jax_score(name, 0, 22)(probs)) > 1e-12).any(axis=1).all()
    same(twin(tensor(probs)), first)
    with pytest.raises(AssertionError):
        same(twin(tensor(probs)), first)


def test_scores_of_no_samples_and_of_integers():
    empty, certain = np.zeros((0, 3)), np.array([[0, 1], [1, 0]])
    for name in (*DETERMINISTIC, *(f"{name}, randomised" for name in RANDOMISED)):
        assert jax_score(name)(empty).shape == (0, 3)
        assert torch_score(name)(tensor(empty)).shape == (0, 3)
        found = torch_score(name)(tensor(certain))
        assert found.dtype == torch.float32  # torch's default, as float64 is JAX's here
        same(found, jax_score(name)(certain), 1e-6)


# MAPIE 1.6. It always randomises true labels' scores of APS; its own RAPS chooses the penalty
# itself, so that only what it does with one is compared; its top-k counts from 0.


class Given(np.random.RandomState):
    """Random numbers that are given."""

    def __init__(self, numbers):
        super().__init__(0)
        self.numbers = numbers

    def uniform(self, size):
        assert size == len(self.numbers)
        return self.numbers


def test_scores_of_true_labels_are_those_of_mapie():
    sets = pytest.importorskip("mapie.conformity_scores.sets")
    probs, labels = probabilities(200, 6, 4)
    u = uniforms(200, 0)

    def of_mapie(score, random_state=None):
        score.set_external_attributes(classes=np.arange(6), random_state=random_state)
        return score.get_conformity_scores(labels, probs, labels)[:, 0]

    def check(name, expected):
        for found in (jax_score(name)(probs), torch_score(name)(tensor(probs))):
            same(np.asarray(found)[np.arange(200), labels], expected)

    aps = sets.APSConformityScore
    check("lac", of_mapie(sets.LACConformityScore()))
    check("top_k", of_mapie(sets.TopKConformityScore()) + 1)
    check("aps", of_mapie(aps(), Given(np.zeros(200))))
    check("aps, randomised", of_mapie(aps(), Given(u)))
    cumulated, ranks = aps.get_true_label_cumsum_proba(labels, probs, np.arange(6))
    late = sets.RAPSConformityScore._regularize_conformity_score(
        np.array([RAPS_OPTIONS["k_reg"]]), RAPS_OPTIONS["penalty"], cumulated, ranks
    )
    check("raps", late[:, 0, 0])


# Scores of numbers.

TARGETS = [[1.0, 5.0], [-2.0, 0.25]]
LOWER = [[0.5, 6.0], [-1.0, 0.0]]
UPPER = [[2.0, 8.0], [0.5, 1.0]]
OF_NUMBERS = {
    "absolute": [[0.5, 1.0], [1.0, 0.25]],
    "normalized": [[0.25, 0.125], [2.0, 0.25]],
    "cqr": [[-0.5, 1.0], [1.0, -0.25]],
    "asymmetric_cqr": [[[-0.5, -1.0], [1.0, -3.0]], [[1.0, -2.5], [-0.25, -0.75]]],
}
# Of a threshold of 2, and of (2, -1/4) where each end has its own.
INTERVALS = {
    "absolute": ([[-1.5, 4.0], [-3.0, -2.0]], [[2.5, 8.0], [1.0, 2.0]]),
    "normalized": ([[-3.5, -10.0], [-2.0, -2.0]], [[4.5, 22.0], [0.0, 2.0]]),
    "cqr": ([[-1.5, 4.0], [-3.0, -2.0]], [[4.0, 10.0], [2.5, 3.0]]),
    "asymmetric_cqr": ([[-1.5, 4.0], [-3.0, -2.0]], [[1.75, 7.75], [0.25, 0.75]]),
}


@FLOATS
@pytest.mark.parametrize("name", RESIDUALS)
def test_residuals_by_hand(name, dtype):
    residual, twin, num_predicted = RESIDUALS[name]
    targets, *predicted = (np.array(each, dtype) for each in (TARGETS, LOWER, UPPER))
    predicted = predicted[:num_predicted]
    threshold = np.array([2.0, -0.25] if residual.num_tails == 2 else 2.0, dtype)
    scores = residual.score(targets, *predicted), twin.score(*tensors(targets, *predicted)).numpy()
    for found in scores:
        assert found.dtype == dtype
        assert found.tolist() == OF_NUMBERS[name]
    intervals = (
        residual.interval(threshold, *predicted),
        twin.interval(tensor(threshold), *tensors(*predicted)),
    )
    for interval in intervals:
        assert [np.asarray(end).tolist() for end in interval] == list(INTERVALS[name])
        assert all(np.asarray(end).dtype == dtype for end in interval)


def test_names_and_tails_are_the_same():
    for residual, twin, _ in RESIDUALS.values():
        assert residual.num_tails == twin.num_tails


EIGHTHS = st.integers(-40, 40).map(lambda number: number / 8)


@pytest.mark.parametrize("name", RESIDUALS)
@given(target=EIGHTHS, first=EIGHTHS, second=EIGHTHS, threshold=EIGHTHS)
def test_an_interval_holds_the_numbers_whose_score_is_not_over_the_threshold(
    name, target, first, second, threshold
):
    residual, twin, num_predicted = RESIDUALS[name]
    # Spreads are powers of two: then nothing is rounded.
    second = 2.0 ** int(second) if name == "normalized" else second
    predicted = [np.array([each]) for each in (first, second)[:num_predicted]]
    target = np.array([target])
    limit = np.array([threshold, threshold / 2]) if residual.num_tails == 2 else threshold
    interval, score = residual.interval(limit, *predicted), residual.score(target, *predicted)
    inside = (np.asarray(score[0]) <= limit).all()
    assert bool(interval.lower <= target) & bool(target <= interval.upper) == inside
    interval = twin.interval(tensor(limit), *tensors(*predicted))
    assert bool(interval.lower[0] <= target[0]) & bool(target[0] <= interval.upper[0]) == inside
    same(twin.score(*tensors(target, *predicted)), score, 0)


@pytest.mark.parametrize("name", RESIDUALS)
def test_infinite_thresholds_give_infinite_intervals(name):
    residual, twin, num_predicted = RESIDUALS[name]
    _, predicted = numbers((4, 3), 0, num_predicted)
    limit = np.full(2 if residual.num_tails == 2 else (), np.inf)
    for interval in (
        residual.interval(limit, *predicted),
        twin.interval(tensor(limit), *tensors(*predicted)),
    ):
        assert (np.asarray(interval.lower) == -np.inf).all()
        assert (np.asarray(interval.upper) == np.inf).all()


@pytest.mark.parametrize("name", RESIDUALS)
def test_integers_count_as_the_floats_beside_them(name):
    residual, twin, num_predicted = RESIDUALS[name]
    # More than float32 can hold.
    targets = np.array([2**24 + 1, -5, 3])
    predicted = [np.array([0.5, 2.0, 4.0]), np.array([1.0, 8.0, 4.0])][:num_predicted]
    expected = residual.score(targets.astype(np.float64), *predicted)
    same(residual.score(targets, *predicted), expected, 0)
    same(twin.score(*tensors(targets, *predicted)), expected, 0)


# What is refused.


def test_probabilities_that_are_none_are_refused_alike():
    cases = {
        "probs must have shape (samples, classes), got (3,)": np.full(3, 0.5),
        "probs must have shape (samples, classes), got (2, 0)": np.zeros((2, 0)),
        "probs must be from 0 to 1, got -0.5 to 0.5": np.array([[0.5, -0.5]]),
        "probs must be from 0 to 1, got 0.0 to 1.5": np.array([[0.0, 1.5]]),
        "probs must be from 0 to 1, got nan to nan": np.array([[0.5, np.nan]]),
    }
    for message, probs in cases.items():
        for name in DETERMINISTIC:
            function, twin = jax_score(name), torch_score(name)
            check_refused(
                message,
                lambda function=function, probs=probs: function(probs),
                lambda twin=twin, probs=probs: twin(tensor(probs)),
            )


def test_probabilities_over_1_by_a_rounding_are_not_refused():
    probs = np.array([[1 + 1e-6, 0]])
    same(ours.lac(probs), theirs.LAC()(tensor(probs)))


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, "1", None])
def test_options_that_are_no_numbers_of_at_least_0_are_refused_alike(value):
    probs = np.array(PROBS)
    for name, function, twin in (
        ("penalty", ours.raps, theirs.RAPS),
        ("k_reg", ours.raps, theirs.RAPS),
        ("weight", ours.saps, theirs.SAPS),
    ):
        check_refused(
            f"{name} must be a finite number of at least 0, got {value!r}",
            lambda function=function, name=name: function(probs, **{name: value}),
            lambda twin=twin, name=name: twin(**{name: value}),
        )


@pytest.mark.parametrize("name", RESIDUALS)
def test_predictions_of_another_shape_are_refused_alike(name):
    residual, twin, num_predicted = RESIDUALS[name]
    given = [np.ones((4, 1)), *[np.ones(4)] * num_predicted]
    message = "targets and predictions must have one shape (samples, ...), got (4, 1), (4,)"
    check_refused(message, lambda: residual.score(*given), lambda: twin.score(*tensors(*given)))
    given = [np.array(1.0)] * (num_predicted + 1)
    check_refused(
        "one shape (samples, ...), got (), ()",
        lambda: residual.score(*given),
        lambda: twin.score(*tensors(*given)),
    )


@pytest.mark.parametrize("spread", [0.0, -1.0, np.nan, np.inf])
def test_spreads_that_are_not_over_0_are_refused_alike(spread):
    targets, spreads = np.ones(3), np.array([1.0, spread, 1.0])
    residual, twin, _ = RESIDUALS["normalized"]
    check_refused(
        "spread must be finite and over 0",
        lambda: residual.score(targets, targets, spreads),
        lambda: twin.score(*tensors(targets, targets, spreads)),
        lambda: residual.interval(1.0, targets, spreads),
        lambda: twin.interval(1.0, *tensors(targets, spreads)),
    )
