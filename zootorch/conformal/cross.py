"""CV+ and jackknife+: every sample both trains and calibrates, for where there are few.

K models are trained, each without one fold of the samples, and each sample's score is that of
the model which did not see it. With a fold for every sample that is the jackknife+, whose
predictions are (samples, tests) numbers: quadratic where there are as many tests as samples.
All else here needs memory for some tests at a time.

Coverage is 1 - 2 alpha at least (for CV+ less by at most sqrt(2 / samples)) and in practice close
to 1 - alpha, where training does not depend on the order of samples: R. Barber, E. Candes, A.
Ramdas and R. Tibshirani, Predictive inference with the jackknife+, 2021, theorems 1 and 4.
"""

from fractions import Fraction

import torch
from torch import Tensor

from zoojax.spec.conformal import (
    Interval,
    as_fraction,
    calibrated,
    check_cross,
    check_indices,
    check_scores,
    rank,
)
from zootorch.conformal.residual_scores import AbsoluteResidual, Residual
from zootorch.conformal.thresholds import calibrate

TESTS_AT_A_TIME = 64


class _Cross:
    """What both predictors keep: the scores of samples, and which model did not see each."""

    def __init__(self, alpha: float | Fraction) -> None:
        self.alpha = as_fraction(alpha)
        self.scores: Tensor | None = None
        self.folds: Tensor | None = None

    def calibrate(self, scores: Tensor, folds: Tensor) -> None:
        """Keep the scores of samples by the model that did not see each.

        Args:
            scores: (samples, ...) float.
            folds: (samples,) integers from 0 on, which model did not see it.

        Raises:
            ValueError: when there are no samples, the two do not belong together, or a score is
                NaN.
        """
        scores, folds = torch.as_tensor(scores), torch.as_tensor(folds)
        check_scores(scores.detach().cpu())
        # How many models there are is known when they predict.
        check_indices("folds", folds.cpu(), (len(scores), 2**31))
        self.scores, self.folds = scores.detach(), folds.to(scores.device).long()

    def _checked(self, *predictions: Tensor, num_tails: int | None) -> tuple[Tensor, Tensor]:
        scores, folds = calibrated(self.scores), calibrated(self.folds)
        on_host = (torch.as_tensor(each).detach().cpu() for each in (scores, folds, *predictions))
        check_cross(*on_host, num_tails=num_tails)
        return scores, folds


class CrossConformalRegressor(_Cross):
    """CV+ intervals; with ``folds = arange(samples)`` those of the jackknife+.

    Every sample gives an interval around what the model that did not see it predicts for the
    test, as wide as its score; of these n the lower end is the floor(alpha (n + 1))-th smallest
    lower end, the upper end the ceil((1 - alpha)(n + 1))-th smallest upper end: Barber and others,
    2021, sections 2 and 3 (equations 9 and 11 of arXiv:1905.02928).

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        residual: what the scores are of.

    Attributes:
        scores: (samples, ...) float, ``residual.score`` of each sample; None at first.
        folds: (samples,) int64.
    """

    def __init__(self, alpha: float | Fraction, residual: Residual | None = None) -> None:
        super().__init__(alpha)
        self.residual = AbsoluteResidual() if residual is None else residual

    def predict_interval(self, *predictions: Tensor) -> Interval[Tensor]:
        """Return the interval of each test.

        Args:
            predictions: all that the residual needs, (models, tests, ...) each.

        Returns:
            an ``Interval`` of (tests, ...) each.

        Raises:
            ValueError: before ``calibrate``, when shapes do not belong together, or something is
                NaN.
        """
        scores, folds = self._checked(*predictions, num_tails=self.residual.num_tails)
        # A few at a time, since all at once would be (samples, tests).
        chunks = zip(
            *(torch.as_tensor(each).split(TESTS_AT_A_TIME, dim=1) for each in predictions),
            strict=True,
        )
        lower, upper = zip(*(self._of_tests(scores, folds, chunk) for chunk in chunks), strict=True)
        return Interval(torch.cat(lower), torch.cat(upper))

    def _of_tests(
        self, scores: Tensor, folds: Tensor, predictions: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        tail = self.alpha / self.residual.num_tails
        of_samples = (each[folds] for each in predictions)
        ends = self.residual.interval(scores[:, None], *of_samples)
        # The j-th smallest is minus the (n + 1 - j)-th smallest of all with the other sign.
        return -calibrate(-ends.lower, tail), calibrate(ends.upper, tail)


class CrossConformalClassifier(_Cross):
    """CV+ sets; with ``folds = arange(samples)`` those of the jackknife+.

    A label is left out where its scores are over those of at least ceil((1 - alpha)(n + 1))
    samples, each compared within the model that did not see it (randomised scores of one test take
    one draw in all models): Y. Romano, M. Sesia and E. Candes, Classification with valid and
    adaptive coverage, 2020, section 2.3, algorithm 2 and theorem 2.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.

    Attributes:
        scores: (samples,) float, of each sample's own label; None at first.
        folds: (samples,) int64.
    """

    def predict_sets(self, test_scores: Tensor) -> Tensor:
        """Return the labels of each test that are not left out.

        Args:
            test_scores: (models, tests, classes) float, of every label by every model.

        Returns:
            (tests, classes) bool.

        Raises:
            ValueError: before ``calibrate``, when shapes do not belong together, or something is
                NaN.
        """
        test_scores = torch.as_tensor(test_scores)
        scores, folds = self._checked(test_scores, num_tails=None)
        counts = torch.zeros_like(test_scores[0], dtype=torch.int64)
        for model, of_model in enumerate(test_scores.contiguous()):
            counts += torch.searchsorted(scores[folds == model].sort().values, of_model)
        return counts < rank(len(scores), self.alpha)
