"""Nonconformity scores of classes: how badly each label fits a sample, large where it does not.

Each is an object that is called with probabilities and returns a score of every possible
label. With a generator, scores are randomised, which makes sets as small as coverage allows;
each call then moves the generator on, and so draws anew. Without one they are not.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zoojax.spec.conformal import check_probs, check_score_option
from zootorch.random import Generator, uniform


class ClassScore:
    """What all scores of classes have."""

    def __call__(self, probs: Tensor) -> Tensor:
        """Score every label.

        Args:
            probs: (samples, classes) float, 0 to 1, that add up to 1 in each row.

        Returns:
            (samples, classes) float, at least 0.

        Raises:
            ValueError: when probs are no probabilities.
        """
        probs = torch.as_tensor(probs)
        # Sums of half precision would lose too much; integers and bools have no 0.9.
        probs = probs.to(torch.promote_types(probs.dtype, torch.float32))
        check_probs(probs.detach().cpu())
        return self._score(probs)

    def _score(self, probs: Tensor) -> Tensor:
        raise NotImplementedError


class LAC(ClassScore):
    """1 - the probability of each label.

    The "least ambiguous" sets: on average the smallest where probabilities are right. M. Sadinle,
    J. Lei and L. Wasserman, Least ambiguous set-valued classifiers with bounded error levels,
    2019, section 2.
    """

    def _score(self, probs: Tensor) -> Tensor:
        return 1 - probs


class APS(ClassScore):
    """The probability of all labels up to each, from the most probable down.

    Adaptive prediction sets: Y. Romano, M. Sesia and E. Candes, Classification with valid and
    adaptive coverage, 2020, equations 5 to 7, where the part u of a label's own probability,
    uniform from 0 to 1, is taken off. Of equal probabilities the lower label comes first. With
    u = 0 the sets of the surest samples may be empty: their largest probability is over the
    threshold.

    Args:
        generator: of the draws u, one a sample; None for u = 0.
    """

    def __init__(self, generator: Generator | None = None) -> None:
        self.generator = generator

    def _score(self, probs: Tensor) -> Tensor:
        rising = torch.argsort(probs, dim=1, descending=True, stable=True).flip(1)
        up_to_each = probs.gather(1, rising).cumsum(1)
        # What comes after each label, taken off 1: of the last label nothing, so that its 1 has
        # no rounding. Scores that are 1 on paper are equal, and stay so.
        after_each = functional.pad(up_to_each, (1, 0))[:, :-1]
        totals = 1 - after_each.gather(1, rising.argsort(1))
        return totals - _uniforms(probs, self.generator) * probs


class RAPS(APS):
    """The scores of ``APS``, and a penalty for each label that comes late.

    Regularised adaptive prediction sets: A. Angelopoulos, S. Bates, J. Malik and M. Jordan,
    Uncertainty sets for image classifiers using conformal prediction, 2021, section 2 (whose
    u is 1 - u here). Choose the two numbers on other samples than those of the calibration.

    Args:
        generator: of the draws u, one a sample; None for u = 0.
        penalty: lambda, added for each label beyond the first ``k_reg``, at least 0.
        k_reg: how many labels are free of it, at least 0.

    Raises:
        ValueError: when an option is negative.
    """

    def __init__(
        self, generator: Generator | None = None, *, penalty: float = 0.01, k_reg: int = 1
    ) -> None:
        super().__init__(generator)
        check_score_option("penalty", penalty)
        check_score_option("k_reg", k_reg)
        self.penalty, self.k_reg = penalty, k_reg

    def _score(self, probs: Tensor) -> Tensor:
        late = np.maximum(np.arange(1, probs.shape[1] + 1) - self.k_reg, 0)
        return super()._score(probs) + _of_ranks(self.penalty * late, _ranks(probs), probs.dtype)


class SAPS(ClassScore):
    """The largest probability, and a weight for each label after the first up to each.

    Sorted adaptive prediction sets: J. Huang, H. Xi, L. Zhang, H. Yao, Y. Qiu and H. Wei,
    Conformal prediction for deep classifier via label ranking, 2024, section 3 (whose u is
    1 - u here): ``APS`` with all probabilities but the largest made the same.

    Args:
        generator: of the draws u, one a sample; None for u = 0.
        weight: lambda, of each label after the first, at least 0.

    Raises:
        ValueError: when the weight is negative.
    """

    def __init__(self, generator: Generator | None = None, *, weight: float = 0.2) -> None:
        check_score_option("weight", weight)
        self.generator, self.weight = generator, weight

    def _score(self, probs: Tensor) -> Tensor:
        ranks, largest = _ranks(probs), probs.amax(1, keepdim=True)
        weights = self.weight * np.arange(probs.shape[1])
        up_to_each = largest + _of_ranks(weights, ranks, probs.dtype)
        own = torch.where(ranks == 1, largest, probs.new_tensor(self.weight))
        return up_to_each - _uniforms(probs, self.generator) * own


class TopK(ClassScore):
    """The rank of each label, 1 for the most probable.

    All sets then have the same size: Angelopoulos and others, 2021 (see ``RAPS``), "top-k".
    Of equal probabilities the lower label comes first.
    """

    def _score(self, probs: Tensor) -> Tensor:
        return _ranks(probs).to(probs.dtype)


def _ranks(probs: Tensor) -> Tensor:
    """Return the place of each label, 1 for the most probable: (samples, classes) int64."""
    order = torch.argsort(probs, dim=1, descending=True, stable=True)
    return order.argsort(1) + 1


def _of_ranks(values: NDArray[np.floating], ranks: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the value of each label's rank, of one a rank.

    From a table: a compiler may fuse a product with the sum after it, and scores that are equal
    on paper would round apart.
    """
    return torch.from_numpy(values).to(ranks.device, dtype)[ranks - 1]


def _uniforms(probs: Tensor, generator: Generator | None) -> Tensor:
    """Draw a number for each sample, (samples, 1), or return zeros without a generator."""
    if generator is None:
        return probs.new_zeros(len(probs), 1)
    return uniform(generator.words(len(probs)), probs.dtype).to(probs.device)[:, None]
