"""Ranks and thresholds of conformal scores: exact, against plain loops, MAPIE and crepes."""

import functools
import itertools
import math
import sys
import time
from fractions import Fraction
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from parity_tests.helpers.builders import check_refused
from parity_tests.helpers.conformal_cases import (
    both_thresholds,
    plain_threshold,
    same,
    tensor,
    tensors,
)
from zoojax import conformal as ours
from zoojax.spec.conformal import as_fraction, rank, ranks
from zootorch import conformal as theirs

INF = math.inf
# Of few sizes, since JAX compiles for each.
NUMS = st.sampled_from((1, 9, 30))
ALPHAS = st.sampled_from((0.05, 0.1, 1 - 0.9, 0.25, 1 / 3, 0.5, 0.9, Fraction(2, 7)))
FRACTIONS = st.fractions(Fraction(1, 10**4), 1 - Fraction(1, 10**4), max_denominator=10**6)


@pytest.fixture(autouse=True)
def float64():
    """Let JAX keep float64 where it is given."""
    with jax.enable_x64(True):
        yield


# Ranks.


@pytest.mark.parametrize(
    ("num", "alpha", "expected"),
    [
        # Integers on paper, of which most are none in floats: 10 * (1 - 0.1) is.
        (9, 0.1, 9),
        (9, 1 - 0.9, 9),
        (19, 0.05, 19),
        (19, 1 - 0.95, 19),
        (99, 0.07, 93),
        (99, 1 - 0.93, 93),
        (999, 0.001, 999),
        (2, 1 / 3, 2),
        (2, 2 / 3, 1),
        (2, Fraction(1, 3), 2),
        (48, 1 / 49, 48),
        (6, 1 - 6 / 7, 6),
        (9, np.float32(0.1), 9),
        (9, np.float64(0.1), 9),
        (9, np.float16(0.1), 9),
        # None on paper.
        (10, 0.1, 10),
        (8, 0.1, 9),
        (100, 0.1, 91),
        (1, 0.5, 1),
        (1, 0.49, 2),
        (0, 0.9, 1),
    ],
)
def test_ranks_by_hand(num, alpha, expected):
    assert rank(num, alpha) == expected
    assert ranks(num, alpha)[num] == expected


@given(st.integers(0, 2**31 - 2), FRACTIONS)
def test_the_rank_is_the_least_integer_that_is_enough(num, alpha):
    for given_as in (alpha, float(alpha), 1 - float(1 - alpha)):
        k = rank(num, given_as)
        assert k >= (num + 1) * (1 - alpha) > k - 1
        assert 1 <= k <= num + 1


@given(FRACTIONS)
def test_floats_stand_for_the_fraction_that_is_meant(alpha):
    for given_as in (alpha, float(alpha), 1 - float(1 - alpha), np.float64(alpha)):
        assert as_fraction(given_as) == alpha


@pytest.mark.parametrize("alpha", [0.1, 0.05, 1 / 3, 0.999, 1e-9, 0.123456789, Fraction(5, 7)])
def test_a_table_of_ranks_holds_every_rank(alpha):
    table = ranks(2000, alpha)
    assert table.dtype == np.int32
    assert table.tolist() == [rank(num, alpha) for num in range(2001)]


TYPES = ("int64", "int32", "floating")


@pytest.mark.parametrize("alpha", [0.999999999, 0.123456789, 1e-9])
def test_ranks_of_two_thousand_million_scores_do_not_overflow(alpha, monkeypatch):
    # The last thousand of a table that would be too long to make.
    def last(start, stop, dtype):
        assert (start, stop, dtype) == (1, 2**31, np.int64)
        return np.arange(stop - 1000, stop, dtype=dtype)

    expected = [rank(num, alpha) for num in range(2**31 - 1001, 2**31 - 1)]
    numpy = SimpleNamespace(arange=last, **{name: getattr(np, name) for name in TYPES})
    monkeypatch.setattr(sys.modules[ranks.__module__], "np", numpy)
    assert ranks(2**31 - 2, alpha).tolist() == expected


