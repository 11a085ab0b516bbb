"""Sinusoids: the workshop's values, the order of the list, windows, noise, and both backends."""

import itertools
import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

import zoojax
import zootorch
from parity_tests.helpers.builders import check_refused
from zoojax.spec import draws
from zoojax.spec.config import SinusoidsConfig

REFERENCE = dict(np.load(Path(__file__).parents[1] / "reference" / "sinusoids.npz"))
SMALL = SinusoidsConfig(amplitudes=(1, 3), frequencies=(0.5, 2), phases=(0,), length=11)
NOISY = SinusoidsConfig(**{**vars(SMALL), "noise": 0.3})


def both(config, num_each=1, seed=None, dtype="float64"):
    """Return the waves of both backends, NumPy arrays."""
    key = None if seed is None else jax.random.key(seed)
    ours = zoojax.simulate_sinusoids(config, num_each, key=key, dtype=dtype)
    dataset = zootorch.SinusoidsDataset(config, num_each, seed, dtype=getattr(torch, dtype))
    return [np.asarray(ours.waves), dataset.arrays().waves.numpy()]


def by_numpy(config):
    """Return the waves by the formula of the workshop, one after another."""
    lists = (config.amplitudes, config.frequencies, config.phases, config.vertical_shifts)
    waves = []
    for amplitude, frequency, phase, shift in itertools.product(*lists):
        x = np.linspace(0, 2 * np.pi * frequency, config.length)
        waves.append(amplitude * np.sin(x + phase) + shift)
    return np.array(waves)


def test_the_waves_are_the_workshops():
    for row, wave in zip(REFERENCE["params"], REFERENCE["waves"], strict=True):
        *numbers, length = row
        config = SinusoidsConfig(*([number] for number in numbers), length=int(length))
        for ours in both(config):
            np.testing.assert_allclose(ours, wave[None], rtol=0, atol=1e-13)


def test_the_workshops_whole_data_set():
    config = SinusoidsConfig()
    expected = np.tile(by_numpy(config), (2, 1))
    assert expected.shape == (2 * 400, 50)
    for ours in both(config, num_each=2):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-13)
    for ours in both(config, num_each=2, dtype="float32"):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, expected, rtol=6e-8, atol=1e-9)


NUMBERS = st.lists(st.floats(-10, 10), min_size=1, max_size=3)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(2, 40))
def test_any_lists(amplitudes, frequencies, phases, shifts, length):
    config = SinusoidsConfig(amplitudes, frequencies, phases, shifts, length)
    for ours in both(config):
        np.testing.assert_allclose(ours, by_numpy(config), rtol=0, atol=1e-12)


def test_every_latent_is_recorded():
    ours = zoojax.simulate_sinusoids(SMALL, 2, dtype="float64")
    for batch in (ours, zootorch.SinusoidsDataset(SMALL, 2, dtype=torch.float64).arrays()):
        numbers = np.stack([np.asarray(field) for field in batch[1:]], axis=1)
        lists = (SMALL.amplitudes, SMALL.frequencies, SMALL.phases, SMALL.vertical_shifts)
        np.testing.assert_array_equal(numbers, 2 * list(itertools.product(*lists)))


def test_dtypes_follow_the_frameworks_defaults():
    assert zoojax.simulate_sinusoids(SMALL, 1).waves.dtype == np.float32
    assert zootorch.SinusoidsDataset(SMALL, 1).arrays().waves.dtype == torch.float32


def test_noise_is_normal_seeded_and_the_same_in_both():
    config = SinusoidsConfig(noise=0.3)
    first, second = both(config, num_each=10, seed=3)
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-12)
    noise = (first - np.tile(by_numpy(config), (10, 1))) / 0.3
    # 200,000 numbers: a true normal fails once in a million.
    assert scipy.stats.kstest(noise.ravel(), "norm").pvalue > 1e-6
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 5 / math.sqrt(noise.size)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.012
    other, _ = both(config, num_each=10, seed=4)
    assert np.abs(first - other).min(axis=0).max() > 0
    np.testing.assert_allclose(
        noise[17], draws.normal(draws.fold_in(draws.stream(3, "waves"), 17), 50), atol=1e-12
    )


