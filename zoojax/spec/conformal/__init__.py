"""What both conformal packages share: exact ranks, what is refused, and the theory."""

from zoojax.spec.conformal.checks import (
    calibrated,
    check_covered,
    check_cross,
    check_ends,
    check_indices,
    check_interval_threshold,
    check_predictions,
    check_probs,
    check_score_option,
    check_scores,
    check_sequence,
    check_set_threshold,
    check_sets,
    check_spread,
    check_weights,
    is_number,
)
from zoojax.spec.conformal.ranks import SLACK, Interval, as_fraction, rank, ranks
from zoojax.spec.conformal.theory import coverage_band, log_beta_binomial

__all__ = [
    "SLACK",
    "Interval",
    "as_fraction",
    "calibrated",
    "check_covered",
    "check_cross",
    "check_ends",
    "check_indices",
    "check_interval_threshold",
    "check_predictions",
    "check_probs",
    "check_score_option",
    "check_scores",
    "check_sequence",
    "check_set_threshold",
    "check_sets",
    "check_spread",
    "check_weights",
    "coverage_band",
    "is_number",
    "log_beta_binomial",
    "rank",
    "ranks",
]
