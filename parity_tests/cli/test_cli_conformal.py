"""The command line's calibration: thresholds in files, sets and intervals of predictions."""

import csv
import io
import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image

import zoojax.experiments.calibration
import zootorch.experiments.calibration
import zootorch.experiments.saved_run
from parity_tests.helpers.builders import score_difference, variants
from parity_tests.helpers.command_line import read, succeed, zoo
from zoojax.common.figures import saving
from zoojax.common.storage.calibrations import load_calibration
from zoojax.common.storage.runs import load_run

PICTURES = ["--data.image-height", "16", "--data.image-width", "16", "--data.no-shades"]
PICTURES += ["--data.min-size", "4", "--data.max-size", "12"]
SMALL = [*PICTURES, "--num-each", "12", "--train.num-epochs", "8", "--model.num-cnn-layers", "0"]
SMALL += ["--train.learning-rate", "0.01"]
SMALL += ["--train.dtype", "float64", "--calibration-fraction", "0.3"]
WAVES = ["--data.amplitudes", "1", "2", "--data.frequencies", "1", "3", "--data.length", "13"]
WAVES += ["--data.num-next-steps", "2", "--num-each", "3", "--train.num-epochs", "3"]
WAVES += ["--train.dtype", "float64", "--calibration-fraction", "0.3"]

CLASS_SCORES = {
    "lac": ["--score", "lac"],
    "aps": ["--score", "aps", "--alpha", "0.4"],
    "aps, randomized": ["--score", "aps", "--randomized"],
    "raps, randomized": ["--score", "raps", "--randomized", "--penalty", "0.1", "--k-reg", "2"],
    "saps, of each class": ["--score", "saps", "--weight", "0.3", "--per-class"],
    "top_k": ["--score", "top_k"],
    "lac, top label forced": ["--alpha", "0.8", "--force-top"],
    "nothing may be missed": ["--alpha", "0.001"],
}
WAVE_SCORES = ("cqr", "asymmetric_cqr", "absolute", "normalized")


