"""The workshop's benchmark: test pictures whose shapes are smaller than any that were trained on.

Its author reports an accuracy of 75% for shape, and calls color easier.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from zoojax.common.storage.checkpoints import Arrays
from zoojax.spec.config import CNNConfig, ShapesConfig, ShrinkConfig, TrainConfig
from zoojax.spec.history import History

Target = Literal["shape", "color"]

TRAINING = ShapesConfig(min_size=20, max_size=100)
"""What may be trained on: 224x224 pixels, shades, magnitude 50, as everywhere by default."""

TEST = ShapesConfig(min_size=10, max_size=50)
"""What is tested on."""

NUM_TEST_EACH = 20
"""Test pictures of each combination of shape and color: 640 in all."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a classifier of the benchmark is made.

    Attributes:
        target: what it tells: shape or color.
        num_each: training pictures of each combination of shape and color. Simulated where
            they are needed, they may well be more than a disk holds.
        model: what is trained; its classes and its size of pictures are set by ``model_of``.
        train: how, but for the seed.
        shrink: how training pictures are shrunk; None to train on them as they are.
    """

    target: Target
    num_each: int
    model: CNNConfig
    train: TrainConfig
    shrink: ShrinkConfig | None = None

    def model_of(self, *, testing: bool) -> CNNConfig:
        """Return the model's configuration.

        A global head takes pictures of any size, so that the weights of small pictures, which
        take less time, are those of large ones.

        Args:
            testing: whether it is to classify test pictures, or training pictures.
        """
        pictures = TEST if testing or self.shrink is None else self.shrink
        return dataclasses.replace(
            self.model,
            num_classes=len(TEST.class_names(self.target)),
            height=pictures.image_height,
            width=pictures.image_width,
        )

    def train_of(self, seed: int) -> TrainConfig:
        """Return how a seed is trained."""
        return dataclasses.replace(self.train, seed=seed)


class Tested(NamedTuple):
    """What one seed came to.

    Attributes:
        history: of its training.
        weights: by name, in torch's axis orders.
        scores: every metric on its test pictures.
    """

    history: History
    weights: Arrays
    scores: dict[str, Any]


def seed_of_test(seed: int) -> int:
    """Return the seed of the test pictures that belong to one of training: no other's pictures."""
    return seed + 10_000


_WORKSHOP = Recipe(
    target="shape",
    num_each=2000,
    model=CNNConfig(num_cnn_channels=16, num_cnn_layers=3, hidden_dim=16, num_layers=1),
    train=TrainConfig(optimizer="adam", num_epochs=50, batch_size=128, learning_rate=0.0001),
)

# Corners tell shapes apart, down to those of a circle 10 pixels wide, which is a square but for its
# corners: so convolutions see every pixel, and the largest of all places finds a shape anywhere.
# Seeing 22 pixels at once at most, they know shapes of 50 pixels from those of 32; and pictures
# of 72 pixels take a tenth of the time of those of 224.
_SHAPE = Recipe(
    target="shape",
    num_each=8000,
    model=CNNConfig(
        num_cnn_channels=32,
        num_cnn_layers=1,
        hidden_dim=32,
        dropout=0.0,
        conv_activation="relu",
        head="max",
    ),
    train=TrainConfig(num_epochs=1, batch_size=32, learning_rate=0.01, schedule="one_cycle"),
    shrink=ShrinkConfig(image_height=72, image_width=72, min_height=56, max_height=72),
)

_COLOR = dataclasses.replace(
    _SHAPE,
    target="color",
    num_each=1000,
    model=dataclasses.replace(_SHAPE.model, num_cnn_channels=16, num_cnn_layers=0),
)

RECIPES: dict[str, dict[Target, Recipe]] = {
    "workshop": {"shape": _WORKSHOP, "color": dataclasses.replace(_WORKSHOP, target="color")},
    "shrunk": {"shape": _SHAPE, "color": _COLOR},
}
"""By name, of each target. "shrunk" is ours: training pictures shrunk to shapes of 5 to 32 pixels,
each picture seen once."""


Summary = dict[str, dict[str, Any]]
"""Figures by what they are, such as "accuracy" or "precision of circle": of each the "mean" of
all seeds, their standard "deviation", with n - 1, and the "values" of each seed."""


def summarise(scores: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> Summary:
    """Return how several seeds did on the test pictures.

    Args:
        scores: of each seed, what ``zoojax.metrics.reports.classifier_scores`` or
            ``zootorch.metrics.reports.ClassifierScores`` found of its labels and
            probabilities; what is undefined may be None, as in JSON.
        class_names: of the classes, in label order.

    Returns:
        accuracy, macro ROC AUC, and precision and recall of each class; NaN where a seed's
        is undefined.

    Raises:
        ValueError: when there are fewer than two seeds, or other classes than those named.
    """
    if len(scores) < 2:
        raise ValueError(f"a spread needs the scores of at least two seeds, got {len(scores)}")
    for each in scores:
        if len(each["recall"]["each"]) != len(class_names):
            raise ValueError(
                f"scores must be of the {len(class_names)} classes {', '.join(class_names)}, "
                f"got {len(each['recall']['each'])}"
            )
    summary = {
        "accuracy": _figure([each["accuracy"] for each in scores]),
        "macro ROC AUC": _figure([each["roc_auc"]["macro"] for each in scores]),
    }
    for rate in ("precision", "recall"):
        for label, name in enumerate(class_names):
            values = [each[rate]["each"][label] for each in scores]
            summary[f"{rate} of {name}"] = _figure(values)
    return summary


def _figure(found: Sequence[float | None]) -> dict[str, Any]:
    values = [math.nan if value is None else value for value in found]
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    return {"mean": float(mean), "deviation": float(deviation), "values": values}


def table(summaries: Mapping[str, Summary]) -> str:
    """Return a Markdown table that is read as easily as text: a row a figure, in percent.

    Args:
        summaries: by column heading; all of the same classes.

    Raises:
        ValueError: when there is none, or they are of different classes.
    """
    rows = {tuple(summary) for summary in summaries.values()}
    if len(rows) != 1:
        raise ValueError(
            f"a table needs one or more summaries of the same classes, got {len(summaries)} "
            f"of {len(rows)} kinds"
        )
    cells = [["%, mean ± standard deviation", *summaries]]
    for name in rows.pop():
        figures = (summary[name] for summary in summaries.values())
        cells.append(
            [name, *(f"{100 * f['mean']:.2f} ± {100 * f['deviation']:.2f}" for f in figures)]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = (
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    )
    return "\n".join(lines) + "\n"