BAD = [0, 1, 0.0, 1.0, -0.1, 1.1, math.nan, INF, None, "0.1", True, False, 1j, [0.1], 1e-12]


@pytest.mark.parametrize("alpha", BAD)
def test_other_alphas_are_refused_everywhere_alike(alpha):
    scores, groups = np.arange(9.0), np.zeros(9, int)
    ones = np.ones(9)
    check_refused(
        f"away from 0 and from 1, got {alpha!r}"
        if alpha == 1e-12
        else f"alpha must be a number over 0 and under 1, got {alpha!r}",
        lambda: as_fraction(alpha),
        lambda: rank(9, alpha),
        lambda: ranks(9, alpha),
        lambda: ours.calibrate(scores, alpha),
        lambda: theirs.calibrate(tensor(scores), alpha),
        lambda: ours.calibrate_groups(scores, groups, alpha, num_groups=1),
        lambda: theirs.calibrate_groups(*tensors(scores, groups), alpha, num_groups=1),
        lambda: ours.calibrate_weighted(scores, ones, alpha, test_weights=1.0),
        lambda: theirs.calibrate_weighted(*tensors(scores, ones), alpha, test_weights=1.0),
        lambda: theirs.SplitConformalClassifier(alpha),
        lambda: theirs.ClassConditionalClassifier(alpha),
        lambda: theirs.GroupConformalClassifier(alpha, 2),
        lambda: theirs.LabelShiftClassifier(alpha, torch.ones(3)),
        lambda: theirs.WeightedConformalClassifier(alpha),
        lambda: theirs.SplitConformalRegressor(alpha),
        lambda: theirs.GroupConformalRegressor(alpha, 2),
        lambda: theirs.WeightedConformalRegressor(alpha),
    )


# One threshold.


def scores_of(num, seed, shape=(), *, ties=False):
    """Return (num, *shape) float64 numbers; with ties, few different ones."""
    scores = np.random.default_rng(seed).normal(size=(num, *shape))
    return scores.round(0) if ties else scores


def by_column(scores, alpha, **options):
    """Return plain thresholds of every column of (n, ...) scores."""
    columns = np.moveaxis(scores, 0, -1).reshape(-1, len(scores))
    thresholds = [plain_threshold(column.tolist(), alpha, **options) for column in columns]
    return np.reshape(thresholds, scores.shape[1:])


@given(NUMS, ALPHAS, st.integers(0, 10**6), st.booleans(), st.sampled_from(((), (2,), (3, 2))))
def test_a_threshold_is_that_of_a_plain_loop(num, alpha, seed, ties, shape):
    scores = scores_of(num, seed, shape, ties=ties)
    for found in both_thresholds("calibrate", scores, alpha=alpha):
        same(found, by_column(scores, alpha), 0)


def test_a_threshold_is_one_of_the_scores_and_infinite_where_there_are_too_few():
    scores = np.array([3.0, 1.0, 2.0])
    for alpha, expected in ((0.25, 3), (0.5, 2), (0.75, 1), (0.24, INF), (0.26, 3), (0.9, 1)):
        for found in both_thresholds("calibrate", scores, alpha=alpha):
            assert found == expected
    for found in both_thresholds("calibrate", np.ones((3, 2)), alpha=0.1):
        assert found.tolist() == [INF, INF]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_types_of_scores_are_kept_and_integers_become_floats(dtype):
    scores = np.arange(30).astype(dtype)[::-1]
    groups, ones = np.zeros(30, int), np.ones(30)
    kept = [dtype, dtype] if dtype.startswith("float") else ["float64", "float32"]  # defaults
    for found in (
        both_thresholds("calibrate", scores, alpha=0.1),
        both_thresholds("calibrate_groups", scores, groups, alpha=0.1, num_groups=1),
        both_thresholds("calibrate_weighted", scores, ones, alpha=0.1, test_weights=ones[:1]),
    ):
        assert [each.dtype for each in found] == kept
        assert [each.item() for each in found] == [27, 27]


