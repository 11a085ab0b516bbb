"""The command line on sinusoids and every model of them, on splits, predictions, resumed runs."""

import contextlib
import csv
import shutil

import numpy as np
import pytest
from matplotlib import image

import zoojax
import zootorch.parity
from parity_tests.helpers.builders import variants
from parity_tests.helpers.command_line import read, succeed, zoo
from parity_tests.tolerances import check, relative
from zoojax.common.storage import files
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.datasets import load_sinusoids
from zoojax.common.storage.runs import load_run
from zoojax.spec.config import DEFAULT_RUNS, ShapesConfig, SinusoidsConfig

WAVES = ["--data.amplitudes", "1", "2", "--data.frequencies", "1", "3", "--data.length", "13"]
WAVES += ["--data.num-next-steps", "2"]
TINY = [*WAVES, "--num-each", "2", "--train.num-epochs", "2", "--model.hidden-dim", "6"]
TINY += ["--train.batch-size", "16", "--test-fraction", "0.2"]
PICTURES = ["--data.image-height", "16", "--data.image-width", "16", "--data.no-shades"]
PICTURES += ["--data.min-size", "4", "--data.max-size", "12"]
FIGURES = {
    "sinusoids": {"forecasts.png", "predicted_vs_true.png"},
    "shapes": {"confusion.png", "confusion_normalized.png", "precision_recall.png", "roc.png"},
}
MODELS = ("mlp", "rnn", "lstm", "gru")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of each model of waves, in either backend in turn."""
    folder = tmp_path_factory.mktemp("runs")
    for model, backend in zip(MODELS, ("jax", "torch") * 2, strict=True):
        succeed("train", "--model", model, "--backend", backend, "--out", folder / model, *TINY)
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for backend in ("jax", "torch"):
        options = [*WAVES, "--data.noise", "0.1", "--num-each", "1", "--seed", "4"]
        place = ["--out", folder / backend, "--backend", backend]
        said = succeed("simulate", "--data", "sinusoids", *place, *options).out
        assert "80 waves in" in said
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A run on colors with all four splits, stratified."""
    folder = tmp_path_factory.mktemp("classifier") / "run"
    options = ["--num-each", "10", "--train.num-epochs", "4", "--model.num-cnn-layers", "0"]
    options += ["--test-fraction", "0.2", "--validation-fraction", "0.2", "--stratified"]
    options += ["--target", "color", "--train.learning-rate", "0.01"]
    succeed("train", "--backend", "torch", "--out", folder, *PICTURES, *options)
    return folder


