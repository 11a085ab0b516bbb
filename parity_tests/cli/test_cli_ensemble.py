"""`zoo train --ensemble`: members in folders of their own, and commands that take their mean."""

import csv
import json
import shutil

import jax
import numpy as np
import pytest

import zoojax.experiments.saved_run
import zootorch.experiments.saved_run
from parity_tests.helpers.builders import variants
from parity_tests.helpers.command_line import read, succeed, zoo
from parity_tests.tolerances import relative
from zoojax.common.storage import files, runs
from zoojax.common.storage.calibrations import load_calibration

PICTURES = ["--data.image-height", "16", "--data.image-width", "16", "--data.no-shades"]
PICTURES += ["--data.min-size", "4", "--data.max-size", "12", "--num-each", "6"]
PICTURES += ["--train.num-epochs", "2", "--model.num-cnn-layers", "0", "--target", "color"]
PICTURES += ["--model.num-cnn-channels", "3", "--train.learning-rate", "0.01"]
PICTURES += ["--train.batch-size", "24"]
WAVES = ["--data.amplitudes", "1", "2", "--data.frequencies", "1", "3", "--data.length", "13"]
WAVES += ["--data.num-next-steps", "2", "--num-each", "2", "--train.num-epochs", "2"]
WAVES += ["--model.hidden-dim", "6", "--train.batch-size", "16", "--train.loss", "pinball"]
SHARED = ["--train.dtype", "float64", "--train.seed", "5", "--calibration-fraction", "0.2"]
FLAGS = {
    "cnn": ["--model", "cnn", *PICTURES, *SHARED],
    "mlp": ["--model", "mlp", *WAVES, *SHARED],
}
NUM = 2
TRAINED = (("cnn", "torch"), ("mlp", "jax"), ("mlp", "torch"))
EACH = pytest.mark.parametrize(("model", "backend"), TRAINED)
MODELS = pytest.mark.parametrize("model", FLAGS)
SAVED = {"jax": zoojax.experiments.saved_run, "torch": zootorch.experiments.saved_run}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Some ensembles, and what was said while they were trained."""
    folder, said = tmp_path_factory.mktemp("ensembles"), {}
    for model, backend in TRAINED:
        place = ["--out", folder / model / backend, "--backend", backend]
        said[model, backend] = succeed("train", "--ensemble", NUM, *place, *FLAGS[model])
    return folder, said


@pytest.fixture
def copied(trained, tmp_path):
    """A copy of the ensemble of MLPs that torch trained, to change."""
    shutil.copytree(trained[0] / "mlp" / "torch", tmp_path / "run")
    return tmp_path / "run"


def samples(model):
    drawn = np.random.default_rng(4)
    if model == "cnn":
        return drawn.integers(0, 256, (5, 16, 16, 3), np.uint8)
    return drawn.normal(size=(5, 11))


def outputs_of(folder, backend, inputs):
    with jax.enable_x64(True):
        return SAVED[backend].predict(folder, inputs)


def table(*args, out):
    """Return what `zoo predict` writes as CSV: names of columns, and rows."""
    succeed("predict", *args, "--out", out)
    with out.open(newline="", encoding="utf-8") as file:
        heads, *rows = csv.reader(file)
    return heads, rows


@EACH
def test_each_member_is_a_run_of_its_own(trained, model, backend):
    folder, said = trained[0] / model / backend, trained[1][model, backend]
    names = [f"member-{place}" for place in range(NUM)]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "run.json"]
    for place, name in enumerate(names):
        saved = runs.load_run(folder / name)
        assert (saved.config.train.seed, saved.config.data_seed) == (5 + place, 5)
        assert (folder / name / "losses.png").exists()
        assert f"run in {folder / name}" in said.out
    whole = runs.load_run(folder)
    assert (whole.backend, whole.config.train.seed) == (backend, 5)
    assert f"by the mean of all 2; ensemble in {folder}" in said.out
    # A bar; of the CNNs that torch trains one after another, one each.
    num_bars = NUM if (model, backend) == ("cnn", "torch") else 1
    assert said.err.count(" loss ") == num_bars


def test_both_backends_train_the_same_members(trained):
    for place in range(NUM):
        folders = [trained[0] / "mlp" / backend / f"member-{place}" for backend in SAVED]
        first, second = (np.array(read(f / "history.json")["step_losses"]) for f in folders)
        assert relative(first, second) < 1e-12
    other = read(trained[0] / "mlp" / "torch" / "member-0" / "history.json")["step_losses"]
    assert relative(first, np.array(other)) > 1e-3


@MODELS
def test_a_member_is_the_run_of_its_seed_on_the_same_data(trained, tmp_path, model):
    flags = [*FLAGS[model], "--train.seed", 6, "--data-seed", 5]
    succeed("train", "--backend", "torch", "--out", tmp_path / "run", *flags)
    alone, member = tmp_path / "run", trained[0] / model / "torch" / "member-1"
    losses = [np.array(read(f / "history.json")["step_losses"]) for f in (alone, member)]
    assert relative(*losses) < 1e-12
    assert read(alone / "run.json")["config"] == read(member / "run.json")["config"]


@MODELS
@pytest.mark.parametrize("backend", SAVED)
def test_predictions_are_the_mean_of_the_members(trained, tmp_path, model, backend):
    inputs, folder = samples(model), trained[0] / model / "torch"
    members = [outputs_of(folder / f"member-{k}", backend, inputs) for k in range(NUM)]
    found = outputs_of(folder, backend, inputs)
    assert relative(found, np.mean(members, 0)) < 1e-12
    assert relative(members[0], members[1]) > 1e-3
    np.save(tmp_path / "x.npy", inputs)
    place = ["--files", tmp_path / "x.npy", "--backend", backend]
    heads, rows = table("--folder", folder, *place, out=tmp_path / "out.csv")
    numbers = np.array([row[2 if model == "cnn" else 1 :] for row in rows], float)
    expected = np.mean(members, 0)
    if model == "cnn":
        assert [row[1] for row in rows] == [heads[2 + i] for i in expected.argmax(1)]
    else:  # lower, middle and upper quantile of each step side by side
        expected = expected.reshape(5, 3, 2).swapaxes(1, 2).reshape(5, 6)
    np.testing.assert_allclose(numbers, expected, atol=1e-4, rtol=1e-5)
    # And one member alone.
    _, rows = table("--folder", folder / "member-1", *place, out=tmp_path / "one.csv")
    single = np.array([row[2 if model == "cnn" else 1 :] for row in rows], float)
    assert np.abs(single - numbers).max() > 1e-3


@pytest.mark.parametrize("model", variants(FLAGS, slow=("cnn",)))
def test_both_backends_evaluate_the_mean_alike(trained, model):
    folder, found = trained[0] / model / "torch", {}
    for backend in SAVED:
        succeed("evaluate", "--folder", folder, "--backend", backend)
        found[backend] = read(folder / "evaluation.json")
    assert found["jax"]["num_samples"] == found["torch"]["num_samples"] > 10
    assert found["jax"]["loss"] == pytest.approx(found["torch"]["loss"], rel=1e-10)
    losses = []
    for place in range(NUM):
        succeed("evaluate", "--folder", folder / f"member-{place}")
        losses.append(read(folder / f"member-{place}" / "evaluation.json")["loss"])
    assert len(set(losses)) == NUM
    assert found["torch"]["loss"] < np.mean(losses)  # both losses are convex


@pytest.mark.parametrize("model", variants(FLAGS, slow=("mlp",)))
def test_an_ensemble_is_calibrated_and_so_is_a_member(trained, tmp_path, model):
    folder, found = trained[0] / model / "torch", {}
    np.save(tmp_path / "x.npy", samples(model))
    for backend in SAVED:
        place = ["--folder", folder, "--backend", backend]
        succeed("calibrate", *place, "--alpha", "0.2")
        threshold = np.array(read(folder / "conformal.json")["threshold"], float)
        heads, rows = table(*place, "--files", tmp_path / "x.npy", out=tmp_path / "out.csv")
        assert any("80%" in head for head in heads)
        found[backend] = threshold, rows
    np.testing.assert_allclose(found["jax"][0], found["torch"][0], rtol=1e-9)
    assert found["jax"][1] == found["torch"][1]
    with jax.enable_x64(True):
        held, _ = zoojax.experiments.saved_run.answer_held_out(runs.load_run(folder))
    if model == "cnn":
        scores = np.sort(1 - held.outputs[np.arange(len(held.targets)), held.targets])
        rank = int(np.ceil((len(scores) + 1) * 0.8 - 1e-9))
        np.testing.assert_allclose(found["jax"][0], scores[rank - 1], rtol=1e-12)
    succeed("calibrate", "--folder", folder / "member-1", "--alpha", "0.2")
    own = np.array(read(folder / "member-1" / "conformal.json")["threshold"], float)
    assert np.abs(own - threshold).max() > 1e-6


def test_the_seed_of_the_data_may_not_calibrate_a_member(trained, tmp_path):
    succeed("simulate", "--data", "sinusoids", "--out", tmp_path / "data", "--seed", 5, *WAVES[:8])
    for name in (".", "member-1"):
        folder = trained[0] / "mlp" / "jax" / name
        result = zoo("calibrate", "--folder", folder, "--data", tmp_path / "data")
        assert result.code == 2
        assert "has the seed of the run, 5: the model was trained on such samples" in result.err


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--ensemble", "0"], "members of an ensemble must be an integer >= 1, got 0"),
        (["--ensemble", "-2"], "members of an ensemble must be an integer >= 1, got -2"),
        (["--ensemble", "2", "--resume"], "an ensemble has no checkpoints to save or resume"),
        (["--ensemble", "2", "--checkpoint-steps", "9"], "an ensemble has no checkpoints"),
        (["--ensemble", "2", "--train.seed", "4294967295"], "end at seed 4294967296"),
    ],
)
def test_an_ensemble_that_cannot_be_is_refused(tmp_path, flags, part):
    result = zoo("train", "--backend", "torch", "--out", tmp_path / "run", *FLAGS["mlp"], *flags)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert part in line
    assert not (tmp_path / "run").exists()


def test_a_folder_holds_one_model_or_one_ensemble(trained):
    place = ["--backend", "torch", "--out", trained[0] / "mlp" / "torch", *FLAGS["mlp"]]
    again = zoo("train", "--ensemble", "2", *place)
    assert again.code == 2
    assert "is not empty; an ensemble needs a folder of its own" in again.err
    single = zoo("train", *place)
    assert single.code == 2
    assert "is of an ensemble; choose another folder" in single.err


def change_weights(folder):
    """Write other weights into a member, whole as such."""
    path = folder / "member-1" / files.WEIGHTS
    path.write_bytes((folder / "member-0" / files.WEIGHTS).read_bytes())


def change_number(folder, value):
    """Let an ensemble say that it has another number of members."""
    content = read(folder / "run.json") | {"members": value}
    (folder / "run.json").write_text(json.dumps(content))


DAMAGES = {
    "a member's weights are another's": (change_weights, "member-1/model.safetensors is damaged"),
    "a member is gone": (lambda f: shutil.rmtree(f / "member-1"), "member-1/model.safetensors"),
    "no number of members": (lambda f: change_number(f, "2"), "run.json is damaged: it has '2'"),
    "none": (lambda f: change_number(f, 0), "run.json is damaged: it has 0 members"),
    "a member too many": (lambda f: change_number(f, 3), "member-2/model.safetensors"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ensemble_is_refused_by_name(copied, damage):
    assert runs.load_run(copied).config.train.seed == 5
    harm, part = DAMAGES[damage]
    harm(copied)
    result = zoo("evaluate", "--folder", copied)
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert part in line


def test_a_calibration_is_of_these_members_and_no_others(copied, trained):
    succeed("calibrate", "--folder", copied)
    config = runs.load_run(copied).config
    assert load_calibration(copied, config) is not None
    content = read(copied / "run.json")
    content["files"]["member-1/model.safetensors"]["sha256"] = "0" * 64
    (copied / "run.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="was made for other weights"):
        load_calibration(copied, config)


def test_one_model_is_trained_as_ever(tmp_path):
    flags = ["--ensemble", "1", "--backend", "torch", *FLAGS["mlp"]]
    succeed("train", *flags, "--out", tmp_path / "run")
    assert (tmp_path / "run" / files.WEIGHTS).exists()
    assert (tmp_path / "run" / "checkpoints").exists()
    assert "members" not in read(tmp_path / "run" / "run.json")
    assert runs.member_folders(tmp_path / "run") == [tmp_path / "run"]
