"""Pictures of coloured shapes as an object: a data set that renders when it is asked.

A picture is made in two steps: `sample_scenes` draws what to show, `render` shows it. The
scenes of all pictures are drawn when the data set is made; pixels wait until somebody looks.
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from zoojax.spec import labels
from zoojax.spec.config import ShapesConfig, check_num_each
from zoojax.spec.draws import SCENE_DRAWS, STREAMS
from zoojax.spec.records import ShapeBatch
from zootorch import random
from zootorch.data.sampling import check_indices

# Pictures whose noise is drawn at a time: their words stay in a processor's cache.
CHUNK = 8


def _isqrt(n: Tensor) -> Tensor:
    """Return floor(sqrt(n)) of int32 n >= 0, exact whatever the device's square root rounds."""
    root = torch.sqrt(n.to(torch.float32)).to(torch.int32)
    root = root - (root * root > n).to(torch.int32)
    return root + ((root + 1) * (root + 1) <= n).to(torch.int32)


def row_spans(
    shape: str, *, width: int, height: int, upside_down: bool = False, sideways: bool = False
) -> tuple[Tensor, Tensor]:
    """Return where a shape starts and ends in each row of its box: one run of pixels a row.

    Integer arithmetic throughout, so that no rounding can move an edge.

    Args:
        shape: circle, diamond, rectangle or triangle.
        width: width of the shape in pixels.
        height: height of the shape in pixels.
        upside_down: whether a triangle stands on its tip.
        sideways: whether rows and columns of a triangle are exchanged.

    Returns:
        first and last column of each row, (rows,) int32; last < first in an empty row.
    """
    side = max(width, height)
    rows = torch.arange(side, dtype=torch.int32)
    centre = side // 2
    away = (rows - centre).abs()
    if shape == "rectangle":
        return torch.zeros_like(rows), torch.where(rows < height, width - 1, -1)
    if shape == "circle":
        half = _isqrt(centre**2 - away**2)
    elif shape == "diamond":
        half = (width * height - 2 * away * width) // (2 * height)
    elif sideways:
        return _sideways_triangle_spans(away, width, height, upside_down)
    else:
        depth = height - rows if upside_down else rows
        half = depth * width // (2 * height)
        half = torch.where((depth >= 0) & (depth <= height), half, -1)
    return centre - half, torch.clamp(centre + half, max=side - 1)


