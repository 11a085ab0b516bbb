"""Coverage and size of prediction sets and intervals: by hand, in plain NumPy, against MAPIE."""

import itertools
import math
import warnings

import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mapie.metrics import classification, regression

from parity_tests.helpers.builders import check_refused
from parity_tests.tolerances import check
from zoojax.conformal import evaluation as ours
from zoojax.spec.conformal import Interval
from zoojax.spec.metrics import UndefinedMetricWarning
from zootorch.conformal import evaluation as theirs

NAME = "float64, coverage and sizes of sets and intervals, by hand"
NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def quiet_float64():
    """Compute in float64, and let classes be absent where no test asks for the warning."""
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        yield


def same(found, expected):
    """Check numbers, NaN and infinite ones where they are expected."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    distance = np.abs(found[finite] - expected[finite]) / np.maximum(np.abs(expected[finite]), 1)
    check(NAME, distance.max(initial=0.0))


def tensors(values):
    """Return arrays, or a pair of them, as tensors."""
    if isinstance(values, Interval):
        return Interval(*map(tensors, values))
    return torch.from_numpy(np.asarray(values))


def updated(metric, *arrays, cuts=()):
    """Return an object that was given the arrays in parts."""
    ends = [
        0,
        *sorted(cuts),
        len(arrays[0][0]) if isinstance(arrays[0], Interval) else len(arrays[0]),
    ]
    for start, end in itertools.pairwise(ends):
        metric.update(*(tensors(part(each, start, end)) for each in arrays))
    return metric


def part(values, start, end):
    if isinstance(values, Interval):
        return Interval(*(each[start:end] for each in values))
    return values[start:end]


def of_sets(num_classes):
    """Return pairs of a function and an object: of sets and labels, and of sets alone."""
    return (
        (ours.coverage, theirs.Coverage()),
        (ours.class_coverage, theirs.ClassCoverage(num_classes)),
        (ours.size_stratified_coverage, theirs.SizeStratifiedCoverage(num_classes)),
    )


# By hand. Sizes 1, 2, 0, 3, 2; the second and third miss.
SETS = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 1]], bool)
LABELS = np.array([0, 1, 1, 1, 2])
BY_HAND = (3 / 5, [1, 1 / 3, 1], [0, 1, 1 / 2, 1])

LOWER = np.array([[0.0, -INF], [1.0, 2.0], [3.0, -1.0], [-2.0, 5.0]])
UPPER = np.array([[1.0, 0.0], [1.0, 1.0], [5.0, INF], [2.0, 9.0]])
TARGETS = np.array([[1.0, -7.0], [1.0, 1.5], [5.5, 1e300], [-2.0, 4.9]])
INTERVAL = Interval(LOWER, UPPER)


def test_sets_by_hand():
    for (function, metric), expected in zip(of_sets(3), BY_HAND, strict=True):
        same(function(SETS, LABELS), expected)
        same(updated(metric, SETS, LABELS).compute(), expected)
    np.testing.assert_array_equal(ours.is_covered(SETS, LABELS), [1, 0, 0, 1, 1])
    np.testing.assert_array_equal(theirs.is_covered(*map(tensors, (SETS, LABELS))), [1, 0, 0, 1, 1])


def test_sizes_by_hand():
    sizes = theirs.SetSizes(3)
    sizes.update(tensors(SETS))
    np.testing.assert_array_equal(ours.set_sizes(SETS), [1, 2, 0, 3, 2])
    for counts in (ours.set_size_counts(SETS), sizes.compute().numpy()):
        np.testing.assert_array_equal(counts, [1, 1, 2, 1])
        assert counts.dtype == np.int32
    for mean in (ours.mean_set_size(SETS), sizes.mean()):
        same(mean, 8 / 5)


def test_groups_by_hand():
    covered, groups = np.array([1, 0, 1, 1, 0], bool), np.array([3, 0, 3, 1, 3])
    expected = [0, 1, NAN, 2 / 3]
    same(ours.group_coverage(covered, groups, 4), expected)
    same(updated(theirs.GroupCoverage(4), covered, groups).compute(), expected)


def test_intervals_by_hand():
    # Ends are part of an interval; one with its lower end over its upper one holds nothing.
    same(ours.interval_coverage(INTERVAL, TARGETS), [3 / 4, 1 / 2])
    same(updated(theirs.IntervalCoverage(), INTERVAL, TARGETS).compute(), [3 / 4, 1 / 2])
    same(ours.interval_width(INTERVAL), [7 / 4, INF])
    same(updated(theirs.IntervalWidth(), INTERVAL).compute(), [7 / 4, INF])


@pytest.mark.parametrize(
    ("lower", "upper", "width"),
    [(INF, -INF, 0), (INF, INF, 0), (-INF, -INF, 0), (-INF, INF, INF), (2, 1, 0), (2, INF, INF)],
)
def test_widths_of_strange_intervals(lower, upper, width):
    interval = Interval(np.array([lower, 0.0]), np.array([upper, 1.0]))
    for found in (
        ours.interval_width(interval),
        updated(theirs.IntervalWidth(), interval).compute(),
    ):
        same(found, (width + 1) / 2)


def test_one_label_changed_is_seen():
    changed = LABELS.copy()
    changed[0] = 1
    for (function, metric), expected in zip(of_sets(3), BY_HAND, strict=True):
        for found in (function(SETS, changed), updated(metric, SETS, changed).compute()):
            with pytest.raises(AssertionError):
                same(found, expected)


def test_one_target_changed_is_seen():
    changed = TARGETS.copy()
    changed[0, 0] = np.nextafter(1, 2)
    for found in (
        ours.interval_coverage(INTERVAL, changed),
        updated(theirs.IntervalCoverage(), INTERVAL, changed).compute(),
    ):
        with pytest.raises(AssertionError):
            same(found, [3 / 4, 1 / 2])


# Against a loop over samples.


def mean(values):
    """Return the mean of a list, NaN of an empty one."""
    return sum(values) / len(values) if values else NAN


def oracle(sets, labels):
    """Return coverage, that of each class and that of each size."""
    num_classes, samples = sets.shape[1], list(zip(sets, labels, strict=True))
    return (
        mean([chosen[label] for chosen, label in samples]),
        [mean([s[label] for s, label in samples if label == c]) for c in range(num_classes)],
        [mean([s[y] for s, y in samples if sum(s) == n]) for n in range(num_classes + 1)],
    )


@st.composite
def set_cases(draw):
    """Return sets and labels of 0 to 20 samples, and where to cut them into batches.

    Of few shapes, since JAX compiles anew for each.
    """
    num_classes, num = draw(st.sampled_from((1, 3, 5))), draw(st.sampled_from((0, 1, 7, 20)))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    sets = generator.random((num, num_classes)) < draw(st.sampled_from((0, 0.2, 0.5, 0.9, 1)))
    cuts = draw(st.lists(st.integers(0, num), max_size=3))
    return sets, generator.integers(0, num_classes, num), cuts


@given(set_cases())
def test_any_sets_in_any_batches(case):
    sets, labels, cuts = case
    for (function, metric), expected in zip(
        of_sets(sets.shape[1]), oracle(sets, labels), strict=True
    ):
        same(function(sets, labels), expected)
        same(updated(metric, sets, labels, cuts=cuts).compute(), expected)


@given(set_cases())
def test_any_sizes_in_any_batches(case):
    sets, _, cuts = case
    sizes = theirs.SetSizes(sets.shape[1])
    for batch in np.split(sets, sorted(cuts)):
        sizes.update(tensors(batch))
    expected = [sum(1 for s in sets if sum(s) == n) for n in range(sets.shape[1] + 1)]
    np.testing.assert_array_equal(ours.set_size_counts(sets), expected)
    np.testing.assert_array_equal(sizes.compute(), expected)
    average = mean([sum(s) for s in sets.tolist()])
    for found in (ours.mean_set_size(sets), sizes.mean()):
        same(found, average)


@given(set_cases())
def test_coverage_is_the_mean_over_classes_and_over_sizes(case):
    sets, labels, _ = case
    if len(labels):
        sizes, classes = ours.set_size_counts(sets), np.bincount(labels, minlength=sets.shape[1])
        by_size = np.nansum(ours.size_stratified_coverage(sets, labels) * sizes) / len(labels)
        by_class = np.nansum(ours.class_coverage(sets, labels) * classes) / len(labels)
        same(by_size, ours.coverage(sets, labels))
        same(by_class, ours.coverage(sets, labels))
        # An empty set holds nothing, a full one everything.
        empty, *_, full = np.asarray(ours.size_stratified_coverage(sets, labels))
        assert empty == 0 or np.isnan(empty)
        assert full == 1 or np.isnan(full)


# Few numbers, so that targets are on the ends of intervals, and both ends the same.
ENDS = st.one_of(st.sampled_from((-INF, -1.0, 0.0, 0.5, 1.0, INF)), st.floats(-9, 9, width=16))


@st.composite
def interval_cases(draw):
    """Return intervals and targets of one shape, and where to cut them into batches."""
    shape = draw(st.sampled_from((0, 1, 6))), *draw(st.sampled_from([(), (3,), (2, 2)]))
    numbers = st.lists(ENDS, min_size=math.prod(shape), max_size=math.prod(shape))
    lower, upper, targets = (np.array(draw(numbers), float).reshape(shape) for _ in range(3))
    return Interval(lower, upper), targets, draw(st.lists(st.integers(0, shape[0]), max_size=3))


@given(interval_cases())
def test_any_intervals_in_any_batches(case):
    interval, targets, cuts = case
    lower, upper = interval
    inside, width = np.zeros_like(targets), np.zeros_like(targets)
    for i in np.ndindex(targets.shape):
        inside[i] = lower[i] <= targets[i] <= upper[i]
        width[i] = upper[i] - lower[i] if upper[i] > lower[i] else 0
    nothing = np.full(targets.shape[1:], NAN)
    expected = inside.mean(0) if len(targets) else nothing
    same(ours.interval_coverage(interval, targets), expected)
    same(updated(theirs.IntervalCoverage(), interval, targets, cuts=cuts).compute(), expected)
    expected = width.mean(0) if len(targets) else nothing
    same(ours.interval_width(interval), expected)
    same(updated(theirs.IntervalWidth(), interval, cuts=cuts).compute(), expected)


# Against MAPIE.


@pytest.mark.parametrize("num_classes", [1, 3, 10])
def test_sets_as_in_mapie(num_classes):
    generator = np.random.default_rng(num_classes)
    labels = generator.integers(0, num_classes, 500)
    sets = generator.random((500, num_classes)) < generator.random((500, 1))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        by_size = classification.classification_ssc(labels, sets)[0]
    whole, _, stratified = of_sets(num_classes)
    for (function, metric), expected in (
        (whole, classification.classification_coverage_score(labels, sets)[0]),
        (stratified, by_size),
    ):
        same(function(sets, labels), expected)
        same(updated(metric, sets, labels, cuts=[7, 300]).compute(), expected)
    sizes = theirs.SetSizes(num_classes)
    sizes.update(tensors(sets))
    for found in (ours.mean_set_size(sets), sizes.mean()):
        same(found, classification.classification_mean_width_score(sets[:, :, None])[0])


def test_intervals_as_in_mapie():
    generator = np.random.default_rng(8)
    predictions, targets = generator.normal(size=(2, 700))
    widths = generator.uniform(0, 2, 700)
    interval = Interval(predictions - widths, predictions + widths)
    both = np.stack(interval, axis=1)[:, :, None]
    expected = regression.regression_coverage_score(targets, both)[0]
    assert 0.2 < expected < 0.8
    same(ours.interval_coverage(interval, targets), expected)
    same(updated(theirs.IntervalCoverage(), interval, targets, cuts=[9]).compute(), expected)
    expected = regression.regression_mean_width_score(both)[0]
    same(ours.interval_width(interval), expected)
    same(updated(theirs.IntervalWidth(), interval, cuts=[9, 9, 400]).compute(), expected)


# What has no value, what is kept, and what compiles.


def test_a_class_without_samples_is_nan_with_a_warning():
    sets, labels = SETS[:, [0, 1, 2, 0]], np.array([0, 2, 2, 0, 0])
    message = "coverage of class 1, 3 is undefined, so NaN: it has no samples"
    with pytest.warns(UndefinedMetricWarning, match=message):
        found = ours.class_coverage(sets, labels)
    metric = updated(theirs.ClassCoverage(4), sets, labels)
    with pytest.warns(UndefinedMetricWarning, match=message):
        twin = metric.compute()
    np.testing.assert_array_equal(np.isnan(found), [0, 1, 0, 1])
    np.testing.assert_array_equal(twin, found)


def test_a_size_that_no_set_has_is_nan_without_a_warning():
    sets, labels = np.ones((2, 3), bool), np.array([0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ours.size_stratified_coverage(sets, labels)
        twin = updated(theirs.SizeStratifiedCoverage(3), sets, labels).compute()
    same(found, [NAN, NAN, NAN, 1])
    same(twin, [NAN, NAN, NAN, 1])


def test_objects_start_empty_and_keep_their_counts_to_themselves():
    for metric in (theirs.Coverage(), theirs.IntervalCoverage(), theirs.IntervalWidth()):
        same(metric.compute(), NAN)
    same(theirs.GroupCoverage(2).compute(), [NAN, NAN])
    same(theirs.SizeStratifiedCoverage(1).compute(), [NAN, NAN])
    with pytest.warns(UndefinedMetricWarning, match="coverage of class 0, 1 is undefined"):
        same(theirs.ClassCoverage(2).compute(), [NAN, NAN])
    sizes = theirs.SetSizes(3)
    same(sizes.mean(), NAN)
    sizes.update(tensors(SETS))
    sizes.compute().zero_()
    np.testing.assert_array_equal(sizes.compute(), [1, 1, 2, 1])


def test_numbers_are_of_the_default_float():
    with jax.enable_x64(False):
        for function, metric in of_sets(3):
            found = function(SETS, LABELS)
            assert found.dtype == np.float32
            twin = updated(metric, SETS, LABELS).compute()
            assert twin.dtype == torch.float64
            np.testing.assert_array_equal(found, twin.numpy().astype(np.float32))
        assert ours.interval_width(INTERVAL).dtype == np.float32
        assert ours.mean_set_size(SETS).dtype == np.float32
    for function in (ours.interval_width, ours.mean_set_size):
        assert function(INTERVAL if function is ours.interval_width else SETS).dtype == np.float64


def test_small_numbers_add_up_to_large_ones():
    # A float16 ends at 65504, a uint8 at 255.
    lower, upper = np.zeros(2000, np.float16), np.full(2000, 100, np.float16)
    assert float(ours.interval_width(Interval(lower, upper))) == 100
    assert float(updated(theirs.IntervalWidth(), Interval(lower, upper)).compute()) == 100
    wide = Interval(np.array([-6e4], np.float16), np.array([6e4], np.float16))
    assert float(ours.interval_width(wide)) == 2 * float(np.float16(6e4))
    assert float(updated(theirs.IntervalWidth(), wide).compute()) == 2 * float(np.float16(6e4))
    sets, labels = np.ones((1, 300), bool), np.array([255], np.uint8)
    assert float(ours.mean_set_size(sets)) == 300
    same(ours.coverage(sets, labels), 1)
    same(updated(theirs.Coverage(), sets, labels).compute(), 1)


def test_a_label_that_is_none_is_in_no_set_under_jit():
    for label in (-1, 3, 7):
        labels = np.array([label, 0, 1, 1, 2])
        found = jax.jit(ours.coverage)(np.ones((5, 3), bool), labels)
        same(found, 4 / 5)


@pytest.mark.parametrize("num", [0, 1, 200])
def test_compiled_functions_return_the_same(num):
    generator = np.random.default_rng(num)
    sets, labels = generator.random((num, 4)) < 0.7, generator.integers(0, 4, num)
    for function, _ in of_sets(4):
        same(jax.jit(function)(sets, labels), function(sets, labels))
    for function in (ours.set_sizes, ours.set_size_counts, ours.mean_set_size):
        same(jax.jit(function)(sets), function(sets))
    lower, upper, targets = generator.normal(size=(3, num, 2)).round(1)
    interval = Interval(lower, upper)
    expected = ours.interval_coverage(interval, targets)
    same(jax.jit(ours.interval_coverage)(interval, targets), expected)
    same(jax.jit(ours.interval_width)(interval), ours.interval_width(interval))


def test_groups_compile():
    covered, groups = np.array([1, 0, 1], bool), np.array([2, 0, 2])
    compiled = jax.jit(ours.group_coverage, static_argnums=2)
    same(compiled(covered, groups, 3), [0, NAN, 1])


def test_gradients_need_not_be_cut_off():
    interval = Interval(*(tensors(each).requires_grad_() for each in INTERVAL))
    metric = theirs.IntervalWidth()
    metric.update(interval)
    assert not metric.compute().requires_grad


# What is refused, and how.

NOT_SETS = {
    "bool, got float64 of shape (5, 3)": SETS.astype(float),
    "bool, got int64 of shape (5, 3)": SETS.astype(np.int64),
    "bool, got bool of shape (5,)": SETS[:, 0],
    "bool, got bool of shape (5, 3, 1)": SETS[:, :, None],
    "bool, got bool of shape (5, 0)": SETS[:, :0],
}


@pytest.mark.parametrize("message", NOT_SETS)
def test_what_are_no_sets(message):
    sets = NOT_SETS[message]
    with_labels = [lambda f=f: f(sets, LABELS) for f, _ in of_sets(3)]
    alone = [
        lambda f=f: f(sets) for f in (ours.set_sizes, ours.set_size_counts, ours.mean_set_size)
    ]
    # Shapes and number types are known under jit too.
    compiled = [lambda: jax.jit(ours.coverage)(sets, LABELS)]
    twins = [
        lambda: theirs.Coverage().update(tensors(sets), tensors(LABELS)),
        lambda: theirs.is_covered(tensors(sets), tensors(LABELS)),
    ]
    check_refused(f"sets must be (samples, classes) {message}", *with_labels, *alone, *compiled)
    check_refused(f"sets must be (samples, classes) {message}", *compiled, *twins)
    check_refused(
        f"sets must be (samples, 3) {message}",
        lambda: theirs.SetSizes(3).update(tensors(sets)),
        *(lambda m=m: m.update(tensors(sets), tensors(LABELS)) for _, m in of_sets(3)[1:]),
    )


def test_sets_of_another_number_of_classes():
    check_refused(
        "sets must be (samples, 4) bool, got bool of shape (5, 3)",
        lambda: theirs.SetSizes(4).update(tensors(SETS)),
        *(lambda m=m: m.update(tensors(SETS), tensors(LABELS)) for _, m in of_sets(4)[1:]),
    )


BAD_LABELS = {
    "labels must have shape (5,), one a sample, got (4,)": LABELS[:4],
    "labels must have shape (5,), one a sample, got (5, 1)": LABELS[:, None],
    "labels must be integers from 0 to 2, got int64 from 0 to 3": np.array([0, 1, 2, 3, 0]),
    "labels must be integers from 0 to 2, got int64 from -1 to 2": np.array([0, 1, 2, -1, 0]),
    "labels must be integers from 0 to 2, got float64": np.array([0, 1, 2, 1.5, 0]),
}


@pytest.mark.parametrize("message", BAD_LABELS)
def test_labels_that_do_not_go_with_sets(message):
    labels = BAD_LABELS[message]
    functions = [lambda f=f: f(SETS, labels) for f, _ in of_sets(3)]
    objects = [lambda m=m: m.update(tensors(SETS), tensors(labels)) for _, m in of_sets(3)]
    check_refused(message, *functions, *objects)
    if "shape" in message:
        check_refused(message, *functions, lambda: jax.jit(ours.coverage)(SETS, labels))


@pytest.mark.parametrize(
    ("covered", "groups", "message"),
    [
        (LABELS, LABELS, "covered must be (samples,) bool, got int64 of shape (5,)"),
        (SETS, LABELS, "covered must be (samples,) bool, got bool of shape (5, 3)"),
        (SETS[:, 0], LABELS[:2], "groups must have shape (5,), one a sample, got (2,)"),
        (SETS[:, 0], LABELS + 1, "groups must be integers from 0 to 2, got int64 from 1 to 3"),
    ],
)
def test_groups_that_cannot_be(covered, groups, message):
    check_refused(
        message,
        lambda: ours.group_coverage(covered, groups, 3),
        lambda: theirs.GroupCoverage(3).update(tensors(covered), tensors(groups)),
    )


@pytest.mark.parametrize(
    ("interval", "targets", "message"),
    [
        (INTERVAL, TARGETS[:, 0], "must have one shape (samples, ...), got (4, 2), (4, 2), (4,)"),
        (INTERVAL, TARGETS[:1], "must have one shape (samples, ...), got (4, 2), (4, 2), (1, 2)"),
        (Interval(LOWER, UPPER[:, :1]), TARGETS, "got (4, 2), (4, 1), (4, 2)"),
        (Interval(LOWER[0, 0], UPPER[0, 0]), TARGETS[0, 0], "got (), (), ()"),
        (INTERVAL, TARGETS * NAN, "lower, upper and targets must be numbers, got NaN among them"),
        (Interval(LOWER, UPPER * NAN), TARGETS, "must be numbers, got NaN among them"),
    ],
)
def test_intervals_that_cannot_be(interval, targets, message):
    calls = [
        lambda: ours.interval_coverage(interval, targets),
        lambda: theirs.IntervalCoverage().update(tensors(interval), tensors(targets)),
    ]
    if "NaN" not in message:
        calls.append(lambda: jax.jit(ours.interval_coverage)(interval, targets))
    check_refused(message, *calls)


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        (Interval(LOWER, UPPER[:3]), "lower and upper must have one shape (samples, ...), got"),
        (Interval(LOWER[0, 0], UPPER[0, 0]), "lower and upper must have one shape"),
        (Interval(LOWER, UPPER * NAN), "lower and upper must be numbers, got NaN among them"),
    ],
)
def test_widths_that_cannot_be(interval, message):
    check_refused(
        message,
        lambda: ours.interval_width(interval),
        lambda: theirs.IntervalWidth().update(tensors(interval)),
    )


def test_batches_of_intervals_have_one_shape():
    # They would broadcast unseen.
    coverage = updated(theirs.IntervalCoverage(), INTERVAL, TARGETS)
    width = updated(theirs.IntervalWidth(), INTERVAL)
    first = Interval(*(tensors(each[:, :1]) for each in INTERVAL))
    check_refused(
        "a sample must have the shape of those of the batches before, (2,), got (1,)",
        lambda: coverage.update(first, tensors(TARGETS[:, :1])),
        lambda: width.update(first),
    )
    same(coverage.compute(), [3 / 4, 1 / 2])
    same(width.compute(), [7 / 4, INF])
