"""Splits: all samples once, the same in both backends, stratified on request."""

import jax
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import zoojax
import zootorch
from parity_tests.helpers.builders import check_refused

FOUR = (0.6, 0.2, 0.1, 0.1)  # to train, validate, test and calibrate


def splits(seed, num_samples, fractions, labels=None):
    """Return the splits of both backends, which must be equal, once."""
    ours = zoojax.split_indices(jax.random.key(seed), num_samples, fractions, labels=labels)
    tensor = None if labels is None else torch.as_tensor(labels)
    generator = zootorch.Generator(seed)
    theirs = zootorch.split_indices(generator, num_samples, fractions, labels=tensor)
    assert len(ours) == len(theirs) == len(fractions)
    for first, second in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(first, second.numpy())
    return ours


@given(st.integers(0, 2**32 - 1), st.integers(10, 300))
def test_every_sample_is_dealt_once(seed, num_samples):
    parts = splits(seed, num_samples, FOUR)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(num_samples))
    for part, fraction in zip(parts, FOUR, strict=True):
        assert (np.diff(part) > 0).all()
        assert abs(len(part) - fraction * num_samples) <= 1


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 3), min_size=60, max_size=200))
def test_each_split_has_the_same_part_of_each_class(seed, labels):
    counts = np.bincount(labels, minlength=4)
    assume(all(count == 0 or count >= 10 for count in counts))
    labels = np.array(labels)
    parts = splits(seed, len(labels), FOUR, labels)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, fraction in zip(parts, FOUR, strict=True):
        for label, count in enumerate(counts):
            assert abs((labels[part] == label).sum() - fraction * count) <= 1


def test_the_seed_decides():
    first, other = splits(0, 100, (0.5, 0.5)), splits(1, 100, (0.5, 0.5))
    assert set(first[0]) != set(other[0])


def test_stratifying_changes_who_goes_where_and_not_how_many():
    labels = np.repeat([0, 1], 50)
    of_class_0 = set()
    for seed in range(5):
        plain, stratified = splits(seed, 100, (0.5, 0.5)), splits(seed, 100, (0.5, 0.5), labels)
        assert [len(part) for part in plain] == [len(part) for part in stratified] == [50, 50]
        of_class_0.add(int((labels[plain[0]] == 0).sum()))
        assert (labels[stratified[0]] == 0).sum() == 25
    assert len(of_class_0) > 1


@pytest.mark.parametrize(
    ("num_samples", "fractions", "labels", "message"),
    [
        (10, (0.5, 0.4), None, "fractions must be positive and add up to 1, got (0.5, 0.4)"),
        (10, (1.5, -0.5), None, "fractions must be positive and add up to 1, got (1.5, -0.5)"),
        (3, (0.9, 0.1), None, "every split needs a sample, but 3 samples in fractions (0.9, 0.1)"),
        (12, (0.8, 0.2), [0] * 10 + [7] * 2, "every split needs a sample of class 7, but 2 sample"),
        (
            12,
            (0.5, 0.5),
            [0] * 11,
            "needs a label a sample, got 12 samples and labels of shape",
        ),
    ],
)
def test_splits_that_cannot_be(num_samples, fractions, labels, message):
    tensor = None if labels is None else torch.tensor(labels)
    check_refused(
        message,
        lambda: zoojax.split_indices(jax.random.key(0), num_samples, fractions, labels=labels),
        lambda: zootorch.split_indices(
            zootorch.Generator(0), num_samples, fractions, labels=tensor
        ),
    )
