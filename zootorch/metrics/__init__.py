"""Metrics as objects: update them with batches, compute when all are seen.

A value that is undefined, since it would divide by zero, is NaN, and a warning names its
class.
"""

from zootorch.metrics.counts import F1, Accuracy, ConfusionMatrix, Precision, Recall
from zootorch.metrics.curves import AveragePrecision, PrecisionRecallCurve, RocAuc, RocCurve
from zootorch.metrics.regression import MAE, MSE, R2, PearsonR

__all__ = [
    "F1",
    "MAE",
    "MSE",
    "R2",
    "Accuracy",
    "AveragePrecision",
    "ConfusionMatrix",
    "PearsonR",
    "Precision",
    "PrecisionRecallCurve",
    "Recall",
    "RocAuc",
    "RocCurve",
]
