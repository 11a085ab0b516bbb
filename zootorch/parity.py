"""Both backends side by side: the same run twice, compared. No twin: it sees both."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

import zoojax.experiments.pipeline
import zoojax.models
import zoojax.types
import zoojax.weights
import zootorch.experiments.pipeline
import zootorch.models
import zootorch.types
import zootorch.weights
from zoojax.common import figures
from zoojax.common.reporting.comparison import compare
from zoojax.common.reporting.report import summarise, write_report
from zoojax.common.reporting.run_figures import draw_results, save_figures
from zoojax.common.storage import files
from zoojax.spec.config import (
    RunConfig,
    ShapesConfig,
)
from zoojax.spec.records import Run
from zoojax.types import Variables
from zootorch.data.shapes import ShapesDataset

NUM_SAMPLES = 24
"""Pictures shown."""


def to_torch(model: zoojax.types.Model, variables: Variables) -> zootorch.models.Network:
    """Return the ``zootorch`` twin of a ``zoojax`` model, holding copies of its variables."""
    twin = zootorch.models.model_of(model.config)
    zootorch.weights.from_arrays(twin, zoojax.weights.to_arrays(model, variables))
    return twin


def to_jax(model: zootorch.types.Model) -> tuple[zoojax.models.Network, Variables]:
    """Return the ``zoojax`` twin of a ``zootorch`` model, and its numbers as variables."""
    twin = zoojax.models.model_of(model.config)
    return twin, zoojax.weights.from_arrays(twin, zootorch.weights.to_arrays(model))


def run_both(config: RunConfig, *, progress: bool = False) -> tuple[Run, Run]:
    """Run ``config`` in JAX and in torch.

    float64 is switched on in JAX for this run alone when the configuration asks for it.
    """
    with jax.enable_x64(config.train.dtype == "float64"):
        first = zoojax.experiments.pipeline.run(config, progress=progress)
    return first, zootorch.experiments.pipeline.run(config, progress=progress)


def write_comparison(folder: str | Path, first: Run, second: Run) -> Path:
    """Write the numbers, the figures and the report of two runs.

    Args:
        folder: where to; made when it is missing.
        first: the run in JAX.
        second: the run in torch.

    Returns:
        path of ``report.html``.
    """
    folder = Path(folder)
    config, rows = first.config, compare(first, second)
    runs = {"zoojax": first, "zootorch": second}
    drawn = _class_figures(runs) if config.class_names else _wave_figures(runs)
    losses = figures.loss_curves({name: run.history for name, run in runs.items()})
    drawn["losses"] = ("Training and validation loss of both, and how far they are apart", losses)
    for name, run in runs.items():
        curves = figures.training_curves(run.history, problems=run.history.gradient_problems)
        drawn[f"training_{name}"] = (f"The training of {name}", curves)
    paths = save_figures(folder, {name: figure for name, (_, figure) in drawn.items()})
    numbers = {name: _numbers(run) for name, run in runs.items()}
    files.write_json(
        folder / "comparison.json",
        files.without_nan({"config": config, "rows": [row._asdict() for row in rows], **numbers}),
    )
    mixed = config.train.compute_dtype
    dtype = config.train.dtype + (f" with products in {mixed}" if mixed else "")
    lead = (
        f"One seed ({config.train.seed}), {dtype}, two programs: zoojax, pure "
        f"functions on JAX, and zootorch, objects on PyTorch. {summarise(rows)}."
    )
    return write_report(
        folder / "report.html",
        title="One seed, one run, in either backend",
        lead=lead,
        rows=rows,
        figures={caption: paths[name] for name, (caption, _) in drawn.items()},
        settings=files.plain(config),
    )


def _class_figures(runs: dict[str, Run]) -> dict[str, tuple[str, Figure]]:
    """Return caption and figure by name: pictures, and what became of the validation set."""
    config = runs["zoojax"].config
    images = first_images(config, NUM_SAMPLES)
    data = config.data
    assert isinstance(data, ShapesConfig)
    names = [data.class_names(target) for target in ("color", "shape")]
    labels = [data.labels(target, config.num_each) for target in ("color", "shape")]
    titles = [
        f"{names[0][color]} {names[1][shape]}"
        for color, shape, _ in zip(*labels, images, strict=False)
    ]
    matrices = {
        name: np.array(run.results.scores["confusion_matrix"]) for name, run in runs.items()
    }
    return {
        "samples": ("Pictures, the same bytes in both", figures.sample_images(images, titles)),
        "confusion": (
            "Confusion matrices of the validation set",
            figures.confusion_matrices(matrices, config.class_names),
        ),
    }


def _wave_figures(runs: dict[str, Run]) -> dict[str, tuple[str, Figure]]:
    """Return caption and figure by name: what each program predicts for the same waves."""
    drawn = {}
    for name, run in runs.items():
        figure = draw_results(run.results, run.config, name)["forecasts"]
        drawn[f"forecasts_{name}"] = (f"Waves, and the next points as {name} predicts them", figure)
    return drawn


def _numbers(run: Run) -> dict[str, Any]:
    return {
        "data_sha256": run.data_sha256,
        "layer_shapes": run.layer_shapes,
        "history": run.history,
        "scores": run.results.scores,
    }


def first_images(config: RunConfig, num: int) -> NDArray[np.uint8]:
    """Return the first pictures of a run, at most ``num``: (num, height, width, 3) uint8."""
    assert isinstance(config.data, ShapesConfig)
    dataset = ShapesDataset(config.data, config.num_each, config.seed_of_data)
    images: NDArray[np.uint8] = dataset.batch(range(min(num, len(dataset)))).images.numpy()
    return images
