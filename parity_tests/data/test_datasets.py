"""Data sets on disk: the same bytes from both backends, and nothing damaged gets in."""

import csv
import hashlib
import json

import numpy as np
import pytest

import zoojax.experiments.pipeline
import zootorch.experiments.pipeline
from parity_tests.helpers import oracle
from parity_tests.helpers.builders import DAMAGES, assert_dataset_refused, change_card, flip
from parity_tests.helpers.oracle import assert_same
from zoojax.common.storage.datasets import Card, load_shapes, save_shapes
from zoojax.spec.config import ShapesConfig

CONFIG = ShapesConfig(
    image_height=12,
    image_width=10,
    min_size=2,
    max_size=8,
    shapes=("circle", "triangle"),
    colors={"red": (255, 0, 0), "moss": (0, 128, 7)},
)
CARD = Card(CONFIG, num_each=2, seed=6, version="0")
NAMES = ("images.npy", "target_shape.txt", "target_color.txt", "latents.csv", "card.json")
DATA = NAMES[:-1]


def batches(package, batch_size=7):
    return package.experiments.pipeline.simulate_batches(
        CONFIG, CARD.num_each, CARD.seed, batch_size
    )


def expected_pictures():
    return oracle.simulate(CARD.seed, CONFIG, range(CARD.num_samples))


@pytest.fixture
def folder(tmp_path):
    save_shapes(tmp_path / "data", batches(zootorch), CARD)
    return tmp_path / "data"


def assert_refused(folder, name, *parts, error=ValueError):
    assert_dataset_refused(load_shapes, folder / name, *parts, error=error)


@pytest.mark.parametrize("package", [zoojax, zootorch])
def test_what_was_saved_is_loaded(tmp_path, package):
    save_shapes(tmp_path / "deep" / "data", batches(package), CARD)
    drawn, card = load_shapes(tmp_path / "deep" / "data")
    assert card == CARD
    assert_same(drawn, expected_pictures())