def test_infinite_scores_are_allowed_and_undefined_ones_refused():
    scores = np.array([INF, 1, 2, 3, -INF, 4, 5, 6, 7])
    for alpha, expected in ((0.1, INF), (0.2, 7), (0.9, -INF)):
        for found in both_thresholds("calibrate", scores, alpha=alpha):
            assert found == expected
        for found in both_thresholds(
            "calibrate_groups", scores, np.zeros(9, int), alpha=alpha, num_groups=1
        ):
            assert found == expected
        for found in both_thresholds(
            "calibrate_weighted", scores, np.ones(9), alpha=alpha, test_weights=np.ones(1)
        ):
            assert found == expected


def each_function(scores, groups=None, weights=None, test_weights=1.0, num_groups=3):
    """Return calls of the three functions in both backends: pairs of (zoojax, zootorch)."""
    groups = np.zeros(len(scores), int) if groups is None else groups
    weights = np.ones(len(scores)) if weights is None else weights
    options = {"num_groups": num_groups}, {"test_weights": test_weights}
    return {
        "calibrate": (
            lambda: ours.calibrate(scores, 0.5),
            lambda: theirs.calibrate(tensor(scores), 0.5),
        ),
        "groups": (
            lambda: ours.calibrate_groups(scores, groups, 0.5, **options[0]),
            lambda: theirs.calibrate_groups(*tensors(scores, groups), 0.5, **options[0]),
        ),
        "weighted": (
            lambda: ours.calibrate_weighted(scores, weights, 0.5, **options[1]),
            lambda: theirs.calibrate_weighted(*tensors(scores, weights), 0.5, **options[1]),
        ),
    }


def test_scores_that_are_none_are_refused_alike():
    for message, scores in (
        ("needs scores of at least one sample, got shape (0,)", np.zeros(0)),
        ("needs scores of at least one sample, got shape (0, 2)", np.zeros((0, 2))),
        ("scores must be numbers, got NaN", np.array([1.0, np.nan])),
        ("scores must be numbers, got NaN", np.array([[1.0, 2.0], [INF, np.nan]])),
    ):
        calls = each_function(scores)
        check_refused(message, *(call for pair in calls.values() for call in pair))
    message = "needs scores of at least one sample, got shape ()"
    check_refused(
        message,
        lambda: ours.calibrate(np.array(1.0), 0.5),
        lambda: theirs.calibrate(torch.tensor(1.0), 0.5),
    )


def test_groups_that_are_none_are_refused_alike():
    scores = np.arange(4.0)
    for message, groups in (
        ("groups must have shape (4,), one a sample, got (3,)", np.zeros(3, int)),
        ("groups must have shape (4,), one a sample, got (4, 1)", np.zeros((4, 1), int)),
        ("groups must be integers from 0 to 2, got int64 from 0 to 3", np.arange(4)),
        ("groups must be integers from 0 to 2, got int64 from -1 to 2", np.arange(4) - 1),
        ("groups must be integers from 0 to 2, got float64 from 0.0 to 0.0", np.zeros(4)),
        ("groups must be integers from 0 to 2, got bool", np.zeros(4, bool)),
    ):
        check_refused(message, *each_function(scores, groups)["groups"])


