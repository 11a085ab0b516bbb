"""Statistics of words: each takes words and returns p-values.

A p-value is uniform on [0, 1] for ideal words, and small when they are not, too even
included.
"""

import itertools

import numpy as np
from scipy import stats

CASE_RATE = 1e-5
"""How often an ideal generator may fail a case."""

ROWS, ROW_BYTES = 224, 672

# ---------------------------------------------------------------- p-values


def flat(p_values):
    """Return p-values in any nesting of lists and arrays as one array."""
    if isinstance(p_values, list):
        return np.concatenate([flat(each) for each in p_values])
    return np.ravel(p_values)


def smallest(p_values):
    """Return the Bonferroni p-value: how rarely the smallest of all would be so small."""
    p_values = flat(p_values)
    assert np.isfinite(p_values).all()
    return min(1.0, p_values.size * p_values.min())


def assert_ideal(p_values):
    assert smallest(p_values) >= CASE_RATE, f"p-values down to {flat(p_values).min():.1e}"


def two_sided(law, value, *parameters):
    """Return p-values of both tails, of a continuous distribution or a discrete one."""
    below, above = law.cdf(value, *parameters), law.sf(value, *parameters)
    if hasattr(law, "pmf"):
        above = above + law.pmf(value, *parameters)
    return np.minimum(1.0, 2 * np.minimum(below, above))


def chi_square(counts, probs=None):
    """Return the p-value of counts of cells, equally likely ones without ``probs``."""
    counts = np.ravel(counts)
    expected = counts.sum() * (1 / counts.size if probs is None else np.asarray(probs))
    statistic = np.sum((counts - expected) ** 2 / expected)
    return two_sided(stats.chi2, statistic, counts.size - 1)


# ---------------------------------------------------------------- statistics of words


def as_bytes(words):
    """Return the bytes of words as the pictures hold them: the lowest first."""
    return np.ascontiguousarray(words).astype("<u4").view(np.uint8)


def as_bits(words):
    """Return (words, 32) bits, the lowest first."""
    return np.unpackbits(as_bytes(words).reshape(-1, 4), axis=-1, bitorder="little")


def byte_lanes(words):
    lanes = as_bytes(words).reshape(-1, 4).T
    return [chi_square(np.bincount(lane, minlength=256)) for lane in lanes]


