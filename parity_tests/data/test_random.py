"""Random words: known answers, golden vectors, and JAX and torch against the NumPy reference."""

import hashlib
import json
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zootorch.random
from zoojax import random
from zoojax.spec import draws

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "random.json").read_text())
SEEDS = st.integers(0, draws.MAX_SEED)
INDICES = st.integers(0, 2**32 - 1)


def key_data(key):
    return np.asarray(jax.random.key_data(key))


def jax_key(words):
    return jax.random.wrap_key_data(np.array(words, np.uint32), impl="threefry2x32")


# The known-answer vectors that the authors of Threefry publish with Random123.
@pytest.mark.parametrize(
    ("key", "count", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_gives_the_published_answers(key, count, answer):
    assert tuple(draws.threefry2x32(np.array(key), np.array(count))) == answer
    ours = zootorch.random.threefry2x32(torch.tensor(key), torch.tensor(count))
    assert tuple(ours.tolist()) == answer


def numpy_stream(seed, name):
    return draws.stream(seed, name)


def jax_words(key, num):
    return np.asarray(random.words(jax_key(key), num))


def torch_words(key, num):
    return zootorch.random.words(torch.tensor(np.asarray(key, np.int64)), num).numpy()


BACKENDS = pytest.mark.parametrize("words", [draws.words, jax_words, torch_words])


@pytest.mark.parametrize("seed", VECTORS)
@BACKENDS
def test_words_equal_the_golden_vectors(seed, words):
    vectors = VECTORS[seed]
    for index, key in vectors["noise_keys"].items():
        assert words(np.array(key, np.uint32), 6).tolist() == vectors["noise_words"][index]
    many = words(np.array(vectors["noise_keys"]["1"], np.uint32), 37632)
    digest = hashlib.sha256(many.astype("<u4")).hexdigest()
    assert digest == vectors["noise_words_sha256"]


@pytest.mark.parametrize("seed", VECTORS)
def test_keys_equal_the_golden_vectors(seed):
    vectors, number = VECTORS[seed], int(seed)
    assert draws.root_key(number).tolist() == vectors["root_key"]
    assert key_data(random.root_key(number)).tolist() == vectors["root_key"]
    assert zootorch.random.root_key(number).tolist() == vectors["root_key"]
    for name, expected in vectors["streams"].items():
        assert draws.stream(number, name).tolist() == expected
        assert key_data(random.stream(random.root_key(number), name)).tolist() == expected
        assert zootorch.random.Generator(number).stream(name).key.tolist() == expected


@pytest.mark.parametrize("seed", VECTORS)
def test_uses_of_words_equal_the_golden_vectors(seed):
    vectors, number = VECTORS[seed], int(seed)
    root, generator = random.root_key(number), zootorch.random.Generator(number)

    shuffle = jax.random.fold_in(random.stream(root, "shuffle"), 0)
    assert random.permutation(shuffle, 12).tolist() == vectors["permutation_of_12"]
    assert generator.stream("shuffle").permutation(12).tolist() == vectors["permutation_of_12"]

    kept = vectors["kept_by_dropout_0.2_step_3_layer_1"]
    step_key = jax.random.fold_in(random.stream(root, "dropout"), 3)
    mask = random.keep_mask(jax.random.fold_in(step_key, 1), (4, 4), 0.2)
    assert mask.ravel().tolist() == kept
    dropout = generator.stream("dropout")
    keys = [dropout.next_key() for _ in range(4)]
    key = zootorch.random.fold_in(keys[3], 1)
    assert zootorch.random.keep_mask(key, torch.Size((4, 4)), 0.2).ravel().tolist() == kept

    expected = vectors["init_uniform_bound_0.25_times_2^25"]
    word = np.array(vectors["init_words"], np.uint32)
    ours = random.symmetric_uniform(jax.numpy.asarray(word), 0.25, jax.numpy.float32)
    assert (np.asarray(ours) * 2**25).tolist() == expected
    word = torch.tensor(vectors["init_words"])
    ours = zootorch.random.symmetric_uniform(word, 0.25, torch.float32)
    assert (ours * 2**25).tolist() == expected


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, index=INDICES)
def test_fold_in_is_that_of_jax(seed, index):
    theirs = key_data(jax.random.fold_in(jax.random.key(seed), np.uint32(index)))
    assert (draws.fold_in(draws.root_key(seed), index) == theirs).all()
    ours = zootorch.random.fold_in(zootorch.random.root_key(seed), index)
    assert (ours.numpy() == theirs).all()


@settings(max_examples=50, deadline=None)
@given(first=INDICES, second=INDICES, num=st.integers(1, 40))
def test_words_are_the_same_in_all_three(first, second, num):
    key = np.array([first, second], np.uint32)
    expected = draws.words(key, num)
    assert (jax_words(key, num) == expected).all()
    assert (torch_words(key, num) == expected).all()


@settings(max_examples=50, deadline=None)
@given(word=INDICES, low=st.integers(-1000, 1000), span=st.integers(0, 100_000))
def test_integers_are_the_same_in_all_three(word, low, span):
    high = low + span
    expected = draws.integers(np.array([word], np.uint32), low, high)
    assert low <= expected[0] <= high
    ours = random.integers(jax.numpy.array([word], jax.numpy.uint32), low, high)
    assert ours.tolist() == expected.tolist()
    assert zootorch.random.integers(torch.tensor([word]), low, high).tolist() == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(word=st.lists(INDICES, min_size=1, max_size=8), bound=st.floats(1e-3, 2.0))
def test_uniform_numbers_have_the_same_bits_in_all_three(word, bound):
    words = np.array(word, np.uint32)
    expected = draws.symmetric_uniform(words, bound)
    assert (np.abs(expected) <= np.float32(bound)).all()
    ours = random.symmetric_uniform(jax.numpy.asarray(words), bound, jax.numpy.float32)
    assert (np.asarray(ours) == expected).all()
    theirs = zootorch.random.symmetric_uniform(torch.tensor(word), bound, torch.float32)
    assert (theirs.numpy() == expected).all()


def test_a_generator_moves_and_its_copy_repeats():
    generator = zootorch.random.Generator(3)
    copy = generator.copy()
    first, second = generator.words(5), generator.words(5)
    assert not torch.equal(first, second)
    assert torch.equal(copy.words(5), first)
    assert generator.count == 2
    assert copy.count == 1


def test_a_word_does_not_depend_on_how_many_there_are():
    key = draws.stream(5, "noise")
    for words in (draws.words, jax_words, torch_words):
        assert (words(key, 100)[:7] == words(key, 7)).all()


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.999])
def test_dropout_keeps_the_fraction_it_says(rate):
    num = 100_000
    kept = np.asarray(random.keep_mask(random.root_key(1), (num,), rate)).mean()
    # Six standard deviations: a false alarm in 5e8 seeds, and the seed is fixed.
    assert abs(kept - (1 - rate)) <= 6 * np.sqrt(rate * (1 - rate) / num)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
@pytest.mark.parametrize("use", [draws.root_key, random.root_key, zootorch.random.Generator])
def test_a_bad_seed_is_refused(use, seed):
    with pytest.raises(ValueError, match=r"integer from 0 to 4294967295, got"):
        use(seed)
