"""The commands for a run that is there: evaluate it, calibrate it, predict with it."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from zoojax.common.reporting.run_figures import ALPHAS, draw_calibration, draw_results, save_figures
from zoojax.common.reporting.tables import (
    describe_calibration,
    prediction_columns,
    prediction_table,
)
from zoojax.common.shape_benchmark import Target
from zoojax.common.storage import files, pretrained, runs, user_files
from zoojax.common.storage.calibrations import load_calibration, save_calibration
from zoojax.spec.config import CNNConfig, conformal_of
from zoojax.spec.records import Calibrated, Calibration, Results
from zootorch.cli.backends import PACKAGES, Backend, package, prepare
from zootorch.cli.flags import Flags, conformal_config
from zootorch.cli.messages import in_full, in_short, telling_warnings

Split = Literal["train", "validation", "test", "calibration"]


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
    with telling_warnings():
        results = package(used, "experiments.saved_run").evaluate_run(saved, split, data)
    about = {"backend": used, "data": results.split, "class_names": saved.config.class_names}
    files.write_json(folder / runs.EVALUATION, files.without_nan({**about, **results.scores}))
    save_figures(folder, draw_results(results, saved.config, PACKAGES[used]))
    print(f"{results.split}: loss {results.scores['loss']:.6f}, {in_short(results)}")
    for line in in_full(results, saved.config):
        print(line)


def calibrate(
    folder: Path,
    conformal: Flags,
    data: Path | None = None,
    backend: Backend | None = None,
) -> None:
    """Calibrate a run, so that ``zoo predict`` gives sets of classes or intervals of numbers.

    Args:
        folder: a run that ``zoo train`` wrote, by either backend.
        conformal: how to calibrate.
        data: a data set that ``zoo simulate`` wrote, of another seed than the run's, to calibrate
            with instead of the part that the run kept for it.
        backend: which of the two calibrates; the one that trained unless given.
    """
    saved = runs.load_run(folder)
    used, parts = backend or saved.backend, saved.config.fractions
    if data is None and "calibration" not in parts:
        raise ValueError(
            f"{folder} kept no samples to calibrate with; train with --calibration-fraction, or "
            "give a data set of the same kind and another seed with --data"
        )
    config = conformal_of(conformal_config(conformal), saved.config)
    if data is not None:
        runs.check_other_seed(saved.config, data)
    prepare(used, dtype=saved.config.train.dtype, waves=not saved.config.class_names)
    saved_run = package(used, "experiments.saved_run")
    calibration = package(used, "experiments.calibration")
    with telling_warnings():
        held, tests = saved_run.answer_held_out(saved, data)

        def at(alpha: float) -> Calibration:
            found: Calibration = calibration.calibrate(
                dataclasses.replace(config, alpha=alpha), saved.config, held
            )
            return found

        def score(found: Calibration) -> dict[str, Any]:
            scores: dict[str, Any] = calibration.judge(found, saved.config, tests)
            return scores

        found = at(config.alpha)
        made = Calibrated(
            calibration=found,
            held=held,
            tests=tests,
            predicted=calibration.predict(found, saved.config, tests),
            scores=score(found),
            coverages=np.array([score(at(alpha))["coverage"] for alpha in ALPHAS]),
        )
    save_calibration(saved, made, used)
    save_figures(folder, draw_calibration(made, saved.config))
    for line in describe_calibration(made, saved.config):
        print(line)


def predict(
    files_: Annotated[tuple[Path, ...], tyro.conf.arg(name="files")],
    folder: Path | None = None,
    out: Path | None = None,
    backend: Backend | None = None,
) -> None:
    """Label pictures with probabilities, or predict the next points of waves.

    A run of pinball gives a lower and an upper quantile of each point as well, and one that
    ``zoo calibrate`` has calibrated sets of labels or intervals.

    Args:
        files_: PNG files, or ``.npy`` files of uint8 (height, width, 3) or (pictures, height,
            width, 3); for models of waves ``.npy`` files of (points,) or (waves, points).
        folder: a run, of one model or of an ensemble, or a folder with ``model.safetensors`` and
            ``config.json``; without one the classifiers of shape and color that come with this
            package.
        out: CSV file to write as well.
        backend: which of the two predicts; the one that trained, or jax, unless given.
    """
    if folder is not None:
        table = _predictions(folder, files_, backend)
    else:
        first, *others = (
            _predictions(pretrained.FOLDER / target, files_, backend, target)
            for target in pretrained.TARGETS
        )
        # The names of the pictures once.
        table = [row + [c for o in others for c in o[i][1:]] for i, row in enumerate(first)]
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _predictions(
    folder: Path,
    paths: Sequence[Path],
    backend: Backend | None,
    target: Target | None = None,
) -> list[list[str]]:
    """Return what a model says of files as rows of text, the first with the columns' names.

    Args:
        folder: where the model is.
        paths: of the files.
        backend: which of the two predicts; the one that trained, or jax, when None.
        target: of a published classifier, what it tells.
    """
    has_run = (folder / runs.RUN).exists()
    saved = runs.load_run(folder) if has_run else None
    config = files.load_config(runs.member_folders(folder)[0])
    names, samples = user_files.read_samples(paths, config)
    used = backend or (saved.backend if saved else "jax")
    dtype = saved.config.train.dtype if saved else "float32"
    prepare(used, dtype=dtype, waves=not isinstance(config, CNNConfig))
    outputs = package(used, "experiments.saved_run").predict(folder, samples)
    class_names = saved.config.class_names if saved else ()
    if target is not None:
        class_names = pretrained.class_names(target)
    loss = saved.config.train.loss if saved else None
    table = prediction_table(names, outputs, config, class_names, loss=loss)
    if target is not None:
        table[0][1] = target
    if saved and (found := load_calibration(folder, saved.config)):
        answers = Results("to predict", samples, np.empty(0), outputs)  # of no known targets
        predicted = package(used, "experiments.calibration").predict(found, saved.config, answers)
        columns = prediction_columns(found, predicted, class_names)
        table = [[*row, *cells] for row, *cells in zip(table, *columns, strict=True)]
    return table