def test_weights_that_are_none_are_refused_alike():
    scores = np.arange(3.0)
    for message, weights, test_weights in (
        ("weights must have shape (3,), got (2,)", np.ones(2), 1.0),
        ("weights must have shape (3,), got ()", np.ones(()), 1.0),
        ("weights must be finite numbers of at least 0", np.array([1, -1, 1]), 1.0),
        ("weights must be finite numbers of at least 0", np.array([1, INF, 1]), 1.0),
        ("weights must be finite numbers of at least 0", np.array([1, np.nan, 1]), 1.0),
        ("weights must not all be 0", np.zeros(3), 1.0),
        ("test_weights must be finite numbers of at least 0", np.ones(3), -1.0),
        ("test_weights must be finite numbers of at least 0", np.ones(3), np.nan),
        ("test_weights must have shape () or (tests,), got (1, 1)", np.ones(3), np.ones((1, 1))),
    ):
        calls = each_function(scores, weights=weights, test_weights=test_weights)
        check_refused(message, *calls["weighted"])


# Thresholds of groups.


@given(NUMS, ALPHAS, st.integers(0, 10**6), st.booleans(), st.booleans())
def test_thresholds_of_groups_are_those_of_each_alone(num, alpha, seed, ties, one):
    scores = scores_of(num, seed, (2,), ties=ties)
    groups = np.random.default_rng(seed + 1).integers(0, 4, num)
    groups = np.full(num, 2) if one else groups
    expected = [
        by_column(scores[groups == group], alpha) if (groups == group).any() else np.full(2, INF)
        for group in range(5)  # of which the last one is empty
    ]
    found = both_thresholds("calibrate_groups", scores, groups, alpha=alpha, num_groups=5)
    for each in found:
        same(each, np.stack(expected), 0)
        assert (each[4] == INF).all()


def test_one_group_is_no_groups():
    scores = scores_of(30, 3, (2,))
    expected = both_thresholds("calibrate", scores, alpha=0.1)
    found = both_thresholds(
        "calibrate_groups", scores, np.zeros(30, np.uint8), alpha=0.1, num_groups=1
    )
    for each, whole in zip(found, expected, strict=True):
        same(each[0], whole, 0)


@pytest.mark.parametrize("alpha", [0.1, 0.07, 0.3])
def test_class_conditional_sets_are_those_of_crepes(alpha):
    crepes = pytest.importorskip("crepes")
    # crepes takes a label in whose p-value is 1 - confidence in floats, so where (n + 1) alpha
    # is an integer it has one rank more: all counts here keep away from that.
    counts = (150, 41, 87, 5)
    assert all((count + 1) * Fraction(str(alpha)) % 1 for count in counts)
    labels = np.repeat(np.arange(4), counts)
    scores, tests = scores_of(len(labels), 5), scores_of(200, 6, (4,))
    classifier = crepes.ConformalClassifier().fit(scores, bins=labels)
    columns = [
        classifier.predict_set(
            tests[:, [label]], np.full(200, label), confidence=1 - alpha, smoothing=False
        )
        for label in range(4)
    ]
    expected = np.concatenate(columns, axis=1).astype(bool)
    assert 0.05 < expected.mean() < 0.95 or alpha != 0.1
    for threshold in both_thresholds("calibrate_groups", scores, labels, alpha=alpha, num_groups=4):
        assert (expected == (tests <= threshold)).all()


# Weighted thresholds.


@given(NUMS, ALPHAS, st.integers(0, 10**6), st.booleans(), st.booleans())
def test_weighted_thresholds_are_those_of_a_plain_loop(num, alpha, seed, ties, whole):
    generator = np.random.default_rng(seed)
    scores = scores_of(num, seed, ties=ties)
    # Integers hit levels that are integers on paper; some are 0.
    weights = generator.integers(0, 4, num) if whole else generator.exponential(size=num)
    weights[0] = 1
    tests = np.array([0, 1, 2, 0.5, 1e9])
    expected = [plain_threshold(scores.tolist(), alpha, weights, test) for test in tests]
    assert expected[-1] == INF
    for found in both_thresholds(
        "calibrate_weighted", scores, weights, alpha=alpha, test_weights=tests
    ):
        same(found, expected, 0)


