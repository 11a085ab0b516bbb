"""All metrics of one evaluation at once, as objects that are shown batch after batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from zoojax.spec.records import Curves
from zootorch import metrics

Scores = dict[str, Any]


class Metric(Protocol):
    """A metric of two tensors, such as labels and predictions."""

    def update(self, first: Tensor, second: Tensor, /) -> None:
        """Take a batch in."""

    def compute(self) -> Tensor | float:
        """Return the metric of all batches."""


class Curve(Protocol):
    """A curve that a metric draws."""

    def compute(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the points, and the threshold of each."""


class ClassifierScores:
    """Every metric of a classifier, computed in float64.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        # By name, or by name and average.
        self.metrics: dict[tuple[str, ...], Metric] = {("accuracy",): metrics.Accuracy()}
        self.metrics["confusion_matrix",] = metrics.ConfusionMatrix(num_classes)
        normalized = metrics.ConfusionMatrix(num_classes, normalized=True)
        self.metrics["confusion_matrix_normalized",] = normalized
        rates: dict[str, Callable[..., Metric]] = {
            "precision": metrics.Precision,
            "recall": metrics.Recall,
            "f1": metrics.F1,
        }
        for name, rate in rates.items():
            for average in (None, "macro", "micro", "weighted"):
                self.metrics[name, average or "each"] = rate(num_classes, average=average)
        if num_classes == 1:
            return  # of no other class nothing can be told apart
        areas: dict[str, Callable[..., Metric]] = {
            "roc_auc": metrics.RocAuc,
            "average_precision": metrics.AveragePrecision,
        }
        for name, area in areas.items():
            for average in (None, "macro", "micro"):
                self.metrics[name, average or "each"] = area(average=average)

    def update(self, labels: Tensor, probs: Tensor) -> None:
        """Take a batch in.

        Args:
            labels: (samples,) integers from 0 to num_classes - 1.
            probs: (samples, num_classes) float probabilities.
        """
        predictions = probs.argmax(-1)
        for (name, *_), metric in self.metrics.items():
            is_area = name in ("roc_auc", "average_precision")
            metric.update(labels, probs.double() if is_area else predictions)

    def compute(self) -> Scores:
        """Return the metrics of all batches.

        Returns:
            plain numbers and lists by name: accuracy; both confusion matrices; precision,
            recall, f1, and from two classes on roc_auc and average_precision, of "each" class
            and by average. NaN where a metric is undefined; a warning names the class.
        """
        scores: Scores = {}
        for (name, *average), metric in self.metrics.items():
            found = metric.compute()
            value = found.tolist() if isinstance(found, Tensor) else found
            if average:
                scores.setdefault(name, {})[average[0]] = value
            else:
                scores[name] = value
        return scores


class ClassifierCurves:
    """The curves of each class against the rest, and of all (sample, class) pairs.

    Args:
        names: of the classes, in label order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        every = (*names, "micro")
        self.roc = {name: metrics.RocCurve() for name in every}
        self.precision_recall = {name: metrics.PrecisionRecallCurve() for name in every}

    def update(self, labels: Tensor, probs: Tensor) -> None:
        """Take a batch in.

        Args:
            labels: (samples,) integers from 0 to num_classes - 1.
            probs: (samples, num_classes) float probabilities.
        """
        probs = probs.double()
        ones = (labels[:, None] == torch.arange(probs.shape[1])).int()
        pairs = [*zip(ones.unbind(1), probs.unbind(1), strict=True)]
        pairs.append((ones.flatten(), probs.flatten()))
        for curves in (self.roc, self.precision_recall):
            for curve, pair in zip(curves.values(), pairs, strict=True):
                curve.update(*pair)

    def compute(self) -> Curves:
        """Return "roc" and "precision_recall", each with the curves by class name and "micro"."""
        kinds: dict[str, Mapping[str, Curve]] = {
            "roc": self.roc,
            "precision_recall": self.precision_recall,
        }
        return {
            kind: {name: curve.compute()[:2] for name, curve in curves.items()}
            for kind, curves in kinds.items()
        }


class RegressorScores:
    """Every metric of predicted numbers, computed in float64.

    Args:
        num_outputs: numbers predicted for a sample.
    """

    def __init__(self, num_outputs: int) -> None:
        rules: dict[str, Callable[[], Metric]] = {
            "mse": metrics.MSE,
            "mae": metrics.MAE,
            "r2": metrics.R2,
        }
        rules["pearson_r"] = metrics.PearsonR
        self.of_each = {name: [rule() for _ in range(num_outputs)] for name, rule in rules.items()}
        self.of_all = {name: rule() for name, rule in rules.items()}

    def update(self, targets: Tensor, predictions: Tensor) -> None:
        """Take a batch in.

        Args:
            targets: (samples, outputs) numbers.
            predictions: (samples, outputs) numbers.
        """
        for name, metric in self.of_all.items():
            metric.update(targets.flatten(), predictions.flatten())
            columns = zip(self.of_each[name], targets.T, predictions.T, strict=True)
            for of_output, target, prediction in columns:
                of_output.update(target, prediction)

    def compute(self) -> Scores:
        """Return the metrics of all batches.

        Returns:
            plain numbers and lists by name: mse, mae, r2 and pearson_r, of "each" output and of
            "all" as one list. NaN where a metric is undefined, with a warning.
        """
        return {
            name: {
                "each": [float(of_output.compute()) for of_output in self.of_each[name]],
                "all": float(metric.compute()),
            }
            for name, metric in self.of_all.items()
        }
