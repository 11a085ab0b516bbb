"""zoo benchmark-shapes: two seeds of a tiny recipe in both backends."""

import dataclasses

import numpy as np
import pytest

import zoojax.experiments.shape_benchmark
import zootorch.experiments.shape_benchmark
from parity_tests.helpers.command_line import read, succeed, zoo
from zoojax.common.shape_benchmark import (
    RECIPES,
    TEST,
    seed_of_test,
    summarise,
    table,
)
from zoojax.common.storage import files

OPTIONS = ["--targets", "color", "--num-each", "4", "--num-seeds", "2"]
SEEDS = ["color-jax-0", "color-jax-1", "color-torch-0", "color-torch-1"]
NAMES = TEST.class_names("color")
NUM_TEST_EACH = 5
"""Instead of 20, to test on 160 images instead of 640."""


def tiny(recipe):
    """Return a recipe of a model with few channels."""
    model = dataclasses.replace(recipe.model, num_cnn_channels=4, hidden_dim=4)
    return dataclasses.replace(recipe, model=model)


@pytest.fixture(autouse=True, scope="module")
def few_test_images():
    with pytest.MonkeyPatch.context() as patch:
        for backend in (zoojax, zootorch):
            patch.setattr(backend.experiments.shape_benchmark, "NUM_TEST_EACH", NUM_TEST_EACH)
        yield


@pytest.fixture(scope="module")
def benchmarked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark") / "new"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES["shrunk"], "color", tiny(RECIPES["shrunk"]["color"]))
        said = succeed("benchmark-shapes", "--out", folder, *OPTIONS).out
        yield folder, said


def test_it_writes_each_seed_and_a_summary(benchmarked):
    folder, said = benchmarked
    assert {path.name for path in folder.iterdir()} == {*SEEDS, "color-summary.json"}
    summaries = {}
    for backend in ("jax", "torch"):
        scores = [read(folder / f"color-{backend}-{seed}" / "scores.json") for seed in (0, 1)]
        assert [each["seed"] for each in scores] == [0, 1]
        assert all(each["seconds"] > 0 for each in scores)
        summaries[f"zoo{backend}"] = summarise([each["scores"] for each in scores], NAMES)
    kept = read(folder / "color-summary.json")
    assert kept["summaries"] == files.without_nan(summaries)
    assert kept["recipe"]["num_each"] == 4
    assert said.endswith(table(summaries) + "\n")


def test_both_backends_train_alike(benchmarked):
    folder, _ = benchmarked
    for seed in (0, 1):
        ours, theirs = (
            files.load_weights(folder / f"color-{backend}-{seed}")[0]
            for backend in ("jax", "torch")
        )
        # Of the last layer, which no BatchNorm follows: a bias before one is rounding noise.
        for name in ("output_block.weight", "output_block.bias"):
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5)


def test_seeds_differ(benchmarked):
    folder, _ = benchmarked
    first, second = (files.load_weights(folder / f"color-jax-{seed}")[0] for seed in (0, 1))
    assert not np.allclose(first["output_block.weight"], second["output_block.weight"], atol=0.01)


@pytest.mark.filterwarnings("ignore::zoojax.spec.metrics.UndefinedMetricWarning")
def test_scores_are_of_the_test_pictures_of_another_seed(benchmarked):
    folder, _ = benchmarked
    arrays, config = files.load_weights(folder / "color-torch-1")
    assert (config.height, config.width) == (TEST.image_height, TEST.image_width)
    model = zootorch.load_pretrained(folder / "color-torch-1")
    drawn = zootorch.ShapesDataset(TEST, NUM_TEST_EACH, seed_of_test(1)).arrays()
    right = zootorch.predict(model, drawn.images).argmax(-1) == drawn.color
    expected = right.double().mean().item()
    recipe = tiny(RECIPES["shrunk"]["color"])
    for backend in (zoojax, zootorch):
        scores = backend.experiments.shape_benchmark.score(recipe, arrays, 1)
        # In the other backend rounding may move a picture on the edge.
        assert scores["accuracy"] == pytest.approx(expected, abs=1.5 / len(right))
    assert read(folder / "color-torch-1" / "scores.json")["scores"]["accuracy"] == expected


def test_what_is_there_is_not_trained_again(benchmarked, monkeypatch):
    folder, said = benchmarked

    def refuse(*_, **__):
        raise AssertionError("nothing is to be trained")

    for backend in (zoojax, zootorch):
        monkeypatch.setattr(backend.experiments.shape_benchmark, "train_and_test", refuse)
    again = succeed("benchmark-shapes", "--out", folder, *OPTIONS).out
    assert said.endswith(again)


def test_a_folder_of_another_recipe_is_refused(benchmarked):
    folder, _ = benchmarked
    before = (folder / "color-jax-0" / "scores.json").read_bytes()
    result = zoo("benchmark-shapes", "--out", folder, *OPTIONS, "--num-epochs", "2")
    assert result.code == 2
    assert "scores.json is of another recipe; choose another folder" in result.err
    assert (folder / "color-jax-0" / "scores.json").read_bytes() == before


def test_one_seed_has_no_spread(tmp_path):
    result = zoo("benchmark-shapes", "--out", tmp_path / "new", "--num-seeds", "1")
    assert result.code == 2
    assert "a spread needs at least 2 seeds, got 1" in result.err
    assert not (tmp_path / "new").exists()