@given(
    NUMS,
    ALPHAS,
    st.integers(0, 10**6),
    st.booleans(),
    # Of larger ones JAX's division takes the inverse for 0.
    st.floats(1e-300, 1e307) | st.sampled_from((0.1, 1 / 3, 1e-300, 1e307)),
)
def test_equal_weights_of_any_size_are_none(num, alpha, seed, ties, size):
    scores = scores_of(num, seed, ties=ties)
    expected = both_thresholds("calibrate", scores, alpha=alpha)
    found = both_thresholds(
        "calibrate_weighted",
        scores,
        np.full(num, size),
        alpha=alpha,
        test_weights=np.array(size),
    )
    for each, without in zip(found, expected, strict=True):
        same(each, without, 0)


@pytest.mark.parametrize("size", [1.0, 0.1, 1e-30, 1e37])
def test_equal_weights_are_none_in_float32(size):
    scores = scores_of(999, 4)
    with jax.enable_x64(False):
        for alpha in (0.1, 0.05, 1 / 3, 0.001):
            weights = jnp.full(999, size)
            assert weights.dtype == jnp.float32
            found = ours.calibrate_weighted(scores, weights, alpha, test_weights=size)
            assert found == ours.calibrate(scores, alpha)


def test_weights_that_float32_cannot_hold_are_refused_without_float64():
    with jax.enable_x64(False):
        for message, size in (("must not all be 0", 1e-60), ("must be finite", 1e60)):
            with pytest.raises(ValueError, match=message), np.errstate(over="ignore"):
                ours.calibrate_weighted(np.ones(3), np.full(3, size), 0.1, test_weights=1.0)


@pytest.mark.parametrize("factor", [1, 0.1, 1 / 7])
def test_a_sum_of_weights_that_is_the_level_on_paper_reaches_it(factor):
    # 20 with the test's own 2: each twentieth that is a sum of the first few is met exactly.
    scores, weights = np.arange(9.0), np.array([3, 1, 2, 3, 1, 2, 3, 1, 2])
    for level in range(1, 20):
        alpha = 1 - level / 20
        expected = plain_threshold(scores.tolist(), alpha, weights, 2)
        for found in both_thresholds(
            "calibrate_weighted",
            scores,
            weights * factor,
            alpha=alpha,
            test_weights=np.array([2 * factor]),
        ):
            assert found == expected


@given(st.integers(0, 10**6), ALPHAS)
def test_samples_of_weight_0_count_as_absent(seed, alpha):
    generator = np.random.default_rng(seed)
    scores, weights = scores_of(30, seed), generator.exponential(size=30)
    weights[generator.permutation(30)[:12]] = 0
    tests, kept = generator.exponential(size=5), weights > 0
    calls = [(scores, weights), (scores[kept], weights[kept])]
    found = [
        both_thresholds("calibrate_weighted", *each, alpha=alpha, test_weights=tests)
        for each in calls
    ]
    for each, without in zip(*found, strict=True):
        same(each, without, 0)


@given(st.integers(0, 10**6), ALPHAS)
def test_integer_weights_count_samples_that_many_times(seed, alpha):
    scores = scores_of(9, seed)
    times = np.random.default_rng(seed).integers(1, 4, 9)
    times[0] += 20 - times.sum() if times.sum() < 20 else 0
    expected = plain_threshold(np.repeat(scores, times).tolist(), alpha)
    for found in both_thresholds(
        "calibrate_weighted", scores, times, alpha=alpha, test_weights=np.array(1)
    ):
        same(found, expected, 0)


def test_shapes_under_label_shift_and_covariate_shift():
    labels, class_weights = np.arange(30) % 3, np.array([0.5, 1.0, 4.0])
    scores = scores_of(30, 8)
    found = both_thresholds(
        "calibrate_weighted",
        scores,
        class_weights[labels],
        alpha=0.2,
        test_weights=class_weights,
    )
    for each in found:
        assert each.shape == (3,)
        # The heavier the test itself, the more of it is at infinity.
        assert each[0] <= each[1] <= each[2]
    outputs, test_weights = scores_of(30, 9, (4, 2)), np.ones(7)
    found = both_thresholds(
        "calibrate_weighted", outputs, np.ones(30), alpha=0.2, test_weights=test_weights
    )
    for each in found:
        same(each, np.stack([by_column(outputs, 0.2)] * 7), 0)


