"""Conformal prediction as functions: scores, thresholds of scores, sets and intervals.

Scores and thresholds go together freely: a threshold is a function of scores alone, whatever
they are of.

>>> threshold = calibrate(label_scores(aps(probs), labels), alpha=0.1)
>>> sets = prediction_sets(new_probs, threshold, score=aps)
>>> scores = cqr.score(targets, lower, upper)
>>> threshold = calibrate(scores, alpha=0.1 / cqr.num_tails)
>>> interval = cqr.interval(threshold, new_lower, new_upper)
"""

from zoojax.conformal.adaptive import (
    AdaptiveState,
    AdaptiveStep,
    adaptive,
    adaptive_state,
    adaptive_step,
    adaptive_threshold,
)
from zoojax.conformal.class_scores import aps, lac, raps, saps, top_k
from zoojax.conformal.classifiers import label_scores, prediction_sets
from zoojax.conformal.cross import cross_interval, cross_sets
from zoojax.conformal.evaluation import (
    class_coverage,
    coverage,
    group_coverage,
    interval_coverage,
    interval_width,
    is_covered,
    mean_set_size,
    set_size_counts,
    set_sizes,
    size_stratified_coverage,
)
from zoojax.conformal.residual_scores import Residual, absolute, asymmetric_cqr, cqr, normalized
from zoojax.conformal.thresholds import calibrate, calibrate_groups, calibrate_weighted
from zoojax.spec.conformal import Interval

__all__ = [
    "AdaptiveState",
    "AdaptiveStep",
    "Interval",
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
    "class_coverage",
    "coverage",
    "cqr",
    "cross_interval",
    "cross_sets",
    "group_coverage",
    "interval_coverage",
    "interval_width",
    "is_covered",
    "label_scores",
    "lac",
    "mean_set_size",
    "normalized",
    "prediction_sets",
    "raps",
    "saps",
    "set_size_counts",
    "set_sizes",
    "size_stratified_coverage",
    "top_k",
]
