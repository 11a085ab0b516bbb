"""The tests a generator is judged by, on `zoojax.spec.draws`, the words of both backends.

A statistic takes words and returns p-values, each uniform on [0, 1] for ideal words and
small when they are not, too even included. Seeds are fixed, so a result never changes.

False alarms: a case fails when the smallest of its p-values, times how many they are
(Bonferroni), is below ``CASE_RATE``: one ideal generator in 100,000 would. The file has
fewer than 100 cases, so fewer than one ideal generator in 1,000 would fail any of them.
Cases with a tolerance instead of a p-value say how far it is from chance.

Power: `test_broken_words_are_rejected` breaks a generator on purpose in every way that a
statistic is there to see, and asks for a p-value below ``REJECTED``.
"""

import functools
import itertools

import numpy as np
import pytest
from scipy import stats

from parity_tests.helpers.word_statistics import (
    ROW_BYTES,
    ROWS,
    as_bits,
    as_bytes,
    assert_ideal,
    birthday_spacings,
    bit_pairs,
    bit_shares,
    byte_distances,
    byte_lanes,
    channels,
    chi_square,
    collisions,
    matrix_ranks,
    nibbles,
    orders,
    serial_pairs,
    smallest,
    spectrum,
    two_sided,
    word_distances,
)
from zoojax.spec import draws

MAX_CASES = 100
REJECTED = 1e-12

SEED = 2024
NUM_IMAGES = 64
ROW_WORDS = ROW_BYTES // 4
IMAGE_WORDS = ROWS * ROW_WORDS

# ---------------------------------------------------------------- the words under test


def image_keys(seed, num, name="noise"):
    return draws.fold_in(draws.stream(seed, name), np.arange(num, dtype=np.uint32))


@functools.cache
def noise():
    """Return the words of 64 pictures of 224 x 224, (images, words)."""
    return draws.words(image_keys(SEED, NUM_IMAGES), IMAGE_WORDS)


@functools.cache
def scenes():
    """Return what decides the scenes of 2^17 images, (images, draws)."""
    return draws.words(image_keys(SEED, 2**17, "scenes"), len(draws.SCENE_DRAWS))


@pytest.mark.parametrize(
    "statistic",
    [
        byte_lanes,
        bit_shares,
        serial_pairs,
        channels,
        orders,
        birthday_spacings,
        collisions,
        matrix_ranks,
        spectrum,
    ],
)
def test_noise(statistic):
    assert_ideal(statistic(noise()))


