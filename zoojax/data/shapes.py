"""Pictures of coloured shapes as pure functions of a key.

A picture is made in two steps: `sample_scene` draws what to show, `render_scene` shows it.
Each is written for one picture; `jax.vmap` makes the batch.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from zoojax import random
from zoojax.jit import jit
from zoojax.spec import labels
from zoojax.spec.config import ShapesConfig, check_num_each
from zoojax.spec.draws import SCENE_DRAWS
from zoojax.spec.records import ShapeBatch

# Pictures a compiled chunk: their words stay in a processor's cache, and their memory is
# used again for the next chunk, where one array of all words would be paged in anew.
CHUNK = 32


Integer = Array | int
Flag = Array | bool


def _isqrt(n: Array) -> Array:
    """Return floor(sqrt(n)) of int32 n >= 0, exact whatever the device's square root rounds."""
    root = jnp.sqrt(n.astype(jnp.float32)).astype(jnp.int32)
    root = root - (root * root > n)
    return root + ((root + 1) * (root + 1) <= n)


def row_spans(
    kind: Integer, rows: Array, *, width: Integer, height: Integer, **turned: Flag
) -> tuple[Array, Array]:
    """Return where a shape starts and ends in each row of its box: one run of pixels a row.

    Integer arithmetic throughout, so that no rounding can move an edge.

    Args:
        kind: index into ``labels.SHAPES``.
        rows: (rows,) int32, counted from the top of the box; others than the box's are empty.
        width: width of the shape in pixels.
        height: height of the shape in pixels.
        **turned: ``upside_down`` and ``sideways``, bool, used by triangles.

    Returns:
        first and last column of each row, (rows,) int32; last < first in an empty row.
    """
    side = jnp.maximum(width, height)
    centre = side // 2
    away = jnp.abs(rows - centre)

    circle = jnp.where(away <= centre, _isqrt(jnp.maximum(centre**2 - away**2, 0)), -1)
    diamond = (width * height - 2 * away * width) // (2 * height)
    half = jnp.where(kind == labels.SHAPES.index("circle"), circle, diamond)
    first, last = centre - half, centre + half

    is_rectangle = kind == labels.SHAPES.index("rectangle")
    first = jnp.where(is_rectangle, 0, first)
    last = jnp.where(is_rectangle, jnp.where(rows < height, width - 1, -1), last)

    is_triangle = kind == labels.SHAPES.index("triangle")
    corner = _triangle_spans(rows, away, width=width, height=height, **turned)
    first, last = (jnp.where(is_triangle, t, s) for t, s in zip(corner, (first, last), strict=True))

    inside = (rows >= 0) & (rows < side)
    return jnp.where(inside, first, 0), jnp.where(inside, jnp.minimum(last, side - 1), -1)


