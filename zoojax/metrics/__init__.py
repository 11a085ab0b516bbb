"""Metrics as functions: everything they need comes in, a number or an array goes out.

Numbers are of JAX's default float: float32, unless ``jax_enable_x64`` is on. The objects of
``zootorch`` compute in float64.

A value that is undefined, since it would divide by zero, is NaN, and outside jit a warning
names its class.
"""

from zoojax.metrics.counts import accuracy, confusion_matrix, f1, precision, recall
from zoojax.metrics.curves import average_precision, precision_recall_curve, roc_auc, roc_curve
from zoojax.metrics.regression import mae, mse, pearson_r, r2

__all__ = [
    "accuracy",
    "average_precision",
    "confusion_matrix",
    "f1",
    "mae",
    "mse",
    "pearson_r",
    "precision",
    "precision_recall_curve",
    "r2",
    "recall",
    "roc_auc",
    "roc_curve",
]
