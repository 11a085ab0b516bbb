"""A figure that shows itself in a notebook, and figures as PNG files."""

import io
import os
from pathlib import Path

from matplotlib.figure import Figure

from zoojax.common.storage.files import write_whole

DOTS_PER_INCH = 150


class NotebookFigure(Figure):
    """A figure that a notebook shows by itself, though pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return _png(self)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG; the file appears whole or not at all.

    Args:
        figure: any matplotlib figure.
        path: where to write; its folder must exist and a file there is replaced.

    Returns:
        The path written.

    Raises:
        OSError: when the file cannot be written.
    """
    return write_whole(path, _png(figure))


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # Trimmed to what is drawn: pictures and matrices keep their proportions, so that the
    # figure's own edges may stand far off.
    figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.1)
    return stream.getvalue()
