"""Conformal prediction as functions: scores, thresholds of scores, sets and intervals.

Scores and thresholds go together freely: a threshold is a function of scores alone, whatever
they are of.

>>> threshold = calibrate(label_scores(aps(probs), labels), alpha=0.1)
>>> sets = prediction_sets(new_probs, threshold, score=aps)
>>> threshold = calibrate(absolute.score(targets, predictions), alpha=0.1)
>>> interval = absolute.interval(threshold, new_predictions)
"""

from zoojax.conformal.adaptive import (
    AdaptiveState,
    AdaptiveStep,
    adaptive,
    adaptive_state,
    adaptive_step,
    adaptive_threshold,
)
from zoojax.conformal.classes import aps, lac, raps, saps, top_k
from zoojax.conformal.classifiers import label_scores, prediction_sets
from zoojax.conformal.cross import cross_interval, cross_sets
from zoojax.conformal.residuals import Residual, absolute, asymmetric_cqr, cqr, normalized
from zoojax.conformal.thresholds import calibrate, calibrate_groups, calibrate_weighted

__all__ = [
    "AdaptiveState",
    "AdaptiveStep",
    "Residual",
    "absolute",
    "adaptive",
    "adaptive_state",
    "adaptive_step",
    "adaptive_threshold",
    "aps",
    "asymmetric_cqr",
    "calibrate",
    "calibrate_groups",
    "calibrate_weighted",
    "cqr",
    "cross_interval",
    "cross_sets",
    "label_scores",
    "lac",
    "normalized",
    "prediction_sets",
    "raps",
    "saps",
    "top_k",
]
