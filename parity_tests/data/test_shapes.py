"""Pictures of shapes: masks against the workshop's, pictures against the oracle bit for bit."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

import zoojax
import zootorch
from parity_tests.helpers import oracle
from parity_tests.helpers.oracle import assert_same, to_numpy
from zoojax import random
from zoojax.common.storage.files import make_config
from zoojax.data.shapes import render_scene, row_spans
from zoojax.spec import labels
from zoojax.spec.config import ShapesConfig
from zoojax.spec.records import ShapeBatch

TESTS = Path(__file__).parents[1]
MASKS = np.load(TESTS / "reference" / "shape_masks.npz")
SCENES = json.loads((TESTS / "vectors" / "scenes.json").read_text())
OWN_COLORS = {"moss": (0, 128, 7), "rust": (200, 255, 0), "ash": (9, 9, 9)}


def jax_simulate(seed, config, indices):
    return zoojax.simulate_batch(random.root_key(seed), config, np.asarray(indices))


def torch_simulate(seed, config, indices):
    num_each = int(max(indices)) // config.num_combinations + 1
    return to_numpy(zootorch.ShapesDataset(config, num_each, seed).batch(indices))


BACKENDS = pytest.mark.parametrize(
    "simulate", [jax_simulate, torch_simulate], ids=["zoojax", "zootorch"]
)


def small(**options):
    return ShapesConfig(
        **{"image_height": 24, "image_width": 32, "min_size": 2, "max_size": 20} | options
    )


def parse_key(key):
    shape, size, *turns = key.split("/")
    width, height = map(int, size.split("x"))
    turned = {name: value == "1" for name, value in (turn.split("=") for turn in turns)}
    return (shape, width, height), turned


def workshops_masks():
    for key in (key for key in MASKS.files if not key.endswith("#shape")):
        shape = MASKS[f"{key}#shape"]
        mask = np.unpackbits(MASKS[key], count=shape.prod()).reshape(shape).astype(bool)
        yield *parse_key(key), mask


@pytest.mark.parametrize(
    "shape_mask",
    [
        pytest.param(oracle.mask, id="oracle"),
        pytest.param(zootorch.shape_mask, id="zootorch"),
        # Compiles anew for each of 66 sizes; the spans that it is made of follow below.
        pytest.param(zoojax.shape_mask, id="zoojax", marks=pytest.mark.slow),
    ],
)
def test_every_mask_equals_the_workshops(shape_mask):
    for sizes, turned, expected in workshops_masks():
        mask = np.asarray(shape_mask(*sizes, **turned))
        assert mask.dtype == bool
        assert np.array_equal(mask, expected), (sizes, turned)


@jax.jit
def jax_spans(kind, width, height, turned):
    return row_spans(kind, jax.numpy.arange(110), width=width, height=height, **turned)


def test_every_span_of_zoojax_paints_the_workshops_mask():
    columns, num_masks = np.arange(110), 0
    for (shape, width, height), turned, expected in workshops_masks():
        turns = {"upside_down": False, "sideways": False} | turned
        first, last = map(np.asarray, jax_spans(labels.SHAPES.index(shape), width, height, turns))
        painted = (columns >= first[:, None]) & (columns <= last[:, None])
        side = max(width, height)
        assert np.array_equal(painted[:side, :side], expected), (shape, width, height, turned)
        assert painted.sum() == expected.sum()
        num_masks += 1
    assert num_masks == 486


def test_a_mask_of_zoojax_is_its_spans():
    for sizes in (("circle", 8, 8), ("diamond", 5, 8), ("triangle", 8, 3)):
        assert np.array_equal(zoojax.shape_mask(*sizes), oracle.mask(*sizes))


@pytest.mark.parametrize("shape_mask", [zoojax.shape_mask, zootorch.shape_mask])
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (("star", 3, 3), "unknown shape 'star'; known are circle, diamond, rectangle, triangle"),
        (("diamond", 0, 3), "width must be an integer >= 1, got 0"),
        (("diamond", 3, 1.5), "height must be an integer >= 1, got 1.5"),
        (("circle", 3, 4), "equal, got 3 and 4"),
    ],
)
def test_a_mask_that_does_not_exist_is_refused(shape_mask, sizes, message):
    with pytest.raises(ValueError, match=message):
        shape_mask(*sizes)


# Few, since each compiles; the golden vectors below hold the default size, wide and tall
# images, and colors of one's own.
CASES = {
    "3 * width % 4 = 1, one shape": small(image_width=23, shapes=("triangle",)),
    "3 * width % 4 = 2, one color, no jitter": small(
        image_width=22, colors=("cyan",), shades=False, magnitude=0
    ),
    "3 * width % 4 = 3, shades alone, largest jitter": small(
        image_width=21, colors=(), magnitude=99
    ),
    "own colors beside known ones": small(colors={**OWN_COLORS, "red": (255, 0, 0)}),
    "one size, whole image": small(image_width=24, min_size=24, max_size=24),
    "size of one pixel": small(min_size=1, max_size=1),
    "image of one pixel": small(image_height=1, image_width=1, min_size=1, max_size=1),
}


@pytest.mark.parametrize("case", CASES)
@BACKENDS
def test_pictures_and_latents_equal_the_oracle(simulate, case):
    assert_same(simulate(5, CASES[case], range(32)), oracle.simulate(5, CASES[case], range(32)))


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(
    "simulate",
    [oracle.simulate, jax_simulate, torch_simulate],
    ids=["oracle", "zoojax", "zootorch"],
)
def test_pictures_and_latents_equal_the_golden_vectors(simulate, name):
    scene = SCENES[name]
    config = make_config(ShapesConfig, scene["config"], name)
    drawn = simulate(scene["seed"], config, scene["indices"])
    assert oracle.digest(drawn.images) == scene["sha256"]
    for field in ShapeBatch._fields[1:]:
        assert getattr(drawn, field).tolist() == scene[field], field


@st.composite
def configs(draw):
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    max_size = draw(st.integers(1, min(height, width)))
    byte = st.integers(0, 255)
    own = draw(st.dictionaries(st.sampled_from("abc"), st.tuples(byte, byte, byte)))
    base = draw(st.sets(st.sampled_from(sorted(labels.BASE_COLORS)), min_size=1))
    return ShapesConfig(
        image_height=height,
        image_width=width,
        min_size=draw(st.integers(1, max_size)),
        max_size=max_size,
        shapes=tuple(draw(st.sets(st.sampled_from(labels.SHAPES), min_size=1))),
        colors={**{name: labels.BASE_COLORS[name] for name in base}, **own},
        shades=draw(st.booleans()),
        magnitude=draw(st.integers(0, 99)),
    )


# JAX compiles for each configuration, torch does not; nor is there time to look for the
# smallest failure.
@pytest.mark.parametrize(
    ("simulate", "max_examples"),
    [(jax_simulate, 4), (torch_simulate, 40)],
    ids=["zoojax", "zootorch"],
)
def test_any_configuration_equals_the_oracle(simulate, max_examples):
    @settings(max_examples=max_examples, deadline=None, phases=(Phase.reuse, Phase.generate))
    @given(config=configs(), seed=st.integers(0, 2**32 - 1), start=st.integers(0, 1000))
    def check(config, seed, start):
        indices = range(start, start + 12)
        assert_same(simulate(seed, config, indices), oracle.simulate(seed, config, indices))

    check()


def rows(batch, indices):
    return ShapeBatch(*(np.asarray(field)[indices] for field in batch))


def test_whole_data_sets_are_their_pictures_in_order():
    config = small()
    expected = oracle.simulate(3, config, range(64))
    assert_same(zoojax.simulate_shapes(random.root_key(3), config, 2), expected)
    assert_same(to_numpy(zootorch.ShapesDataset(config, 2, 3).arrays()), expected)


@BACKENDS
def test_a_picture_does_not_depend_on_its_batch(simulate):
    config = small()
    whole = simulate(3, config, range(64))
    order = np.random.default_rng(0).permutation(64)
    assert_same(simulate(3, config, order), rows(whole, order))
    for index in (0, 40, 63):
        assert_same(simulate(3, config, [index]), rows(whole, [index]))
    repeated = [7, 7, *range(62)]
    assert_same(simulate(3, config, repeated), rows(whole, repeated))


def test_a_picture_does_not_depend_on_the_number_of_pictures():
    config = small()
    few, many = (zoojax.simulate_shapes(random.root_key(3), config, n) for n in (1, 2))
    assert_same(few, rows(many, slice(32)))
    few, many = (zootorch.ShapesDataset(config, n, 3) for n in (1, 2))
    assert_same(to_numpy(few.arrays()), rows(many.arrays(), slice(32)))
    for index in (0, 31, 32, 63):
        assert_same(to_numpy(many[index]), rows(many.arrays(), index))


@BACKENDS
def test_every_combination_is_equally_often(simulate):
    drawn = simulate(3, small(), range(64))
    pairs, counts = np.unique(np.stack([drawn.shape, drawn.color]), axis=1, return_counts=True)
    assert pairs.shape == (2, 4 * 8)
    assert (counts == 2).all()


@BACKENDS
def test_another_seed_gives_other_pictures(simulate):
    first, second = (np.asarray(simulate(seed, small(), range(64)).images) for seed in (0, 1))
    # Of unrelated bytes one in 256 is the same; shapes that overlap add some.
    assert (first == second).mean() < 0.2


@functools.partial(jax.jit, static_argnums=0)
def render_scenes(config, key, indices, scenes):
    return jax.vmap(lambda index, scene: render_scene(key, config, index, scene))(indices, scenes)


def jax_render(dataset, scenes):
    key, indices = random.root_key(dataset.seed), np.arange(len(dataset))
    return render_scenes(dataset.config, key, indices, jax.tree.map(np.asarray, scenes))


def torch_render(dataset, scenes):
    dataset.scenes = scenes
    return dataset.arrays().images.numpy()


@pytest.mark.parametrize("render", [jax_render, torch_render])
@pytest.mark.parametrize(
    "latent", ["shape", "rgb", "size", "top", "left", "upside_down", "sideways"]
)
def test_a_latent_changed_by_one_changes_every_picture(render, latent):
    triangles = latent in ("upside_down", "sideways")
    # One size in the corner of the image leaves room to move and to grow.
    config = small(min_size=9, max_size=9, shapes=("triangle",) if triangles else labels.SHAPES)
    dataset = zootorch.ShapesDataset(config, 1, 0)
    scenes = dataset.scenes._replace(top=dataset.scenes.top * 0, left=dataset.scenes.left * 0)
    expected = np.asarray(render(dataset, scenes))
    value = getattr(scenes, latent)
    changed = ~value if triangles else (value + 1) % 4 if latent == "shape" else value + 1
    perturbed = np.asarray(render(dataset, scenes._replace(**{latent: changed})))
    assert (perturbed != expected).any((1, 2, 3)).all()
    assert (np.asarray(render(dataset, scenes)) == expected).all()


# Six standard deviations, and as rare for chi-squared: a false alarm in 5e8 seeds a check,
# and the seed is fixed.
ALARM = 2e-9


def is_uniform(values, low, high):
    counts = np.bincount(values - low, minlength=high - low + 1)
    return len(counts) == high - low + 1 and stats.chisquare(counts).pvalue > ALARM


@BACKENDS
def test_latents_are_distributed_as_the_syllabus_says(simulate):
    config = ShapesConfig(12, 16, min_size=3, max_size=10, shapes=("triangle",), magnitude=20)
    drawn = to_numpy(simulate(11, config, range(8000)))
    assert is_uniform(drawn.size, 3, 10)
    assert is_uniform(drawn.magnitude, 0, 20)
    assert is_uniform(drawn.upside_down.astype(int), 0, 1)
    assert is_uniform(drawn.sideways.astype(int), 0, 1)
    for size in (3, 10):
        chosen = drawn.size == size
        assert is_uniform(drawn.top[chosen], 0, 12 - size)
        assert is_uniform(drawn.left[chosen], 0, 16 - size)
    place = [drawn.top / (12 - drawn.size), drawn.left / (16 - drawn.size)]
    others = [drawn.size, drawn.magnitude, drawn.upside_down, drawn.sideways]
    correlation = np.corrcoef([*place, *others]) - np.eye(6)
    assert abs(correlation).max() < 6 / np.sqrt(8000)


@pytest.mark.parametrize("values", [np.full(800, 3), np.arange(800) % 7, np.arange(800) % 9])
def test_the_check_of_uniformity_can_fail(values):
    assert is_uniform(np.arange(800) % 8, 0, 7)
    assert not is_uniform(values, 0, 7)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_data_loader_gives_the_same_pictures(num_workers):
    dataset = zootorch.ShapesDataset(small(), 1, 3)
    # Threads of JAX run in this process, so that a plain fork could hang.
    context = "spawn" if num_workers else None
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=5, num_workers=num_workers, multiprocessing_context=context
    )
    batches = list(loader)
    assert isinstance(batches[0], ShapeBatch)
    whole = ShapeBatch(*map(torch.cat, zip(*batches, strict=True)))
    assert_same(to_numpy(whole), to_numpy(dataset.arrays()))


def test_a_data_set_is_indexed_as_a_list():
    dataset = zootorch.ShapesDataset(small(), 1, 3)
    assert len(dataset) == 32
    for index in (-1, -32):
        assert_same(to_numpy(dataset[index]), to_numpy(dataset[32 + index]))
    for index in (32, -33):
        with pytest.raises(IndexError, match=f"sample {index} of a data set of 32"):
            dataset[index]
    for indices in ([0, 32], [-1]):
        with pytest.raises(IndexError, match=f"sample {indices[-1]} of a data set of 32"):
            dataset.batch(indices)
    assert len(list(dataset)) == 32


@pytest.mark.parametrize("num_each", [0, -1, 1.5, True, None])
def test_a_data_set_without_pictures_is_refused(num_each):
    with pytest.raises(ValueError, match=r"num_each must be an integer >= 1, got"):
        zoojax.simulate_shapes(random.root_key(0), small(), num_each)
    with pytest.raises(ValueError, match=r"num_each must be an integer >= 1, got"):
        zootorch.ShapesDataset(small(), num_each, 0)


# Prints the digest of the last picture and the growth of the peak memory in MB while 64
# pictures at the end of 64,000 are made, and then forty batches from the start.
MEMORY_PROBE = """
import itertools, resource, sys
import numpy as np
from parity_tests.helpers import oracle
from zoojax.spec.config import ShapesConfig

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

