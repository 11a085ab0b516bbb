"""Simulation of pictures: both backends, a NumPy loop as the workshop's, and a plain copy."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import zoojax.experiments.pipeline
import zootorch.experiments.pipeline
from zoojax.spec.config import ShapesConfig

NUM, BATCH = 512, 32
SHAPES = ShapesConfig()


def numpy_loop(scenes: list[tuple[Any, ...]]) -> None:
    """Draw noise for each background and each box, as the workshop; scenes and masks are given."""
    height, width = SHAPES.image_height, SHAPES.image_width
    for kind, rgb, size, top, left, *turned in scenes:
        image = np.random.randint(0, 256, (height, width, 3), np.uint8)  # noqa: NPY002
        box = np.random.randint(0, 256, (size, size, 3), np.uint8)  # noqa: NPY002
        upside_down, sideways = turned
        mask = zootorch.shape_mask(
            SHAPES.shapes[kind], size, size, upside_down=upside_down, sideways=sideways
        )
        box[mask.numpy()] = rgb
        image[top : top + size, left : left + size] = box


def simulators() -> dict[str, Callable[[], object]]:
    """Return what simulates ``NUM`` pictures, in batches of ``BATCH``; and a copy of as many."""
    num_each = NUM // SHAPES.num_combinations
    drawn = zootorch.ShapesDataset(SHAPES, num_each, 0).scenes
    fields = (drawn.shape, drawn.rgb, drawn.size, drawn.top, drawn.left)
    columns = [field.tolist() for field in (*fields, drawn.upside_down, drawn.sideways)]
    scenes = list(zip(*columns, strict=True))
    pictures = np.zeros((BATCH, SHAPES.image_height, SHAPES.image_width, 3), np.uint8)

    def jax_batches() -> None:
        for batch in zoojax.experiments.pipeline.simulate_batches(SHAPES, num_each, 0, BATCH):
            jax.block_until_ready(batch)

    def torch_batches() -> None:
        for _ in zootorch.experiments.pipeline.simulate_batches(SHAPES, num_each, 0, BATCH):
            pass

    def copies() -> None:
        for _ in range(NUM // BATCH):
            pictures.copy()

    return {
        "plain": lambda: numpy_loop(scenes),
        "zoojax": jax_batches,
        "zootorch": torch_batches,
        "copy of the pictures": copies,
    }
