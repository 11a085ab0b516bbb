"""Conformal classifiers: objects that are calibrated once and then predict sets of labels."""

from collections.abc import Callable
from fractions import Fraction
from typing import TypedDict, Unpack

import torch
from torch import Tensor

from zoojax.spec.conformal import (
    as_fraction,
    calibrated,
    check_indices,
    check_set_threshold,
    check_weights,
)
from zootorch.conformal.class_scores import LAC
from zootorch.conformal.thresholds import calibrate, calibrate_groups, calibrate_weighted


def label_scores(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the score of each sample's own label: what thresholds are calibrated on.

    Args:
        scores: (samples, classes) float.
        labels: (samples,) integers from 0 to classes - 1.

    Returns:
        (samples,) float.

    Raises:
        ValueError: when labels are not of these samples and classes.
    """
    scores, labels = torch.as_tensor(scores), torch.as_tensor(labels)
    check_indices("labels", labels.cpu(), tuple(scores.shape))
    return scores.gather(1, labels.to(scores.device).long()[:, None])[:, 0]


class Options(TypedDict, total=False):
    """Options that all conformal classifiers have, see ``SplitConformalClassifier``."""

    score: Callable[[Tensor], Tensor] | None
    force_top: bool


class _Classifier:
    """What all conformal classifiers have.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        score: of every label: ``LAC()``, ``APS(...)``, ``RAPS(...)``, ``SAPS(...)``, ``TopK()``.
        force_top: whether the most probable label is in every set; else a set may be empty.
    """

    def __init__(
        self,
        alpha: float | Fraction,
        *,
        score: Callable[[Tensor], Tensor] | None = None,
        force_top: bool = False,
    ) -> None:
        self.alpha = as_fraction(alpha)
        self.score = LAC() if score is None else score
        self.force_top = force_top
        self.threshold: Tensor | None = None

    def _label_scores(self, probs: Tensor, labels: Tensor) -> Tensor:
        # A predictor keeps numbers, not the graph by which they were made.
        return label_scores(self.score(probs), labels).detach()

    def _sets(self, probs: Tensor, threshold: Tensor) -> Tensor:
        check_set_threshold(tuple(threshold.shape), tuple(probs.shape))
        probs = torch.as_tensor(probs)
        sets = self.score(probs) <= threshold
        if self.force_top:
            sets[torch.arange(len(probs)), probs.argmax(1)] = True
        return sets


class SplitConformalClassifier(_Classifier):
    """Sets of labels that hold the true one with chance 1 - alpha: ``calibrate``.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        score: of every label: ``LAC()``, ``APS(...)``, ``RAPS(...)``, ``SAPS(...)``, ``TopK()``.
        force_top: whether the most probable label is in every set; else a set may be empty.

    Attributes:
        threshold: () float, or (classes,) where each label has its own; None at first.

    Raises:
        ValueError: when alpha is not allowed.
    """

    def calibrate(self, probs: Tensor, labels: Tensor) -> None:
        """Set the threshold, with samples that the model was not trained on.

        Args:
            probs: (samples, classes) float, 0 to 1.
            labels: (samples,) integers from 0 to classes - 1.

        Raises:
            ValueError: when there is no sample, or the two do not belong together.
        """
        self.threshold = calibrate(self._label_scores(probs, labels), self.alpha)

    def predict_sets(self, probs: Tensor) -> Tensor:
        """Return the labels of each sample whose score is not over the threshold.

        Args:
            probs: (samples, classes) float, 0 to 1.

        Returns:
            (samples, classes) bool.

        Raises:
            ValueError: before ``calibrate``, or when probs are no probabilities.
        """
        return self._sets(probs, calibrated(self.threshold))


class ClassConditionalClassifier(SplitConformalClassifier):
    """Sets that hold the true label with chance 1 - alpha in each class: ``calibrate_groups``.

    Args:
        alpha: part of new samples of each class that may be missed, over 0 and under 1.
        score: as of ``SplitConformalClassifier``.
        force_top: as of ``SplitConformalClassifier``.
    """

    def calibrate(self, probs: Tensor, labels: Tensor) -> None:
        """Set a threshold for each class; else as ``SplitConformalClassifier.calibrate``."""
        scores = self._label_scores(probs, labels)
        self.threshold = calibrate_groups(scores, labels, self.alpha, num_groups=probs.shape[1])


class LabelShiftClassifier(SplitConformalClassifier):
    """Sets for tests in which labels are more or less frequent: ``calibrate_weighted``.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        class_weights: (classes,) numbers, at least 0: the part of each label among tests over
            that among calibration samples.
        options: score and force_top, as of ``SplitConformalClassifier``.
    """

    def __init__(
        self, alpha: float | Fraction, class_weights: Tensor, **options: Unpack[Options]
    ) -> None:
        super().__init__(alpha, **options)
        self.class_weights = torch.as_tensor(class_weights).detach().cpu()

    def calibrate(self, probs: Tensor, labels: Tensor) -> None:
        """Set a threshold for each class; else as ``SplitConformalClassifier.calibrate``."""
        scores = self._label_scores(probs, labels)
        check_weights("class_weights", self.class_weights, (probs.shape[1],))
        self.threshold = calibrate_weighted(
            scores,
            self.class_weights[torch.as_tensor(labels).cpu().long()],
            self.alpha,
            test_weights=self.class_weights,
        )


class GroupConformalClassifier(_Classifier):
    """Sets that hold the true label with chance 1 - alpha in each group: ``calibrate_groups``.

    Args:
        alpha: part of new samples of each group that may be missed, over 0 and under 1.
        num_groups: number of groups.
        options: score and force_top, as of ``SplitConformalClassifier``.

    Attributes:
        threshold: (num_groups,) float; None at first.
    """

    def __init__(
        self, alpha: float | Fraction, num_groups: int, **options: Unpack[Options]
    ) -> None:
        super().__init__(alpha, **options)
        self.num_groups = num_groups

    def calibrate(self, probs: Tensor, labels: Tensor, groups: Tensor) -> None:
        """Set the threshold of each group.

        Args:
            probs: (samples, classes) float, 0 to 1.
            labels: (samples,) integers from 0 to classes - 1.
            groups: (samples,) integers from 0 to num_groups - 1.

        Raises:
            ValueError: when there is no sample, or the three do not belong together.
        """
        scores = self._label_scores(probs, labels)
        self.threshold = calibrate_groups(scores, groups, self.alpha, num_groups=self.num_groups)

    def predict_sets(self, probs: Tensor, groups: Tensor) -> Tensor:
        """Return the labels of each sample whose score is not over its group's threshold.

        Args:
            probs: (samples, classes) float, 0 to 1.
            groups: (samples,) integers from 0 to num_groups - 1.

        Returns:
            (samples, classes) bool.

        Raises:
            ValueError: before ``calibrate``, or when the two do not belong together.
        """
        threshold = calibrated(self.threshold)
        groups = torch.as_tensor(groups)
        check_indices("groups", groups.cpu(), (len(probs), self.num_groups))
        return self._sets(probs, threshold[groups.to(threshold.device).long()][:, None])


class WeightedConformalClassifier(_Classifier):
    """Sets for tests whose inputs are drawn otherwise: ``calibrate_weighted``.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        options: score and force_top, as of ``SplitConformalClassifier``.

    Attributes:
        scores: (calibration,) float; None at first.
        weights: (calibration,) of these samples.
    """

    def __init__(self, alpha: float | Fraction, **options: Unpack[Options]) -> None:
        super().__init__(alpha, **options)
        self.scores: Tensor | None = None
        self.weights: Tensor | None = None

    def calibrate(self, probs: Tensor, labels: Tensor, weights: Tensor) -> None:
        """Keep the scores, with samples that the model was not trained on.

        Args:
            probs: (samples, classes) float, 0 to 1.
            labels: (samples,) integers from 0 to classes - 1.
            weights: (samples,) numbers, at least 0 and not all 0: the density of tests over
                that of calibration samples at each.

        Raises:
            ValueError: when there is no sample, or the three do not belong together.
        """
        scores, weights = self._label_scores(probs, labels), torch.as_tensor(weights).detach()
        calibrate_weighted(scores, weights, self.alpha, test_weights=torch.ones(()))  # refuses now
        self.scores, self.weights = scores, weights

    def predict_sets(self, probs: Tensor, weights: Tensor) -> Tensor:
        """Return the labels of each sample whose score is not over its own threshold.

        Args:
            probs: (samples, classes) float, 0 to 1.
            weights: (samples,) numbers, at least 0: as those of the calibration.

        Returns:
            (samples, classes) bool.

        Raises:
            ValueError: before ``calibrate``, or when the two do not belong together.
        """
        scores, own = calibrated(self.scores), calibrated(self.weights)
        check_weights("weights", weights, (len(probs),), values=False)
        threshold = calibrate_weighted(scores, own, self.alpha, test_weights=weights)
        return self._sets(probs, threshold[:, None])
