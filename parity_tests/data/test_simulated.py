"""Pictures that are made when they are asked for: those of the stored data set, and new ones."""

import dataclasses

import jax
import numpy as np
import pytest
import torch

import zoojax
import zoojax.experiments.pipeline
import zootorch.experiments.pipeline
from parity_tests.helpers.builders import check_refused, score_difference, variants
from parity_tests.tolerances import check, relative
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.fingerprint import fingerprint, sha256_of
from zoojax.data import lazy_images as ours
from zoojax.spec.batches import LazyInputs, of_epoch, part, take
from zoojax.spec.config import (
    DEFAULT_RUNS,
    CNNConfig,
    RunConfig,
    ShapesConfig,
    ShrinkConfig,
    TrainConfig,
)
from zoojax.spec.records import Batch, Evaluation
from zootorch.data import lazy_images as theirs

# Tiny runs leave classes that are never predicted.
pytestmark = pytest.mark.filterwarnings("ignore::zoojax.spec.metrics.UndefinedMetricWarning")

SHAPES = ShapesConfig(12, 12, 4, 10)
NUM_EACH = 3
SHRINK = ShrinkConfig(8, 9, 5, 8)
NUM = NUM_EACH * SHAPES.num_combinations
RUN = RunConfig(
    data=dataclasses.replace(SHAPES, shades=False),
    num_each=2,
    model=CNNConfig(num_cnn_channels=2, dropout=0.1),
    train=TrainConfig(seed=3, num_epochs=3, batch_size=16, dtype="float64"),
)
PIPELINES = {"jax": zoojax.experiments.pipeline, "torch": zootorch.experiments.pipeline}


def images_of(seed=5, config=SHAPES, **options):
    places = np.arange(NUM, dtype=np.int32)
    return ours.SimulatedImages(jax.random.key(seed), config, jax.numpy.array(places), **options)


def both(**options):
    theirs_ = theirs.SimulatedImages(5, SHAPES, torch.arange(NUM), **options)
    return [images_of(**options), theirs_]


def stored(num_each=NUM_EACH):
    return np.asarray(zoojax.simulate_shapes(jax.random.key(5), SHAPES, num_each).images)


def test_they_are_the_pictures_of_the_stored_data_set():
    expected, rows = stored(), np.array([7, 0, 95, 7])
    for images in both():
        assert images.shape == expected.shape
        assert len(images) == NUM
        np.testing.assert_array_equal(np.asarray(images[rows]), expected[rows])
        np.testing.assert_array_equal(np.asarray(images[10:13]), expected[10:13])
        assert sha256_of(images) == sha256_of(expected)
    first, second = both()
    np.testing.assert_array_equal(np.asarray(first), expected)
    np.testing.assert_array_equal(second.numpy(), expected)


def test_shrunk_pictures_are_those_of_the_stored_ones_by_their_places():
    expected, places = stored(2 * NUM_EACH), np.arange(NUM, 2 * NUM, dtype=np.int32)
    key = jax.random.key(5)
    shrunk = np.asarray(zoojax.shrink(key, expected[NUM:], places, config=SHRINK))
    for images in both(shrink=SHRINK, period=NUM):
        assert images.shape == (NUM, 8, 9, 3)
        np.testing.assert_array_equal(np.asarray(images.of_epoch(1)[:]), shrunk)
        np.testing.assert_array_equal(np.asarray(images.of_epoch(1)[3:5]), shrunk[3:5])


def test_each_epoch_has_the_next_pictures_of_a_longer_data_set():
    expected = stored(3 * NUM_EACH)
    for images in both(period=NUM):
        for epoch in range(3):
            some = np.asarray(images.of_epoch(epoch)[:])
            np.testing.assert_array_equal(some, expected[epoch * NUM : (epoch + 1) * NUM])
    for images in both(period=0):
        np.testing.assert_array_equal(np.asarray(images.of_epoch(2)[:]), expected[:NUM])


def test_a_part_of_them_is_not_made_until_it_is_asked_for(monkeypatch):
    rows = np.array([5, 2])
    parts = []
    for module, images in zip((ours, theirs), both(), strict=True):
        make = jax.numpy.asarray if module is ours else torch.from_numpy
        for name in ("simulate_batch", "render_scenes"):
            monkeypatch.setattr(module, name, None, raising=False)
        parts.append(part(Batch(images, make(np.arange(NUM))), make(rows)))
    monkeypatch.undo()
    for made in parts:
        np.testing.assert_array_equal(np.asarray(made.targets), rows)
        np.testing.assert_array_equal(np.asarray(made.inputs[:]), stored()[rows])


