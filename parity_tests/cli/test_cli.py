"""The command line from end to end, on small pictures, and what it says to bad input."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

import zootorch.parity
from parity_tests.helpers.command_line import read, succeed, zoo
from zoojax.common.storage import files
from zoojax.common.storage.datasets import load_shapes
from zoojax.common.storage.runs import load_run
from zoojax.spec.config import DEFAULT_RUNS

PICTURES = ["--data.image-height", "16", "--data.image-width", "16"]
PICTURES += ["--data.min-size", "4", "--data.max-size", "12", "--data.no-shades"]
TINY = [*PICTURES, "--num-each", "4", "--train.num-epochs", "1", "--train.batch-size", "27"]
TINY += ["--model.num-cnn-channels", "4", "--model.num-cnn-layers", "0", "--model.hidden-dim", "8"]
TINY += ["--model.head", "flatten", "--model.dropout", "0.2", "--train.learning-rate", "0.001"]
# 54 training images, two whole batches: JAX would compile again for a smaller third one.
TINY += ["--validation-fraction", "0.3333"]
NUM_VALIDATION = 32


def words(text):
    return " ".join(text.replace("│", " ").split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for backend in ("jax", "torch"):
        succeed("train", "--backend", backend, "--out", folder / backend, *TINY)
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for backend in ("jax", "torch"):
        options = [*PICTURES, "--num-each", "2", "--seed", "9", "--backend", backend]
        succeed("simulate", "--out", folder / backend, *options)
    return folder


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Compare once, in float64; keep the folder, the two runs and what was said."""
    folder, runs = tmp_path_factory.mktemp("compared"), []
    run_both = zootorch.parity.run_both

    def remember(*args, **options):
        runs.extend(run_both(*args, **options))
        return tuple(runs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zootorch.parity, "run_both", remember)
        result = zoo("compare", "--out", folder, *TINY, "--train.dtype", "float64")
    return folder, tuple(runs), result


