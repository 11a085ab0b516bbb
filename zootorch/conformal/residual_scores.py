"""Nonconformity scores of numbers, and the intervals they make: objects with two methods.

``interval`` is the inverse of ``score``: the interval of a threshold holds the numbers whose score
is not over it, to rounding.
"""

import functools

import numpy as np
import torch
from torch import Tensor

from zoojax.spec.conformal import (
    Interval,
    check_interval_threshold,
    check_predictions,
    check_spread,
)


class Residual:
    """What all scores of numbers have.

    Attributes:
        num_tails: 1, or 2 where each end has a score, to be calibrated at alpha / 2.
        num_predictions: how many numbers are predicted for a target.
    """

    num_tails, num_predictions = 1, 2

    def score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        """Return how far targets are from what was predicted.

        Args:
            targets: (samples, ...) numbers.
            predictions: all that is predicted for them, (samples, ...) each.

        Returns:
            (samples, ...) float, and with two tails (samples, ..., 2).

        Raises:
            ValueError: when shapes differ.
        """
        self.check_number(predictions)
        return self._score(*_as_floats(targets, *predictions))

    def interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        """Return the interval of a threshold around what was predicted.

        Args:
            threshold: of the shape of one sample's score, or of all.
            predictions: all that is predicted, (samples, ...) each.

        Returns:
            an ``Interval`` of (samples, ...) each.

        Raises:
            ValueError: when shapes differ.
        """
        self.check_number(predictions)
        floats = _as_floats(*predictions)
        shape = tuple(floats[0].shape)
        check_interval_threshold(tuple(np.shape(threshold)), shape, self.num_tails)
        return self._interval(threshold, *floats)

    def check_number(self, predictions: tuple[Tensor, ...]) -> None:
        """Raise ``ValueError`` unless there are as many predictions as the residual needs."""
        if len(predictions) != self.num_predictions:
            name, num = type(self).__name__, self.num_predictions
            raise ValueError(f"{name} needs {num} predictions of a target, got {len(predictions)}")

    def _score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        raise NotImplementedError

    def _interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        raise NotImplementedError


def _as_floats(*given: Tensor) -> list[Tensor]:
    tensors = [torch.as_tensor(each) for each in given]
    check_predictions(*tensors)
    # All of one type: an integer beside float64 would lose digits as a float32.
    dtype = functools.reduce(torch.promote_types, (each.dtype for each in tensors))
    dtype = dtype if dtype.is_floating_point else torch.get_default_dtype()
    return [each.to(dtype) for each in tensors]


class AbsoluteResidual(Residual):
    """|y - prediction|, and intervals of one width around predictions.

    J. Lei, M. G'Sell, A. Rinaldo, R. Tibshirani and L. Wasserman, Distribution-free predictive
    inference for regression, 2018, algorithm 2. Predicted: the number.
    """

    num_predictions = 1

    def _score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        (prediction,) = predictions
        return (targets - prediction).abs()

    def _interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        (prediction,) = predictions
        return Interval(prediction - threshold, prediction + threshold)


class NormalizedResidual(Residual):
    """|y - prediction| / spread, and intervals as wide as the spread of each sample says.

    H. Papadopoulos, A. Gammerman and V. Vovk, Normalized nonconformity measures for regression
    conformal prediction, 2008; Lei and others, 2018 (see ``AbsoluteResidual``), section 5.2.
    Predicted: the number, and its spread, over 0 and in the same unit, such as a standard
    deviation.
    """

    def _score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        prediction, spread = predictions
        check_spread(spread.detach().cpu())
        return (targets - prediction).abs() / spread

    def _interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        prediction, spread = predictions
        check_spread(spread.detach().cpu())
        return Interval(prediction - threshold * spread, prediction + threshold * spread)


class CQR(Residual):
    """How far y is outside two predicted quantiles, negative inside; both ends move alike.

    Conformalized quantile regression: Y. Romano, E. Patterson and E. Candes, 2019,
    algorithm 1. Predicted: the lower and the upper quantile.
    """

    def _score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        lower, upper = predictions
        return torch.maximum(lower - targets, targets - upper)

    def _interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        lower, upper = predictions
        return Interval(lower - threshold, upper + threshold)


class AsymmetricCQR(Residual):
    """How far y is below the lower quantile, and how far above the upper; each end moves alone.

    Romano and others, 2019 (see ``CQR``), theorem 2. Calibrate at alpha / 2: each end may miss
    that part, which holds for each alone and often makes intervals wider than those of ``CQR``.
    """

    num_tails = 2

    def _score(self, targets: Tensor, *predictions: Tensor) -> Tensor:
        lower, upper = predictions
        return torch.stack([lower - targets, targets - upper], dim=-1)

    def _interval(self, threshold: Tensor, *predictions: Tensor) -> Interval[Tensor]:
        lower, upper = predictions
        return Interval(lower - threshold[..., 0], upper + threshold[..., 1])
