"""The calibration of a run: the band that theory gives it, if any, and draws of samples."""

import dataclasses
import functools
import hashlib

import numpy as np
import pytest

import zoojax.experiments.calibration
import zootorch.experiments.calibration
from parity_tests.helpers.builders import variants
from parity_tests.helpers.command_line import read, succeed
from zoojax.common.reporting.run_figures import band
from zoojax.spec.config import (
    ConformalConfig,
    RNNConfig,
    RunConfig,
    SinusoidsConfig,
    TrainConfig,
    conformal_of,
)
from zoojax.spec.conformal import coverage_band
from zoojax.spec.records import Calibrated, Calibration, Results

PICTURES = RunConfig()
WAVES = RunConfig(
    data=SinusoidsConfig(),
    target="next_steps",
    model=RNNConfig(),
    train=TrainConfig(loss="pinball"),
)
KEEPS_BEST = dataclasses.replace(PICTURES, train=TrainConfig(keep_best=True))
STOPS_EARLY = dataclasses.replace(PICTURES, train=TrainConfig(patience=3))
GENERATOR = np.random.default_rng(1)
HELD, TESTS = (GENERATOR.integers(0, 4, num) for num in (50, 80))


def calibrated(config, run, split):
    """Return a calibration of which only sizes and labels are needed."""
    calibration = Calibration(conformal_of(config, run), np.zeros(()), len(HELD))
    parts = (("calibration", HELD), (split, TESTS))
    held, tests = (Results(name, np.zeros(0), each, np.zeros(0)) for name, each in parts)
    return Calibrated(calibration, held, tests, np.zeros(0), {}, np.zeros(0))


@pytest.mark.parametrize(
    ("options", "run", "split"),
    [
        ({}, PICTURES, "validation"),
        ({"score": "aps"}, PICTURES, "test"),
        ({"score": "cqr"}, WAVES, "validation"),
        ({}, KEEPS_BEST, "test"),
        ({}, STOPS_EARLY, "test"),
    ],
)
def test_the_band_is_that_of_the_numbers_of_samples(options, run, split):
    made = calibrated(ConformalConfig(**options), run, split)
    assert band(made, run, 0.2) == coverage_band(50, 80, 0.2)


def test_the_band_of_classes_is_that_of_the_samples_of_each():
    made = calibrated(ConformalConfig(per_class=True), PICTURES, "test")
    counts = [[int((each == label).sum()) for label in range(4)] for each in (HELD, TESTS)]
    found = band(made, PICTURES, 0.2)
    assert found == coverage_band(*counts, 0.2)
    assert found != coverage_band(50, 80, 0.2)


@pytest.mark.parametrize(
    ("options", "run", "split"),
    [
        ({"score": "asymmetric_cqr"}, WAVES, "test"),
        ({"score": "top_k"}, PICTURES, "test"),
        ({"force_top": True}, PICTURES, "test"),
        ({}, KEEPS_BEST, "validation"),
        ({}, STOPS_EARLY, "validation"),
    ],
)
def test_there_is_no_band_where_theory_gives_a_lower_bound_alone(options, run, split):
    made = calibrated(ConformalConfig(**options), run, split)
    assert band(made, run, 0.2) is None


def test_the_number_of_a_sample_is_of_its_bytes_alone():
    images = GENERATOR.integers(0, 256, (5, 4, 4, 3), np.uint8)
    found = Results("", images, np.zeros(5), np.zeros(5)).digests
    assert found.dtype == np.uint32
    expected = hashlib.sha256(images[3].tobytes()).digest()[:4]
    assert found[3] == int.from_bytes(expected, "little")
    turned = Results("", images[::-1], np.zeros(5), np.zeros(5)).digests
    np.testing.assert_array_equal(turned, found[::-1])


@pytest.mark.parametrize(
    "backend", [zoojax.experiments.calibration, zootorch.experiments.calibration]
)
def test_predictions_draw_anew(backend):
    """With the draws of the calibration exactly rank(60, 0.2) = 49 of its samples were covered."""
    drawn = np.random.default_rng(2)
    images = drawn.integers(0, 256, (60, 4, 4, 3), np.uint8)
    labels, probs = drawn.integers(0, 4, 60), drawn.dirichlet(np.ones(4), 60)
    results = Results("", images, labels, probs)
    config = ConformalConfig(alpha=0.2, score="aps", randomized=True)
    found = backend.calibrate(config, PICTURES, results)
    sets = backend.predict(found, PICTURES, results)
    assert 40 <= sets[np.arange(60), labels].sum() != 49


@pytest.mark.parametrize("backend", variants(("jax", "torch"), slow=("jax",)))
def test_calibrating_reads_each_sample_once(tmp_path, monkeypatch, backend):
    """Though coverage is drawn at 25 alphas, and scores are randomised at each."""
    pictures = ["--data.image-height", "16", "--data.image-width", "16", "--data.no-shades"]
    pictures += ["--data.min-size", "4", "--data.max-size", "12", "--num-each", "2"]
    options = ["--train.num-epochs", "1", "--model.num-cnn-layers", "0"]
    succeed("train", "--backend", backend, "--out", tmp_path, *pictures, *options)
    read_, right = [], Results.digests.func

    def counting(results):
        read_.append(results.split)
        return right(results)

    counted = functools.cached_property(counting)
    counted.__set_name__(Results, "digests")
    monkeypatch.setattr(Results, "digests", counted)
    succeed("calibrate", "--folder", tmp_path, "--score", "aps", "--randomized")
    assert read_ == ["calibration", "validation"]
    assert read(tmp_path / "conformal.json")["backend"] == backend
