"""Tables of the workshop's benchmark, from the summaries that `zoo benchmark-shapes` writes."""

import math
from pathlib import Path
from typing import Any

from zoojax.common.shape_benchmark import RECIPES, TEST, table
from zoojax.common.storage import files

Summaries = dict[tuple[str, str], dict[str, Any]]
"""By recipe and target: what is in the file."""


def load(folder: Path) -> Summaries:
    """Return what the folder of each recipe holds: `shape-summary.json`, `color-summary.json`."""
    found: Summaries = {}
    for recipe, of_targets in RECIPES.items():
        for target in of_targets:
            path = folder / recipe / f"{target}-summary.json"
            if path.exists():
                found[recipe, target] = files.read_json(path)
    return found


def overview(summaries: Summaries) -> str:
    """Return a table with a row a classifier: accuracy and macro ROC AUC in both backends."""
    heading = ["classifier", "recipe", "pictures trained on", "seeds"]
    for figure in ("accuracy", "macro ROC AUC"):
        heading += [f"{figure}, zoojax", f"{figure}, zootorch"]
    lines = [f"| {' | '.join(heading)} |", "|---" * len(heading) + "|"]
    for (recipe, target), found in summaries.items():
        figures = [
            found["summaries"][backend][figure]
            for figure in ("accuracy", "macro ROC AUC")
            for backend in ("zoojax", "zootorch")
        ]
        cells = [_percent(figure["mean"], figure["deviation"]) for figure in figures]
        seeds = len(figures[0]["values"])
        pictures = _pictures(found["recipe"])
        lines.append(f"| {' | '.join([target, recipe, pictures, str(seeds), *cells])} |")
    return "\n".join(lines if summaries else []) + "\n"


def in_full(summaries: Summaries) -> str:
    """Return a table of each classifier with precision and recall of each class."""
    parts = []
    for (recipe, target), found in summaries.items():
        pictures = _pictures(found["recipe"])
        parts += [f"### {target}, recipe {recipe}, {pictures} pictures", ""]
        parts += [table(_with_nan(found["summaries"]))]
    return "\n".join(parts)


def _pictures(recipe: dict[str, Any]) -> str:
    """Return how many pictures were seen, and how often each."""
    number, epochs = recipe["num_each"] * TEST.num_combinations, recipe["train"]["num_epochs"]
    return f"{number:,}" if epochs == 1 else f"{number:,} x {epochs} epochs"


def _percent(mean: float, deviation: float) -> str:
    return f"{100 * mean:.2f} ± {100 * deviation:.2f}"


def _with_nan(found: Any) -> Any:
    """Return a part of a JSON file with NaN again where a figure was undefined."""
    if isinstance(found, dict):
        return {name: _with_nan(each) for name, each in found.items()}
    return math.nan if found is None else found
