"""Calibrations as files, figures and texts: the threshold of a run, and what it covers."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zoojax.spec import figures, files
from zoojax.spec.config import ConformalConfig, RunConfig, conformal_of
from zoojax.spec.conformal import coverage_band
from zoojax.spec.draws import is_integer
from zoojax.spec.fingerprint import data_fingerprint
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Batch, Calibration, Results
from zoojax.spec.runs import CALIBRATION, SavedRun, weights_digest

CALIBRATION_DRAW, PREDICTION_DRAW = 0, 1
"""Which key of the stream "conformal" randomised scores take: never the same for both."""

ALPHAS = tuple(i / 50 for i in range(1, 26))
"""At which coverage is drawn."""

NUM_PICTURES = 24
"""Drawn with their sets."""


class Calibrated(NamedTuple):
    """A calibration, what it was made of, and what it gives for other samples.

    Attributes:
        calibration: of a run.
        held: outputs and targets of the calibration samples.
        tests: outputs and targets of other samples.
        predicted: of these: sets, (samples, classes) bool, or intervals, (samples, outputs, 2).
        scores: coverage and sizes of these.
        coverages: (alphas,) or (alphas, outputs) float, the coverage at each of ``ALPHAS``.
    """

    calibration: Calibration
    held: Results
    tests: Results
    predicted: NDArray[Any]
    scores: dict[str, Any]
    coverages: NDArray[np.floating]


def save_calibration(run: SavedRun, made: Calibrated, backend: str) -> Path:
    """Write a calibration into the folder of its run, whole or not at all.

    Args:
        run: the run.
        made: what to write.
        backend: which of the two calibrated.
    """
    content = {
        "backend": backend,
        "version": files.version(),
        "config": made.calibration.config,
        "threshold": _texts_for_infinity(made.calibration.threshold.tolist()),
        "num_samples": made.calibration.num_samples,
        "samples": made.held.split,
        "fingerprint": data_fingerprint(calibration=Batch(made.held.inputs, made.held.targets)),
        # Of these weights and no others.
        "weights": weights_digest(run.folder),
        "evaluation": {"samples": made.tests.split, **made.scores},
    }
    return files.write_json(run.folder / CALIBRATION, files.without_nan(content))


def _texts_for_infinity(value: Any) -> Any:
    """Return numbers as they are, and infinite ones as texts, since JSON has none."""
    if isinstance(value, list):
        return [_texts_for_infinity(each) for each in value]
    return str(value) if math.isinf(value) else value


def load_calibration(folder: str | Path, run: RunConfig) -> Calibration | None:
    """Read what ``save_calibration`` wrote.

    Returns:
        the calibration, or None where there is none.

    Raises:
        ValueError: when the file is damaged, or the weights are others than were calibrated;
            names the file.
    """
    path = Path(folder) / CALIBRATION
    if not path.exists():
        return None
    content = files.read_json(path)
    try:
        config = files.make_config(ConformalConfig, content["config"], str(path))
        if conformal_of(config, run) != config:
            raise ValueError("its score has no name")
        threshold = np.array(content["threshold"], np.float64)
        num_samples = content["num_samples"]
        weights = content["weights"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    is_whole = is_integer(num_samples) and threshold.shape == _shape(config, run)
    if not is_whole or np.isnan(threshold).any():
        raise ValueError(f"{path} is damaged: its threshold is not one of this run")
    if weights_digest(folder) != weights:
        raise ValueError(
            f"{path} was made for other weights; run zoo calibrate --folder {folder} again"
        )
    return Calibration(config, threshold.astype(run.train.dtype), num_samples)


def _shape(config: ConformalConfig, run: RunConfig) -> tuple[int, ...]:
    """Return the shape that a threshold has."""
    if run.class_names:
        return (len(run.class_names),) if config.per_class else ()
    num_steps = getattr(run.data, "num_next_steps", 0)
    return (num_steps, 2) if config.score == "asymmetric_cqr" else (num_steps,)


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


def describe_calibration(made: Calibrated, run: RunConfig) -> Iterator[str]:
    """Yield what a calibration found, line by line."""
    config, scores = made.calibration.config, made.scores
    thresholds = [f"{each:.6g}" for each in np.ravel(made.calibration.threshold)]
    num = made.calibration.num_samples
    shown = "of each class, below," if config.per_class else ", ".join(thresholds)
    yield f"threshold {shown} from {num} samples ({config.score}, alpha {config.alpha:g})"
    if np.isinf(made.calibration.threshold).any():
        yield "an infinite threshold holds everything: so small an alpha needs more samples"
    ends, num = band(made, run, config.alpha), len(made.tests.targets)
    theory = f" (theory: {ends[0]:.2%} to {ends[1]:.2%}, 95 times in 100)" if ends else ""
    if not run.class_names:
        for step, (part, width) in enumerate(zip(scores["coverage"], scores["width"], strict=True)):
            covered = f"{part:.2%} of {num} covered{theory}, mean width {width:.4g}"
            yield f"{made.tests.split}, {step + 1} ahead: {covered}"
        return
    sizes = np.array(scores["set_sizes"])
    mean = sizes @ np.arange(len(sizes)) / num
    covered = f"{scores['coverage']:.2%} of {num} covered{theory}"
    yield f"{made.tests.split}: {covered}, {mean:.2f} labels a set, {sizes[0]} empty sets"
    for i, (name, part) in enumerate(zip(run.class_names, scores["class_coverage"], strict=True)):
        covered = "no samples" if math.isnan(part) else f"{part:.2%} covered"
        own = f", threshold {thresholds[i]}" if config.per_class else ""
        yield f"{name:>12} {covered}{own}"


def prediction_columns(
    calibration: Calibration, predicted: NDArray[Any], class_names: Sequence[str]
) -> list[list[str]]:
    """Return sets or intervals as columns of text, each with its name first.

    Args:
        calibration: that made them.
        predicted: (samples, classes) bool, or (samples, outputs, 2) float.
        class_names: in label order; of waves none.
    """
    sure = f"{100 * (1 - calibration.config.alpha):g}%"
    if class_names:
        sets = (np.array(class_names)[held] for held in predicted)
        return [[f"{sure} set", *(", ".join(held) or "(empty)" for held in sets)]]
    return [
        [f"{step + 1} ahead, {sure} {end}", *(f"{value:.6g}" for value in predicted[:, step, i])]
        for step in range(predicted.shape[1])
        for i, end in enumerate(("from", "to"))
    ]
