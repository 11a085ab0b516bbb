"""Both backends side by side: the same run twice, compared. No twin: it sees both."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import zoojax.pipeline
import zoojax.weights
import zootorch.pipeline
import zootorch.weights
from zoojax.spec import figures, files
from zoojax.spec.config import RunConfig
from zoojax.spec.conv import cnn_layer_shapes
from zoojax.spec.records import Run
from zoojax.spec.report import Row, judge, summarise, write_report

ALLOWED = {"float64": 1e-12, "float32": 1e-5}
"""Largest relative difference of losses that counts as rounding."""

ALLOWED_VALIDATION = {"float64": 1e-9, "float32": None}
"""The same for the validation loss. A bias before a BatchNorm has gradient zero on paper and
rounding noise in practice, of which Adam makes steps: the training loss does not depend on
it, but eval mode does, since the running mean follows the bias a little late. In float32
the steps of noise are as large as any, and the row is for information."""

JUDGED_STEPS = {"float64": 1000, "float32": 10}
"""Steps up to which losses are judged. Rounding grows with each step as in any chaotic
system: float32 runs of one program on two machines part within hundreds of steps too."""

Variables = dict[str, Any]


def to_torch(model: Any, variables: Variables) -> Any:
    """Return the ``zootorch`` twin of a ``zoojax`` model, holding copies of its variables."""
    twin = zootorch.pipeline.CNN(model.config)
    zootorch.weights.from_arrays(twin, zoojax.weights.to_arrays(model, variables))
    return twin


def to_jax(model: Any) -> tuple[Any, Variables]:
    """Return the ``zoojax`` twin of a ``zootorch`` model, and its numbers as variables."""
    twin = zoojax.pipeline.CNN(model.config)
    return twin, zoojax.weights.from_arrays(twin, zootorch.weights.to_arrays(model))


def run_both(config: RunConfig, *, progress: bool = False) -> tuple[Run, Run]:
    """Run ``config`` in JAX and in torch.

    float64 is switched on in JAX for this run alone when the configuration asks for it.
    """
    with jax.enable_x64(config.train.dtype == "float64"):
        first = zoojax.pipeline.run(config, progress=progress)
    return first, zootorch.pipeline.run(config, progress=progress)


def sample_images(config: RunConfig, num: int) -> np.ndarray:
    """Return the first ``num`` pictures of a run, (num, height, width, 3) uint8."""
    simulator = zootorch.pipeline.ShapesDataset(config.data, config.num_each, config.train.seed)
    return simulator.batch(range(num)).images.numpy()


def relative_difference(first: float, second: float) -> float:
    """Return |first - second| as a part of the larger of the two, 0 when they are equal."""
    return float(figures.relative_difference(np.array([first]), np.array([second]))[0])


def compare(first: Run, second: Run) -> list[Row]:
    """Set two runs side by side, a row a number."""
    return [*_exact_rows(first, second), *_loss_rows(first, second), *_end_rows(first, second)]


def _exact_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare what must be equal to the last bit: pixels and shapes."""
    yield _exact("pixels, SHA-256", first.pixels_sha256, second.pixels_sha256, show=_short_digest)
    for layer in cnn_layer_shapes(first.config.model):
        shapes = (run.layer_shapes[layer.name] for run in (first, second))
        yield _exact(f"{layer.name} {layer.kind}", *shapes, show=_times)