def test_simulate_writes_the_same_data_set_in_both(simulated):
    (first, card), (second, _) = (load_shapes(simulated / name) for name in ("jax", "torch"))
    assert (card.seed, card.num_each, card.config.image_height) == (9, 2, 16)
    assert first.images.shape == (2 * 24, 16, 16, 3)
    for ours, theirs in zip(first, second, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_train_writes_a_run(trained, backend):
    folder = trained / backend
    names = ["checkpoints", "config.json", "history.json", "losses.png", "model.safetensors"]
    names += ["run.json", "training.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    saved = load_run(folder)
    assert saved.backend == backend
    assert saved.config.data.image_width == saved.config.model.width == 16
    assert saved.config.model.num_cnn_channels == 4
    history = read(folder / "history.json")
    assert len(history["step_losses"]) == 2
    assert len(history["validation_accuracies"]) == 1


def test_both_backends_train_the_same(trained):
    first, second = (read(trained / name / "history.json") for name in ("jax", "torch"))
    np.testing.assert_allclose(first["step_losses"], second["step_losses"], rtol=1e-5)
    assert first["step_losses"][0] != first["step_losses"][1]


@pytest.mark.parametrize("trainer", ["jax", "torch"])
@pytest.mark.parametrize("data", [None, "jax"])
def test_either_backend_evaluates_a_run_alike(trained, simulated, trainer, data):
    folder = trained / trainer
    options = ["--data", simulated / data] if data else []
    found = {}
    for backend in ("jax", "torch"):
        said = succeed("evaluate", "--folder", folder, "--backend", backend, *options).out
        found[backend] = read(folder / "evaluation.json")
        assert found[backend]["backend"] == backend
        assert f"accuracy {found[backend]['accuracy']:.2%}" in said
    first, second = found["jax"], found["torch"]
    assert first["confusion_matrix"] == second["confusion_matrix"]
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-5)
    counts = np.array(first["confusion_matrix"])
    assert counts.sum() == first["num_samples"] == (2 * 24 if data else NUM_VALIDATION)
    assert np.trace(counts) / counts.sum() == pytest.approx(first["accuracy"])
    assert first["class_names"] == ["circle", "diamond", "rectangle", "triangle"]
    for name in ("confusion", "confusion_normalized", "roc", "precision_recall"):
        assert (folder / f"{name}.png").exists()


def test_evaluating_a_run_gives_its_last_validation(trained):
    for backend in ("jax", "torch"):
        succeed("evaluate", "--folder", trained / backend)
        evaluation = read(trained / backend / "evaluation.json")
        history = read(trained / backend / "history.json")
        assert evaluation["backend"] == backend
        assert evaluation["accuracy"] == pytest.approx(history["validation_accuracies"][-1])
        assert evaluation["loss"] == pytest.approx(history["validation_losses"][-1], rel=1e-6)


def test_compare_writes_numbers_figures_and_report(compared):
    folder, (first, second), result = compared
    assert result.code == 0, result.err
    names = ["comparison.json", "confusion.png", "losses.png", "report.html", "samples.png"]
    names += ["training_zoojax.png", "training_zootorch.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    numbers = read(folder / "comparison.json")
    rows = {row["name"]: row for row in numbers["rows"]}
    assert rows["pixels, SHA-256"]["verdict"] == "identical"
    assert rows["conv_block.0 Conv2d"]["jax"] == rows["conv_block.0 Conv2d"]["torch"] == "4×16×16"
    for name in ("initial loss", "loss after 1 step", "validation loss", "confusion matrix"):
        assert name in rows
    assert numbers["zoojax"]["history"]["step_losses"] == first.history.step_losses.tolist()
    assert numbers["zootorch"]["scores"] == files.without_nan(second.results.scores)
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    for name in rows:
        assert name in page
        assert name.split(",")[0] in result.out


def test_compare_in_float64_finds_nothing_beyond_rounding(compared):
    folder, runs, result = compared
    verdicts = {row["name"]: row["verdict"] for row in read(folder / "comparison.json")["rows"]}
    assert verdicts.pop("training, samples/s") == "—"
    assert set(verdicts.values()) <= {"identical", "within rounding"}
    assert "0 differ" in words(result.out)
    for run in runs:
        assert run.weights["output_block.weight"].dtype == np.float64
    assert not jax.config.read("jax_enable_x64")


def test_compare_exits_with_1_when_the_runs_differ(compared, tmp_path, monkeypatch):
    _, (first, second), _ = compared
    other = dataclasses.replace(second, data_sha256="0" * 64)
    monkeypatch.setattr(zootorch.parity, "run_both", lambda *args, **options: (first, other))
    result = zoo("compare", "--out", tmp_path, *TINY, "--train.dtype", "float64")
    assert result.code == 1
    assert "✗ DIFFERS" in result.out
    assert "1 differs" in words(result.out)
    assert "✗ DIFFERS" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("trainer", ["jax", "torch"])
@pytest.mark.parametrize("evaluator", ["jax", "torch"])
def test_a_run_in_float64_is_evaluated_in_float64(tmp_path, trainer, evaluator):
    options = ["--out", tmp_path, *TINY, "--train.dtype", "float64"]
    succeed("train", "--backend", trainer, *options)
    loss = read(tmp_path / "history.json")["validation_losses"][-1]
    succeed("evaluate", "--folder", tmp_path, "--backend", evaluator)
    assert read(tmp_path / "evaluation.json")["loss"] == pytest.approx(loss, rel=1e-12)


def test_a_run_that_diverges_ends_with_one_line(tmp_path):
    options = ["--out", tmp_path / "new", *TINY, "--train.learning-rate", "1e30"]
    result = zoo("train", "--backend", "torch", *options)
    assert result.code == 2
    assert "Traceback" not in result.err
    last = result.err.splitlines()[-1]
    assert last.startswith("zoo: error: the loss is nan at step")
    assert "output_block.weight" in last
    assert not (tmp_path / "new").exists()


DEFAULT = DEFAULT_RUNS["cnn"]
IMAGE_HEIGHT = f"height of a picture in pixels. (default: {DEFAULT.data.image_height})"
LEARNING_RATE = f"step size, or the largest of a schedule. (default: {DEFAULT.train.learning_rate})"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("simulate", ["--out PATH", "in pixels", "(default: 224)", "(default: 10)", "2^32 - 1"]),
        ("train", ["--out PATH", "{jax,torch}", "in pixels", LEARNING_RATE, "under 1"]),
        ("evaluate", ["--folder PATH", "the one that trained unless given"]),
        ("predict", ["--files [PATH", "(height, width, 3)", "CSV"]),
        ("compare", ["(default: demo)", "in pixels", IMAGE_HEIGHT, "0..99", "under 1"]),
    ],
)
def test_help_states_units_and_defaults(command, said):
    text = words(succeed(command, "--help").out)
    for part in said:
        assert part in text, part
    assert "num-classes" not in text


def test_help_names_every_command():
    text = words(succeed("--help").out)
    names = ("simulate", "train", "evaluate", "calibrate", "predict", "compare", "benchmark-shapes")
    for command in names:
        assert command in text


