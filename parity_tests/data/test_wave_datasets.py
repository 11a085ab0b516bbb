"""Data sets of waves on disk: what was saved is loaded, and nothing damaged gets in."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch

import zoojax.experiments.pipeline
import zootorch.experiments.pipeline
from parity_tests.helpers.builders import DAMAGES, assert_dataset_refused, change_card, flip
from parity_tests.tolerances import relative
from zoojax.common.storage.datasets import (
    Card,
    load_shapes,
    load_sinusoids,
    save_shapes,
    save_sinusoids,
)
from zoojax.spec.config import ShapesConfig, SinusoidsConfig
from zoojax.spec.records import SinusoidBatch

CONFIG = SinusoidsConfig((0.5, 2), (0.1, 4), (1,), (-0.25, 1 / 3), length=9, noise=0.05)
CARD = Card(CONFIG, num_each=2, seed=6, version="0")
SHAPES = Card(ShapesConfig(12, 10, 2, 8, colors=("red",)), num_each=1, seed=6, version="0")
NAMES = ("waves.npy", "latents.csv", "card.json")
DATA = NAMES[:-1]


def simulated(package, card=CARD):
    return package.experiments.pipeline.simulate_waves(card.config, card.num_each, card.seed)


@pytest.fixture
def folder(tmp_path):
    save_sinusoids(tmp_path / "data", simulated(zootorch), CARD)
    return tmp_path / "data"


def assert_refused(folder, name, *parts, error=ValueError):
    assert_dataset_refused(load_sinusoids, folder / name, *parts, error=error)


@pytest.mark.parametrize("package", [zoojax, zootorch])
def test_what_was_saved_is_loaded(tmp_path, package):
    batch = simulated(package)
    save_sinusoids(tmp_path / "deep" / "data", batch, CARD)
    loaded, card = load_sinusoids(tmp_path / "deep" / "data")
    assert card == CARD
    assert isinstance(loaded, SinusoidBatch)
    for name, ours, theirs in zip(SinusoidBatch._fields, loaded, batch, strict=True):
        assert ours.dtype == np.float64, name
        np.testing.assert_array_equal(ours, np.asarray(theirs), err_msg=name)


def test_the_waves_are_what_their_latents_and_the_noise_say(folder):
    (waves, amplitude, frequency, phase, shift), _ = load_sinusoids(folder)
    x = np.linspace(0, 2 * np.pi * frequency, CONFIG.length, axis=1)
    clean = amplitude[:, None] * np.sin(x + phase[:, None]) + shift[:, None]
    assert waves.shape == (CARD.num_samples, CONFIG.length) == (16, 9)
    assert 0.03 < np.std(waves - clean) < 0.07
    assert len({*zip(amplitude, frequency, phase, shift, strict=True)}) == 8


def test_both_backends_save_the_same_waves(tmp_path):
    for package in (zoojax, zootorch):
        save_sinusoids(tmp_path / package.__name__, simulated(package), CARD)
    first, second = (load_sinusoids(tmp_path / name)[0] for name in ("zoojax", "zootorch"))
    assert relative(first.waves, second.waves) <= 1e-12
    latents = [(tmp_path / name / "latents.csv").read_bytes() for name in ("zoojax", "zootorch")]
    assert latents[0] == latents[1]


def test_another_seed_makes_other_waves(tmp_path, folder):
    other = CARD._replace(seed=7)
    save_sinusoids(tmp_path / "other", simulated(zoojax, other), other)
    first, second = (load_sinusoids(path)[0] for path in (folder, tmp_path / "other"))
    assert relative(first.waves, second.waves) > 1e-3
    np.testing.assert_array_equal(first.frequency, second.frequency)


def test_float32_waves_are_saved_as_what_they_are(tmp_path):
    batch = zootorch.experiments.pipeline.simulate_waves(CONFIG, 2, 6, "float32")
    assert batch.waves.dtype == torch.float32
    save_sinusoids(tmp_path / "data", batch, CARD)
    np.testing.assert_array_equal(load_sinusoids(tmp_path / "data")[0].waves, batch.waves)


def test_latents_are_a_table(folder):
    with (folder / "latents.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    batch = simulated(zoojax)
    assert list(table[0]) == ["index", "amplitude", "frequency", "phase", "vertical_shift"]
    assert [int(row["index"]) for row in table] == list(range(CARD.num_samples))
    for name in SinusoidBatch._fields[1:]:
        assert [float(row[name]) for row in table] == getattr(batch, name).tolist()
    assert table[1]["vertical_shift"] == "0.3333333333333333"


def test_a_data_set_of_one_wave_is_loaded(tmp_path):
    card = Card(SinusoidsConfig((1,), (1,), (1,), (0,), length=3), 1, 0, "0")
    save_sinusoids(tmp_path / "data", simulated(zootorch, card), card)
    batch, _ = load_sinusoids(tmp_path / "data")
    assert [field.shape for field in batch] == [(1, 3), (1,), (1,), (1,), (1,)]


def test_the_card_says_what_there_is(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["format"] == "sinusoids, 1"
    assert (card["num_each"], card["num_samples"], card["seed"]) == (2, 16, 6)
    assert card["config"]["frequencies"] == [0.1, 4.0]
    assert sorted(card["files"]) == sorted(DATA)
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", DATA)
def test_a_damaged_file_is_refused_by_name(folder, name, damage):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(DAMAGES[damage](whole))
    assert_refused(folder, name, "is damaged")
    (folder / name).write_bytes(whole)
    load_sinusoids(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused_by_name(folder, name):
    (folder / name).unlink()
    assert_refused(folder, name, error=FileNotFoundError)


def test_a_card_that_is_no_json_is_refused(folder):
    path = folder / "card.json"
    path.write_bytes(flip(path.read_bytes(), 0))
    assert_refused(folder, "card.json", "is damaged")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["format"], "sinusoids, 2", "has format 'sinusoids, 2', known is 'sinusoids, 1'"),
        (["config", "lengths"], 3, "unknown options lengths; known are amplitudes"),
        (["config", "noise"], -1, "noise must be a number at least 0"),
        (["config", "length"], 8, "says waves of shape (16, 8), waves.npy holds (16, 9)"),
        (["num_each"], 3, "says waves of shape (24, 9), waves.npy holds (16, 9)"),
        (["num_each"], 0, "num_each must be an integer >= 1, got 0"),
        (["seed"], -1, "seed must be an integer from 0 to 4294967295, got -1"),
        (["files"], {}, "is damaged: it lacks a configuration, or bytes and sha256 of each file"),
        (["files", "latents.csv"], {}, "is damaged"),
        (["files", "target_shape.txt"], {"bytes": 1, "sha256": ""}, "is damaged"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(folder, keys, value, message):
    change_card(folder / "card.json", *keys, value=value)
    assert_refused(folder, "card.json", message)


def test_a_data_set_of_the_other_kind_is_refused(tmp_path, folder):
    card = folder / "card.json"
    message = "has format 'sinusoids, 1', known is 'coloured shapes, 1'"
    assert_dataset_refused(load_shapes, card, message)
    pictures = zootorch.experiments.pipeline.simulate_batches(
        SHAPES.config, SHAPES.num_each, SHAPES.seed, 7
    )
    save_shapes(tmp_path / "shapes", pictures, SHAPES)
    message = "has format 'coloured shapes, 1', known is 'sinusoids, 1'"
    assert_refused(tmp_path / "shapes", "card.json", message)


def test_a_folder_that_is_none_is_refused_by_name(tmp_path):
    assert_refused(tmp_path / "nothing", "card.json", error=FileNotFoundError)


def cut(batch, num):
    return SinusoidBatch(*(field[:num] for field in batch))


@pytest.mark.parametrize(
    ("change", "card", "message"),
    [
        (lambda batch: cut(batch, 15), CARD, r"waves of shape \(16, 9\), the batch holds \(15, 9"),
        (lambda batch: batch._replace(waves=batch.waves[:, 1:]), CARD, r"the batch holds \(16, 8"),
        (lambda batch: batch._replace(waves=batch.waves[0]), CARD, r"the batch holds \(9,\)"),
        (lambda batch: batch, CARD._replace(num_each=3), r"waves of shape \(24, 9\)"),
        (lambda batch: batch._replace(phase=batch.phase[1:]), CARD, "shorter"),
        (lambda batch: cut(batch, 0), CARD._replace(num_each=0), "num_each must be an integer"),
        (lambda batch: batch, CARD._replace(seed=-1), "seed must be an integer from 0"),
    ],
    ids=["waves", "points", "axes", "card", "latents", "no waves", "seed"],
)
def test_a_batch_that_is_not_the_cards_is_refused_and_leaves_nothing(
    tmp_path, change, card, message
):
    with pytest.raises(ValueError, match=message):
        save_sinusoids(tmp_path / "data", change(simulated(zootorch)), card)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **options):
        raise OSError("no space left")

    monkeypatch.setattr(csv, "writer", fail)
    with pytest.raises(OSError, match="no space left"):
        save_sinusoids(tmp_path / "data", simulated(zootorch), CARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", [zoojax, zootorch])
def test_an_existing_folder_is_refused_and_left_alone(folder, package):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match=f"{folder} exists; choose another folder"):
        save_sinusoids(folder, simulated(package), CARD)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]
    shutil.rmtree(folder)
    save_sinusoids(folder, simulated(package), CARD)