@pytest.fixture(autouse=True, scope="module")
def undrawn_figures():
    """Write figures as one pixel: they would be the same ones again and again.

    They are drawn in conformal/test_figures.py, and by zoo calibrate in test_cli_ensemble.py.
    """
    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "_png", lambda figure: stream.getvalue())
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A classifier, a model of waves and one of their quantiles."""
    folder = tmp_path_factory.mktemp("runs")
    succeed("train", "--backend", "torch", "--out", folder / "cnn", *SMALL)
    succeed("train", "--backend", "jax", "--model", "mlp", "--out", folder / "mlp", *WAVES)
    pinball = ["--train.loss", "pinball", "--model", "mlp"]
    succeed("train", "--backend", "jax", "--out", folder / "pinball", *pinball, *WAVES)
    return folder


def held_out(folder):
    """Return targets and outputs of the calibration samples and of the others, by torch."""
    for results in zootorch.experiments.saved_run.answer_held_out(load_run(folder)):
        yield results.targets, results.outputs


@pytest.mark.parametrize(
    "case",
    variants(
        CLASS_SCORES, quick=("raps, randomized", "saps, of each class", "nothing may be missed")
    ),
)
def test_both_backends_find_the_same_threshold_and_sets(runs, tmp_path, case):
    np.save(tmp_path / "x.npy", pictures(30))
    found, tables = {}, {}
    for backend in ("jax", "torch"):
        place = ["--folder", runs / "cnn", "--backend", backend]
        said = succeed("calibrate", *place, *CLASS_SCORES[case]).out
        found[backend] = read(runs / "cnn" / "conformal.json")
        out = tmp_path / f"{backend}.csv"
        succeed("predict", *place, "--files", tmp_path / "x.npy", "--out", out)
        with out.open(newline="", encoding="utf-8") as file:
            tables[backend] = list(csv.reader(file))
        assert f"from {found[backend]['num_samples']} samples" in said
    numbers = [np.array(each["threshold"], float) for each in found.values()]
    np.testing.assert_allclose(*numbers, rtol=0, atol=1e-12)
    assert np.isinf(numbers[0]).all() == (case == "nothing may be missed")
    assert tables["jax"] == tables["torch"]
    assert len({row[-1] for row in tables["jax"]}) > (3 if case in ("lac", "aps") else 1)
    first, second = found["jax"], found["torch"]
    for name, value in first["evaluation"].items():
        # None, where there is no sample, is NaN as a number; a mean may round in another way.
        equal_text = name == "samples" and value == second["evaluation"][name]
        others = second["evaluation"][name]
        assert (
            equal_text or score_difference(np.array(value, float), np.array(others, float)) < 1e-15
        )
    assert first["fingerprint"] == second["fingerprint"]
    assert first["num_samples"] == 86
    assert (first["backend"], second["backend"]) == ("jax", "torch")
    assert {"coverage.png", "set_sizes.png", "sets.png"} <= names_in(runs / "cnn")


def test_a_picture_has_one_set_whatever_comes_with_it(runs, tmp_path):
    """Though scores are randomised: else the first of each call would share one draw."""
    options = ["--score", "aps", "--randomized", "--alpha", "0.3"]
    succeed("calibrate", "--folder", runs / "cnn", *options)
    images = pictures(20)
    np.save(tmp_path / "all.npy", images)
    np.save(tmp_path / "turned.npy", images[::-1])
    found = []
    for name in ("all.npy", "turned.npy"):
        out = tmp_path / "out.csv"
        place = ["--files", tmp_path / name, "--out", out]
        succeed("predict", "--folder", runs / "cnn", *place)
        found.append([line.split(",", 1)[1] for line in out.read_text().splitlines()[1:]])
    assert found[0] == found[1][::-1]
    np.save(tmp_path / "one.npy", images[7])
    said = succeed("predict", "--folder", runs / "cnn", "--files", tmp_path / "one.npy").out
    assert said.splitlines()[1].split()[2:6] == found[0][7].split(",")[1:5]
    assert said.splitlines()[1].rstrip().endswith(found[0][7].split(",", 5)[-1].strip('"'))


def pictures(num):
    """Return noise with coloured squares, (num, 16, 16, 3) uint8."""
    drawn = np.random.default_rng(3)
    images = drawn.integers(0, 256, (num, 16, 16, 3), np.uint8)
    images[:, 4:12, 4:12] = drawn.integers(0, 256, (num, 1, 1, 3), np.uint8)
    return images


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_the_threshold_is_the_order_statistic_of_the_calibration_scores(runs):
    succeed("calibrate", "--folder", runs / "cnn", "--alpha", "0.2")
    (labels, probs), others = held_out(runs / "cnn")
    scores = np.sort(1 - probs[np.arange(len(labels)), labels])
    assert len(scores) == 86
    found = read(runs / "cnn" / "conformal.json")
    assert found["threshold"] == scores[math.ceil(87 * 0.8) - 1]
    labels, probs = others
    sets = 1 - probs <= found["threshold"]
    evaluation = found["evaluation"]
    assert evaluation["samples"] == "validation"
    assert evaluation["coverage"] == sets[np.arange(len(labels)), labels].mean()
    assert evaluation["set_sizes"] == np.bincount(sets.sum(1), minlength=5).tolist()
    for label, coverage in enumerate(evaluation["class_coverage"]):
        assert coverage == sets[labels == label, label].mean()


def test_calibrate_uses_the_test_part_where_there_is_one(runs, tmp_path):
    options = ["--test-fraction", "0.2", "--model", "mlp", "--backend", "torch"]
    succeed("train", "--out", tmp_path, *options, *WAVES)
    said = succeed("calibrate", "--folder", tmp_path).out
    assert "test, 1 ahead: " in said
    assert "test, 2 ahead: " in said
    assert read(tmp_path / "conformal.json")["evaluation"]["samples"] == "test"


@pytest.mark.parametrize("score", variants(WAVE_SCORES, quick=("asymmetric_cqr", "normalized")))
def test_both_backends_find_the_same_intervals(runs, tmp_path, score):
    np.save(tmp_path / "x.npy", np.random.default_rng(5).normal(size=(5, 11)))
    texts = []
    for backend in ("jax", "torch"):
        place = ["--folder", runs / "pinball", "--backend", backend]
        said = succeed("calibrate", *place, "--score", score, "--alpha", "0.25").out
        assert ("theory: " in said) == (score != "asymmetric_cqr")
        texts.append(succeed("predict", *place, "--files", tmp_path / "x.npy").out)
        threshold = np.array(read(runs / "pinball" / "conformal.json")["threshold"])
        assert threshold.shape == ((2, 2) if score == "asymmetric_cqr" else (2,))
    assert texts[0] == texts[1]
    lines = [line.split("  ") for line in texts[0].splitlines()]
    assert [cell.strip() for cell in lines[0] if cell][-4:] == [
        f"{step} ahead, 75% {end}" for step in (1, 2) for end in ("from", "to")
    ]
    assert {"coverage.png", "intervals.png"} <= names_in(runs / "pinball")


def test_intervals_of_plain_predictions_are_as_wide_as_the_threshold(runs, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(5).normal(size=(4, 11)))
    succeed("calibrate", "--folder", runs / "mlp")
    threshold = read(runs / "mlp" / "conformal.json")["threshold"]
    (targets, outputs), _ = held_out(runs / "mlp")
    num = len(targets)
    expected = np.sort(np.abs(targets - outputs), axis=0)[math.ceil((num + 1) * 0.9) - 1]
    np.testing.assert_allclose(threshold, expected, rtol=1e-12)
    said = succeed("predict", "--folder", runs / "mlp", "--files", tmp_path / "x.npy").out
    numbers = np.array([line.split()[1:] for line in said.splitlines()[1:]], float)
    middle, ends = numbers[:, :2], numbers[:, 2:].reshape(4, 2, 2)
    np.testing.assert_allclose(ends.mean(-1), middle, atol=1e-5)
    np.testing.assert_allclose(np.diff(ends)[..., 0] / 2, np.tile(threshold, (4, 1)), atol=1e-5)


def test_a_data_set_calibrates_a_run_that_kept_nothing(runs, tmp_path):
    plain = tmp_path / "plain"
    options = [*SMALL, "--calibration-fraction", "0", "--train.dtype", "float32"]
    succeed("train", "--backend", "torch", "--out", plain, *options)
    refused = zoo("calibrate", "--folder", plain)
    assert refused.code == 2
    assert "kept no samples to calibrate with" in refused.err
    data = ["--num-each", "2", "--seed", "8", *PICTURES]
    succeed("simulate", "--out", tmp_path / "data", *data)
    succeed("calibrate", "--folder", plain, "--data", tmp_path / "data")
    succeed("simulate", "--out", tmp_path / "same", "--num-each", "2", "--seed", "0", *PICTURES)
    result = zoo("calibrate", "--folder", plain, "--data", tmp_path / "same")
    assert result.code == 2
    assert "has the seed of the run, 0: the model was trained on such samples" in result.err
    found = read(plain / "conformal.json")
    assert found["num_samples"] == 48
    assert found["samples"] == str(tmp_path / "data")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--alpha", "0"], "alpha must be a number over 0 and under 1, got 0.0"),
        (["--alpha", "1"], "alpha must be a number over 0 and under 1, got 1.0"),
        (["--score", "cqr"], "the score of this run must be lac, aps, raps, saps or top_k"),
        (["--score", "lac", "--randomized"], "randomized is of aps, raps, saps, got lac"),
        (["--randomized"], "randomized is of aps, raps, saps, got lac"),
        (["--score", "raps", "--penalty", "-1"], "penalty must be a number at least 0"),
        (["--score", "lac", "--k-reg", "3"], "k_reg is of raps, got lac"),
        (["--score", "raps", "--weight", "3"], "weight is of saps, got raps"),
    ],
)
def test_what_does_not_fit_a_classifier_is_refused(runs, options, part):
    result = zoo("calibrate", "--folder", runs / "cnn", *options)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert part in line


@pytest.mark.parametrize(
    ("model", "options", "part"),
    [
        ("mlp", ["--score", "cqr"], "the score of this run must be absolute, got cqr"),
        ("pinball", ["--score", "aps"], "must be cqr, absolute, normalized or asymmetric_cqr"),
        ("mlp", ["--per-class"], "per_class and force_top are of classes"),
    ],
)
def test_what_does_not_fit_waves_is_refused(runs, model, options, part):
    result = zoo("calibrate", "--folder", runs / model, *options)
    assert result.code == 2
    assert part in result.err


def test_a_new_training_takes_the_old_calibration_away(runs, tmp_path):
    shutil.copytree(runs / "mlp", tmp_path / "run")
    succeed("calibrate", "--folder", tmp_path / "run")
    place = ["--out", tmp_path / "run", "--backend", "jax", "--resume"]
    succeed("train", "--model", "mlp", *place, *WAVES)
    assert "conformal.json" not in names_in(tmp_path / "run")


CONTENTS = {
    "emptied": lambda content: "",
    "cut in half": lambda content: json.dumps(content)[:200],
    "no configuration": lambda content: json.dumps(content | {"config": None}),
    "unknown option": lambda content: json.dumps(content | {"config": {"beta": 1}}),
    "no threshold": lambda content: json.dumps(content | {"threshold": None}),
    "threshold of another shape": lambda content: json.dumps(content | {"threshold": [1.0]}),
    "threshold of no number": lambda content: json.dumps(content | {"threshold": ["nan", 1]}),
    "score without a name": lambda content: json.dumps(
        content | {"config": content["config"] | {"score": "default"}}
    ),
    "score of classes": lambda content: json.dumps(
        content | {"config": content["config"] | {"score": "aps"}}
    ),
    "no number of samples": lambda content: json.dumps(content | {"num_samples": None}),
    "other weights": lambda content: json.dumps(content | {"weights": {"bytes": 1}}),
}


@pytest.mark.parametrize("damage", CONTENTS)
def test_a_damaged_calibration_is_refused_by_name(runs, tmp_path, damage):
    shutil.copytree(runs / "mlp", tmp_path / "run")
    succeed("calibrate", "--folder", tmp_path / "run")
    path, config = tmp_path / "run" / "conformal.json", load_run(tmp_path / "run").config
    assert load_calibration(tmp_path / "run", config) is not None
    path.write_text(CONTENTS[damage](read(path)))
    with pytest.raises(ValueError, match=str(path)):
        load_calibration(tmp_path / "run", config)


def test_compare_compares_sets_and_finds_one_that_differs(tmp_path, monkeypatch):
    # 173 images to train on: JAX compiles one batch of all once, batches of 32 twice.
    options = ["compare", *SMALL, "--train.num-epochs", "1", "--train.batch-size", "173"]
    options += ["--out", tmp_path]
    said = succeed(*options).out
    assert "conformal threshold" in said
    (line,) = [line for line in said.splitlines() if line.startswith("prediction sets, 90%")]
    assert "0 of 29 sets" in line
    assert "identical" in line
    right = zootorch.experiments.calibration.predict

    def wrong(*args):
        sets = right(*args)
        sets[0, 0] = not sets[0, 0]
        return sets

    monkeypatch.setattr(zootorch.experiments.calibration, "predict", wrong)
    result = zoo(*options)
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if "DIFFERS" in line]
    assert line.startswith("prediction sets, 90%")
    assert "1 of 29 sets" in line


def test_compare_says_where_there_is_nothing_to_calibrate(tmp_path):
    options = [*WAVES, "--train.num-epochs", "1", "--calibration-fraction", "0"]
    said = succeed("compare", "--model", "mlp", *options, "--out", tmp_path).out
    (line,) = [line for line in said.splitlines() if line.startswith("intervals")]
    assert "no calibration samples" in line


def test_compare_compares_intervals_and_finds_one_that_differs(tmp_path, monkeypatch):
    options = ["compare", "--model", "rnn", *WAVES, "--train.num-epochs", "1", "--out", tmp_path]
    said = succeed(*options).out
    (line,) = [line for line in said.splitlines() if line.startswith("mean interval, 90%")]
    assert "within rounding" in line or "identical" in line
    right = zoojax.experiments.calibration.predict
    monkeypatch.setattr(
        zoojax.experiments.calibration, "predict", lambda *args: right(*args) * (1 + 1e-7)
    )
    result = zoo(*options)
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if "DIFFERS" in line]
    assert line.startswith("mean interval, 90%")
