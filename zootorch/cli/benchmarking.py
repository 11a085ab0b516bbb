"""The command for the workshop's benchmark: seeds in both backends, and what they come to."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from zoojax.common import shape_benchmark
from zoojax.common.shape_benchmark import RECIPES, TEST, Recipe, Target
from zoojax.common.storage import files
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.runs import CHECKPOINTS
from zootorch.cli.backends import Backend, package, prepare
from zootorch.cli.messages import telling_warnings

Scores = dict[str, Any]
"""Metrics by name, as JSON holds them."""

SCORES, SUMMARY = "scores.json", "summary.json"


def benchmark_shapes(
    out: Path,
    recipe: Literal["shrunk", "workshop"] = "shrunk",
    targets: tuple[Target, ...] = ("shape", "color"),
    backends: tuple[Backend, ...] = ("jax", "torch"),
    num_seeds: int = 5,
    num_each: int | None = None,
    num_epochs: int | None = None,
) -> None:
    """Train classifiers of shape and color, and test them on smaller shapes, as the workshop does.

    Stopped, it goes on where it was when it is given the same folder again: with the seeds that
    are missing, and within a seed from its last checkpoint.

    Args:
        out: folder to write weights and scores of each seed, and their summary, into.
        recipe: shrunk is ours, which shows shrunk training pictures; workshop is the workshop's.
        targets: what the classifiers tell.
        backends: which of the two train.
        num_seeds: seeds 0, 1, 2, ..., at least 2.
        num_each: training pictures of each combination of shape and color, where not those of
            the recipe.
        num_epochs: epochs, where not those of the recipe.
    """
    if num_seeds < 2:
        raise ValueError(f"a spread needs at least 2 seeds, got {num_seeds}")
    recipes = {target: _scaled(RECIPES[recipe][target], num_each, num_epochs) for target in targets}
    for target, used in recipes.items():
        scores: dict[str, list[Scores]] = {}
        for seed in range(num_seeds):
            for backend in backends:
                found = _scores(out / f"{target}-{backend}-{seed}", used, backend, seed)
                scores.setdefault(f"zoo{backend}", []).append(found)
        names = TEST.class_names(target)
        summaries = {name: shape_benchmark.summarise(each, names) for name, each in scores.items()}
        path = out / f"{target}-{SUMMARY}"
        about = {"version": files.version(), "recipe": used, "summaries": summaries}
        files.write_json(path, files.without_nan(about))
        print(f"{target}, {num_seeds} seeds, also in {path}:")
        print(shape_benchmark.table(summaries))


def _scaled(recipe: Recipe, num_each: int | None, num_epochs: int | None) -> Recipe:
    """Return a recipe with fewer or more pictures and epochs."""
    epochs = recipe.train.num_epochs if num_epochs is None else num_epochs
    return dataclasses.replace(
        recipe,
        num_each=recipe.num_each if num_each is None else num_each,
        train=dataclasses.replace(recipe.train, num_epochs=epochs),
    )


def _scores(folder: Path, recipe: Recipe, backend: str, seed: int) -> Scores:
    """Return the scores of a seed: those in its folder, or those of a training made now."""
    about = files.plain({"recipe": recipe, "backend": backend, "seed": seed})
    path = folder / SCORES
    if path.exists():
        found = files.read_json(path)
        if any(found.get(name) != value for name, value in about.items()):
            raise ValueError(f"{path} is of another recipe; choose another folder")
        scores: Scores = found["scores"]
        return scores
    prepare(backend, dtype=recipe.train.dtype, waves=False)
    checkpoints = Checkpoints(folder / CHECKPOINTS, run=about, every_minutes=2, resume=True)
    with telling_warnings():
        made = package(backend, "experiments.shape_benchmark").train_and_test(
            recipe, seed, checkpoints=checkpoints, progress=True
        )
    files.save_weights(folder, made.weights, recipe.model_of(testing=True))
    scores = files.without_nan(made.scores)
    seconds = float(made.history.epoch_seconds.sum())
    # Last: a folder with this file holds a whole seed.
    files.write_json(
        path, {**about, "version": files.version(), "seconds": seconds, "scores": scores}
    )
    print(f"{folder}: accuracy {scores['accuracy']:.2%} after {seconds:.0f} s of training")
    return scores
