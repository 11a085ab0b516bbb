"""The commands that make something new: data, a run, or two runs to compare."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from zoojax.common.progress import progress_bar
from zoojax.common.reporting.run_figures import draw_training, save_figures
from zoojax.common.storage import files, runs
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.datasets import Card, save_shapes, save_sinusoids
from zoojax.spec.config import DEFAULT_RUNS, ModelName, RunConfig, ShapesConfig
from zoojax.spec.ensembles import member_runs
from zoojax.spec.records import Run, ShapeBatch
from zootorch.cli.backends import PACKAGES, Backend, package, prepare
from zootorch.cli.flags import Flags, run_config
from zootorch.cli.messages import in_short, telling_warnings

Kind = Literal["shapes", "sinusoids"]
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
    pipeline = package(backend, "experiments.pipeline")
    if isinstance(data, ShapesConfig):
        batches = pipeline.simulate_batches(data, num_each, seed, BATCH)
        save_shapes(out, _counted(batches, card.num_samples), card)
    else:
        save_sinusoids(out, pipeline.simulate_waves(data, num_each, seed), card)
    print(f"{card.num_samples} {'pictures' if kind == 'shapes' else 'waves'} in {out}")


def _counted(batches: Iterable[ShapeBatch[Any]], num_images: int) -> Iterator[ShapeBatch[Any]]:
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
    ensemble: int = 1,
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
        ensemble: how many models to train on the same data, with one seed after another, into
            folders of their own in ``out``; evaluate, calibrate and predict then take the mean
            of them. Without checkpoints, unless it is 1.
        checkpoint_minutes: minutes after which all that is needed to go on is saved.
        checkpoint_steps: steps after which it is saved; None for minutes alone.
        resume: go on from the last checkpoint in ``out``, if there is one; the other flags
            must be those of the run.
    """
    config = run_config(run, DEFAULT_RUNS[model])
    if ensemble != 1:
        if resume or checkpoint_steps is not None:
            raise ValueError("an ensemble has no checkpoints to save or resume: train it at once")
        _train_ensemble(out, backend, config, ensemble)
        return
    _check_folder(out)
    _check_folder(out / runs.CHECKPOINTS)
    if (out / runs.MEMBER.format(0)).exists():
        raise FileExistsError(f"{out} is of an ensemble; choose another folder")
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
    pipeline = package(backend, "experiments.pipeline")
    try:
        with telling_warnings():
            made = pipeline.run(config, checkpoints=checkpoints, progress=True)
    except KeyboardInterrupt:
        last = checkpoints.last
        raise KeyboardInterrupt(f"With --resume it goes on from {last}" if last else "") from None
    runs.save_run(out, made)
    _draw_training(out, made)


def _train_ensemble(out: Path, backend: Backend, config: RunConfig, num_members: int) -> None:
    """Train an ensemble and write its members."""
    member_runs(config, num_members)  # refuses what cannot be, before the work
    _check_folder(out)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; an ensemble needs a folder of its own")
    prepare(backend, dtype=config.train.dtype, waves=not config.class_names)
    with telling_warnings():
        members, mean = package(backend, "experiments.pipeline").run_ensemble(
            config, num_members, progress=True
        )
    runs.save_ensemble(out, config, members)
    for place, made in enumerate(members):
        _draw_training(out / runs.MEMBER.format(place), made)
    print(f"validation {in_short(mean)} by the mean of all {num_members}; ensemble in {out}")


def _draw_training(folder: Path, made: Run) -> None:
    """Draw how a model was trained into the folder of its run, and print how it did."""
    save_figures(folder, draw_training(made.history, made.backend))
    for layer, problem in made.history.gradient_problems.items():
        print(f"{layer}: {problem} gradient, see {folder / 'training.png'}")
    print(f"validation {in_short(made.results)}; run in {folder}")


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

    from zoojax.common.reporting import comparison, report

    config = run_config(run, DEFAULT_RUNS[model])
    _check_folder(out)
    for backend in PACKAGES:
        # parity switches float64 on, for its run alone.
        prepare(backend, dtype="float32", waves=not config.class_names)
    from zootorch import parity

    with telling_warnings():
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
