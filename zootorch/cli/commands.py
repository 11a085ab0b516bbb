"""The commands: what each does, and what it says."""

import contextlib
import csv
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from zoojax.spec import files, inputs, runs
from zoojax.spec.checkpoints import Checkpoints
from zoojax.spec.config import DEFAULT_RUNS, CNNConfig, ModelName, RunConfig, ShapesConfig
from zoojax.spec.datasets import Card, save_shapes, save_sinusoids
from zoojax.spec.metrics import UndefinedMetricWarning
from zoojax.spec.progress import progress_bar
from zoojax.spec.records import Results
from zootorch.cli.backends import PACKAGES, Backend, package, prepare
from zootorch.cli.flags import run_config

Kind = Literal["shapes", "sinusoids"]
Split = Literal["train", "validation", "test", "calibration"]
Flags = Annotated[Any, tyro.conf.arg(name="")]
BATCH = 64


def simulate(
    out: Path,
    kind: Annotated[Kind, tyro.conf.arg(name="data")],
    data: Any,
    num_each: int = 10,
    seed: int = 0,
    backend: Backend = "jax",
) -> None:
    """Simulate pictures of coloured shapes, or sinusoids, and write them as a data set.

    Args:
        out: new folder to write.
        kind: what to simulate.
        data: what it looks like.
        num_each: samples of each combination of shape and color, or of a wave's numbers.
        seed: integer from 0 to 2^32 - 1 that decides every pixel, or the waves' noise.
        backend: which of the two makes them; pictures have the same bytes, waves agree to
            rounding.
    """
    card = Card(data, num_each, seed, files.version())
    pipeline = package(backend, "pipeline")
    if isinstance(data, ShapesConfig):
        batches = pipeline.simulate_batches(data, num_each, seed, BATCH)
        save_shapes(out, _counted(batches, card.num_samples), card)
    else:
        save_sinusoids(out, pipeline.simulate_waves(data, num_each, seed), card)
    print(f"{card.num_samples} {'pictures' if kind == 'shapes' else 'waves'} in {out}")


def _counted(batches: Any, num_images: int) -> Iterator[Any]:
    """Yield the batches behind a progress bar, which appears with the first."""
    with progress_bar(num_images, "simulating", enabled=True) as advance:
        for batch in batches:
            yield batch
            for _ in range(len(batch.images)):
                advance()


def train(
    out: Path,
    backend: Backend,
    model: ModelName,
    run: Flags,
    checkpoint_minutes: float = 5.0,
    checkpoint_steps: int | None = None,
    resume: bool = False,
) -> None:
    """Simulate data, train a model on them and write the run.

    Args:
        out: folder to write weights, configuration, history, checkpoints and figures into.
        backend: which of the two trains.
        model: which model; cnn on pictures, the others on sinusoids.
        run: what to simulate and how to train.
        checkpoint_minutes: minutes after which all that is needed to go on is saved.
        checkpoint_steps: steps after which it is saved; None for minutes alone.
        resume: go on from the last checkpoint in ``out``, if there is one; the other flags
            must be those of the run.
    """
    config = run_config(run, DEFAULT_RUNS[model])
    _check_folder(out)
    _check_folder(out / runs.CHECKPOINTS)
    prepare(backend, dtype=config.train.dtype, waves=not config.class_names)
    checkpoints = Checkpoints(
        out / runs.CHECKPOINTS,
        run=config,
        every_minutes=checkpoint_minutes,
        every_steps=checkpoint_steps,
        resume=resume,
    )
    if resume:
        print(f"resuming from {checkpoints.last or 'the start: there is no checkpoint yet'}")
    pipeline = package(backend, "pipeline")
    try:
        with _telling_warnings():
            made = pipeline.run(config, checkpoints=checkpoints, progress=True)
    except KeyboardInterrupt:
        last = checkpoints.last
        raise KeyboardInterrupt(f"With --resume it goes on from {last}" if last else "") from None
    runs.save_run(out, made)
    for layer, problem in made.history.gradient_problems.items():
        print(f"{layer}: {problem} gradient, see {out / 'training.png'}")
    print(f"validation {_in_short(made.results)}; run in {out}")


