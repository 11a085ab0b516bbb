"""Pictures of a data set."""

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoojax.common.figures.saving import NotebookFigure


def sample_images(
    images: NDArray[np.uint8], titles: Sequence[str], *, columns: int = 8
) -> NotebookFigure:
    """Draw pictures in a grid, each under its title.

    Args:
        images: (num, height, width, 3) uint8.
        titles: num short texts; a long one is broken into lines.
        columns: pictures in a row.

    Raises:
        ValueError: when the pictures are not of that shape and type, when there are none,
            when there are more or fewer titles, or when ``columns`` is under 1.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or not len(images):
        raise ValueError(
            "images must be uint8 of shape (num >= 1, height, width, 3), "
            f"got {images.dtype} of shape {images.shape}"
        )
    if len(titles) != len(images):
        raise ValueError(f"titles must be one a picture: {len(images)}, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell_height = 1.2 * images.shape[1] / images.shape[2] + 0.3
    figure = NotebookFigure(figsize=(1.2 * columns, cell_height * rows), layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, image, title in zip(panels, images, titles, strict=False):
        panel.imshow(image)
        panel.set_title(textwrap.fill(title, 16), fontsize=8.5, pad=3)
    return figure