@pytest.mark.parametrize("seed", ["0", "42", "4294967295"])
def test_noise_follows_the_golden_vectors(seed):
    words = json.loads((Path(__file__).parents[1] / "vectors" / "random.json").read_text())
    first, second = np.array(words[seed]["wave_words"], float).reshape(3, 2).T
    # Box and Muller, 1958, written out.
    expected = np.sqrt(-2 * np.log((first + 0.5) / 2**32)) * np.cos(2 * np.pi * second / 2**32)
    config = SinusoidsConfig(**{**vars(SMALL), "noise": 1.0})
    for noisy in both(config, seed=int(seed)):
        np.testing.assert_allclose((noisy - by_numpy(config))[2, :3], expected, rtol=0, atol=1e-12)


def test_a_wave_does_not_depend_on_how_many_there_are():
    few, many = both(NOISY, num_each=1, seed=1), both(NOISY, num_each=3, seed=1)
    for first, second in zip(few, many, strict=True):
        np.testing.assert_array_equal(first, second[: len(first)])


def test_a_data_loader_gives_the_same_waves():
    dataset = zootorch.SinusoidsDataset(NOISY, 2, seed=1)
    # Threads of JAX run in this process, so that a plain fork could hang.
    for options in ({}, {"num_workers": 2, "multiprocessing_context": "spawn"}):
        batches = list(DataLoader(dataset, batch_size=3, **options))
        waves = torch.cat([batch.waves for batch in batches])
        assert torch.equal(waves, dataset.arrays().waves)
    assert torch.equal(dataset[-1].waves, dataset.arrays().waves[-1])


@pytest.mark.parametrize("index", [-41, 40, 10**9])
def test_there_is_no_wave_outside(index):
    with pytest.raises(IndexError, match="of a data set of 40"):
        zootorch.SinusoidsDataset(SMALL, 2)[index]


@given(st.integers(2, 12), st.data())
def test_windows(num_points, data):
    length = data.draw(st.integers(2, num_points))
    num_next_steps = data.draw(st.integers(1, length - 1))
    waves = np.arange(3 * num_points, dtype=np.float32).reshape(3, num_points)
    starts = range(num_points - length + 1)
    expected = np.array([wave[s : s + length] for wave in waves for s in starts])
    for inputs, targets in (
        zoojax.windows(waves, length, num_next_steps),
        zootorch.windows(torch.from_numpy(waves), length, num_next_steps),
    ):
        np.testing.assert_array_equal(inputs, expected[:, :-num_next_steps])
        np.testing.assert_array_equal(targets, expected[:, -num_next_steps:])


@pytest.mark.parametrize(("length", "num_next_steps"), [(12, 1), (5, 5), (5, 0), (1, 1)])
def test_windows_that_do_not_fit(length, num_next_steps):
    waves = np.zeros((2, 11), np.float32)
    check_refused(
        f"a window of {length} points, {num_next_steps} of them to predict, does not fit",
        lambda: zoojax.windows(waves, length, num_next_steps),
        lambda: zootorch.windows(torch.from_numpy(waves), length, num_next_steps),
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amplitudes": ()}, "amplitudes must be a list of one or more finite numbers, got ()"),
        ({"phases": (1, math.nan)}, "phases must be a list of one or more finite numbers"),
        ({"frequencies": "12"}, "frequencies must be a list of one or more finite numbers"),
        ({"vertical_shifts": 3}, "vertical_shifts must be a list of one or more finite numbers"),
        ({"length": 1}, "length must be an integer >= 2, got 1"),
        ({"num_next_steps": 50}, "num_next_steps must be an integer from 1 to 49, got 50"),
        ({"noise": -0.1}, "noise must be a number at least 0 and under inf, got -0.1"),
    ],
)
def test_configurations_that_cannot_be(options, message):
    check_refused(message, lambda: SinusoidsConfig(**options))


def test_noise_needs_a_seed():
    with pytest.raises(ValueError, match=r"noise of 0.3 needs a key, got none"):
        zoojax.simulate_sinusoids(NOISY, 1)
    with pytest.raises(ValueError, match=r"noise of 0.3 needs a seed, got none"):
        zootorch.SinusoidsDataset(NOISY, 1)


@pytest.mark.parametrize("num_each", [0, -1, 1.5, True])
def test_num_each_is_a_positive_integer(num_each):
    check_refused(
        f"num_each must be an integer >= 1, got {num_each}",
        lambda: zoojax.simulate_sinusoids(SMALL, num_each),
        lambda: zootorch.SinusoidsDataset(SMALL, num_each),
    )
