"""The figures of a run: its losses, its evaluation, its calibration."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoojax.common import figures
from zoojax.spec.config import RunConfig
from zoojax.spec.conformal import coverage_band
from zoojax.spec.history import History
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Calibrated, Results

ALPHAS = tuple(i / 50 for i in range(1, 26))
"""At which coverage is drawn."""


NUM_PICTURES = 24
"""Drawn with their sets."""

NUM_FORECASTS = 12
"""Waves drawn with what was predicted for them."""


def draw_training(history: History, backend: str) -> dict[str, Figure]:
    """Return the figures of a training run by the names of their files.

    Args:
        history: losses, learning rates and gradients.
        backend: "jax" or "torch", which of the two trained.
    """
    problems = history.gradient_problems
    return {
        "losses": figures.loss_curves({f"zoo{backend}": history}),
        "training": figures.training_curves(history, problems=problems),
    }


def band(made: Calibrated, run: RunConfig, alpha: float) -> tuple[float, float] | None:
    """Return between which coverages 95 of 100 such test sets lie.

    Returns:
        both ends; None where theory gives no more than a lower bound of their mean: for two tails,
        for sets that are filled, for ranks, which are mostly ties, and for validation samples that
        chose the weights. Elsewhere ties, as of probabilities that round to 1, may lift coverage.
    """
    config, targets = made.calibration.config, (made.held.targets, made.tests.targets)
    chose_weights = run.train.keep_best or run.train.patience is not None
    if config.score in ("asymmetric_cqr", "top_k") or config.force_top:
        return None
    if made.tests.split == "validation" and chose_weights:
        return None
    if config.per_class:
        num = len(run.class_names)
        held, tests = (np.bincount(each, minlength=num).tolist() for each in targets)
        return coverage_band(held, tests, alpha)
    return coverage_band(len(targets[0]), len(targets[1]), alpha)


def draw_calibration(made: Calibrated, run: RunConfig) -> dict[str, Figure]:
    """Return the figures of a calibration by the names of their files."""
    name = f"{made.calibration.config.score}, {made.tests.split}"
    curves = {name: made.coverages}
    if not run.class_names:
        names = [f"{step + 1} ahead" for step in range(made.coverages.shape[1])]
        curves = dict(zip(names, made.coverages.T, strict=True))
    bands = [each for alpha in ALPHAS if (each := band(made, run, alpha))]
    lows_and_highs = (np.array(bands)[:, 0], np.array(bands)[:, 1]) if bands else None
    drawn: dict[str, Figure] = {
        "coverage": figures.coverage_curves(np.array(ALPHAS), curves, band=lows_and_highs)
    }
    tests = made.tests
    if run.class_names:
        some = slice(NUM_PICTURES)
        sets = (tests.inputs[some], made.predicted[some], tests.targets[some])
        counts = {name: np.array(made.scores["set_sizes"])}
        drawn["set_sizes"] = figures.set_sizes(counts)
        drawn["sets"] = figures.sample_sets(*sets, run.class_names)
    else:
        waves = tests.inputs.reshape(len(tests.inputs), -1)
        interval = (made.predicted[..., 0], made.predicted[..., 1])
        points = point_predictions(tests.outputs, run.train.loss)
        drawn["intervals"] = figures.interval_forecasts(
            waves, tests.targets, interval, predictions=points
        )
    return drawn


def draw_results(results: Results, config: RunConfig, name: str) -> dict[str, Figure]:
    """Return the figures of an evaluation by the names of their files.

    Args:
        results: what to draw.
        config: of the run.
        name: of the program that evaluated.
    """
    if not config.class_names:
        waves = results.inputs.reshape(len(results.inputs), -1)
        some = np.linspace(0, len(waves) - 1, min(NUM_FORECASTS, len(waves))).astype(int)
        points = point_predictions(results.outputs, config.train.loss)
        drawn = (each[some] for each in (waves, results.targets, points))
        return {
            "predicted_vs_true": figures.predicted_vs_true(results.targets, points),
            "forecasts": figures.forecasts(*drawn),
        }
    counts = {name: np.array(results.scores["confusion_matrix"])}
    matrices: dict[str, Figure] = {
        "confusion": figures.confusion_matrices(counts, config.class_names),
        "confusion_normalized": figures.confusion_matrices(
            counts, config.class_names, normalized=True
        ),
    }
    if not results.curves:
        return matrices

    def areas(metric: str) -> dict[str, float]:
        values = results.scores[metric]
        each = zip(config.class_names, values["each"], strict=True)
        return {**dict(each), "micro": values["micro"]}

    kinds = results.curves
    return matrices | {
        "roc": figures.roc_curves(kinds["roc"], areas("roc_auc")),
        "precision_recall": figures.precision_recall_curves(
            kinds["precision_recall"], areas("average_precision")
        ),
    }


def save_figures(folder: str | Path, drawn: dict[str, Figure]) -> dict[str, Path]:
    """Write figures as PNG files into a folder; return their paths by name."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    return {
        name: figures.save_figure(figure, Path(folder) / f"{name}.png")
        for name, figure in drawn.items()
    }