def _triangle_spans(
    rows: Array,
    away: Array,
    *,
    width: Integer,
    height: Integer,
    upside_down: Flag,
    sideways: Flag,
) -> tuple[Array, Array]:
    """Return the spans of an isosceles triangle; turned sideways, its rows are its columns."""
    centre = jnp.maximum(width, height) // 2
    depth = jnp.where(upside_down, height - rows, rows)
    half = depth * width // (2 * height)
    half = jnp.where((depth >= 0) & (depth <= height), half, -1)
    reach = -(-2 * height * away // width)
    reach = jnp.where(away <= width // 2, reach, 2 * height + width)
    first = jnp.where(sideways, jnp.where(upside_down, 0, reach), centre - half)
    last = jnp.where(sideways, jnp.where(upside_down, height - reach, height), centre + half)
    return first, last


def shape_mask(
    shape: str, width: int, height: int, *, upside_down: bool = False, sideways: bool = False
) -> Array:
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
    kind = labels.SHAPES.index(shape)
    return _mask(kind, width, height, upside_down, sideways, side=max(width, height))


@jit(static_argnames="side")
def _mask(
    kind: Integer,
    width: Integer,
    height: Integer,
    upside_down: Flag,
    sideways: Flag,
    *,
    side: int,
) -> Array:
    columns = jnp.arange(side, dtype=jnp.int32)
    turned = {"upside_down": upside_down, "sideways": sideways}
    first, last = row_spans(kind, columns, width=width, height=height, **turned)
    return (columns >= first[:, None]) & (columns <= last[:, None])


def sample_scene(key: Array, config: ShapesConfig, index: Array) -> ShapeBatch[Any]:
    """Draw what picture ``index`` shows; its own pixels are not made yet.

    Args:
        key: root key of the data set.
        config: what may be shown.
        index: () int, the picture's place in the data set. Shapes and colours take turns,
            so that every combination is equally often in each run of
            ``config.num_combinations`` pictures.

    Returns:
        a ``ShapeBatch`` of scalars, and of ``images`` None.
    """
    key = jax.random.fold_in(random.stream(key, "scenes"), index)
    word = dict(zip(SCENE_DRAWS, random.words(key, len(SCENE_DRAWS)), strict=True))
    palette = np.array(list(config.palette.values()), np.int32)
    color = index % len(palette)
    shape = index // len(palette) % len(config.shapes)

    magnitude = random.integers(word["magnitude"], 0, config.magnitude)
    size = random.integers(word["size"], config.min_size, config.max_size)
    rgb = jnp.asarray(palette)[color]
    rgb = rgb - magnitude * (rgb == 255) + magnitude * (rgb == 0)
    is_triangle = jnp.array([name == "triangle" for name in config.shapes])[shape]
    return ShapeBatch(
        images=None,
        shape=shape.astype(jnp.int32),
        color=color.astype(jnp.int32),
        rgb=rgb.astype(jnp.uint8),
        magnitude=magnitude,
        size=size,
        top=random.integers(word["top"], 0, config.image_height - size),
        left=random.integers(word["left"], 0, config.image_width - size),
        upside_down=is_triangle & (random.integers(word["upside_down"], 0, 1) == 1),
        sideways=is_triangle & (random.integers(word["sideways"], 0, 1) == 1),
    )


def noise(key: Array, height: int, width: int) -> Array:
    """Return uniform bytes, (height, 3 * width) uint8: four a word, each row on new words."""
    words_a_row = -(-3 * width // 4)
    word = random.words(key, height * words_a_row).reshape(height, words_a_row)
    row_bytes = jax.lax.bitcast_convert_type(word, jnp.uint8)
    return row_bytes.reshape(height, 4 * words_a_row)[:, : 3 * width]


def render_scene(key: Array, config: ShapesConfig, index: Array, scene: ShapeBatch[Any]) -> Array:
    """Paint picture ``index``: one filled shape on a background of uniform noise.

    Args:
        key: root key of the data set.
        config: height and width of the picture.
        index: () int, the picture's place in the data set.
        scene: what ``sample_scene`` drew for it.

    Returns:
        (height, width, 3) uint8.
    """
    height, width = config.image_height, config.image_width
    background = noise(jax.random.fold_in(random.stream(key, "noise"), index), height, width)
    kinds = jnp.array([labels.SHAPES.index(name) for name in config.shapes])
    first, last = row_spans(
        kinds[scene.shape],
        jnp.arange(height, dtype=jnp.int32) - scene.top,
        width=scene.size,
        height=scene.size,
        upside_down=scene.upside_down,
        sideways=scene.sideways,
    )
    # A run of pixels is a run of bytes, three times as long: comparing bytes spares the
    # division by 3 that a (height, width, 1) mask would cost at every byte.
    byte = jnp.arange(3 * width, dtype=jnp.int32)
    start, stop = 3 * (scene.left + first), 3 * (scene.left + last + 1)
    inside = (byte >= start[:, None]) & (byte < stop[:, None])
    return jnp.where(inside, jnp.tile(scene.rgb, width), background).reshape(height, width, 3)


def _simulate_one(key: Array, config: ShapesConfig, index: Array) -> ShapeBatch[Array]:
    scene = sample_scene(key, config, index)
    return scene._replace(images=render_scene(key, config, index, scene))


@jit(static_argnames="config")
def simulate_batch(key: Array, config: ShapesConfig, indices: Array) -> ShapeBatch[Array]:
    """Make the pictures at ``indices`` of a data set, whatever its length.

    Args:
        key: root key of the data set.
        config: what the pictures show.
        indices: (batch,) int.

    Returns:
        a batch of shapes; memory is needed for this batch alone.
    """
    batch: ShapeBatch[Array] = jax.vmap(lambda index: _simulate_one(key, config, index))(indices)
    return batch


@jit(static_argnames=("config", "num_each"))
def _simulate_all(key: Array, config: ShapesConfig, num_each: int) -> ShapeBatch[Array]:
    indices = jnp.arange(num_each * config.num_combinations)
    batch: ShapeBatch[Array] = jax.lax.map(
        lambda index: _simulate_one(key, config, index), indices, batch_size=CHUNK
    )
    return batch


def simulate_shapes(key: Array, config: ShapesConfig, num_each: int) -> ShapeBatch[Array]:
    """Simulate a data set of coloured shapes.

    Args:
        key: ``jax.random.key(seed)``.
        config: what the pictures show.
        num_each: pictures of each combination of shape and colour.

    Returns:
        ``num_each * config.num_combinations`` pictures with all that decided them.
        ``simulate_batch`` makes any part of them alone.

    Raises:
        ValueError: when ``num_each`` is not a positive integer.
    """
    return _simulate_all(key, config, check_num_each(num_each))
