"""Prediction sets: how large they are, and pictures with theirs."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from zoojax.common.figures import style
from zoojax.common.figures.samples import sample_images
from zoojax.common.figures.saving import NotebookFigure
from zoojax.spec.conformal import check_indices

COLUMNS = 6
MAX_BARS = 100
MAX_NAMES = 6
LINE_LENGTH = 22
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "++++")
FRAMES: dict[bool, dict[str, Any]] = {
    True: {"edgecolor": style.GREEN, "linewidth": 2.5, "linestyle": "-"},
    False: {"edgecolor": style.RED, "linewidth": 2.5, "linestyle": (0, (2, 1.2))},
}


def set_sizes(
    counts: Mapping[str, NDArray[np.integer]], *, title: str | None = None
) -> NotebookFigure:
    """Draw which part of the prediction sets holds 0, 1, 2, ... classes.

    As bars, or as points where there would be more than a hundred bars.

    Args:
        counts: (classes + 1,) integers of each method, by its name: how many sets hold 0, 1, ...,
            all classes. Where all are 0 there was no sample, which the legend says.
        title: a line above the figure.

    Raises:
        ValueError: when there is no method or no class, when methods differ in their classes, or
            when counts are not integers of at least 0.
    """
    counts = {name: np.asarray(each) for name, each in counts.items()}
    _check_counts(counts)
    num_sizes = len(next(iter(counts.values())))
    width = float(np.clip(0.1 * num_sizes * len(counts) + 4, 7, 12))
    figure = NotebookFigure(figsize=(width, 3.8), layout="constrained")
    panel = figure.subplots()
    panel.axvspan(-0.5, 0.5, color="#EEEEEE", linewidth=0)
    for index, (name, each) in enumerate(counts.items()):
        _draw_counts(panel, name, each, place=(index, len(counts)))
    # An empty set is no small set: it says that no class fits. So it has a ground of its own.
    step = -(-num_sizes // 16)
    ticks = range(0, num_sizes, step)
    panel.set_xticks(ticks, ["0\n(empty)", *map(str, ticks[1:])])
    panel.set(xlim=(-0.5, num_sizes - 0.5), xlabel="classes in the set", ylabel="part of the sets")
    panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter(PercentFormatter(1))
    style.add_grid(panel)
    panel.grid(visible=False, axis="x")
    style.legend_beside(panel)
    if title:
        panel.set_title(title)
    return figure


def sample_sets(
    images: NDArray[np.uint8],
    sets: NDArray[np.bool_],
    labels: NDArray[np.integer],
    class_names: Sequence[str],
    *,
    title: str | None = None,
) -> NotebookFigure:
    """Draw pictures, each under its prediction set and its true class.

    A set that holds the true class has a tick and a solid frame, one that misses it a cross and
    a broken frame. Of more than six classes in a set five are named, the true one among them.

    Args:
        images: (samples, height, width, 3) uint8.
        sets: (samples, classes) bools, whether the set of a sample holds each class.
        labels: (samples,) integers, the true classes, from 0 to classes - 1.
        class_names: names of the classes in label order, at least one.
        title: a line above the figure.

    Raises:
        ValueError: when something is not of that kind, or when there is no sample.
    """
    images, sets, labels = np.asarray(images), np.asarray(sets), np.asarray(labels)
    wanted = (len(images), len(class_names))
    if sets.shape != wanted or not len(class_names) or sets.dtype != np.bool_:
        raise ValueError(
            f"sets must be bools of shape (samples, classes), {wanted} for the images and the "
            f"class names given, got {sets.dtype} of shape {sets.shape}"
        )
    check_indices("labels", labels, wanted)
    texts = [_describe(*each, class_names) for each in zip(sets, labels.tolist(), strict=True)]
    figure = sample_images(images, [""] * len(images), columns=COLUMNS)
    for panel, text, held, label in zip(figure.axes, texts, sets, labels, strict=False):
        panel.set_title(text, fontsize=7.5, pad=5)
        # Around the image, not clipped to it, or it would lose half of the frame's width.
        look: dict[str, Any] = {"facecolor": "none", "transform": panel.transAxes, "clip_on": False}
        panel.add_patch(Rectangle((0, 0), 1, 1, **look, **FRAMES[bool(held[label])]))
    _make_room(figure, texts, images.shape[1] / images.shape[2])
    handles = [
        Patch(facecolor="none", label=said, **FRAMES[is_held])
        for is_held, said in ((True, "set holds the true class"), (False, "set misses it"))
    ]
    # The title is the legend's, since matplotlib draws a figure's own title over such a legend.
    place: dict[str, Any] = {"loc": "outside upper center", "ncols": 2, "frameon": False}
    figure.legend(handles=handles, title=title, title_fontsize=12, fontsize=9, **place)
    # matplotlib's layout starts from the last one, and only the second clears long texts.
    figure.draw_without_rendering()
    return figure


def _check_counts(counts: Mapping[str, NDArray[np.integer]]) -> None:
    if not counts:
        raise ValueError("counts must hold at least one method, got none")
    shapes = [each.shape for each in counts.values()]
    if len(shapes[0]) != 1 or shapes[0][0] < 2 or len(set(shapes)) > 1:
        raise ValueError(
            "counts must all be of one shape (classes + 1 >= 2,), got "
            f"{', '.join(map(str, shapes))} of {', '.join(map(repr, counts))}"
        )
    for name, each in counts.items():
        if each.dtype.kind not in "iu" or each.min() < 0:
            raise ValueError(
                f"counts of {name!r} must be integers of at least 0, got {each.dtype} from "
                f"{each.min()} on"
            )


def _draw_counts(
    panel: Axes, name: str, counts: NDArray[np.integer], *, place: tuple[int, int]
) -> None:
    index, num = place
    total, sizes = int(counts.sum()), np.arange(len(counts))
    label = f"{name} (no sample)"
    if total:
        label = f"{name}\nmean size {sizes @ counts / total:.2f}, {counts[0]:,} of {total:,} empty"
    parts = counts / max(total, 1)
    if num * len(counts) > MAX_BARS:
        look = style.line_style(index) | style.marker_style(index) | {"linewidth": 1}
        panel.plot(sizes, parts, markersize=4, label=label, **look)
        return
    color, hatch = style.COLORS[index % len(style.COLORS)], HATCHES[index % len(HATCHES)]
    width = 0.8 / num
    look = {"color": color, "edgecolor": "white", "hatch": hatch, "linewidth": 0.5}
    panel.bar(sizes - 0.4 + width * (index + 0.5), parts, width, label=label, **look)


def _describe(held: NDArray[np.bool_], label: int, class_names: Sequence[str]) -> str:
    names = [class_names[each] for each in np.flatnonzero(held).tolist()]
    if len(names) > MAX_NAMES:
        # The true class first, or it might be among those left out.
        first = [class_names[label]] if held[label] else []
        shown = first + [name for name in names if name not in first]
        shown = shown[: MAX_NAMES - 1]
        names = [*shown, f"and {len(names) - len(shown)} more"]
    mark = "\N{CHECK MARK}" if held[label] else "\N{BALLOT X}"
    lines = (", ".join(names) or "empty set", f"{mark} true: {class_names[label]}")
    return "\n".join(textwrap.fill(line, LINE_LENGTH, break_on_hyphens=False) for line in lines)


def _make_room(figure: NotebookFigure, texts: Sequence[str], aspect: float) -> None:
    columns = min(COLUMNS, len(texts))
    rows = [texts[start : start + columns] for start in range(0, len(texts), columns)]
    num_lines = sum(max(text.count("\n") + 1 for text in row) for row in rows)
    width = max(4.5, 1.5 * columns)  # in inches, as for the legend
    cell = min(2.0, width / columns)
    height = len(rows) * (cell * aspect + 0.15) + 0.13 * num_lines + 0.8
    figure.set_size_inches(width, height)
