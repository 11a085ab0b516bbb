"""The shape simulator once more in NumPy, one picture at a time: what both backends must equal.

It shares with them only `zoojax.spec`: the draw table and the configuration. Masks are the
plain inequalities of the syllabus; `reference/shape_masks.npz` vouches for them.
"""

import hashlib

import numpy as np

from zoojax.spec import draws
from zoojax.spec.records import ShapeBatch

DTYPES = ShapeBatch(
    images=np.uint8,
    shape=np.int32,
    color=np.int32,
    rgb=np.uint8,
    magnitude=np.int32,
    size=np.int32,
    top=np.int32,
    left=np.int32,
    upside_down=np.bool_,
    sideways=np.bool_,
)


def mask(shape, width, height, *, upside_down=False, sideways=False):
    side = max(width, height)
    centre = side // 2
    y, x = np.mgrid[:side, :side]
    if sideways:
        x, y = y, x
    if upside_down:
        y = height - y
    dx, dy = abs(x - centre), abs(y - centre)
    if shape == "circle":
        return dx**2 + dy**2 <= centre**2
    if shape == "diamond":
        return 2 * dx * height + 2 * dy * width <= width * height
    if shape == "rectangle":
        return (x < width) & (y < height)
    assert shape == "triangle"
    return (dx <= width // 2) & (y <= height) & (y * width >= 2 * height * dx)


def noise(key, height, width):
    words_a_row = (3 * width + 3) // 4
    words = draws.words(key, height * words_a_row).astype("<u4")
    rows = words.view(np.uint8).reshape(height, 4 * words_a_row)
    return rows[:, : 3 * width].reshape(height, width, 3).copy()


def jittered(rgb, magnitude):
    moved = {0: magnitude, 255: 255 - magnitude}
    return [moved.get(channel, channel) for channel in rgb]


def picture(seed, config, index):
    key = draws.fold_in(draws.stream(seed, "scenes"), index)
    word = dict(zip(draws.SCENE_DRAWS, draws.words(key, len(draws.SCENE_DRAWS)), strict=True))

    def integer(name, low, high):
        return int(draws.integers(word[name], low, high))

    combination = index % config.num_combinations
    shape, color = divmod(combination, len(config.palette))
    kind = config.shapes[shape]
    magnitude = integer("magnitude", 0, config.magnitude)
    size = integer("size", config.min_size, config.max_size)
    top = integer("top", 0, config.image_height - size)
    left = integer("left", 0, config.image_width - size)
    turned = {
        name: kind == "triangle" and integer(name, 0, 1) == 1
        for name in ("upside_down", "sideways")
    }
    rgb = jittered(list(config.palette.values())[color], magnitude)

    key = draws.fold_in(draws.stream(seed, "noise"), index)
    image = noise(key, config.image_height, config.image_width)
    image[top : top + size, left : left + size][mask(kind, size, size, **turned)] = rgb
    return ShapeBatch(image, shape, color, rgb, magnitude, size, top, left, **turned)


def shrink(seed, config, image, index):
    """Return a shrunk picture, and the slices of rows and columns that it fills."""
    height, width, _ = image.shape
    key = draws.fold_in(draws.stream(seed, "augment"), index)
    place = draws.words(draws.fold_in(key, 0), 3)
    rows = int(draws.integers(place[0], config.min_height, config.max_height))
    columns = max(rows * width // height, 1)
    top = int(draws.integers(place[1], 0, config.image_height - rows))
    left = int(draws.integers(place[2], 0, config.image_width - columns))
    result = noise(draws.fold_in(key, 1), config.image_height, config.image_width)
    for i in range(rows):
        for j in range(columns):
            result[top + i, left + j] = image[i * height // rows, j * width // columns]
    return result, (slice(top, top + rows), slice(left, left + columns))


def simulate(seed, config, indices):
    pictures = [picture(seed, config, int(index)) for index in indices]
    fields = zip(*pictures, strict=True)
    return ShapeBatch(*(np.array(f, dtype) for f, dtype in zip(fields, DTYPES, strict=True)))


def to_numpy(batch):
    return ShapeBatch(*(np.asarray(field) for field in batch))


def digest(images):
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()


def assert_same(drawn, expected):
    """Assert that two batches have the same fields, bit for bit and in the same types."""
    for name, ours, theirs in zip(ShapeBatch._fields, drawn, expected, strict=True):
        assert ours.dtype == theirs.dtype, name
        assert ours.shape == theirs.shape, name
        unequal = np.argwhere(np.asarray(ours) != np.asarray(theirs))
        assert not len(unequal), f"{name} differs at {unequal[0]} and {len(unequal) - 1} more"
