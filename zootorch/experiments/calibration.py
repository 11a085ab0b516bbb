"""A run calibrated: an object that predicts sets or intervals from its outputs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoojax.spec.config import ConformalConfig, RunConfig, conformal_of
from zoojax.spec.conformal import Interval, calibrated
from zoojax.spec.draws import CALIBRATION_DRAW, PREDICTION_DRAW
from zoojax.spec.quantiles import point_predictions, quantile_parts
from zoojax.spec.records import Calibration, Results
from zootorch import conformal
from zootorch.random import Generator, fold_in, words

RESIDUALS: dict[str, type[conformal.Residual]] = {
    "absolute": conformal.AbsoluteResidual,
    "normalized": conformal.NormalizedResidual,
    "cqr": conformal.CQR,
    "asymmetric_cqr": conformal.AsymmetricCQR,
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
    predictor = predictor_of(config, run, results, CALIBRATION_DRAW)
    outputs, targets = torch.tensor(results.outputs), torch.tensor(results.targets)
    if isinstance(predictor, conformal.SplitConformalClassifier):
        predictor.calibrate(outputs, targets)
    else:
        predictor.calibrate(targets, *parts(config, run, outputs))
    return Calibration(config, calibrated(predictor.threshold).numpy(), len(targets))


def predict(calibration: Calibration, run: RunConfig, results: Results) -> NDArray[Any]:
    """Return the sets or the intervals of samples.

    Args:
        calibration: of the run.
        run: what was run.
        results: outputs of samples, and the samples themselves, of which randomised scores draw.

    Returns:
        (samples, classes) bool, or (samples, outputs, 2) float, lower and upper ends.
    """
    predictor = predictor_of(calibration.config, run, results, PREDICTION_DRAW)
    predictor.threshold = torch.tensor(calibration.threshold)
    outputs = torch.tensor(results.outputs)
    if isinstance(predictor, conformal.SplitConformalClassifier):
        return predictor.predict_sets(outputs).numpy()
    interval = predictor.predict_interval(*parts(calibration.config, run, outputs))
    return torch.stack(interval, dim=-1).numpy()


def predictor_of(
    config: ConformalConfig, run: RunConfig, results: Results, draw: int
) -> conformal.SplitConformalClassifier | conformal.SplitConformalRegressor:
    """Return the conformal predictor that a configuration describes, not yet calibrated."""
    if not run.class_names:
        return conformal.SplitConformalRegressor(config.alpha, RESIDUALS[config.score]())
    kind = conformal.SplitConformalClassifier
    if config.per_class:
        kind = conformal.ClassConditionalClassifier
    return kind(
        config.alpha, score=class_score(config, run, results, draw), force_top=config.force_top
    )


class SampleGenerator(Generator):
    """Draws of each sample's own bytes, so the same again at every call.

    Args:
        key: (2,) int64 key of the draw.
        digests: (samples,) uint32, of the bytes.
    """

    def __init__(self, key: Tensor, digests: NDArray[np.uint32]) -> None:
        super().__init__(0)
        self.keys = fold_in(key, torch.from_numpy(digests.astype(np.int64)))

    def words(self, num: int) -> Tensor:
        """Return a word of each sample, (num,) int64 with values 0..2^32-1."""
        return words(self.keys, 1)[:num, 0]


def class_score(
    config: ConformalConfig, run: RunConfig, results: Results, draw: int
) -> Callable[[Tensor], Tensor]:
    """Return the score of classes that a configuration names, as an object."""
    generator = None
    if config.randomized:
        stream = Generator(run.train.seed).stream("conformal")
        generator = SampleGenerator(fold_in(stream.key, draw), results.digests)
    scores: dict[str, Callable[[Tensor], Tensor]] = {
        "lac": conformal.LAC(),
        "aps": conformal.APS(generator),
        "raps": conformal.RAPS(generator, penalty=config.penalty, k_reg=config.k_reg),
        "saps": conformal.SAPS(generator, weight=config.weight),
        "top_k": conformal.TopK(),
    }
    return scores[config.score]


def parts(config: ConformalConfig, run: RunConfig, outputs: Tensor) -> tuple[Tensor, ...]:
    """Return what a residual needs of a model's outputs: numbers, spreads or quantiles."""
    if config.score == "absolute":
        return (point_predictions(outputs, run.train.loss),)
    lower, middle, upper = quantile_parts(outputs)
    if config.score != "normalized":
        return lower, upper
    # Quantiles that cross still say how far the middle one may be off; none is sure of a number.
    return middle, ((upper - lower).abs() / 2).clamp(min=torch.finfo(outputs.dtype).eps)


def judge(calibration: Calibration, run: RunConfig, results: Results) -> dict[str, Any]:
    """Evaluate a calibration on other samples.

    Returns:
        plain numbers and lists by name: coverage; of classes "class_coverage", "set_sizes" (how
        many sets have 0, 1, ... classes) and "size_coverage"; of waves coverage and "width" of
        each number predicted. NaN where there is no sample.
    """
    predicted = torch.from_numpy(predict(calibration, run, results))
    targets = torch.tensor(results.targets)
    metrics: dict[str, Any]
    if not run.class_names:
        interval = Interval(predicted[..., 0], predicted[..., 1])
        metrics = {"coverage": conformal.IntervalCoverage(), "width": conformal.IntervalWidth()}
        metrics["coverage"].update(interval, targets)
        metrics["width"].update(interval)
    else:
        num = len(run.class_names)
        metrics = {
            "coverage": conformal.Coverage(),
            "class_coverage": conformal.ClassCoverage(num),
            "set_sizes": conformal.SetSizes(num),
            "size_coverage": conformal.SizeStratifiedCoverage(num),
        }
        for name, metric in metrics.items():
            metric.update(predicted) if name == "set_sizes" else metric.update(predicted, targets)
    return {name: metric.compute().tolist() for name, metric in metrics.items()}
