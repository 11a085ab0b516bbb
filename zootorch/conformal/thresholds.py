"""Thresholds of calibration scores: what a new sample's score exceeds with chance alpha at most.

All are functions of scores alone, and so go with every score there is; the objects that
predict call them. They sort: time grows as n log n, memory as n.
"""

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from zoojax.spec.conformal import (
    SLACK,
    as_fraction,
    check_indices,
    check_scores,
    check_weights,
    rank,
    ranks,
)


def calibrate(scores: Tensor, alpha: float | Fraction) -> Tensor:
    """Return the k-th smallest score, k = ceil((n + 1)(1 - alpha)); infinite where k > n.

    If calibration samples and a new one are exchangeable, the new one's score is not over the
    threshold with chance 1 - alpha at least, and without ties 1 - alpha + 1 / (n + 1) at most:
    V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005; R.
    Tibshirani and others (see ``calibrate_weighted``), 2019, lemma 1.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        alpha: part of new samples that may be missed, over 0 and under 1.

    Returns:
        (...) float.

    Raises:
        ValueError: when there are no scores, one is NaN, or alpha is not allowed.
    """
    scores = _checked(scores)
    k = rank(len(scores), alpha)
    if k > len(scores):
        return scores.new_full(scores.shape[1:], torch.inf)
    return scores.kthvalue(k, dim=0).values


def calibrate_groups(
    scores: Tensor, groups: Tensor, alpha: float | Fraction, *, num_groups: int
) -> Tensor:
    """Return the threshold of each group: coverage then holds in each, not on average alone.

    With labels as groups it is class-conditional, where each label is compared with its own
    threshold: V. Vovk, D. Lindsay, I. Nouretdinov and A. Gammerman, Mondrian confidence machine,
    2003. Samples need to be exchangeable within each group. A group of n samples with n <
    1 / alpha - 1 has an infinite threshold.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        groups: (n,) integers from 0 to num_groups - 1.
        alpha: part of new samples of each group that may be missed, over 0 and under 1.
        num_groups: number of groups.

    Returns:
        (num_groups, ...) float.

    Raises:
        ValueError: as ``calibrate`` does, or when groups are not of these samples.
    """
    scores = _checked(scores)
    groups = torch.as_tensor(groups)
    check_indices("groups", groups.cpu(), (len(scores), num_groups))
    groups = groups.to(scores.device).long()
    counts = torch.bincount(groups, minlength=num_groups)
    k = torch.from_numpy(ranks(len(scores), alpha)).to(scores.device)[counts]
    places = (counts.cumsum(0) - counts + k - 1).clamp(max=len(scores) - 1)

    def of_column(column: Tensor) -> Tensor:
        # By score, then by group: the second, stable, keeps the first within each group.
        order = column.argsort()
        order = order[groups[order].argsort(stable=True)]
        return column[order][places].masked_fill(k > counts, torch.inf)

    return _each_column(of_column, scores)


def calibrate_weighted(
    scores: Tensor, weights: Tensor, alpha: float | Fraction, *, test_weights: Tensor
) -> Tensor:
    """Return thresholds for tests of another distribution than the calibration samples.

    The smallest score at which the weights of all scores up to it are 1 - alpha of all weights,
    that of the test itself among them, as of an infinite score: R. Tibshirani, R. Barber, E.
    Candes and A. Ramdas, Conformal prediction under covariate shift, 2019, corollary 1.

    Covariate shift, where inputs x are drawn otherwise and targets follow them as before: weights
    are w(x), the density of tests over that of calibration samples, known up to a factor. For the
    sets of m tests give ``threshold[:, None]``.

    Label shift, where labels y are drawn otherwise and inputs follow them as before: weights are
    w(y), the part of each label among tests over that among calibration samples; those of tests
    are of each possible label, (classes,), and so are thresholds: A. Podkopaev and A. Ramdas,
    Distribution-free uncertainty quantification for classification under label shift, 2021,
    theorem 2.

    Coverage holds where weights are right, and is lost as far as they are not.

    Args:
        scores: (n, ...) numbers, of the true labels or targets of n calibration samples.
        weights: (n,) numbers, at least 0 and not all 0.
        alpha: part of new samples that may be missed, over 0 and under 1.
        test_weights: () or (tests,) numbers, at least 0.

    Returns:
        (...) or (tests, ...) float.

    Raises:
        ValueError: as ``calibrate`` does, or when weights are not of that kind.
    """
    scores = _checked(scores)
    weights, test_weights = (torch.as_tensor(each).detach() for each in (weights, test_weights))
    check_weights("weights", weights.cpu(), (len(scores),))
    check_weights("test_weights", test_weights.cpu())
    weights, test_weights = (each.to(scores.device).double() for each in (weights, test_weights))
    # A factor changes nothing; without it no sum of weights is infinite.
    weights, test_weights = weights / weights.max(), test_weights / weights.max()
    # A sum that is the level on paper counts as such, whatever its rounding.
    level = float(1 - as_fraction(alpha)) * (1 - SLACK["float64"])

    def of_column(column: Tensor) -> Tensor:
        in_order, order = column.sort()
        up_to_each = weights[order].cumsum(0)
        places = torch.searchsorted(up_to_each, level * (up_to_each[-1] + test_weights))
        return torch.cat([in_order, column.new_full((1,), torch.inf)])[places]

    return _each_column(of_column, scores)


def _checked(scores: Tensor) -> Tensor:
    scores = torch.as_tensor(scores)
    # NumPy, which looks at them, has no bfloat16.
    wide = torch.promote_types(scores.dtype, torch.float32)
    check_scores(scores.detach().cpu().to(wide))
    return scores if scores.is_floating_point() else scores.to(torch.get_default_dtype())


def _each_column(rule: Callable[[Tensor], Tensor], scores: Tensor) -> Tensor:
    """Apply a rule for (n,) scores to every column of (n, ...), whose axes stay the last ones."""
    if scores.ndim == 1:
        return rule(scores)
    return torch.stack([_each_column(rule, column) for column in scores.unbind(-1)], dim=-1)