@pytest.mark.parametrize("width", [28, 50, 64, 100, 128, 224, 225, 256])
def test_rows_of_noise(width):
    # A row starts on a new word, so the row below is whole words away.
    row_words = -(-3 * width // 4)
    steps = [4 * row_words * rows + step for rows in (1, 2) for step in (-3, -1, 0, 1, 3)]
    words = noise()[:4]
    assert_ideal([word_distances(words, [row_words]), byte_distances(words, steps)])


def test_neighbours_in_a_row_of_noise():
    near = [word_distances(noise()[:4], range(1, 9)), byte_distances(noise()[:8], range(1, 17))]
    assert_ideal(near)


def test_far_words_of_noise():
    # Powers of two: where a walk in equal steps comes back nearest to itself.
    assert_ideal(word_distances(noise()[:4], [2**k for k in range(4, 16)]))


def successive_images(words, shift):
    """Judge images i and i + 1, the second read ``shift`` words further on."""
    first, second = words[:-1, : words.shape[1] - shift], words[1:, shift:]
    some = slice(0, None, 8)
    return [bit_pairs(first[:, some], second[:, some]), nibbles(first, second)]


@pytest.mark.parametrize("shift", [0, 1, 2, 3, ROW_WORDS])
def test_successive_images(shift):
    words = noise()[:16]
    # The other way round, the later image is the one that lags.
    assert_ideal([successive_images(words, shift), successive_images(words[::-1], shift)])


@functools.cache
def of_seed(seed, name="noise"):
    return draws.words(image_keys(seed, 4, name), 2**12)


def successive_seeds(words):
    """Judge the same images, and images i + 1 and i, of seeds s and s + 1."""
    same = [bit_pairs(*pair) for pair in itertools.pairwise(words)]
    next_image = [bit_pairs(a[1:], b[:-1]) for a, b in itertools.pairwise(words)]
    return [same, next_image]


def test_successive_seeds():
    assert_ideal(successive_seeds([of_seed(seed) for seed in range(16)]))


def test_seeds_that_differ_in_a_bit():
    assert_ideal([bit_pairs(of_seed(SEED), of_seed(SEED ^ (1 << bit))) for bit in range(32)])


def test_streams_of_a_seed():
    words = [of_seed(SEED, name) for name in draws.STREAMS]
    assert_ideal([bit_pairs(*pair) for pair in itertools.combinations(words, 2)])


# ---------------------------------------------------------------- avalanche


def check_avalanche(flips):
    """Check how often each output bit flips, (32 bits,) a flipped input bit, of 2^16 words.

    The deviation of a cell is 0.002: worst and mean are 10 and over 5 deviations away.
    """
    flips = np.asarray(flips)
    assert np.abs(flips - 0.5).max() < 0.02
    assert abs(flips.mean() - 0.5) < 0.0005


def share_of_flips(first, second):
    return as_bits(first ^ second).mean(axis=0)


def key_flips(word):
    keys = image_keys(SEED, 2**13)
    before = draws.words(keys, 8)
    for bit in range(32):
        flipped = keys.copy()
        flipped[:, word] ^= np.uint32(1 << bit)
        yield share_of_flips(before, draws.words(flipped, 8))


def test_avalanche_of_positions():
    words = draws.words(image_keys(SEED, 2), 2**16)
    place = np.arange(2**16)
    pairs = ((words[:, place & 1 << bit == 0], words[:, place & 1 << bit > 0]) for bit in range(16))
    check_avalanche([share_of_flips(*pair) for pair in pairs])


def test_avalanche_of_first_key_word():
    check_avalanche(list(key_flips(0)))


def test_avalanche_of_second_key_word():
    check_avalanche(list(key_flips(1)))


# ---------------------------------------------------------------- awkward keys

FIRST_WORDS = (0, 1, 2**31, 2**32 - 1, 0x12345678)
SECOND_WORDS = (
    *(0, 1, 2, 3, 5, 7, 9, 15, 255, 257),
    *(2**17 + 1, 2**20 - 1, 2**24 + 1, 2**30 + 1, 2**31 - 1, 2**31, 2**31 + 1),
    *(2**32 - 3, 2**32 - 1, 0x55555555, 0x9E3779B9),
)
# Words whose halves are alike: the first round of lowbias32 xors one half with the other.
WEAK_SECOND_WORDS = (2**16 - 1, 2**16, 2**16 + 1, 2**32 - 2**16 + 1)


def judge_key(first, second):
    words = draws.words(np.array([[first, second]], np.uint32), 2**15)
    alone = [statistic(words) for statistic in (byte_lanes, bit_shares, serial_pairs, orders)]
    return [*alone, word_distances(words, [1, 2, 3, ROW_WORDS])]


@pytest.mark.parametrize("second", SECOND_WORDS, ids=hex)
def test_awkward_keys(second):
    assert_ideal([judge_key(first, second) for first in FIRST_WORDS])


@pytest.mark.parametrize("second", WEAK_SECOND_WORDS, ids=hex)
def test_weak_keys(second):
    assert_ideal([judge_key(first, second) for first in FIRST_WORDS])


def test_far_words_of_awkward_keys():
    keys = np.array([(0x12345678, word) for word in SECOND_WORDS + WEAK_SECOND_WORDS], np.uint32)
    words = draws.words(keys, 3 * 2**14)
    assert_ideal([word_distances(each[None], [2**14, 2**15]) for each in words])


# ---------------------------------------------------------------- what is made of words


def integer_shares(values, low, high):
    assert values.min() >= low
    assert values.max() <= high
    return chi_square(np.bincount(values - low, minlength=high - low + 1))


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 2), (3, 9), (-5, 5), (0, 63), (11, 180), (0, 223), (1, 1000)]
)
def test_integers_are_uniform(low, high):
    columns = (draws.integers(column, low, high) for column in scenes().T)
    assert_ideal([integer_shares(column, low, high) for column in columns])