# What holds of all scores.


@given(NUMS, ALPHAS, st.integers(0, 10**6), st.booleans())
def test_the_order_of_calibration_samples_changes_nothing(num, alpha, seed, ties):
    generator = np.random.default_rng(seed)
    scores, order = scores_of(num, seed, ties=ties), generator.permutation(num)
    groups, weights = generator.integers(0, 3, num), generator.exponential(size=num)
    test_weights = generator.exponential(size=3)
    for function, arrays, options in (
        ("calibrate", (scores,), {}),
        ("calibrate_groups", (scores, groups), {"num_groups": 3}),
        ("calibrate_weighted", (scores, weights), {"test_weights": test_weights}),
    ):
        first = both_thresholds(function, *arrays, alpha=alpha, **options)
        moved = [each[order] for each in arrays]
        second = both_thresholds(function, *moved, alpha=alpha, **options)
        for each, again in zip(first, second, strict=True):
            same(each, again, 0)


@given(NUMS, st.integers(0, 10**6), st.booleans())
def test_thresholds_grow_as_alpha_falls(num, seed, ties):
    scores = scores_of(num, seed, ties=ties)
    weights = np.random.default_rng(seed).exponential(size=num)
    found = []
    for alpha in (0.9, 0.5, 1 / 3, 0.25, 0.1, 0.05, 0.001):
        whole = both_thresholds("calibrate", scores, alpha=alpha)
        weighted = both_thresholds(
            "calibrate_weighted", scores, weights, alpha=alpha, test_weights=np.array(0.7)
        )
        found.append([*whole, *weighted])
    for smaller, larger in itertools.pairwise(found):
        assert (np.array(larger) >= np.array(smaller)).all()
    assert num > 998 or np.isinf(found[-1][:2]).all()


@pytest.mark.parametrize("num", [1, 9, 30])
def test_equal_scores_are_their_own_threshold(num):
    scores, k = np.full(num, 0.3), rank(num, 0.5)
    groups, ones = np.zeros(num, int), np.ones(num)
    for found in (
        *both_thresholds("calibrate", scores, alpha=0.5),
        *both_thresholds("calibrate_groups", scores, groups, alpha=0.5, num_groups=1),
        *both_thresholds("calibrate_weighted", scores, ones, alpha=0.5, test_weights=ones[:1]),
    ):
        assert k <= num
        assert (found == 0.3).all()


def test_another_score_gives_another_threshold():
    scores = scores_of(30, 2)
    place = int(np.argsort(scores)[rank(30, 0.1) - 1])
    for found in both_thresholds("calibrate", scores, alpha=0.1):
        assert found == scores[place]
    scores[place] += 1e-9
    with pytest.raises(AssertionError):
        same(found, both_thresholds("calibrate", scores, alpha=0.1)[0])


# Compiled and mapped.


def compiled(function, **options):
    """Return a function of arrays alone, compiled."""
    return jax.jit(functools.partial(function, alpha=0.1, **options))


def test_thresholds_compile():
    scores = jnp.asarray(scores_of(30, 1))
    groups, weights = jnp.arange(30) % 3, jnp.linspace(0.1, 1, 30)
    same(compiled(ours.calibrate)(scores), ours.calibrate(scores, 0.1), 0)
    same(
        jax.jit(ours.calibrate, static_argnames="alpha")(scores, alpha=Fraction(1, 10)),
        ours.calibrate(scores, 0.1),
        0,
    )
    same(
        compiled(ours.calibrate_groups, num_groups=5)(scores, groups),
        ours.calibrate_groups(scores, groups, 0.1, num_groups=5),
        0,
    )
    same(
        compiled(ours.calibrate_weighted)(scores, weights, test_weights=weights[:5]),
        ours.calibrate_weighted(scores, weights, 0.1, test_weights=weights[:5]),
        0,
    )


