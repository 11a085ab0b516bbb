"""What cannot be trained on or predicted is refused in one line, alike in both backends."""

import re

import numpy as np
import pytest
import torch
from builders import SMALL_CNN, check_refused, small_dataset, train_config, twins

import zoojax
import zootorch
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


def test_a_batch_size_changes_no_prediction():
    whole = [np.asarray(call()) for call in predictions(num_samples=7, batch_size=7)]
    parts = [np.asarray(call()) for call in predictions(num_samples=7, batch_size=3)]
    for first, second in zip(whole, parts, strict=True):
        assert first.shape == (7, SMALL_CNN.num_classes)
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-5)