def test_simulate_writes_the_waves_of_both_backends(simulated):
    (first, card), (second, _) = (load_sinusoids(simulated / name) for name in ("jax", "torch"))
    assert card.config == SinusoidsConfig((1, 2), (1, 3), length=13, num_next_steps=2, noise=0.1)
    np.testing.assert_allclose(first.waves, second.waves, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(first.phase, second.phase)


@pytest.mark.parametrize("model", MODELS)
def test_train_writes_a_run_of_every_model(trained, model):
    saved = load_run(trained / model)
    assert saved.config.model == zoojax.load_pretrained(trained / model)[0].config
    expected = {"mlp": (11, 2), "rnn": (1, 2), "lstm": (1, 2), "gru": (1, 2)}[model]
    config = saved.config.model
    names = ("input_dim", "output_dim") if model == "mlp" else ("input_size", "output_size")
    assert tuple(getattr(config, name) for name in names) == expected
    assert getattr(config, "cell", "mlp") == model
    history = read(trained / model / "history.json")
    assert history["validation_accuracies"] == [None, None]
    assert len(history["learning_rates"]) == len(history["step_losses"])


@pytest.mark.parametrize("model", variants(MODELS, quick=("mlp", "lstm")))
@pytest.mark.parametrize("data", [None, "torch"])
def test_either_backend_evaluates_every_model_alike(trained, simulated, model, data):
    folder, found = trained / model, {}
    options = ["--data", simulated / data] if data else []
    for backend in ("jax", "torch"):
        said = succeed("evaluate", "--folder", folder, "--backend", backend, *options).out
        found[backend] = read(folder / "evaluation.json")
        assert f"R2 {found[backend]['r2']['all']:.4f}" in said
        assert "2 ahead" in said
    assert {path.name for path in folder.glob("*.png")} >= FIGURES["sinusoids"]
    first, second = found["jax"], found["torch"]
    assert first["num_samples"] == (80 if data else 32)
    assert first["data"] == (str(options[1]) if data else "test")
    for metric in ("mse", "mae", "r2", "pearson_r"):
        assert first[metric]["each"] == pytest.approx(second[metric]["each"], rel=1e-4)
        assert len(first[metric]["each"]) == 2
    assert first["loss"] == pytest.approx(first["mse"]["all"], rel=1e-6)


@pytest.mark.parametrize("split", ["train", "validation", "test", "calibration"])
def test_a_classifier_is_evaluated_on_each_of_its_splits(classifier, split):
    said = succeed("evaluate", "--folder", classifier, "--split", split).out
    found = read(classifier / "evaluation.json")
    num = {"train": 120, "validation": 48, "test": 48, "calibration": 24}[split]
    assert found["num_samples"] == num
    assert np.array(found["confusion_matrix"]).sum(1).tolist() == [num // 6] * 6
    names = ["blue", "cyan", "green", "purple", "red", "yellow"]
    assert found["class_names"] == names
    for name in (*names, "macro", "precision", "roc_auc"):
        assert name in said
    for metric in ("precision", "recall", "f1", "roc_auc", "average_precision"):
        assert len(found[metric]["each"]) == 6
        assert {"macro", "micro"} <= set(found[metric])
    assert {path.name for path in classifier.glob("*.png")} >= FIGURES["shapes"]
    height, width, _ = image.imread(classifier / "roc.png").shape
    assert min(height, width) > 400


def test_the_test_split_is_evaluated_where_there_is_one(classifier):
    succeed("evaluate", "--folder", classifier)
    assert read(classifier / "evaluation.json")["data"] == "test"


def pictures(num):
    config = ShapesConfig(16, 16, 4, 12, shades=False)
    return zootorch.ShapesDataset(config, 1, 77).batch(range(num)).images.numpy()


def test_predict_labels_pictures_with_probabilities(classifier, tmp_path):
    drawn = pictures(4)
    np.save(tmp_path / "three.npy", drawn[:3])
    image.imsave(tmp_path / "one.png", drawn[3])
    paths = [tmp_path / "three.npy", tmp_path / "one.png"]
    tables = {}
    for backend in ("jax", "torch"):
        out = tmp_path / f"{backend}.csv"
        options = ["--backend", backend, "--out", out]
        said = succeed("predict", "--folder", classifier, "--files", *paths, *options).out
        with out.open(encoding="utf-8") as file:
            tables[backend] = list(csv.reader(file))
        assert said.splitlines()[1].split() == tables[backend][1]
    heads, *rows = tables["jax"]
    assert heads == ["picture", "label", "blue", "cyan", "green", "purple", "red", "yellow"]
    assert [row[0] for row in rows] == ["three.npy[0]", "three.npy[1]", "three.npy[2]", "one.png"]
    probs = np.array([row[2:] for row in rows], float)
    np.testing.assert_allclose(probs.sum(1), 1, atol=3e-4)
    assert [row[1] for row in rows] == [heads[2 + i] for i in probs.argmax(1)]
    others = np.array([row[2:] for row in tables["torch"][1:]], float)
    np.testing.assert_allclose(probs, others, atol=1.1e-4)
    # What the model itself says of the same pictures.
    model, variables = zoojax.load_pretrained(classifier)
    logits = np.asarray(zoojax.predict(model, variables, drawn), np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(probs, expected, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_predict_gives_the_next_points_of_waves(trained, simulated, tmp_path, model):
    waves = load_sinusoids(simulated / "jax")[0].waves[:5, :11]
    np.save(tmp_path / "waves.npy", waves)
    np.save(tmp_path / "wave.npy", waves[0])
    paths = [tmp_path / "waves.npy", tmp_path / "wave.npy"]
    said = succeed("predict", "--folder", trained / model, "--files", *paths).out.splitlines()
    assert said[0].endswith("2 ahead")
    numbers = np.array([line.split()[1:] for line in said[1:]], float)
    assert numbers.shape == (6, 2)
    np.testing.assert_array_equal(numbers[0], numbers[5])
    assert len({tuple(row) for row in numbers}) == 5


@pytest.mark.parametrize("num_members", [None, 2])
def test_a_model_with_a_global_head_predicts_pictures_of_another_size(tmp_path, num_members):
    flags = ["--data.image-height", "16", "--data.image-width", "16", "--data.no-shades"]
    flags += ["--data.min-size", "4", "--data.max-size", "12", "--num-each", "4"]
    flags += ["--train.num-epochs", "1", "--model.num-cnn-channels", "4", "--model.head", "max"]
    flags += ["--model.num-cnn-layers", "0", "--train.batch-size", "48"]
    flags += [] if num_members is None else ["--ensemble", num_members]
    succeed("train", "--backend", "torch", "--out", tmp_path / "run", *flags)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3), np.uint8))
    said = {}
    for backend in ("jax", "torch"):
        place = ["--folder", tmp_path / "run", "--files", tmp_path / "x.npy"]
        said[backend] = succeed("predict", *place, "--backend", backend).out
        assert len(said[backend].splitlines()) == 3
    labels = [[row.split()[1] for row in each.splitlines()] for each in said.values()]
    assert labels[0] == labels[1]


def test_predict_takes_the_workshops_published_format(classifier, tmp_path):
    """Weights and config.json alone, which name no class."""
    for name in (files.WEIGHTS, files.CONFIG):
        shutil.copy(classifier / name, tmp_path)
    np.save(tmp_path / "x.npy", pictures(1)[0])
    said = succeed("predict", "--folder", tmp_path, "--files", tmp_path / "x.npy").out
    assert "class 5" in said
    assert said.splitlines()[1].split()[:2] == ["x.npy[0]", "class"]


@pytest.mark.parametrize("model", variants(MODELS, quick=("mlp",)))
def test_compare_finds_nothing_beyond_rounding_in_any_model(tmp_path, model):
    result = succeed("compare", "--model", model, "--out", tmp_path, *TINY)
    numbers = read(tmp_path / "comparison.json")
    verdicts = {row["name"]: row["verdict"] for row in numbers["rows"]}
    assert verdicts.pop("training, samples/s") == "—"
    assert set(verdicts.values()) <= {"identical", "within rounding"}
    assert {"validation waves", "initial loss", "validation MSE", "validation R2"} <= set(verdicts)
    layer = "block.0 Linear" if model == "mlp" else f"state of {model}"
    assert verdicts[layer] == "identical"
    assert "0 differ" in result.out
    assert (tmp_path / "report.html").read_text().count("data:image/png;base64,") == 5


def test_compare_of_waves_that_differ_exits_with_1(tmp_path, monkeypatch):
    run_both = zootorch.parity.run_both

    def differing(config, **options):
        first, second = run_both(config, **options)
        second.results.inputs[0] *= 1 + 1e-9
        return first, second

    monkeypatch.setattr(zootorch.parity, "run_both", differing)
    result = zoo("compare", "--model", "mlp", "--out", tmp_path, *TINY)
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if "DIFFERS" in line]
    assert line.startswith("validation waves")