def test_draws_of_a_scene_are_independent():
    # Any third place of a walk is decided by two others: look at all pairs and triples.
    groups = [g for size in (2, 3) for g in itertools.combinations(scenes().T, size)]
    assert_ideal([nibbles(*group) for group in groups])


def uniform_law(values, bound):
    """Judge mean, variance and distribution of numbers on [-bound, bound)."""
    scaled = np.ravel(values).astype(np.float64) / bound
    mean = scaled.mean() / np.sqrt(1 / 3 / scaled.size)
    # The variance of x^2 is 1/5 - 1/9.
    variance = (np.mean(scaled**2) - 1 / 3) / np.sqrt(4 / 45 / scaled.size)
    distance = stats.kstest(scaled, stats.uniform(-1, 2).cdf, method="asymp").pvalue
    return [2 * stats.norm.sf(abs(mean)), 2 * stats.norm.sf(abs(variance)), distance]


@pytest.mark.parametrize("bound", [1.0, 0.1, 1 / 3, 7.0])
def test_symmetric_uniform(bound):
    extremes = np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    for dtype in ("float32", "float64"):
        largest = np.dtype(dtype).type(bound)
        values = draws.symmetric_uniform(extremes, bound, dtype)
        assert values.dtype == dtype
        assert values[0] == -largest
        assert -largest < values[1] < values[2] == 0 < values[3] < largest
    assert_ideal(uniform_law(draws.symmetric_uniform(scenes()[:, 0], bound), bound))


def places(words):
    """Judge where a stable sort of each row of words puts each item.

    Counts of places have one degree of freedom less a row and a column, and the statistic
    is (n - 1) / n of the usual one, because every item has one place.
    """
    num, items = words.shape
    order = np.argsort(words, axis=-1, kind="stable")
    counts = np.bincount((order + items * np.arange(items)).ravel(), minlength=items**2)
    expected = num / items
    statistic = np.sum((counts - expected) ** 2) / expected * (items - 1) / items
    return two_sided(stats.chi2, statistic, (items - 1) ** 2)


def test_shuffles_are_uniform():
    keys = image_keys(SEED, 2**14, "shuffle")
    assert_ideal([places(draws.words(keys, num)) for num in (2, 3, 10, 24)])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share(rate):
    keys = image_keys(SEED, 64, "dropout")
    keep = draws.words(keys, 2**14) < np.uint32(draws.keep_threshold(rate))
    each = two_sided(stats.binom, keep.sum(axis=1), keep.shape[1], 1 - rate)
    assert_ideal([each, two_sided(stats.binom, keep.sum(), keep.size, 1 - rate)])


# ---------------------------------------------------------------- generators broken on purpose


def walk(keys, num=IMAGE_WORDS):
    """Return a walk from a key's first word in steps of its second, with no mix."""
    return np.arange(num, dtype=np.uint32) * (keys[:, 1:] | np.uint32(1)) + keys[:, :1]


def one_round(keys):
    """Return a walk in steps of 1 after one round of a mix and its last shift."""
    x = walk(keys * np.array([1, 0], np.uint32))
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x21F0AAAD)
    return x ^ (x >> np.uint32(15))


def plain_keys(numbers):
    """Return the keys of numbered images without threefry."""
    return np.stack([numbers, np.zeros_like(numbers)], axis=-1).astype(np.uint32)


