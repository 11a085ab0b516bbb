"""A run calibrated: thresholds of its scores, sets and intervals of its outputs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from zoojax import conformal, random
from zoojax.spec.config import ConformalConfig, RunConfig, conformal_of
from zoojax.spec.conformal import Interval, as_fraction
from zoojax.spec.draws import CALIBRATION_DRAW, PREDICTION_DRAW
from zoojax.spec.quantiles import point_predictions, quantile_parts
from zoojax.spec.records import Calibration, Results

RESIDUALS = {
    "absolute": conformal.absolute,
    "normalized": conformal.normalized,
    "cqr": conformal.cqr,
    "asymmetric_cqr": conformal.asymmetric_cqr,
}


def calibrate(config: ConformalConfig, run: RunConfig, results: Results) -> Calibration:
    """Find the threshold of a run's model.

    Args:
        config: how to calibrate.
        run: what was run.
        results: outputs and targets of calibration samples, which it was not trained on.

    Raises:
        ValueError: when the score is none for such a model.
    """
    config = conformal_of(config, run)
    if run.class_names:
        scores = class_score(config, run, results, CALIBRATION_DRAW)(results.outputs)
        of_labels = conformal.label_scores(scores, results.targets)
        if config.per_class:
            num = len(run.class_names)
            threshold = conformal.calibrate_groups(
                of_labels, results.targets, config.alpha, num_groups=num
            )
        else:
            threshold = conformal.calibrate(of_labels, config.alpha)
    else:
        residual = RESIDUALS[config.score]
        scores = residual.score(results.targets, *parts(config, run, results.outputs))
        threshold = conformal.calibrate(scores, as_fraction(config.alpha) / residual.num_tails)
    return Calibration(config, np.asarray(threshold), len(results.targets))


def predict(calibration: Calibration, run: RunConfig, results: Results) -> NDArray[Any]:
    """Return the sets or the intervals of samples.

    Args:
        calibration: of the run.
        run: what was run.
        results: outputs of samples, and the samples themselves, of which randomised scores draw.

    Returns:
        (samples, classes) bool, or (samples, outputs, 2) float, lower and upper ends.
    """
    config, threshold = calibration.config, calibration.threshold
    if run.class_names:
        score = class_score(config, run, results, PREDICTION_DRAW)
        return np.asarray(
            conformal.prediction_sets(
                results.outputs, threshold, score=score, force_top=config.force_top
            )
        )
    predicted = parts(config, run, results.outputs)
    interval = RESIDUALS[config.score].interval(threshold, *predicted)
    return np.stack(interval, axis=-1)


def class_score(
    config: ConformalConfig, run: RunConfig, results: Results, draw: int
) -> Callable[..., Array]:
    """Return the score of classes that a configuration names, as a function of probabilities."""
    key = None
    if config.randomized:
        stream = random.stream(random.root_key(run.train.seed), "conformal")
        fold_in = jax.vmap(jax.random.fold_in, in_axes=(None, 0))
        key = fold_in(jax.random.fold_in(stream, draw), results.digests)
    scores: dict[str, Callable[..., Array]] = {
        "lac": conformal.lac,
        "aps": functools.partial(conformal.aps, key=key),
        "raps": functools.partial(
            conformal.raps, key=key, penalty=config.penalty, k_reg=config.k_reg
        ),
        "saps": functools.partial(conformal.saps, key=key, weight=config.weight),
        "top_k": conformal.top_k,
    }
    return scores[config.score]


def parts(
    config: ConformalConfig, run: RunConfig, outputs: NDArray[np.floating]
) -> tuple[NDArray[np.floating], ...]:
    """Return what a residual needs of a model's outputs: numbers, spreads or quantiles."""
    if config.score == "absolute":
        return (point_predictions(outputs, run.train.loss),)
    lower, middle, upper = quantile_parts(outputs)
    if config.score != "normalized":
        return lower, upper
    # Quantiles that cross still say how far the middle one may be off; none is sure of a number.
    return middle, np.maximum(abs(upper - lower) / 2, np.finfo(outputs.dtype).eps)


def judge(calibration: Calibration, run: RunConfig, results: Results) -> dict[str, Any]:
    """Evaluate a calibration on other samples.

    Returns:
        plain numbers and lists by name: coverage; of classes "class_coverage", "set_sizes" (how
        many sets have 0, 1, ... classes) and "size_coverage"; of waves coverage and "width" of
        each number predicted. NaN where there is no sample.
    """
    predicted = predict(calibration, run, results)
    with jax.enable_x64(True):
        if not run.class_names:
            interval = Interval(predicted[..., 0], predicted[..., 1])
            found: dict[str, Any] = {
                "coverage": conformal.interval_coverage(interval, results.targets),
                "width": conformal.interval_width(interval),
            }
        else:
            found = {
                "coverage": conformal.coverage(predicted, results.targets),
                "class_coverage": conformal.class_coverage(predicted, results.targets),
                "set_sizes": conformal.set_size_counts(predicted),
                "size_coverage": conformal.size_stratified_coverage(predicted, results.targets),
            }
        return {name: np.asarray(value).tolist() for name, value in found.items()}