@contextlib.contextmanager
def stopped_by_hand(monkeypatch):
    """Let every training be stopped, as by Ctrl-C, when it has saved its first checkpoint."""
    save = Checkpoints.save

    def stop(self, checkpoint):
        save(self, checkpoint)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", stop)
        yield


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_run_stopped_by_hand_goes_on_and_ends_the_same(tmp_path, backend, monkeypatch):
    run = ["train", "--model", "mlp", "--backend", backend, *TINY, "--checkpoint-steps", "3"]
    said = succeed(*run, "--out", tmp_path / "whole", "--resume").out
    assert "resuming from the start: there is no checkpoint yet" in said
    with stopped_by_hand(monkeypatch):
        stopped = zoo(*run, "--out", tmp_path / "run")
    assert stopped.code == 130
    place = tmp_path / "run" / "checkpoints" / "step-000000003-epoch-00000"
    assert stopped.err.splitlines()[-1] == f"zoo: stopped. With --resume it goes on from {place}"
    assert not (tmp_path / "run" / "run.json").exists()
    again = succeed(*run, "--out", tmp_path / "run", "--resume").out
    assert f"resuming from {place}" in again
    first, second = ((tmp_path / n / files.WEIGHTS).read_bytes() for n in ("whole", "run"))
    assert first == second
    # And once more, though there is nothing left to do.
    succeed(*run, "--out", tmp_path / "run", "--resume")
    assert (tmp_path / "run" / files.WEIGHTS).read_bytes() == first