def one_stream(stride):
    """Return images cut from one stream, each ``stride`` words after the one before."""
    words = draws.words(KEYS[0], IMAGE_WORDS + 16 * stride)
    return np.lib.stride_tricks.sliding_window_view(words, IMAGE_WORDS)[: 16 * stride : stride]


def repeat(words, axis):
    """Return pictures in which every eighth row (axis 1) or column (2) is the one before."""
    pictures = np.moveaxis(words.reshape(-1, ROWS, ROW_WORDS).copy(), axis, 0)
    pictures[7::8] = pictures[6::8][: len(pictures[7::8])]
    return np.moveaxis(pictures, 0, axis).reshape(-1, IMAGE_WORDS)


def add_wave(words):
    """Return pictures with a wave of one byte level and 8 rows, far too faint to see."""
    wave = np.round(1.5 * np.sin(np.arange(ROWS) * np.pi / 4))[:, None]
    pictures = np.clip(as_bytes(words).reshape(-1, ROWS, ROW_BYTES) + wave, 0, 255)
    return pictures.astype(np.uint8).reshape(len(words), -1).view("<u4")


def distance(step, of=word_distances):
    return functools.partial(of, distances=[step])


def successive(shift):
    return functools.partial(successive_images, shift=shift)


KEYS = image_keys(SEED, 16)
BROKEN = {
    "no mix: pairs": (lambda: walk(KEYS), serial_pairs),
    "grey": (lambda: np.repeat(as_bytes(noise()[:1]), 3).view("<u4"), channels),
    "no mix: orders": (lambda: walk(KEYS), orders),
    "no mix: spacings": (lambda: walk(KEYS), birthday_spacings),
    "no mix: ranks": (lambda: walk(KEYS), matrix_ranks),
    "no mix: spectrum": (lambda: walk(KEYS), spectrum),
    "no mix: too even": (lambda: walk(np.full((1, 2), 0x9E3779B9, np.uint32)), byte_lanes),
    "one round: pairs": (lambda: one_round(KEYS), serial_pairs),
    "one round: next word": (lambda: one_round(KEYS[:4]), distance(1)),
    "plain keys: next seed": (
        lambda: [draws.words(plain_keys(np.arange(s, s + 4)), 2**12) for s in range(16)],
        successive_seeds,
    ),
    "equal images": (lambda: np.repeat(noise()[:1], 8, axis=0), successive(0)),
    "one stream: next word": (lambda: one_stream(1), successive(1)),
    "one stream: next row": (lambda: one_stream(ROW_WORDS), successive(ROW_WORDS)),
    "one stream: collisions": (lambda: one_stream(IMAGE_WORDS - 99), collisions),
    "constant low byte": (lambda: noise()[:4] & np.uint32(0xFFFFFF00), byte_lanes),
    "a bit too often 1": (
        lambda: noise()[:4] | (noise()[:4] >> 5 & noise()[:4] >> 9 & 1),
        bit_shares,
    ),
    "a row again": (lambda: repeat(noise()[:4], axis=1), distance(ROW_WORDS)),
    "a column again": (lambda: repeat(noise()[:16], axis=2), distance(4, byte_distances)),
    "a faint wave": (lambda: add_wave(noise()[:16]), spectrum),
    "byte modulus": (lambda: scenes()[:, 0] % 256, lambda w: integer_shares(w % 224, 0, 223)),
    "too narrow": (lambda: scenes()[:, 0] >> 8, lambda w: uniform_law(w / 2**23 - 1, 1.03)),
    "many ties": (lambda: scenes() % 16, places),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_words_are_rejected(case):
    make, statistic = BROKEN[case]
    assert smallest(statistic(make())) < REJECTED


def test_broken_avalanche_is_rejected():
    words = one_round(KEYS)
    with pytest.raises(AssertionError):
        check_avalanche([share_of_flips(words[:, 0::2], words[:, 1::2])])


def test_false_alarm_rate_of_this_file(request):
    cases = [item for item in request.session.items if item.path == request.path]
    assert len(cases) < MAX_CASES
