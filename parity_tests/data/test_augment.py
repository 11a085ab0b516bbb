"""Shrunk pictures: against the oracle and golden vectors bit for bit, and by hand."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import zootorch
from parity_tests.helpers import oracle
from parity_tests.helpers.builders import check_refused
from zoojax import random
from zoojax.common.storage.files import make_config
from zoojax.data.augment import shrink
from zoojax.spec import draws, labels
from zoojax.spec.config import ShapesConfig, ShrinkConfig
from zootorch.data.augment import Shrink

SHRUNK = json.loads((Path(__file__).parents[1] / "vectors" / "shrunk.json").read_text())


def jax_shrink(seed, config, images, indices):
    return np.asarray(shrink(random.root_key(seed), images, np.asarray(indices), config=config))


def torch_shrink(seed, config, images, indices):
    shrunk = Shrink(config, zootorch.Generator(seed))
    return shrunk(torch.from_numpy(images), torch.as_tensor(indices)).numpy()


def oracle_shrink(seed, config, images, indices):
    pairs = zip(images, indices, strict=True)
    return np.stack([oracle.shrink(seed, config, *pair)[0] for pair in pairs])


def places(seed, config, images, indices):
    """Return the rows and columns that each shrunk picture fills."""
    pairs = zip(images, indices, strict=True)
    return [oracle.shrink(seed, config, *pair)[1] for pair in pairs]


BACKENDS = pytest.mark.parametrize(
    "shrink_all", [jax_shrink, torch_shrink], ids=["zoojax", "zootorch"]
)


def pictures(num, height=20, width=28, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, height, width, 3), np.uint8)


@pytest.mark.parametrize("name", SHRUNK)
@pytest.mark.parametrize(
    "shrink_all",
    [oracle_shrink, jax_shrink, torch_shrink],
    ids=["oracle", "zoojax", "zootorch"],
)
def test_shrunk_pictures_equal_the_golden_vectors(shrink_all, name):
    case = SHRUNK[name]
    seed, indices = case["seed"], case["indices"]
    data = make_config(ShapesConfig, case["data"], name)
    config = make_config(ShrinkConfig, case["config"], name)
    images = oracle.simulate(seed, data, indices).images
    shrunk = shrink_all(seed, config, images, indices)
    assert shrunk.dtype == np.uint8
    assert oracle.digest(shrunk) == case["sha256"]
    for (rows, columns), place in zip(
        places(seed, config, images, indices), case["place"], strict=True
    ):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        assert [rows.start, columns.start, height, width] == place


# JAX compiles for each configuration, torch does not.
@pytest.mark.parametrize(
    ("shrink_all", "max_examples"),
    [(jax_shrink, 6), (torch_shrink, 40)],
    ids=["zoojax", "zootorch"],
)
def test_any_size_equals_the_oracle(shrink_all, max_examples):
    @settings(max_examples=max_examples, deadline=None, phases=(Phase.reuse, Phase.generate))
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1), start=st.integers(0, 2**31 - 9))
    def check(data, seed, start):
        height, width = (data.draw(st.integers(1, 24)) for _ in range(2))
        high = data.draw(st.integers(1, height))
        new_height = data.draw(st.integers(high, 30))
        new_width = data.draw(st.integers(max(high * width // height, 1), 30))
        config = ShrinkConfig(new_height, new_width, data.draw(st.integers(1, high)), high)
        images, indices = pictures(8, height, width), range(start, start + 8)
        expected = oracle_shrink(seed, config, images, indices)
        assert np.array_equal(shrink_all(seed, config, images, np.array(indices)), expected)

    check()


@BACKENDS
def test_at_half_size_every_second_pixel_is_left_on_fresh_noise(shrink_all):
    images, indices, config = pictures(5, 20, 28), np.arange(5), ShrinkConfig(20, 28, 10, 10)
    shrunk = shrink_all(3, config, images, indices)
    elsewhere = shrink_all(3, config, 255 - images, indices)
    for i, (rows, columns) in enumerate(places(3, config, images, indices)):
        assert np.array_equal(shrunk[i, rows, columns], images[i, ::2, ::2])
        # Beside it nothing of the picture is left, nor its own noise.
        beside = np.ones((20, 28), bool)
        beside[rows, columns] = False
        assert np.array_equal(shrunk[i][beside], elsewhere[i][beside])
        assert (shrunk[i][beside] == images[i][beside]).mean() < 0.05


@BACKENDS
@pytest.mark.parametrize("shape", labels.SHAPES)
@pytest.mark.parametrize("size", [20, 41, 100])
def test_a_shape_at_half_size_is_its_subsampled_mask(shrink_all, shape, size):
    mask = np.zeros((224, 224), bool)
    mask[31 : 31 + size, 62 : 62 + size] = oracle.mask(shape, size, size)
    image = pictures(1, 224, 224)[0]
    rgb = (255, 7, 0)
    image[mask] = rgb
    config = ShrinkConfig(224, 224, 112, 112)
    (shrunk,) = shrink_all(9, config, image[None], np.array([4]))
    ((rows, columns),) = places(9, config, image[None], [4])
    painted = (shrunk == rgb).all(-1)
    expected = np.zeros((224, 224), bool)
    expected[rows, columns] = mask[::2, ::2]
    assert expected.any()
    assert np.array_equal(painted, expected)


# What the shrinking is for: smaller shapes than were simulated, as if they had been.
@pytest.mark.parametrize("shape", labels.SHAPES)
@pytest.mark.parametrize("size", [20, 24, 60, 100])
def test_the_subsampled_mask_of_an_even_half_is_the_mask_of_half_the_size(shape, size):
    for turned in ({}, {"upside_down": True}, {"sideways": True}):
        half = oracle.mask(shape, size // 2, size // 2, **turned)
        assert np.array_equal(oracle.mask(shape, size, size, **turned)[::2, ::2], half)


@BACKENDS
def test_a_picture_does_not_depend_on_its_batch(shrink_all):
    images, config = pictures(16), ShrinkConfig(20, 28, 5, 20)
    whole = shrink_all(1, config, images, np.arange(16))
    order = np.random.default_rng(0).permutation(16)
    assert np.array_equal(shrink_all(1, config, images[order], order), whole[order])
    assert np.array_equal(shrink_all(1, config, images[7:8], np.array([7])), whole[7:8])


@BACKENDS
def test_another_index_or_seed_shrinks_in_another_way(shrink_all):
    images, config = np.repeat(pictures(1), 8, axis=0), ShrinkConfig(20, 28, 5, 19)
    shrunk = shrink_all(1, config, images, np.arange(8))
    others = shrink_all(2, config, images, np.arange(8))
    assert len({each.tobytes() for each in (*shrunk, *others)}) == 16


@BACKENDS
def test_the_pictures_given_are_not_changed(shrink_all):
    images = pictures(4)
    shrink_all(1, ShrinkConfig(20, 28, 5, 20), images, np.arange(4))
    assert np.array_equal(images, pictures(4))


def test_jax_shrinks_alike_inside_a_program_and_with_64_bits():
    images, indices, config = pictures(4), np.arange(4), ShrinkConfig(20, 28, 5, 20)
    expected = oracle_shrink(1, config, images, indices)
    compiled = jax.jit(shrink, static_argnames="config")
    assert np.array_equal(compiled(random.root_key(1), images, indices, config=config), expected)
    with jax.enable_x64(True):
        assert np.array_equal(jax_shrink(1, config, images, indices), expected)


def test_a_full_height_changes_nothing():
    images, config = pictures(4), ShrinkConfig(20, 28, 20, 20)
    for shrink_all in (jax_shrink, torch_shrink):
        assert np.array_equal(shrink_all(1, config, images, np.arange(4)), images)


@BACKENDS
def test_what_is_shrunk_may_lie_on_less_noise_than_there_was(shrink_all):
    images, config = pictures(6), ShrinkConfig(12, 17, 10, 12)
    shrunk = shrink_all(1, config, images, np.arange(6))
    assert shrunk.shape == (6, 12, 17, 3)
    assert np.array_equal(shrunk, oracle_shrink(1, config, images, range(6)))


def test_heights_and_places_are_uniform():
    """Six standard deviations of a mean of 4,000 draws, uniform on their ranges."""
    indices, config = range(4000), ShrinkConfig(16, 16, 4, 12)
    filled = places(6, config, np.zeros((4000, 16, 16, 3), np.uint8), indices)
    heights = np.array([rows.stop - rows.start for rows, _ in filled])
    counts = np.bincount(heights, minlength=13)[4:]
    assert len(counts) == 9
    assert abs(counts - 4000 / 9).max() < 6 * np.sqrt(4000 / 9)
    for axis in (0, 1):
        part = np.array([each[axis].start for each in filled]) / (16 - heights)
        assert abs(part.mean() - 0.5) < 6 * 0.37 / np.sqrt(4000)
        assert part.min() == 0
        assert part.max() == 1


@pytest.mark.parametrize(
    ("perturbed", "value"),
    [("SHRINK_DRAWS", ("top", "height", "left")), ("SHRINK_KEYS", {"place": 1, "noise": 0})],
)
def test_other_draws_give_other_pictures(monkeypatch, perturbed, value):
    images, indices, config = pictures(4), np.arange(4), ShrinkConfig(20, 28, 5, 13)
    expected = oracle_shrink(1, config, images, indices)
    monkeypatch.setattr(f"zootorch.data.augment.{perturbed}", value)
    monkeypatch.setattr(f"zoojax.data.augment.{perturbed}", value)
    jax.clear_caches()
    for shrink_all in (jax_shrink, torch_shrink):
        assert not np.array_equal(shrink_all(1, config, images, indices), expected)
    jax.clear_caches()


@pytest.mark.parametrize(
    ("config", "images", "num_indices", "message"),
    [
        (
            ShrinkConfig(20, 28, 5, 20),
            pictures(2)[..., :2],
            2,
            "images must be (batch, height, width, 3) uint8, got (2, 20, 28, 2) uint8",
        ),
        (
            ShrinkConfig(20, 28, 5, 20),
            pictures(2).astype(np.float32),
            2,
            "images must be (batch, height, width, 3) uint8, got (2, 20, 28, 3) float32",
        ),
        (
            ShrinkConfig(20, 20, 5, 20),
            pictures(2),
            2,
            "images of 20x28 pixels, shrunk to a height of 20, are wider than image_width, 20",
        ),
        (ShrinkConfig(20, 28, 5, 20), pictures(2), 3, "2 images need an index each, got (3,)"),
        (
            ShrinkConfig(21, 28, 5, 21),
            pictures(2),
            2,
            "max_height must be at most the images' height of 20 pixels, got 21",
        ),
    ],
)
def test_what_cannot_be_shrunk_is_refused(config, images, num_indices, message):
    indices = np.arange(num_indices)
    check_refused(
        message,
        lambda: jax_shrink(0, config, images, indices),
        lambda: torch_shrink(0, config, images, indices),
    )


def test_the_stream_is_the_last_one():
    """A stream put before another would move every draw of that one."""
    assert list(draws.STREAMS)[-1] == "augment"
    assert draws.STREAMS["augment"] == 8