BAD = {
    "no command": (
        [],
        ["one of {{simulate, train, evaluate, calibrate, predict, compare, benchmark-shapes}}"],
    ),
    "unknown command": (["dance"], ["dance"]),
    "unknown flag": (["simulate", "--out", "{new}", "--num-cats", "3"], ["--num-cats"]),
    "wrong type": (["simulate", "--out", "{new}", "--num-each", "many"], ["--num-each", "many"]),
    "unknown choice": (
        ["train", "--out", "{new}", "--backend", "tensorflow"],
        ["--backend", "tensorflow", "jax"],
    ),
    "missing required": (["train", "--backend", "jax"], ["--out"]),
    "zero pictures": (
        ["simulate", "--out", "{new}", "--num-each", "0"],
        ["num_each must be an integer >= 1, got 0"],
    ),
    "bad seed": (
        ["simulate", "--out", "{new}", "--seed", "-1"],
        ["seed must be an integer from 0 to 4294967295, got -1"],
    ),
    "refused by ShapesConfig": (
        ["simulate", "--out", "{new}", "--data.magnitude", "100"],
        ["magnitude must be an integer from 0 to 99, got 100"],
    ),
    "unknown shape": (
        ["compare", "--out", "{new}", "--data.shapes", "circle", "hexagon"],
        ["unknown shape 'hexagon'; known are circle, diamond, rectangle, triangle"],
    ),
    "refused by CNNConfig": (
        ["train", "--backend", "jax", "--out", "{new}", *TINY, "--model.kernel-size", "19"],
        ["layer conv_block.0, reached by 16x16 pixels", "kernel of size 19"],
    ),
    "refused by TrainConfig": (
        ["compare", "--out", "{new}", "--train.learning-rate", "0"],
        ["learning_rate must be a number over 0", "got 0"],
    ),
    "refused by RunConfig": (
        ["compare", "--out", "{new}", "--validation-fraction", "1"],
        ["validation_fraction must be a number over 0 and under 1, got 1"],
    ),
    "no sample in a split": (
        ["compare", "--out", "{new}", *TINY, "--validation-fraction", "0.001"],
        ["every split needs a sample"],
    ),
    "missing run": (["evaluate", "--folder", "{new}"], ["{new}/run.json"]),
    "missing data": (["evaluate", "--folder", "{run}", "--data", "{new}"], ["{new}/card.json"]),
    "data of another size": (
        ["evaluate", "--folder", "{run}", "--data", "{other}"],
        ["(12, 16) pixels, the model takes (16, 16)"],
    ),
    "a run that is there": (
        ["train", "--backend", "jax", "--out", "{run}", *TINY],
        ["{run}/checkpoints/step-", "resume it, or choose another folder"],
    ),
    "resumed with other flags": (
        ["train", "--backend", "jax", "--out", "{run}", *TINY, "--train.seed", "1", "--resume"],
        ["another train.seed: it has 0, this run 1"],
    ),
    "a split that it has not": (
        ["evaluate", "--folder", "{run}", "--split", "test"],
        ["{run} has no test samples; it has train, validation"],
    ),
    "waves for pictures": (
        ["predict", "--folder", "{run}", "--files", "{data}/latents.csv"],
        ["{data}/latents.csv is no PNG file"],
    ),
    "no files": (["predict", "--folder", "{run}", "--files"], ["files must name at least one"]),
    "checkpoints never": (
        ["train", "--backend", "jax", "--out", "{new}", *TINY, "--checkpoint-steps", "0"],
        ["steps from one checkpoint to the next must be over 0: 0"],
    ),
    "existing data set": (
        ["simulate", "--out", "{data}", *PICTURES],
        ["{data} exists; choose another folder"],
    ),
    "a folder in a file": (
        ["train", "--backend", "torch", "--out", "{data}/card.json/run", *TINY],
        ["Not a directory", "{data}/card.json/run"],
    ),
    "a file for a folder": (
        ["train", "--backend", "torch", "--out", "{data}/card.json", *TINY],
        ["{data}/card.json is a file; choose another folder"],
    ),
}


@pytest.fixture(scope="module")
def places(trained, simulated):
    other = simulated / "other"
    succeed("simulate", "--out", other, *PICTURES, "--data.image-height", "12", "--num-each", "1")
    new = simulated / "new"
    return {"new": new, "run": trained / "jax", "data": simulated / "jax", "other": other}


def assert_refused(result, *parts):
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert line.startswith("zoo: error: ")
    assert not set(line) & set("│─╭╰")
    assert "---" not in line
    for part in parts:
        assert part in line
    assert not result.out


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(places, case):
    args, parts = ([text.format(**places) for text in texts] for texts in BAD[case])
    assert_refused(zoo(*args), *parts)
    assert not places["new"].exists()


def replaced(old, new):
    return lambda content: content.replace(old, new)


def given(content):
    return lambda whole: content


@pytest.mark.parametrize(
    ("name", "damage", "refused"),
    [
        ("run.json", lambda whole: whole[:-9], "run.json"),
        ("run.json", given(b"{}"), "run.json"),
        ("run.json", given(b'{"backend": "jax", "config": [1]}'), "run.json"),
        ("run.json", given(b'{"backend": "jax", "config": {"data": 5}}'), "run.json"),
        ("run.json", replaced(b'"num_each": 4', b'"num_each": 0'), "run.json"),
        ("run.json", replaced(b'"num_each"', b'"number"'), "run.json"),
        ("config.json", given(b"{}"), "config.json"),
        ("config.json", replaced(b'"hidden_dim": 8', b'"hidden_dim": 9'), "config.json"),
        ("model.safetensors", lambda whole: whole[:-9], "model.safetensors"),
        ("model.safetensors", given(b""), "model.safetensors"),
        ("model.safetensors", lambda whole: whole[:-1] + b"?", "model.safetensors"),
        ("run.json", replaced(b'"files"', b'"fires"'), "model.safetensors"),
    ],
)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_damaged_run_is_refused_by_name(trained, tmp_path, backend, name, damage, refused):
    run = tmp_path / "run"
    shutil.copytree(trained / backend, run)
    whole = (run / name).read_bytes()
    (run / name).write_bytes(damage(whole))
    assert (run / name).read_bytes() != whole
    assert_refused(zoo("evaluate", "--folder", run), str(run / refused))
