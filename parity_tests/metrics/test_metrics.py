"""Accuracy and confusion matrix, as functions and as objects, against scikit-learn."""

import math

import jax
import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zoojax
import zootorch

NUM_CLASSES = 5


def torch_compute(metric, labels, predictions, cuts=()):
    pairs = (torch.from_numpy(each).tensor_split(list(cuts)) for each in (labels, predictions))
    for pair in zip(*pairs, strict=True):
        metric.update(*pair)
    return metric.compute()


def check(labels, predictions, cuts=()):
    labels, predictions = np.array(labels, np.int32), np.array(predictions, np.int32)
    right = sklearn.metrics.accuracy_score(labels, predictions)
    counts = sklearn.metrics.confusion_matrix(labels, predictions, labels=range(NUM_CLASSES))

    assert float(zoojax.accuracy(labels, predictions)) == pytest.approx(right, rel=1e-6)
    ours = zoojax.confusion_matrix(labels, predictions, NUM_CLASSES)
    assert ours.dtype == np.int32
    assert np.array_equal(ours, counts)
    parts = zip(np.split(labels, cuts), np.split(predictions, cuts), strict=True)
    assert np.array_equal(sum(zoojax.confusion_matrix(*p, NUM_CLASSES) for p in parts), counts)

    for batches in ((), cuts):
        ours = torch_compute(zootorch.Accuracy(), labels, predictions, batches)
        assert ours == pytest.approx(right, rel=1e-15)
        ours = torch_compute(zootorch.ConfusionMatrix(NUM_CLASSES), labels, predictions, batches)
        assert ours.dtype == torch.int32
        assert np.array_equal(ours, counts)


CLASSES = st.integers(0, NUM_CLASSES - 1)


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.tuples(CLASSES, CLASSES), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 8), max_size=2).map(sorted),
)
def test_any_predictions_count_as_in_scikit_learn(pairs, cuts):
    check(*zip(*pairs, strict=True), cuts)


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        ([3, 3, 3], [1, 1, 1]),
        ([0], [4]),
        ([2, 2], [2, 2]),
        ([4, 0, 4], [4, 4, 0]),
    ],
)
def test_absent_classes_have_rows_and_columns_of_zeros(labels, predictions):
    check(labels, predictions)


def test_many_samples_count_as_in_scikit_learn():
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, NUM_CLASSES, (2, 10_000))
    check(labels, predictions, [1, 4000, 9999])


def test_rows_are_true_classes():
    labels, predictions = np.array([0, 0, 1]), np.array([1, 1, 1])
    expected = [[0, 2], [0, 1]]
    assert zoojax.confusion_matrix(labels, predictions, 2).tolist() == expected
    matrix = torch_compute(zootorch.ConfusionMatrix(2), labels, predictions)
    assert matrix.tolist() == expected
    assert matrix.tolist() != sklearn.metrics.confusion_matrix(predictions, labels).tolist()


def test_one_prediction_changed_is_seen():
    labels = np.array([0, 1, 2, 3])
    changed = np.array([0, 1, 2, 0])
    assert float(zoojax.accuracy(labels, changed)) == 0.75
    assert torch_compute(zootorch.Accuracy(), labels, changed) == 0.75
    assert zoojax.confusion_matrix(labels, changed, 4)[3].tolist() == [1, 0, 0, 0]
    matrix = torch_compute(zootorch.ConfusionMatrix(4), labels, changed)
    assert matrix[3].tolist() == [1, 0, 0, 0]


def torch_accuracy(labels, predictions):
    return torch_compute(zootorch.Accuracy(), labels, predictions)


def torch_confusion(labels, predictions):
    return torch_compute(zootorch.ConfusionMatrix(4), labels, predictions)


def jax_confusion(labels, predictions):
    return zoojax.confusion_matrix(labels, predictions, 4)


@pytest.mark.parametrize(
    "metric", [zoojax.accuracy, jax_confusion, torch_accuracy, torch_confusion]
)
def test_lists_of_two_lengths_are_refused(metric):
    with pytest.raises(ValueError, match=r"of one length, got shapes \(3,\) and \(1,\)"):
        metric(np.zeros(3, np.int32), np.zeros(1, np.int32))


@pytest.mark.parametrize("confusion", [jax_confusion, torch_confusion])
def test_a_class_that_is_none_is_refused(confusion):
    right, low, high = (np.array(each, np.int32) for each in ([0, 3], [-1, 3], [0, 4]))
    with pytest.raises(ValueError, match="labels must be from 0 to 3, got -1 to 3"):
        confusion(low, right)
    with pytest.raises(ValueError, match="predictions must be from 0 to 3, got 0 to 4"):
        confusion(right, high)


def test_zoojax_counts_within_a_compiled_function():
    labels, predictions = np.array([0, 1, 1]), np.array([0, 1, 0])
    assert float(jax.jit(zoojax.accuracy)(labels, predictions)) == pytest.approx(2 / 3)
    counts = jax.jit(zoojax.confusion_matrix, static_argnums=2)(labels, predictions, 2)
    assert counts.tolist() == [[1, 0], [1, 1]]


def test_metrics_start_empty_and_keep_their_counts_to_themselves():
    assert math.isnan(zootorch.Accuracy().compute())
    metric = zootorch.ConfusionMatrix(2)
    assert metric.compute().tolist() == [[0, 0], [0, 0]]
    metric.compute()[0, 0] = 7
    assert metric.compute().tolist() == [[0, 0], [0, 0]]