def test_samples_of_arrays_and_of_pictures_not_made_yet_are_taken_alike():
    rows, targets = np.array([5, 2]), np.arange(NUM)
    arrays = Batch(stored(), targets)
    assert of_epoch(arrays, 3) is arrays
    assert not isinstance(arrays.inputs, LazyInputs)
    for images in both(period=NUM):
        assert isinstance(images, LazyInputs)
        later = of_epoch(Batch(images, targets), 1)
        assert later.targets is targets
        np.testing.assert_array_equal(
            np.asarray(later.inputs[:1]), stored(2 * NUM_EACH)[NUM : NUM + 1]
        )
        taken, left = (function(Batch(images, targets), rows) for function in (take, part))
        for found in (taken, left, take(arrays, rows), part(arrays, rows)):
            np.testing.assert_array_equal(np.asarray(found.inputs[:]), stored()[rows])
            np.testing.assert_array_equal(found.targets, rows)
        assert type(taken.inputs) is not type(images)
        assert type(left.inputs) is type(images)


def test_both_packages_share_what_knows_no_framework():
    assert zoojax.take is zootorch.take is take
    for name, function in {"take": take, "part": part, "of_epoch": of_epoch}.items():
        assert getattr(zoojax.data, name) is getattr(zootorch.data, name) is function
    assert zoojax.evaluation.Evaluation is zootorch.evaluation.Evaluation is Evaluation


def test_their_fingerprint_is_the_same_in_both_and_of_all_that_decides_them():
    first, second = (fingerprint(images) for images in both())
    assert first == second
    others = [
        images_of(6),
        images_of(period=NUM),
        images_of(shrink=SHRINK),
        images_of(config=dataclasses.replace(SHAPES, magnitude=3)),
        both()[0].of_epoch(0).part(np.arange(NUM)[::-1]),
    ]
    assert all(fingerprint(each)["sha256"] != first["sha256"] for each in others)


def run_of(backend, pictures, **options):
    with jax.enable_x64(True):
        return PIPELINES[backend].run(dataclasses.replace(RUN, pictures=pictures), **options)


@pytest.mark.parametrize("backend", variants(PIPELINES, slow=("jax",)))
def test_a_run_with_simulated_pictures_is_the_run_with_stored_ones(backend):
    first, second = (run_of(backend, pictures) for pictures in ("stored", "simulated"))
    assert first.data_sha256 == second.data_sha256
    np.testing.assert_array_equal(first.history.step_losses, second.history.step_losses)
    assert score_difference(first.results.scores, second.results.scores) == 0
    for name, weight in first.weights.items():
        np.testing.assert_array_equal(weight, second.weights[name])


def test_a_run_with_fresh_pictures_is_the_same_in_both():
    first, second = (run_of(backend, "fresh") for backend in PIPELINES)
    row = "float64, whole run: losses, weights"
    check(row, relative(first.history.step_losses, second.history.step_losses))
    other = run_of("jax", "stored").history.step_losses
    steps = len(other) // RUN.train.num_epochs
    # The first epoch is that of the same pictures; the second has others.
    np.testing.assert_array_equal(first.history.step_losses[:steps], other[:steps])
    assert relative(first.history.step_losses, other) > 1e-3


@pytest.mark.parametrize("backend", PIPELINES)
def test_a_run_with_fresh_pictures_goes_on_where_it_stopped(tmp_path, backend):
    class StopError(Exception):
        pass

    class Stopping(Checkpoints):
        def save(self, checkpoint):
            super().save(checkpoint)
            if checkpoint.log.num_steps == 5:
                raise StopError

    whole = run_of(backend, "fresh")
    with pytest.raises(StopError):
        run_of(backend, "fresh", checkpoints=Stopping(tmp_path, every_steps=5))
    with pytest.raises(ValueError, match="inputs"):
        run_of(backend, "simulated", checkpoints=Checkpoints(tmp_path, resume=True))
    resumed = run_of(backend, "fresh", checkpoints=Checkpoints(tmp_path, resume=True))
    np.testing.assert_array_equal(resumed.history.step_losses, whole.history.step_losses)
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(weight, resumed.weights[name])


def test_pictures_that_cannot_be_are_refused():
    check_refused(
        "pictures must be one of stored, simulated, fresh, got 'new'",
        lambda: dataclasses.replace(RUN, pictures="new"),
    )
    check_refused(
        "waves are stored, pictures is of shapes, got fresh",
        lambda: dataclasses.replace(DEFAULT_RUNS["mlp"], pictures="fresh"),
    )