def _loss_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare training losses before the first and after some updates."""
    dtype = first.config.train.dtype
    names = {0: "initial loss", 1: "loss after 1 step"}
    last = min(len(run.history.step_losses) for run in (first, second)) - 1
    for step in (s for s in (0, 1, 10, 100, 1000) if s <= last):
        losses = (float(run.history.step_losses[step]) for run in (first, second))
        name = names.get(step, f"loss after {step} steps")
        allowed = ALLOWED[dtype] if step <= JUDGED_STEPS[dtype] else None
        yield _close(name, *losses, allowed=allowed)


def _end_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare the validation set at the end, or at the epoch that is kept, and the speeds."""
    dtype, num_steps = first.config.train.dtype, len(first.history.step_losses)
    judged = num_steps <= JUDGED_STEPS[dtype]
    kept = first.config.train.keep_best
    losses = (
        float(run.history.validation_losses[run.history.best_epoch if kept else -1])
        for run in (first, second)
    )
    allowed = ALLOWED_VALIDATION[dtype] if judged else None
    yield _close("validation loss", *losses, allowed=allowed)

    num = int(first.confusion_matrix.sum())
    right = [int(np.trace(run.confusion_matrix)) for run in (first, second)]
    moved = int(np.abs(first.confusion_matrix - second.confusion_matrix).sum()) // 2
    apart = abs(right[0] - right[1])
    same = judge(float(apart), 0.0) if judged else "—"
    cells = (f"{right[0] / num:.2%}", f"{right[1] / num:.2%}")
    yield Row("validation accuracy", *cells, f"{apart} pictures", "0" if judged else "—", same)
    same = judge(float(moved), 0.0) if judged else "—"
    cells = (f"{right[0]} of {num} right", f"{right[1]} of {num} right")
    yield Row("confusion matrix", *cells, f"{moved} pictures", "0" if judged else "—", same)

    speeds = [run.history.images_per_second for run in (first, second)]
    ratio = f"× {speeds[0] / speeds[1]:.2f}"
    yield Row("training, images/s", f"{speeds[0]:.0f}", f"{speeds[1]:.0f}", ratio, "—", "—")


def _exact(name: str, first: Any, second: Any, *, show: Callable[[Any], str]) -> Row:
    same = first == second
    verdict = judge(0.0 if same else float("inf"), 0.0)
    return Row(name, show(first), show(second), "0" if same else "not equal", "0", verdict)


def _close(name: str, first: float, second: float, *, allowed: float | None) -> Row:
    difference = relative_difference(first, second)
    cells = (f"{first:.10g}", f"{second:.10g}", f"{difference:.1e}")
    if allowed is None:
        return Row(name, *cells, "—", "—")
    return Row(name, *cells, f"{allowed:.0e}", judge(difference, allowed))


def _short_digest(digest: str) -> str:
    return f"{digest[:8]}…{digest[-4:]}"


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def write_comparison(folder: str | Path, first: Run, second: Run, images: np.ndarray) -> Path:
    """Write the numbers, the figures and the report of two runs.

    Args:
        folder: where to; made when it is missing.
        first: the run in JAX.
        second: the run in torch.
        images: (samples, height, width, 3) uint8, pictures to show, in the data set's order.

    Returns:
        path of ``report.html``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config, rows = first.config, compare(first, second)
    runs = {"zoojax": first, "zootorch": second}
    palette, shapes = list(config.data.palette), config.data.shapes
    titles = [
        f"{palette[i % len(palette)]} {shapes[i // len(palette) % len(shapes)]}"
        for i in range(len(images))
    ]
    classes = config.data.class_names(config.target)
    drawn = {
        "Pictures, the same bytes in both": ("samples", figures.sample_images(images, titles)),
        "Training and validation loss of both runs, and how far they are apart": (
            "losses",
            figures.loss_curves({name: run.history for name, run in runs.items()}),
        ),
        "Confusion matrices of the validation set": (
            "confusion",
            figures.confusion_matrices(
                {name: run.confusion_matrix for name, run in runs.items()}, classes
            ),
        ),
    }
    paths = {
        caption: figures.save_figure(figure, folder / f"{name}.png")
        for caption, (name, figure) in drawn.items()
    }
    numbers = {name: _numbers(run) for name, run in runs.items()}
    files.write_json(
        folder / "comparison.json",
        {"config": config, "rows": [row._asdict() for row in rows], **numbers},
    )
    lead = (
        f"One seed ({config.train.seed}), {config.train.dtype}, two programs: zoojax, pure "
        f"functions on JAX, and zootorch, objects on PyTorch. {summarise(rows)}."
    )
    return write_report(
        folder / "report.html",
        title="One seed, one run, in either backend",
        lead=lead,
        rows=rows,
        figures=paths,
        settings=files.plain(config),
    )


def _numbers(run: Run) -> dict[str, Any]:
    return {
        "pixels_sha256": run.pixels_sha256,
        "layer_shapes": run.layer_shapes,
        "history": run.history,
        "confusion_matrix": run.confusion_matrix,
    }