def bit_planes(words):
    """Return (32, words / 64) uint64: the bits of one place in all words, side by side."""
    words = words.ravel()[: words.size // 64 * 64]
    planes = [np.packbits(words & np.uint32(1 << bit) != 0) for bit in range(32)]
    return np.stack(planes).view(np.uint64)


def bit_shares(words):
    planes = bit_planes(words)
    ones = np.bitwise_count(planes).sum(axis=-1, dtype=np.int64)
    return two_sided(stats.binom, ones, 64 * planes.shape[1], 0.5)


def bit_pairs(first, second):
    """Judge all 32 x 32 agreements of a bit of ``first`` with one of ``second``.

    Under independence the agreements are normal and uncorrelated: their squares add up to
    a chi-square, which sees much that is slightly wrong, and their largest sees one cell.
    """
    first, second = bit_planes(first), bit_planes(second)
    num = 64 * first.shape[1]
    differ = [np.bitwise_count(plane ^ second).sum(axis=-1, dtype=np.int64) for plane in first]
    z = (num - 2 * np.array(differ)) / np.sqrt(num)
    largest = min(1.0, z.size * 2 * stats.norm.sf(np.abs(z).max()))
    return [two_sided(stats.chi2, np.sum(z**2), z.size), largest]


def word_distances(words, distances):
    """Judge words that lie some distances apart in the same image, (images, words)."""
    return [bit_pairs(words[:, :-step], words[:, step:]) for step in distances]


def byte_distances(words, distances):
    """Judge the serial correlation of bytes that lie some distances apart."""
    centred = as_bytes(words).astype(np.float32) - 127.5
    products = [np.ravel(centred[:, :-step] * centred[:, step:]) for step in distances]
    sizes, sums = zip(*((len(p), p.sum(dtype=np.float64)) for p in products), strict=True)
    z = np.array(sums) / ((256**2 - 1) / 12 * np.sqrt(sizes))
    return 2 * stats.norm.sf(np.abs(z))


def nibbles(*columns):
    """Judge the joint counts of the top, and of the lowest, 4 bits of each column."""
    bits = 8 * columns[0].itemsize

    def cells(shift):
        index = np.zeros(columns[0].shape, np.uint16)
        for column in columns:
            index = index * np.uint16(16) + (column >> shift & 15).astype(np.uint16)
        return np.bincount(index.ravel(), minlength=16 ** len(columns))

    return [chi_square(cells(bits - 4)), chi_square(cells(0))]


def serial_pairs(words):
    return nibbles(words[:, 0::2], words[:, 1::2])


def channels(words):
    """Judge red, green and blue of a pixel together."""
    return nibbles(*np.moveaxis(as_bytes(words).reshape(-1, 3), -1, 0))


def orders(words):
    """Judge which of the 24 orders four successive words are in."""
    place = words.reshape(-1, 4).argsort(axis=-1)
    return chi_square(np.bincount(place @ [64, 16, 4, 1], minlength=256)[ORDER_CELLS])


ORDER_CELLS = [int(np.dot(order, [64, 16, 4, 1])) for order in itertools.permutations(range(4))]


def birthday_spacings(words):
    """Judge how often two gaps between 512 birthdays in a year of 2^24 days are equal.

    Poisson with mean m^3 / (4 n) a year (G. Marsaglia, Diehard, 1995).
    """

    def repeats(days):
        gaps = np.sort(np.diff(np.sort(days.astype(np.int64))))
        return np.sum(gaps[:, 1:] == gaps[:, :-1])

    years = words.reshape(-1, 512)[:1000]
    mean = len(years) * 512**3 / (4 * 2**24)
    return [two_sided(stats.poisson, repeats(days), mean) for days in (years >> 8, years % 2**24)]


def collisions(words):
    """Judge how many words of different images are equal; within one, none ever are."""
    num_images, num_words = words.shape
    pairs = num_images * (num_images - 1) / 2 * num_words**2
    ordered = np.sort(words, axis=None)
    return two_sided(stats.poisson, np.sum(ordered[1:] == ordered[:-1]), pairs / 2**32)


def matrix_ranks(words):
    """Judge the ranks of 32 x 32 matrices of bits: of words, and of one bit of 1024 words."""
    matrices = [words.reshape(-1, 32)[:2000]]
    for bit in (0, 1, 31):
        column = as_bits(words.reshape(-1)[: 2000 * 1024])[:, bit]
        rows = np.packbits(column.reshape(-1, 32), axis=-1).view(np.uint32)
        matrices.append(rows.reshape(-1, 32))
    # One short of full is twice as likely as full, up to 2^-31.
    full = np.prod(1 - 0.5 ** np.arange(1.0, 33.0))
    probs = [1 - 3 * full, 2 * full, full]
    counts = [np.bincount(np.maximum(rank(rows), 30) - 30, minlength=3) for rows in matrices]
    return [chi_square(count, probs) for count in counts]


def rank(rows):
    """Return the ranks over GF(2) of matrices whose rows are words, (matrices, 32)."""
    basis = np.zeros((32, len(rows)), np.uint32)
    for row in rows.T:
        left = row.copy()
        for bit in range(32):
            leads = (left >> np.uint32(bit)) & 1 == 1
            basis[bit] = np.where(leads & (basis[bit] == 0), left, basis[bit])
            left = np.where(leads, left ^ basis[bit], left)
    return np.count_nonzero(basis, axis=0)


def spectrum(words):
    """Judge the highest peak of each picture's power spectrum, and of their sum.

    The power of white noise is exponential of mean 1 at every frequency, and independent
    over half of the plane; the sum of k is half a chi-square of 2 k degrees.
    """
    pictures = as_bytes(words[:16]).reshape(-1, ROWS, ROW_BYTES).astype(np.float32)
    pictures -= pictures.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.rfft2(pictures)) ** 2 / (pictures[0].size * pictures.var())
    half = [power[:, 1 : ROWS // 2, 0], power[:, :, 1:-1].reshape(len(power), -1)]
    power = np.concatenate(half, axis=1).astype(np.float64)
    highest = power.shape[1] * stats.expon.sf(power.max(axis=1))
    total = power.shape[1] * stats.chi2.sf(2 * power.sum(axis=0).max(), 2 * len(power))
    return np.minimum(1.0, np.append(highest, total))