def test_thresholds_map_over_resamples_as_a_loop_would():
    scores = jnp.asarray(scores_of(6, 1, (30,)))
    groups = jnp.arange(180).reshape(6, 30) % 7 % 3
    weights = jnp.asarray(np.random.default_rng(2).exponential(size=(6, 30)))
    for function, arrays in (
        (functools.partial(ours.calibrate, alpha=0.1), (scores,)),
        (functools.partial(ours.calibrate_groups, alpha=0.1, num_groups=5), (scores, groups)),
        (
            functools.partial(ours.calibrate_weighted, alpha=0.1, test_weights=jnp.ones(5)),
            (scores, weights),
        ),
    ):
        expected = [function(*each) for each in zip(*arrays, strict=True)]
        same(jax.jit(jax.vmap(function))(*arrays), np.stack(expected), 0)


def test_shapes_are_checked_under_tracing_too():
    with pytest.raises(ValueError, match="groups must have shape"):
        compiled(ours.calibrate_groups, num_groups=2)(jnp.ones(4), jnp.zeros(3, int))
    with pytest.raises(ValueError, match="weights must have shape"):
        compiled(ours.calibrate_weighted)(jnp.ones(4), jnp.ones(3), test_weights=1.0)
    with pytest.raises(ValueError, match="at least one sample"):
        compiled(ours.calibrate)(jnp.ones(0))


# A million scores.

MILLION = 1_000_000
SECOND = 1.0


def fastest(function):
    """Return the least seconds of three calls, of all threads: others' work does not count."""
    times = []
    for _ in range(3):
        start = time.process_time()
        jax.block_until_ready(function())
        times.append(time.process_time() - start)
    return min(times)


def test_a_million_scores_calibrate_in_under_a_second():
    scores = np.random.default_rng(0).normal(size=MILLION).astype(np.float32)
    k = rank(MILLION, 0.1)
    expected = np.partition(scores, k - 1)[k - 1]
    arrays = jnp.asarray(scores), tensor(scores)
    for calibrate, given_scores in zip((ours.calibrate, theirs.calibrate), arrays, strict=True):
        assert calibrate(given_scores, 0.1) == expected
        assert fastest(lambda c=calibrate, s=given_scores: c(s, 0.1)) < SECOND


def test_compiled_thresholds_need_memory_as_of_a_few_arrays():
    num, dtype = 100_000, jnp.float32
    scores = jax.ShapeDtypeStruct((num,), dtype)
    groups = jax.ShapeDtypeStruct((num,), jnp.int32)
    for function, arrays in (
        (compiled(ours.calibrate), (scores,)),
        (compiled(ours.calibrate_groups, num_groups=1000), (scores, groups)),
        (
            jax.jit(lambda s, w, t: ours.calibrate_weighted(s, w, 0.1, test_weights=t)),
            (scores, scores, scores),
        ),
    ):
        analysis = function.lower(*arrays).compile().memory_analysis()
        assert analysis.temp_size_in_bytes < 40 * num * 4


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that was made."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(each, torch.Tensor):
                self.largest = max(self.largest, each.numel())
        return made


def test_tensors_are_no_larger_than_the_scores():
    num = 100_000
    scores, groups = torch.rand(num), torch.arange(num) % 1000
    with LargestTensor() as mode:
        theirs.calibrate(scores, 0.1)
        theirs.calibrate_groups(scores, groups, 0.1, num_groups=1000)
        theirs.calibrate_weighted(scores, scores, 0.1, test_weights=scores)
    assert num <= mode.largest <= num + 1
    with LargestTensor() as mode:
        scores[:100, None] + scores[:1000]
    assert mode.largest == 100_000
