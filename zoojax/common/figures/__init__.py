"""Arrays -> matplotlib figures, without pyplot: no window, no global state, no framework."""

from zoojax.common.figures.activation import activations
from zoojax.common.figures.conformal_coverage import adaptive_coverage, coverage_curves
from zoojax.common.figures.conformal_intervals import interval_forecasts
from zoojax.common.figures.conformal_sets import sample_sets, set_sizes
from zoojax.common.figures.confusion import confusion_matrices
from zoojax.common.figures.losses import POINT_STYLES, RUN_STYLES, loss_curves, relative_difference
from zoojax.common.figures.regression import forecasts, predicted_vs_true
from zoojax.common.figures.samples import sample_images
from zoojax.common.figures.saving import DOTS_PER_INCH, NotebookFigure, save_figure
from zoojax.common.figures.scores import precision_recall_curves, roc_curves
from zoojax.common.figures.training import training_curves

__all__ = [
    "DOTS_PER_INCH",
    "POINT_STYLES",
    "RUN_STYLES",
    "NotebookFigure",
    "activations",
    "adaptive_coverage",
    "confusion_matrices",
    "coverage_curves",
    "forecasts",
    "interval_forecasts",
    "loss_curves",
    "precision_recall_curves",
    "predicted_vs_true",
    "relative_difference",
    "roc_curves",
    "sample_images",
    "sample_sets",
    "save_figure",
    "set_sizes",
    "training_curves",
]
