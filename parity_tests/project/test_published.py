"""The classifiers that come with the package do what their cards say, in both backends."""

import csv

import numpy as np
import pytest

import zoojax.experiments.shape_benchmark
import zootorch
import zootorch.experiments.shape_benchmark
from parity_tests.helpers.command_line import read, succeed, zoo
from zoojax.common.shape_benchmark import TEST, Recipe, seed_of_test
from zoojax.common.storage import files, pretrained

LEAST = {"shape": 0.98, "color": 0.995}
"""Accuracy of 640 pictures; on their cards 99.0% and 99.9% of more."""


def card_of(target):
    return read(pretrained.FOLDER / target / pretrained.CARD)


@pytest.mark.parametrize("target", pretrained.TARGETS)
def test_a_card_states_recipe_seeds_and_results(target):
    card = card_of(target)
    assert pretrained.class_names(target) == TEST.class_names(target)
    assert card["recipe"]["target"] == target
    for name, digest in card["files"].items():
        files.check_digest(pretrained.FOLDER / target / name, digest)
    assert card["files"][files.WEIGHTS]["bytes"] < 2e6
    summaries = card["results of all seeds"]
    assert set(summaries) == {"zoojax", "zootorch"}
    for summary in summaries.values():
        figure = summary["accuracy"]
        assert len(figure["values"]) >= 5
        assert figure["mean"] == pytest.approx(np.mean(figure["values"]))
        assert figure["mean"] >= {"shape": 0.99, "color": 0.999}[target]
    assert card["accuracy of these weights"] == summaries["zoojax"]["accuracy"]["values"][0]


@pytest.mark.parametrize(
    ("target", "backend"),
    [
        pytest.param("shape", zoojax, id="shape-zoojax", marks=pytest.mark.slow),
        pytest.param("shape", zootorch, id="shape-zootorch", marks=pytest.mark.slow),
        pytest.param("color", zoojax, id="color-zoojax", marks=pytest.mark.slow),
        pytest.param("color", zootorch, id="color-zootorch"),
    ],
)
def test_they_do_well_on_test_pictures_of_a_seed_of_no_training(target, backend):
    arrays, config = files.load_weights(pretrained.FOLDER / target)
    options = card_of(target)["recipe"]
    recipe = Recipe(target, options["num_each"], config, train=None)
    seed = 123
    assert seed_of_test(seed) > 10_000
    scores = backend.experiments.shape_benchmark.score(recipe, arrays, seed)
    assert scores["accuracy"] >= LEAST[target]


def test_predict_without_a_folder_tells_shape_and_color(tmp_path):
    dataset = zootorch.ShapesDataset(TEST, 1, 9)
    drawn = dataset.batch(range(0, 32, 3))
    np.save(tmp_path / "x.npy", drawn.images.numpy())
    tables = {}
    for backend in ("jax", "torch"):
        out = tmp_path / f"{backend}.csv"
        options = ["--backend", backend, "--out", out]
        succeed("predict", "--files", tmp_path / "x.npy", *options)
        with out.open(encoding="utf-8") as file:
            tables[backend] = list(csv.DictReader(file))
    for first, second in zip(*tables.values(), strict=True):
        assert (first["shape"], first["color"]) == (second["shape"], second["color"])
    shapes, colors = (pretrained.class_names(target) for target in pretrained.TARGETS)
    right = sum(
        (row["shape"], row["color"]) == (shapes[shape], colors[color])
        for row, shape, color in zip(tables["jax"], drawn.shape, drawn.color, strict=True)
    )
    assert right >= len(drawn.images) - 1


def test_predict_without_a_folder_takes_pictures_alone(tmp_path):
    np.save(tmp_path / "waves.npy", np.zeros((2, 50)))
    result = zoo("predict", "--files", tmp_path / "waves.npy")
    assert result.code == 2
    assert "the model takes uint8 pictures of shape (height, width, 3)" in result.err
