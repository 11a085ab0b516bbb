"""Arrays -> matplotlib figures, without pyplot: no window, no global state, no framework."""

from zoojax.spec.figures.activation import activations
from zoojax.spec.figures.conformal_coverage import adaptive_coverage, coverage_curves
from zoojax.spec.figures.conformal_intervals import interval_forecasts
from zoojax.spec.figures.conformal_sets import sample_sets, set_sizes
from zoojax.spec.figures.confusion import confusion_matrices
from zoojax.spec.figures.losses import POINT_STYLES, RUN_STYLES, loss_curves, relative_difference
from zoojax.spec.figures.regression import forecasts, predicted_vs_true
from zoojax.spec.figures.samples import sample_images
from zoojax.spec.figures.saving import DOTS_PER_INCH, NotebookFigure, save_figure
from zoojax.spec.figures.scores import precision_recall_curves, roc_curves
from zoojax.spec.figures.training import training_curves

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