def _sideways_triangle_spans(
    away: Tensor, width: int, height: int, upside_down: bool
) -> tuple[Tensor, Tensor]:
    """Return the spans of a triangle whose rows and columns are exchanged."""
    reach = -(-2 * height * away // width)
    reach = torch.where(away <= width // 2, reach, 2 * height + width)
    if upside_down:
        last = torch.clamp(height - reach, max=max(width, height) - 1)
        return torch.zeros_like(reach), last
    return reach, torch.full_like(reach, min(height, max(width, height) - 1))


def shape_mask(
    shape: str, width: int, height: int, *, upside_down: bool = False, sideways: bool = False
) -> Tensor:
    """Return where a shape's colour is painted in its square box.

    Args:
        shape: circle, diamond, rectangle or triangle.
        width: width of the shape in pixels, at least 1.
        height: height of the shape in pixels, at least 1; of a circle the same as its width.
        upside_down: whether a triangle stands on its tip.
        sideways: whether rows and columns of a triangle are exchanged.

    Returns:
        (rows, columns) bool with as many rows and columns as the larger of width and height.

    Raises:
        ValueError: when the shape is unknown or a size is not allowed.
    """
    labels.check_mask(shape, width, height)
    return _mask(shape, width, height, bool(upside_down), bool(sideways)).clone()


# A picture's mask is one of a few hundred: drawing it anew would cost more than painting it.
@functools.lru_cache(maxsize=1024)
def _mask(shape: str, width: int, height: int, upside_down: bool, sideways: bool) -> Tensor:
    turned = {"upside_down": upside_down, "sideways": sideways}
    first, last = row_spans(shape, width=width, height=height, **turned)
    columns = torch.arange(max(width, height), dtype=torch.int32)
    return (columns >= first[:, None]) & (columns <= last[:, None])


def sample_scenes(key: Tensor, config: ShapesConfig, indices: Tensor) -> ShapeBatch[Any]:
    """Draw what the pictures at ``indices`` show; their pixels are not made yet.

    Args:
        key: root key of the data set, (2,) int64.
        config: what may be shown.
        indices: (batch,) int64, places in the data set. Shapes and colours take turns, so
            that every combination is equally often in each run of
            ``config.num_combinations`` pictures.

    Returns:
        a batch of shapes, of ``images`` None.
    """
    key = random.fold_in(random.fold_in(key, STREAMS["scenes"]), indices)
    draws = random.words(key, len(SCENE_DRAWS)).unbind(-1)
    word = dict(zip(SCENE_DRAWS, draws, strict=True))
    palette = torch.tensor(list(config.palette.values()), dtype=torch.int32)
    color = indices % len(palette)
    shape = indices // len(palette) % len(config.shapes)

    magnitude = random.integers(word["magnitude"], 0, config.magnitude)
    size = random.integers(word["size"], config.min_size, config.max_size)
    rgb = palette[color]
    jitter = magnitude[:, None]
    rgb = rgb - jitter * (rgb == 255) + jitter * (rgb == 0)
    is_triangle = torch.tensor([name == "triangle" for name in config.shapes])[shape]
    return ShapeBatch(
        images=None,
        shape=shape.to(torch.int32),
        color=color.to(torch.int32),
        rgb=rgb.to(torch.uint8),
        magnitude=magnitude,
        size=size,
        top=random.integers(word["top"], 0, config.image_height - size),
        left=random.integers(word["left"], 0, config.image_width - size),
        upside_down=is_triangle & (random.integers(word["upside_down"], 0, 1) == 1),
        sideways=is_triangle & (random.integers(word["sideways"], 0, 1) == 1),
    )


def noise(keys: Tensor, height: int, width: int) -> Tensor:
    """Return uniform bytes: four a word, each row of a picture on new words.

    Args:
        keys: (batch, 2) int64, a key a picture.
        height: height of a picture in pixels.
        width: width of a picture in pixels.

    Returns:
        (batch, height, width, 3) uint8.
    """
    words_a_row = -(-3 * width // 4)
    images = torch.empty((len(keys), height, width, 3), dtype=torch.uint8, device=keys.device)
    for start in range(0, len(keys), CHUNK):
        chunk = slice(start, start + CHUNK)
        word = random.bits(keys[chunk], height * words_a_row).view(-1, height, words_a_row)
        images[chunk] = word.view(torch.uint8)[:, :, : 3 * width].unflatten(-1, (width, 3))
    return images


def noise_keys(key: Tensor, indices: Tensor) -> Tensor:
    """Return the keys of the backgrounds of the pictures at ``indices``: (batch, 2) int64.

    Args:
        key: root key of the data set, (2,) int64.
        indices: (batch,) int64, places in the data set.
    """
    return random.fold_in(random.fold_in(key, STREAMS["noise"]), indices)


def render_scenes(keys: Tensor, config: ShapesConfig, scenes: ShapeBatch[Any]) -> Tensor:
    """Paint pictures: one filled shape each on a background of uniform noise.

    Args:
        keys: (batch, 2) int64, what ``noise_keys`` returned for them.
        config: height and width of the pictures.
        scenes: what ``sample_scenes`` drew for them.

    Returns:
        (batch, height, width, 3) uint8.
    """
    images = noise(keys, config.image_height, config.image_width)
    numbers = zip(*(field.tolist() for field in scenes[1:]), strict=True)
    for image, fields in zip(images, numbers, strict=True):
        _paint(image, config, ShapeBatch(None, *fields))
    return images


def _paint(image: Tensor, config: ShapesConfig, scene: ShapeBatch[Any]) -> None:
    """Paint a picture's shape in place."""
    turned = (scene.upside_down, scene.sideways)
    mask = _mask(config.shapes[scene.shape], scene.size, scene.size, *turned)
    rows = slice(scene.top, scene.top + scene.size)
    columns = slice(scene.left, scene.left + scene.size)
    for channel, value in zip(image[rows, columns].unbind(-1), scene.rgb, strict=True):
        channel.masked_fill_(mask, value)


class ShapesDataset(Dataset[ShapeBatch[Tensor]]):
    """A data set of coloured shapes that renders lazily.

    Indexing gives one picture as a `ShapeBatch` without the batch axis; a ``DataLoader``
    stacks such samples to a batch, with or without workers.

    Args:
        config: what the pictures show.
        num_each: pictures of each combination of shape and colour.
        seed: integer from 0 to 2^32 - 1.

    Raises:
        ValueError: when ``num_each`` or the seed is not allowed.
    """

    def __init__(self, config: ShapesConfig, num_each: int, seed: int) -> None:
        self.config, self.num_each, self.seed = config, check_num_each(num_each), seed
        self.key = random.root_key(seed)
        indices = torch.arange(num_each * config.num_combinations)
        self.scenes = sample_scenes(self.key, config, indices)
        self._noise_keys = noise_keys(self.key, indices)

    def __len__(self) -> int:
        """Return the number of pictures: num_each x shapes x colours."""
        return self.num_each * self.config.num_combinations

    def __getitem__(self, index: int) -> ShapeBatch[Tensor]:
        """Render one picture.

        Args:
            index: its place in the data set; negative ones count from the end.

        Returns:
            a ``ShapeBatch`` without the batch axis: images (height, width, 3) uint8.

        Raises:
            IndexError: when there is no such picture.
        """
        place = index + len(self) if -len(self) <= index < 0 else index
        return ShapeBatch(*(field[0] for field in self.batch([place])))

    def batch(self, indices: Sequence[int] | Tensor) -> ShapeBatch[Tensor]:
        """Render the pictures at ``indices``: a batch of shapes that needs memory for itself alone.

        Args:
            indices: (batch,) integers from 0 to ``len(self) - 1``.

        Returns:
            a batch of shapes of tensors: images (batch, height, width, 3) uint8.

        Raises:
            IndexError: when there is no such picture.
        """
        indices = check_indices(indices, len(self))
        scenes = ShapeBatch(None, *(field[indices] for field in self.scenes[1:]))
        return scenes._replace(images=render_scenes(self._noise_keys[indices], self.config, scenes))

    def arrays(self) -> ShapeBatch[Tensor]:
        """Render every picture: the whole data set as one batch of shapes."""
        return self.batch(torch.arange(len(self)))