def evaluate(
    folder: Path,
    split: Split | None = None,
    data: Path | None = None,
    backend: Backend | None = None,
) -> None:
    """Evaluate a run: every metric as JSON, and figures, which replace those of the last time.

    Args:
        folder: a run that ``zoo train`` wrote, by either backend.
        split: which part of the run's own samples, simulated again; test if the run has such
            a part, else validation.
        data: a data set that ``zoo simulate`` wrote, to use instead.
        backend: which of the two evaluates; the one that trained unless given.
    """
    saved = runs.load_run(folder)
    used, parts = backend or saved.backend, saved.config.fractions
    if split is not None and split not in parts:
        raise ValueError(f"{folder} has no {split} samples; it has {', '.join(parts)}")
    split = split or ("test" if "test" in parts else "validation")
    prepare(used, dtype=saved.config.train.dtype, waves=not saved.config.class_names)
    with _telling_warnings():
        results = package(used, "pipeline").evaluate_run(saved, split, data)
    about = {"backend": used, "data": results.split, "class_names": saved.config.class_names}
    files.write_json(folder / runs.EVALUATION, files.without_nan({**about, **results.scores}))
    runs.save_figures(folder, runs.draw_results(results, saved.config, PACKAGES[used]))
    print(f"{results.split}: loss {results.scores['loss']:.6f}, {_in_short(results)}")
    for line in _in_full(results, saved.config):
        print(line)


def _in_short(results: Results) -> str:
    """Return the one number that matters most."""
    scores, num = results.scores, results.scores["num_samples"]
    if "accuracy" in scores:
        return f"accuracy {scores['accuracy']:.2%} of {num} pictures"
    return f"R2 {scores['r2']['all']:.4f} of {num} waves"


def _in_full(results: Results, config: RunConfig) -> Iterator[str]:
    """Yield a table of the metrics of each class, or of each step predicted."""
    metrics: tuple[str, ...] = ("mse", "mae", "r2", "pearson_r")
    rows = [f"{i + 1} ahead" for i in range(results.targets.shape[-1])]
    total = "all"
    if config.class_names:
        metrics = ("precision", "recall", "f1", "roc_auc", "average_precision")
        metrics = tuple(name for name in metrics if name in results.scores)
        rows, total = list(config.class_names), "macro"
    yield " " * 12 + "".join(f"{name:>18}" for name in metrics)
    for i, row in enumerate(rows):
        yield f"{row:>12}" + "".join(f"{results.scores[m]['each'][i]:18.4f}" for m in metrics)
    yield f"{total:>12}" + "".join(f"{results.scores[m][total]:18.4f}" for m in metrics)


def predict(
    folder: Path,
    files_: Annotated[tuple[Path, ...], tyro.conf.arg(name="files")],
    out: Path | None = None,
    backend: Backend | None = None,
) -> None:
    """Label pictures with probabilities, or predict the next points of waves.

    Args:
        folder: a run, or a folder with ``model.safetensors`` and ``config.json``.
        files_: PNG files, or ``.npy`` files of uint8 (height, width, 3) or (pictures, height,
            width, 3); for models of waves ``.npy`` files of (points,) or (waves, points).
        out: CSV file to write as well.
        backend: which of the two predicts; the one that trained, or jax, unless given.
    """
    has_run = (folder / runs.RUN).exists()
    saved = runs.load_run(folder) if has_run else None
    config = files.load_config(folder)
    names, samples = inputs.read_samples(files_, config)
    used = backend or (saved.backend if saved else "jax")
    dtype = saved.config.train.dtype if saved else "float32"
    prepare(used, dtype=dtype, waves=not isinstance(config, CNNConfig))
    outputs = package(used, "pipeline").predict(folder, samples)
    class_names = saved.config.class_names if saved else ()
    table = inputs.prediction_table(names, outputs, config, class_names)
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def compare(
    model: ModelName,
    run: Flags,
    out: Path = Path("demo"),
) -> None:
    """Make the same run in both backends and set the numbers side by side.

    Args:
        model: which model; cnn on pictures, the others on sinusoids.
        run: what to simulate and how to train.
        out: folder to write the numbers, the figures and report.html into.
    """
    from rich.console import Console

    from zoojax.spec import comparison, report

    config = run_config(run, DEFAULT_RUNS[model])
    _check_folder(out)
    for backend in PACKAGES:
        # parity switches float64 on, for its run alone.
        prepare(backend, dtype="float32", waves=not config.class_names)
    from zootorch import parity

    with _telling_warnings():
        first, second = parity.run_both(config, progress=True)
    rows = comparison.compare(first, second)
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(report.table(rows))
    path = parity.write_comparison(out, first, second)
    console.print(f"numbers, figures and report in {path.parent}")
    if any(row.verdict == "DIFFERS" for row in rows):
        sys.exit(1)


def _check_folder(out: Path) -> None:
    """Refuse a folder that cannot be written: before the work, not after it."""
    if not out.exists():
        there = next(path for path in out.absolute().parents if path.exists())
        out.mkdir(parents=True)
        for path in (out.absolute(), *out.absolute().parents):
            if path == there:
                break
            path.rmdir()  # folders come with what is written into them
    elif not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; choose another folder")
    elif not os.access(out, os.W_OK):
        raise PermissionError(f"{out} cannot be written to; choose another folder")


@contextlib.contextmanager
def _telling_warnings() -> Iterator[None]:
    """Say once, in a line, what metrics are undefined."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UndefinedMetricWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"zoo: warning: {message}", file=sys.stderr)
