"""Classifiers that come with this package, trained by `zoo benchmark-shapes`.

A folder each: ``model.safetensors`` and ``config.json``, as every model is saved, and
``card.json``, which says how they were trained and how well they do.
"""

from pathlib import Path

from zoojax.common.shape_benchmark import Target
from zoojax.common.storage import files

FOLDER = Path(__file__).parent / "pretrained_weights"
CARD = "card.json"
TARGETS: tuple[Target, ...] = ("shape", "color")


def class_names(target: Target) -> tuple[str, ...]:
    """Return the names of the classes of a published classifier, in label order."""
    return tuple(files.read_json(FOLDER / target / CARD)["class_names"])