config, tiny = ShapesConfig(), ShapesConfig(8, 8, 2, 4)
if sys.argv[1] == "zoojax":
    from zoojax import random, simulate_batch
    from zoojax.experiments import pipeline
    make = lambda: lambda i: simulate_batch(random.root_key(0), config, i)
else:
    from zootorch import ShapesDataset
    from zootorch.experiments import pipeline
    make = lambda: ShapesDataset(config, 2000, 0).batch
for batch in pipeline.simulate_batches(tiny, 1, 0, 8):
    np.asarray(batch.images)
before = peak()
images = np.asarray(make()(np.arange(63936, 64000)).images)
last = oracle.digest(images[-1])
for batch in itertools.islice(pipeline.simulate_batches(config, 2000, 0, 64), 40):
    np.asarray(batch.images)
print(last, peak() - before)
"""


@pytest.mark.parametrize("package", ["zoojax", "zootorch"])
def test_a_batch_needs_the_memory_of_a_batch(package):
    result = subprocess.run(
        [sys.executable, "-c", MEMORY_PROBE, package],
        env={"PYTHONPATH": str(TESTS.parent), "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    digest, growth = result.stdout.split()
    assert digest == oracle.digest(oracle.picture(0, ShapesConfig(), 63999).images)
    # A batch has 10 MB, forty 385 MB, all pictures 9,600 MB; compiling needs some as well.
    assert float(growth) < 250
