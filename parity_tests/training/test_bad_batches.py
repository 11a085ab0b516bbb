"""What cannot be trained on or predicted is refused in one line, alike in both backends."""

import re

import numpy as np
import pytest
import torch

import zoojax
import zootorch
from parity_tests.helpers.builders import (
    SMALL_CNN,
    check_refused,
    small_dataset,
    train_config,
    twins,
)
from zoojax.spec.records import Batch


def fits(num_samples, batch_size):
    model, variables, twin = twins(SMALL_CNN)
    arrays, tensors = (Batch(*(f[:num_samples] for f in each)) for each in small_dataset())
    config = train_config(batch_size=batch_size)
    return (
        lambda: zoojax.fit(model, variables, arrays, config=config),
        lambda: zootorch.Trainer(twin, config).fit(tensors),
    )


def predictions(num_samples, batch_size):
    model, variables, twin = twins(SMALL_CNN)
    images = small_dataset()[0].inputs[:num_samples]
    return (
        lambda: zoojax.predict(model, variables, images, batch_size),
        lambda: zootorch.predict(twin, torch.from_numpy(images), batch_size),
    )


def test_a_last_batch_of_one_sample():
    message = "9 training samples in batches of 4 leave a last batch of one"
    check_refused(message, *fits(num_samples=9, batch_size=4))


def test_no_samples_to_train_on():
    check_refused("training needs samples, got none", *fits(num_samples=0, batch_size=4))


@pytest.mark.parametrize(("num_samples", "batch_size"), [(0, 4), (3, 0), (3, -3)])
def test_no_pictures_to_predict(num_samples, batch_size):
    message = f"got {num_samples} samples in batches of {batch_size}"
    check_refused(message, *predictions(num_samples, batch_size))


def test_pictures_of_another_size():
    model, variables, twin = twins(SMALL_CNN)
    for call, shape, allowed in (
        (lambda x: model.apply(variables, x), (2, 32, 31, 3), "(batch, 32, 32, 3)"),
        (lambda x: twin(torch.from_numpy(x)), (2, 3, 32, 31), "(batch, 3, 32, 32)"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"shape {allowed}, got {shape}")):
            call(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array([0, 3, 4, 1]), "targets of cross_entropy must be from 0 to 3, got 0 to 4"),
        (np.array([0, -1, 2, 1]), "targets of cross_entropy must be from 0 to 3, got -1 to 2"),
        (np.array([0.0, 1, 2, 1]), "must be (samples,) integers, got float64 of shape (4,)"),
        (np.array([True, False] * 2), "must be (samples,) integers, got bool of shape (4,)"),
        (np.eye(4, dtype=np.int64), "must be (samples,) integers, got int64 of shape (4, 4)"),
        (np.array([0, 1, 2]), "as many targets as inputs, got 3 targets and 4 inputs"),
    ],
)
@pytest.mark.parametrize("part", ["train", "validation"])
def test_targets_that_are_no_classes(part, targets, message):
    model, variables, twin = twins(SMALL_CNN)
    whole = Batch(*(field[:4] for field in small_dataset()[0]))
    sets = {"train": whole, "validation": whole, part: Batch(whole.inputs, targets)}
    tensors = {name: Batch(*map(torch.from_numpy, each)) for name, each in sets.items()}
    check_refused(
        message,
        lambda: zoojax.fit(model, variables, **sets, config=train_config()),
        lambda: zootorch.Trainer(twin, train_config()).fit(**tensors),
    )


def test_targets_of_another_shape_than_the_outputs():
    config = train_config(loss="mean_squared_error")
    model, variables, twin = twins(SMALL_CNN)
    batch = Batch(small_dataset()[0].inputs[:4], np.zeros((4, 3), np.float32))
    check_refused(
        "targets of mean_squared_error must have shape (samples, 4), got (4, 3)",
        lambda: zoojax.fit(model, variables, batch, config=config),
        lambda: zootorch.Trainer(twin, config).fit(Batch(*map(torch.from_numpy, batch))),
    )


def test_a_batch_size_changes_no_prediction():
    whole = [np.asarray(call()) for call in predictions(num_samples=7, batch_size=7)]
    parts = [np.asarray(call()) for call in predictions(num_samples=7, batch_size=3)]
    for first, second in zip(whole, parts, strict=True):
        assert first.shape == (7, SMALL_CNN.num_classes)
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)


def test_a_validation_set_of_no_samples():
    model, variables, twin = twins(SMALL_CNN)
    sets = [
        {"train": Batch(*(f[:4] for f in each)), "validation": Batch(*(f[:0] for f in each))}
        for each in small_dataset()
    ]
    check_refused(
        "a validation set needs samples, got none",
        lambda: zoojax.fit(model, variables, **sets[0], config=train_config()),
        lambda: zootorch.Trainer(twin, train_config()).fit(**sets[1]),
    )