def test_a_run_stopped_before_it_saved_anything_says_no_more(tmp_path, monkeypatch):
    def stop(self, checkpoint):
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", stop)
    stopped = zoo("train", "--model", "mlp", "--backend", "torch", *TINY, "--out", tmp_path / "run")
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "zoo: stopped."


def test_what_is_undefined_in_both_does_not_differ(tmp_path):
    """R2 of one wave."""
    one = ["--data.amplitudes", "1", "--data.frequencies", "1", "--data.phases", "1"]
    one += ["--data.vertical-shifts", "0", "--num-each", "5", "--train.num-epochs", "1"]
    one += ["--validation-fraction", "0.2", "--calibration-fraction", "0"]
    said = succeed("compare", "--model", "rnn", "--out", tmp_path, *one).out
    (line,) = [line for line in said.splitlines() if line.startswith("validation R2")]
    assert "nan" in line
    assert "identical" in line


@pytest.mark.slow
def test_a_run_on_shapes_begun_in_jax_ends_in_torch(tmp_path, monkeypatch):
    options = [
        *PICTURES,
        "--num-each",
        "4",
        "--model.num-cnn-layers",
        "0",
        "--train.dtype",
        "float64",
    ]
    options += ["--train.num-epochs", "2", "--checkpoint-steps", "4"]
    succeed("train", "--backend", "torch", *options, "--out", tmp_path / "whole")
    with stopped_by_hand(monkeypatch):
        assert zoo("train", "--backend", "jax", *options, "--out", tmp_path / "run").code == 130
    succeed("train", "--backend", "torch", *options, "--out", tmp_path / "run", "--resume")
    first, second = (
        np.array(read(tmp_path / name / "history.json")["step_losses"]) for name in ("whole", "run")
    )
    check("float64, whole run: losses, weights", relative(first, second))


def test_help_shows_the_flags_of_the_model_or_data_chosen():
    text = succeed("train", "--model", "lstm", "--help").out
    assert "--data.amplitudes" in text
    assert "--data.image-height" not in text
    assert "--model.cell" not in text
    assert "--stratified" not in text
    assert "--model.num-cnn-channels" in succeed("train", "--help").out
    assert "--data.amplitudes" in succeed("simulate", "--data=sinusoids", "--help").out


def test_every_model_has_a_run_that_fits_it():
    assert set(DEFAULT_RUNS) == {"cnn", *MODELS}
    for name, config in DEFAULT_RUNS.items():
        assert getattr(config.model, "cell", name) == name
