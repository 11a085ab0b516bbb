"""Conformal regressors: objects that are calibrated once and then predict intervals.

No twin: in zoojax the interval function of a residual does this, given a threshold.
"""

from fractions import Fraction

import torch
from torch import Tensor

from zoojax.spec.conformal import (
    Interval,
    as_fraction,
    calibrated,
    check_indices,
    check_weights,
)
from zootorch.conformal.residual_scores import AbsoluteResidual, Residual
from zootorch.conformal.thresholds import calibrate, calibrate_groups, calibrate_weighted


class _Regressor:
    """What all conformal regressors have.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        residual: how far a number is from what was predicted.

    Attributes:
        tail: part that each score may miss: alpha, or half of it where each end has a score.
    """

    def __init__(self, alpha: float | Fraction, residual: Residual | None = None) -> None:
        self.residual = AbsoluteResidual() if residual is None else residual
        self.alpha = as_fraction(alpha)
        self.tail = self.alpha / self.residual.num_tails
        self.threshold: Tensor | None = None

    def _num_samples(self, predictions: tuple[Tensor, ...]) -> int:
        self.residual.check_number(predictions)
        return len(predictions[0])

    def _scores(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        # A predictor keeps numbers, not the graph by which they were made.
        return self.residual.score(targets, *predictions).detach()


class SplitConformalRegressor(_Regressor):
    """Intervals that hold the true number with chance 1 - alpha: ``calibrate``.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        residual: how far a number is from what was predicted: ``AbsoluteResidual()``,
            ``NormalizedResidual()``, ``CQR()``, ``AsymmetricCQR()``.

    Attributes:
        threshold: of the shape of one sample's score; None at first.

    Raises:
        ValueError: when alpha is not allowed.
    """

    def calibrate(self, targets: Tensor, *predictions: Tensor) -> None:
        """Set the threshold, with samples that the model was not trained on.

        Args:
            targets: (samples, ...) numbers.
            predictions: all that the residual needs, (samples, ...) each.

        Raises:
            ValueError: when there is no sample, or shapes differ.
        """
        self.threshold = calibrate(self._scores(targets, *predictions), self.tail)

    def predict_interval(self, *predictions: Tensor) -> Interval[Tensor]:
        """Return the numbers of each sample whose score is not over the threshold.

        Args:
            predictions: all that the residual needs, (samples, ...) each.

        Returns:
            an ``Interval`` of (samples, ...) each.

        Raises:
            ValueError: before ``calibrate``, or when shapes differ.
        """
        return self.residual.interval(calibrated(self.threshold), *predictions)


class GroupConformalRegressor(_Regressor):
    """Intervals that hold the true number with chance 1 - alpha in each group.

    Args:
        alpha: part of new samples of each group that may be missed, over 0 and under 1.
        num_groups: number of groups.
        residual: as of ``SplitConformalRegressor``.

    Attributes:
        threshold: (num_groups, ...) float, of ``calibrate_groups``; None at first.
    """

    def __init__(
        self, alpha: float | Fraction, num_groups: int, residual: Residual | None = None
    ) -> None:
        super().__init__(alpha, residual)
        self.num_groups = num_groups

    def calibrate(self, targets: Tensor, *predictions: Tensor, groups: Tensor) -> None:
        """Set the threshold of each group.

        Args:
            targets: (samples, ...) numbers.
            predictions: all that the residual needs, (samples, ...) each.
            groups: (samples,) integers from 0 to num_groups - 1.

        Raises:
            ValueError: when there is no sample, or they do not belong together.
        """
        scores = self._scores(targets, *predictions)
        self.threshold = calibrate_groups(scores, groups, self.tail, num_groups=self.num_groups)

    def predict_interval(self, *predictions: Tensor, groups: Tensor) -> Interval[Tensor]:
        """Return the numbers of each sample whose score is not over its group's threshold.

        Args:
            predictions: all that the residual needs, (samples, ...) each.
            groups: (samples,) integers from 0 to num_groups - 1.

        Returns:
            an ``Interval`` of (samples, ...) each.

        Raises:
            ValueError: before ``calibrate``, or when they do not belong together.
        """
        threshold = calibrated(self.threshold)
        groups = torch.as_tensor(groups)
        check_indices("groups", groups.cpu(), (self._num_samples(predictions), self.num_groups))
        of_samples = threshold[groups.to(threshold.device).long()]
        return self.residual.interval(of_samples, *predictions)


class WeightedConformalRegressor(_Regressor):
    """Intervals for tests whose inputs are drawn otherwise: ``calibrate_weighted``.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        residual: as of ``SplitConformalRegressor``.

    Attributes:
        scores: (calibration, ...) float; None at first.
        weights: (calibration,) of these samples.
    """

    def __init__(self, alpha: float | Fraction, residual: Residual | None = None) -> None:
        super().__init__(alpha, residual)
        self.scores: Tensor | None = None
        self.weights: Tensor | None = None

    def calibrate(self, targets: Tensor, *predictions: Tensor, weights: Tensor) -> None:
        """Keep the scores, of samples that the model was not trained on.

        Args:
            targets: (samples, ...) numbers.
            predictions: all that the residual needs, (samples, ...) each.
            weights: (samples,) numbers, at least 0 and not all 0: the density of tests over
                that of calibration samples at each.

        Raises:
            ValueError: when there is no sample, or they do not belong together.
        """
        scores, weights = self._scores(targets, *predictions), torch.as_tensor(weights).detach()
        calibrate_weighted(scores, weights, self.tail, test_weights=torch.ones(()))  # refuses now
        self.scores, self.weights = scores, weights

    def predict_interval(self, *predictions: Tensor, weights: Tensor) -> Interval[Tensor]:
        """Return the numbers of each sample whose score is not over its own threshold.

        Args:
            predictions: all that the residual needs, (samples, ...) each.
            weights: (samples,) numbers, at least 0: as those of the calibration.

        Returns:
            an ``Interval`` of (samples, ...) each.

        Raises:
            ValueError: before ``calibrate``, or when they do not belong together.
        """
        scores, own = calibrated(self.scores), calibrated(self.weights)
        check_weights("weights", weights, (self._num_samples(predictions),), values=False)
        threshold = calibrate_weighted(scores, own, self.tail, test_weights=weights)
        return self.residual.interval(threshold, *predictions)
