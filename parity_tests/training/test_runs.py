"""Whole runs: who is in which split, what is refused, and the same scores in both backends."""

import dataclasses
import json
from typing import get_args

import jax
import numpy as np
import pytest
import torch

import zoojax.experiments.pipeline
import zoojax.experiments.saved_run
import zootorch.experiments.pipeline
import zootorch.experiments.saved_run
from parity_tests.helpers.builders import check_refused, score_difference, variants
from parity_tests.tolerances import check, relative
from zoojax.common.storage.datasets import Card, save_shapes, save_sinusoids
from zoojax.common.storage.runs import load_run, save_run
from zoojax.spec.config import (
    DEFAULT_RUNS,
    CNNConfig,
    MLPConfig,
    ModelName,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec.records import Batch

# Scores are of outputs in eval mode, which sees idle parameters.
NAME = "float64, tiny runs: every score"
# A class may not be predicted.
pytestmark = pytest.mark.filterwarnings("ignore::zoojax.spec.metrics.UndefinedMetricWarning")

SHAPES = ShapesConfig(16, 16, 4, 12, ("circle", "diamond", "triangle"), ("red",), magnitude=9)
PICTURES = RunConfig(
    data=dataclasses.replace(SHAPES, colors=("red", "green"), shades=False),
    num_each=8,
    validation_fraction=0.25,
    test_fraction=0.25,
    calibration_fraction=0.125,
    stratified=True,
    model=CNNConfig(num_cnn_channels=4, hidden_dim=8, dropout=0.1),
    train=TrainConfig(
        seed=3, num_epochs=2, batch_size=9, dtype="float64", class_weights=(1, 2, 1.5)
    ),
)
WAVES = RunConfig(
    data=SinusoidsConfig((0.5, 2), (0.5, 4), (1, 3), (-0.25, 0.5), 11, 2, noise=0.05),
    num_each=3,
    target="next_steps",
    validation_fraction=0.25,
    test_fraction=0.25,
    calibration_fraction=0.125,
    model=MLPConfig(num_layers=1, hidden_dim=8, dropout=0.1),
    train=dataclasses.replace(PICTURES.train, loss="mean_squared_error", class_weights=None),
)
RUNS = {
    "cnn": PICTURES,
    "mlp": WAVES,
    "gru": dataclasses.replace(WAVES, model=RNNConfig(hidden_dim=8, cell="gru")),
}
BACKENDS = {"jax": zoojax.experiments.pipeline, "torch": zootorch.experiments.pipeline}
SAVED = (zoojax.experiments.saved_run, zootorch.experiments.saved_run)
EACH = pytest.mark.parametrize("name", variants(RUNS, quick=("cnn", "mlp")))
SIZES = {"train": 18, "validation": 12, "test": 12, "calibration": 6}


class SavedRuns(dict):
    """Runs and their folders by name and backend, each made and saved when a test needs it."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __missing__(self, key):
        name, backend = key
        with jax.enable_x64(True):
            run = BACKENDS[backend].run(RUNS[name])
        save_run(self.folder / name / backend, run)
        self[key] = run, self.folder / name / backend
        return self[key]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return SavedRuns(tmp_path_factory.mktemp("runs"))


def dealt(config):
    """Return the places of the samples in each split, which both backends must agree on."""
    num = config.num_samples
    is_shapes = isinstance(config.data, ShapesConfig)
    labels = config.data.labels(config.target, config.num_each) if is_shapes else np.zeros(num)
    ours = zoojax.experiments.pipeline.split(config, Batch(np.arange(num), labels))
    tensors = Batch(torch.arange(num), torch.from_numpy(labels))
    theirs = zootorch.experiments.pipeline.split(config, tensors)
    assert list(ours) == list(theirs) == list(config.fractions)
    for name, part in ours.items():
        np.testing.assert_array_equal(part.inputs, theirs[name].inputs)
        np.testing.assert_array_equal(part.targets, theirs[name].targets)
    return ours


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_each_sample_is_in_one_split(name, stratified):
    config = dataclasses.replace(RUNS[name], stratified=stratified and name == "cnn")
    parts = dealt(config)
    assert {name: len(part.inputs) for name, part in parts.items()} == SIZES
    everyone = np.concatenate([part.inputs for part in parts.values()])
    np.testing.assert_array_equal(np.sort(everyone), np.arange(48))
    other = dealt(dataclasses.replace(config, train=dataclasses.replace(config.train, seed=4)))
    assert set(parts["train"].inputs) != set(other["train"].inputs)


@pytest.mark.parametrize("target", ["shape", "color"])
def test_stratified_splits_keep_the_classes_proportions(target):
    train = dataclasses.replace(PICTURES.train, class_weights=None)
    config = dataclasses.replace(PICTURES, target=target, train=train)
    num_classes = len(config.class_names)
    for name, part in dealt(config).items():
        counts = np.bincount(part.targets, minlength=num_classes)
        np.testing.assert_array_equal(counts, SIZES[name] / num_classes)
    plain = dealt(dataclasses.replace(config, stratified=False))
    counts = [np.bincount(part.targets, minlength=num_classes) for part in plain.values()]
    assert any(np.ptp(count) for count in counts)


@EACH
def test_both_backends_put_the_same_samples_into_each_split(name, x64):
    ours, theirs = (
        pipeline.split(RUNS[name], pipeline.simulate(RUNS[name])) for pipeline in BACKENDS.values()
    )
    assert {split: len(part.inputs) for split, part in ours.items()} == SIZES
    for split, part in ours.items():
        for first, second in zip(part, theirs[split], strict=True):
            assert str(first.dtype) == str(second.dtype).removeprefix("torch.")
            assert relative(first, second) <= (0 if name == "cnn" else 1e-12)


@pytest.mark.parametrize("target", ["shape", "color"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_labels_are_known_without_the_pictures(backend, target):
    train = TrainConfig()
    config = dataclasses.replace(PICTURES, data=SHAPES, num_each=3, target=target, train=train)
    simulated = np.asarray(BACKENDS[backend].simulate(config).targets)
    np.testing.assert_array_equal(SHAPES.labels(target, 3), simulated)
    other = {"shape": "color", "color": "shape"}[target]
    assert (SHAPES.labels(other, 3) != simulated).any()


MICRO = ShapesConfig(16, 16, 4, 12, colors={"micro": (0, 9, 9)})
# Of each run that cannot be: the run, what is changed, and what is said.
REFUSED = [
    (
        PICTURES,
        {"num_each": 2},
        "every split needs a sample of class circle, but 4 samples of class circle in fractions "
        "(0.375, 0.25, 0.25, 0.125) give sizes (2, 0, 2, 0)",
    ),
    (WAVES, {"num_each": 1, "test_fraction": 0.01}, "needs a sample, but 16 samples in fractions"),
    (WAVES, {"validation_fraction": 0.625}, "must leave samples to train on, got {'train': 0.0, "),
    (WAVES, {"test_fraction": 0.9}, "the fractions must leave samples to train on"),
    # What 0.7, 0.2 and 0.1 leave of 1 is not exactly 0.
    (
        WAVES,
        {"validation_fraction": 0.7, "test_fraction": 0.2, "calibration_fraction": 0.1},
        "give sizes (0, 34, 9, 5)",
    ),
    (PICTURES, {"validation_fraction": 0}, "fraction must be a number over 0 and under 1, got 0"),
    (PICTURES, {"test_fraction": 1}, "test_fraction must be a number at least 0 and under 1"),
    (WAVES, {"model": CNNConfig()}, "an MLP or RNN for sinusoids; got CNNConfig and SinusoidsCo"),
    (PICTURES, {"model": MLPConfig()}, "a CNN is for shapes, an MLP or RNN for sinusoids; got MLP"),
    (PICTURES, {"model": RNNConfig()}, "got RNNConfig and ShapesConfig"),
    (PICTURES, {"target": "next_steps"}, "target of ShapesConfig must be shape or color, got next"),
    (WAVES, {"target": "color"}, "target of SinusoidsConfig must be next_steps, got color"),
    (PICTURES, {"train": WAVES.train}, "are classes, not numbers: got mean_squared_error"),
    (WAVES, {"train": TrainConfig()}, "are numbers, not classes: got cross_entropy"),
    (WAVES, {"stratified": True}, "waves have no classes to stratify by"),
    (PICTURES, {"stratified": "shape"}, "stratified must be True or False, got 'shape'"),
    (PICTURES, {"target": "color"}, "class_weights must be 2 numbers, one a class"),
    (PICTURES, {"target": "color", "data": MICRO}, "no color can be named micro"),
]


@pytest.mark.parametrize(("config", "options", "message"), REFUSED)
def test_a_run_that_cannot_be_is_refused(config, options, message):
    check_refused(message, lambda: dataclasses.replace(config, **options))


def test_model_sizes_follow_the_data():
    model = RUNS["cnn"].model
    assert (model.height, model.width, model.num_classes, model.num_input_channels) == (
        16,
        16,
        3,
        3,
    )
    assert (RUNS["mlp"].model.input_dim, RUNS["mlp"].model.output_dim) == (9, 2)
    assert (RUNS["gru"].model.input_size, RUNS["gru"].model.output_size) == (1, 2)
    longer = dataclasses.replace(WAVES.data, length=20, num_next_steps=3)
    model = dataclasses.replace(WAVES, data=longer).model
    assert (model.input_dim, model.output_dim, model.hidden_dim) == (17, 3, 8)


def test_there_is_a_default_run_of_each_model():
    assert tuple(DEFAULT_RUNS) == get_args(ModelName)
    types = [type(run.model) for run in DEFAULT_RUNS.values()]
    assert types == [CNNConfig, MLPConfig, RNNConfig, RNNConfig, RNNConfig]
    for cell in ("rnn", "lstm", "gru"):
        assert DEFAULT_RUNS[cell].model.cell == cell


@EACH
def test_both_backends_have_the_same_scores(saved, name):
    (ours, _), (theirs, _) = (saved[name, backend] for backend in BACKENDS)
    assert ours.results.scores["num_samples"] == SIZES["validation"]
    check(NAME, score_difference(ours.results.scores, theirs.results.scores))
    if name == "cnn":
        check(NAME, score_difference(ours.results.curves, theirs.results.curves))
        assert ours.data_sha256 == theirs.data_sha256
    assert ours.layer_shapes == theirs.layer_shapes
    assert ours.results.scores["loss"] == pytest.approx(ours.history.validation_losses[-1])


def test_the_scores_of_another_seed_are_others(saved):
    run, _ = saved["mlp", "torch"]
    train = dataclasses.replace(WAVES.train, seed=4)
    other = zootorch.experiments.pipeline.run(dataclasses.replace(WAVES, train=train))
    assert score_difference(other.results.scores, run.results.scores) > 1e-3


@pytest.mark.parametrize("name", [*RUNS, *(f"default {model}" for model in DEFAULT_RUNS)])
def test_the_configuration_of_a_saved_run_comes_back(saved, tmp_path, name):
    run, _ = saved["mlp", "torch"]
    config = (RUNS | {f"default {model}": each for model, each in DEFAULT_RUNS.items()})[name]
    save_run(tmp_path / "run", dataclasses.replace(run, config=config, backend="jax"))
    loaded = load_run(tmp_path / "run")
    assert (loaded.folder, loaded.config, loaded.backend) == (tmp_path / "run", config, "jax")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.pop("backend"), "is damaged: it lacks a backend or a configuration"),
        (lambda about: about.update(backend="flax"), "is damaged: it lacks a backend"),
        (lambda about: about["config"].pop("data"), "is damaged: it lacks"),
        (lambda about: about["config"].update(model=5), "is damaged: it lacks"),
        (lambda about: about["config"].update(epochs=5), "unknown options epochs; known are data"),
        (lambda about: about["config"]["train"].update(seed=-1), "seed must be an integer from 0"),
        (lambda about: about["config"]["model"].pop("input_dim"), "describes no model known here"),
        (lambda about: about["config"].update(target="size"), "target must be one of shape, color"),
    ],
)
def test_a_damaged_run_is_refused_by_name(saved, tmp_path, change, message):
    about = json.loads((saved["mlp", "jax"][1] / "run.json").read_text())
    change(about)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"run\.json") as caught:
        load_run(tmp_path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        load_run(tmp_path)


@pytest.mark.parametrize("trainer", BACKENDS)
@EACH
def test_either_backend_evaluates_a_saved_run_alike(saved, name, trainer, x64):
    run, folder = saved[name, trainer]
    for each in SAVED:
        results = each.evaluate_run(load_run(folder), "validation")
        assert results.split == "validation"
        check(NAME, score_difference(results.scores, run.results.scores))
    first, second = (each.evaluate_run(load_run(folder), "test") for each in SAVED)
    assert first.scores["num_samples"] == SIZES["test"]
    check(NAME, score_difference(first.scores, second.scores))
    assert first.scores["loss"] != run.results.scores["loss"]


def save_data(folder, data, num_each=2, seed=8):
    card = Card(data, num_each, seed, version="0")
    if isinstance(data, ShapesConfig):
        save_shapes(
            folder, zootorch.experiments.pipeline.simulate_batches(data, num_each, seed, 16), card
        )
    else:
        save_sinusoids(
            folder, zootorch.experiments.pipeline.simulate_waves(data, num_each, seed), card
        )
    return folder


@EACH
def test_either_backend_evaluates_a_data_set_alike(saved, tmp_path, name, x64):
    _, folder = saved[name, "torch"]
    train = dataclasses.replace(RUNS[name].train, seed=8)
    config = dataclasses.replace(RUNS[name], num_each=2, stratified=False, train=train)
    expected = zootorch.experiments.pipeline.simulate(config)
    path = save_data(tmp_path / "data", config.data)
    ours, theirs = (each.evaluate_run(load_run(folder), "validation", path) for each in SAVED)
    check(NAME, score_difference(ours.scores, theirs.scores))
    for results in (ours, theirs):
        assert results.split == str(path)
        np.testing.assert_array_equal(results.inputs, expected.inputs)
        np.testing.assert_array_equal(results.targets, expected.targets)


def test_a_data_set_of_other_colors_serves_a_model_of_shapes(saved, tmp_path):
    _, folder = saved["cnn", "torch"]
    path = save_data(tmp_path / "data", SHAPES)
    results = zootorch.experiments.saved_run.evaluate_run(load_run(folder), "validation", path)
    assert results.scores["num_samples"] == 2 * SHAPES.num_combinations


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("cnn", {"image_width": 17}, "has pictures of (16, 17) pixels, the model takes (16, 16)"),
        (
            "cnn",
            {"shapes": ("circle", "triangle")},
            "has classes circle, triangle; the model has circle, diamond, triangle",
        ),
        ("mlp", {"length": 12}, "has waves of 12 points, the run has 11"),
    ],
)
def test_a_data_set_of_another_size_or_of_other_classes_is_refused(
    saved, tmp_path, name, change, message
):
    _, folder = saved[name, "jax"]
    path = save_data(tmp_path / "data", dataclasses.replace(RUNS[name].data, **change))
    calls = [lambda each=each: each.evaluate_run(load_run(folder), "test", path) for each in SAVED]
    check_refused(f"{path} {message}", *calls)


def test_a_data_set_of_the_other_kind_is_refused(saved, tmp_path):
    paths = {"cnn": save_data(tmp_path / "waves", WAVES.data)}
    paths["mlp"] = save_data(tmp_path / "shapes", SHAPES)
    for name, path in paths.items():
        run = load_run(saved[name, "jax"][1])
        calls = [
            lambda each=each, run=run, path=path: each.evaluate_run(run, "test", path)
            for each in SAVED
        ]
        check_refused("card.json has format", *calls)
