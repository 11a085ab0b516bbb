"""Adaptive conformal inference: intervals for sequences whose distribution drifts.

The level moves with each miss, so that in the long run the part alpha is missed, whatever the
sequence does, if the step size is over 0: I. Gibbs and E. Candes, Adaptive conformal inference
under distribution shift, 2021, equation 2 and proposition 4.1.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor

from zoojax.spec.conformal import (
    SLACK,
    Interval,
    as_fraction,
    calibrated,
    check_score_option,
    check_sequence,
)
from zootorch.conformal.residual_scores import AbsoluteResidual, Residual


class AdaptiveConformalRegressor:
    """Intervals for a sequence: predict, see what comes, update, and so on.

    Args:
        alpha: part of the sequence that may be missed, over 0 and under 1.
        step_size: gamma, by how much a miss lowers the level, at least 0; 0 leaves it at alpha.
        residual: how far a number is from what was predicted; with one tail.

    Attributes:
        scores: (window,) float, the last ones, in no order; None at first.
        num_steps: steps made.
        num_errors: numbers that were outside their interval.

    Raises:
        ValueError: when alpha or the step size is not allowed, or the residual has two tails.
    """

    def __init__(
        self, alpha: float | Fraction, *, step_size: float, residual: Residual | None = None
    ) -> None:
        check_score_option("step_size", step_size)
        self.residual = AbsoluteResidual() if residual is None else residual
        if self.residual.num_tails != 1:
            raise ValueError("adaptive intervals need a residual with one tail, got one with two")
        self.alpha, self.step_size = float(as_fraction(alpha)), step_size
        self.scores: Tensor | None = None
        self.num_steps = self.num_errors = 0

    def calibrate(self, targets: Tensor, *predictions: Tensor) -> None:
        """Keep the scores of samples from before the sequence, and begin it.

        Args:
            targets: (window,) numbers; each step's takes the place of the oldest.
            predictions: all that the residual needs, (window,) each.

        Raises:
            ValueError: when there are none, or shapes differ.
        """
        scores = self.residual.score(targets, *predictions).detach()
        check_sequence(scores.cpu())
        self.scores, self.num_steps, self.num_errors = scores.clone(), 0, 0

    @property
    def level(self) -> float:
        """The alpha of the next step: under 0 it may miss nothing, over 1 all."""
        # The same as adding gamma (alpha - error) at each step, without its rounding.
        return self.alpha + self.step_size * (self.alpha * self.num_steps - self.num_errors)

    @property
    def threshold(self) -> Tensor:
        """() float, of the last scores at that level.

        Infinite where nothing may be missed, minus infinite where all may.
        """
        scores = calibrated(self.scores)
        # A level that is 1 on paper, or leads to a whole rank, does so whatever its rounding.
        k = math.ceil((len(scores) + 1) * (1 - self.level - SLACK["float64"]))
        if 1 <= k <= len(scores):
            return scores.sort().values[k - 1]
        return scores.new_tensor(torch.inf if k > 0 else -torch.inf)

    def predict_interval(self, *predictions: Tensor) -> Interval[Tensor]:
        """Return the interval of the next step.

        Args:
            predictions: all that the residual needs, (1,) each.

        Returns:
            an ``Interval`` of (1,) each.

        Raises:
            ValueError: before ``calibrate``, or when shapes differ.
        """
        return self.residual.interval(self.threshold, *predictions)

    def update(self, target: Tensor, *predictions: Tensor) -> bool:
        """Learn what came, and move the level and the window on.

        Args:
            target: (1,) number that turned out.
            predictions: what was given to ``predict_interval``.

        Returns:
            whether it was outside the interval.

        Raises:
            ValueError: before ``calibrate``, when shapes differ or are not (1,), or a score is
                NaN.
        """
        score = self.residual.score(target, *predictions).detach()
        check_sequence(score.cpu())
        if len(score) != 1:
            raise ValueError(f"a step has one target, got shape {tuple(score.shape)}, not (1,)")
        error = bool(score > self.threshold)
        scores = calibrated(self.scores)
        scores[self.num_steps % len(scores)] = score
        self.num_steps += 1
        self.num_errors += error
        return error