def test_both_backends_write_the_same_bytes(tmp_path):
    for package, batch_size in ((zoojax, 5), (zootorch, 16)):
        save_shapes(tmp_path / package.__name__, batches(package, batch_size), CARD)
    first, second = tmp_path / "zoojax", tmp_path / "zootorch"
    assert sorted(path.name for path in first.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_another_seed_writes_other_bytes(tmp_path, folder):
    other = CARD._replace(seed=7)
    pictures = zootorch.experiments.pipeline.simulate_batches(CONFIG, other.num_each, other.seed, 7)
    save_shapes(tmp_path / "other", pictures, other)
    for name in ("images.npy", "latents.csv", "card.json"):
        assert (folder / name).read_bytes() != (tmp_path / "other" / name).read_bytes()


def test_pictures_are_mapped_and_not_read(folder):
    drawn, _ = load_shapes(folder)
    assert isinstance(drawn.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        drawn.images[0] = 0


def test_labels_are_read_as_in_the_workshop(folder):
    pictures = expected_pictures()
    shapes = np.loadtxt(folder / "target_shape.txt", dtype=str)
    colors = np.loadtxt(folder / "target_color.txt", dtype=str)
    assert shapes.tolist() == [CONFIG.shapes[label] for label in pictures.shape]
    assert colors.tolist() == [list(CONFIG.palette)[label] for label in pictures.color]
    assert set(colors) == {"black", "moss", "red", "white"}


def test_latents_are_a_table(folder):
    pictures = expected_pictures()
    with (folder / "latents.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["index"]) for row in table] == list(range(CARD.num_samples))
    assert [row["shape"] for row in table] == [CONFIG.shapes[label] for label in pictures.shape]
    for place, channel in enumerate(("red", "green", "blue")):
        assert [int(row[channel]) for row in table] == pictures.rgb[:, place].tolist()
    for name in ("magnitude", "size", "top", "left", "upside_down", "sideways"):
        assert [int(row[name]) for row in table] == getattr(pictures, name).tolist()


def test_the_card_says_what_there_is(folder):
    card = json.loads((folder / "card.json").read_text())
    assert card["config"]["image_height"] == 12
    assert card["config"]["colors"] == ["moss=0,128,7", "red"]
    assert (card["num_each"], card["num_samples"], card["seed"]) == (2, 16, 6)
    assert sorted(card["files"]) == sorted(DATA)
    for name, about in card["files"].items():
        content = (folder / name).read_bytes()
        assert about == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", DATA)
def test_a_damaged_file_is_refused_by_name(folder, name, damage):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(DAMAGES[damage](whole))
    assert_refused(folder, name, "is damaged")
    (folder / name).write_bytes(whole)
    load_shapes(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused_by_name(folder, name):
    (folder / name).unlink()
    assert_refused(folder, name, error=FileNotFoundError)


@pytest.mark.parametrize("damage", ["first byte", "truncated to half", "emptied", "a list"])
def test_a_card_that_is_no_json_object_is_refused(folder, damage):
    path = folder / "card.json"
    whole = path.read_bytes()
    broken = {
        "first byte": flip(whole, 0),
        "truncated to half": whole[: len(whole) // 2],
        "emptied": b"",
        "a list": b"[1]",
    }
    path.write_bytes(broken[damage])
    assert_refused(folder, "card.json", "is damaged")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["format"], "coloured shapes, 2", "'coloured shapes, 2', known is 'coloured shapes, 1'"),
        (["config", "image_depth"], 3, "unknown options image_depth; known are image_height"),
        (["config", "magnitude"], 100, "magnitude must be an integer from 0 to 99, got 100"),
        (["config"], 5, "is damaged"),
        (["num_each"], 0, "num_each must be an integer >= 1, got 0"),
        (["num_each"], 3, "(24, 12, 10, 3), images.npy holds (16, 12, 10, 3)"),
        (["config", "image_width"], 11, "(16, 12, 11, 3), images.npy holds (16, 12, 10, 3)"),
        (["seed"], -1, "seed must be an integer from 0 to 4294967295, got -1"),
        (["files", "card.json"], {"bytes": 1, "sha256": ""}, "is damaged"),
        (["files"], [], "is damaged"),
        (["files", "images.npy"], {}, "is damaged"),
        (["files", "images.npy"], 7, "is damaged"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(folder, keys, value, message):
    change_card(folder / "card.json", *keys, value=value)
    assert_refused(folder, "card.json", message)


@pytest.mark.parametrize("key", ["format", "config", "num_each", "seed", "version", "files"])
def test_a_card_that_lacks_something_is_refused(folder, key):
    path = folder / "card.json"
    card = json.loads(path.read_text())
    del card[key]
    path.write_text(json.dumps(card))
    assert_refused(folder, "card.json", f"lacks {key}")


class PowerCutError(Exception):
    pass


def interrupted():
    yield from batches(zootorch, 5)
    raise PowerCutError


def too_few():
    return list(batches(zootorch, 5))[:-1]


def too_many():
    return [*batches(zootorch, 8), *batches(zootorch, 1)]


def label_without_name():
    for batch in batches(zootorch, 8):
        yield batch._replace(shape=batch.shape + 1)


def wrong_size():
    for batch in batches(zootorch, 8):
        yield batch._replace(images=batch.images[:, :1, :1])


@pytest.mark.parametrize(
    ("pictures", "error", "message"),
    [
        (interrupted, PowerCutError, None),
        (too_few, ValueError, "the card says 16 pictures, the batches hold 15"),
        (too_many, ValueError, "the card says 16 pictures, the batches hold more"),
        (label_without_name, IndexError, "out of bounds"),
        (wrong_size, ValueError, r"of shape \(12, 10, 3\), a batch holds uint8 of \(1, 1, 3\)"),
    ],
)
def test_a_failure_while_writing_leaves_nothing(tmp_path, pictures, error, message):
    with pytest.raises(error, match=message):
        save_shapes(tmp_path / "data", pictures(), CARD)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_and_left_alone(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match=f"{folder} exists; choose another folder"):
        save_shapes(folder, batches(zootorch), CARD)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_names_with_signs_and_accents_come_back(tmp_path):
    colors = {"dark-sea_2": (0, 60, 90), "grün": (0, 136, 0)}
    card = CARD._replace(config=ShapesConfig(12, 10, 2, 8, colors=colors, shades=False))
    pictures = zootorch.experiments.pipeline.simulate_batches(
        card.config, card.num_each, card.seed, 7
    )
    save_shapes(tmp_path / "data", pictures, card)
    drawn, loaded = load_shapes(tmp_path / "data")
    assert loaded == card
    assert_same(drawn, oracle.simulate(card.seed, card.config, range(card.num_samples)))
