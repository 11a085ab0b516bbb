"""Conformal prediction as objects: calibrated once, they predict sets and intervals.

Scores and ways to calibrate go together freely: a predictor is given its score.

>>> classifier = SplitConformalClassifier(alpha=0.1, score=APS())
>>> classifier.calibrate(probs, labels)
>>> sets = classifier.predict_sets(new_probs)
>>> regressor = SplitConformalRegressor(alpha=0.1)
>>> regressor.calibrate(targets, predictions)
>>> interval = regressor.predict_interval(new_predictions)
"""

from zoojax.spec.conformal import Interval
from zootorch.conformal.adaptive import AdaptiveConformalRegressor
from zootorch.conformal.class_scores import APS, LAC, RAPS, SAPS, ClassScore, TopK
from zootorch.conformal.classifiers import (
    ClassConditionalClassifier,
    GroupConformalClassifier,
    LabelShiftClassifier,
    SplitConformalClassifier,
    WeightedConformalClassifier,
    label_scores,
)
from zootorch.conformal.cross import CrossConformalClassifier, CrossConformalRegressor
from zootorch.conformal.evaluation import (
    ClassCoverage,
    Coverage,
    GroupCoverage,
    IntervalCoverage,
    IntervalWidth,
    SetSizes,
    SizeStratifiedCoverage,
    is_covered,
)
from zootorch.conformal.regressors import (
    GroupConformalRegressor,
    SplitConformalRegressor,
    WeightedConformalRegressor,
)
from zootorch.conformal.residual_scores import (
    CQR,
    AbsoluteResidual,
    AsymmetricCQR,
    NormalizedResidual,
    Residual,
)
from zootorch.conformal.thresholds import calibrate, calibrate_groups, calibrate_weighted

__all__ = [
    "APS",
    "CQR",
    "LAC",
    "RAPS",
    "SAPS",
    "AbsoluteResidual",
    "AdaptiveConformalRegressor",
    "AsymmetricCQR",
    "ClassConditionalClassifier",
    "ClassCoverage",
    "ClassScore",
    "Coverage",
    "CrossConformalClassifier",
    "CrossConformalRegressor",
    "GroupConformalClassifier",
    "GroupConformalRegressor",
    "GroupCoverage",
    "Interval",
    "IntervalCoverage",
    "IntervalWidth",
    "LabelShiftClassifier",
    "NormalizedResidual",
    "Residual",
    "SetSizes",
    "SizeStratifiedCoverage",
    "SplitConformalClassifier",
    "SplitConformalRegressor",
    "TopK",
    "WeightedConformalClassifier",
    "WeightedConformalRegressor",
    "calibrate",
    "calibrate_groups",
    "calibrate_weighted",
    "is_covered",
    "label_scores",
]
