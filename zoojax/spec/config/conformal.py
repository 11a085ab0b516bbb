"""How a trained model is calibrated."""

import dataclasses
from typing import Literal, get_args

from zoojax.spec.config.checks import check_choice, check_integer, check_number
from zoojax.spec.config.runs import RunConfig
from zoojax.spec.conformal.ranks import as_fraction

ClassScore = Literal["lac", "aps", "raps", "saps", "top_k"]
WaveScore = Literal["absolute", "normalized", "cqr", "asymmetric_cqr"]
Score = Literal[ClassScore, WaveScore, "default"]

RANDOMIZED = ("aps", "raps", "saps")


@dataclasses.dataclass(frozen=True)
class ConformalConfig:
    """How a trained model is calibrated, for sets of classes or intervals of numbers.

    Args:
        alpha: part of new samples that may be missed, over 0 and under 1.
        score: how badly a label fits: lac, aps, raps, saps or top_k; of waves absolute, and for
            a model that learned by pinball normalized, cqr or asymmetric_cqr. The default is
            lac, absolute, or cqr.
        randomized: whether aps, raps and saps draw a number for each sample, for smaller sets;
            else the sets of the surest samples may be empty.
        per_class: whether each class has a threshold of its own.
        force_top: whether the most probable label is in every set; else a set may be empty.
        penalty: of raps, for each label beyond the first k_reg, at least 0.
        k_reg: of raps, how many labels are free of the penalty.
        weight: of saps, of each label after the first, at least 0.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    alpha: float = 0.1
    score: Score = "default"
    randomized: bool = False
    per_class: bool = False
    force_top: bool = False
    penalty: float = 0.01
    k_reg: int = 1
    weight: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", float(as_fraction(self.alpha)))
        scores = (*get_args(ClassScore), *get_args(WaveScore), "default")
        check_choice(self, "score", scores)
        for name in ("randomized", "per_class", "force_top"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        check_number(self, "penalty", 0, float("inf"), open_low=False)
        check_integer(self, "k_reg", 0)
        check_number(self, "weight", 0, float("inf"), open_low=False)
        if self.score != "default":
            self._check_options()

    def _check_options(self) -> None:
        """Raise ``ValueError`` where an option is chosen that the score does not use."""
        used_by = {"randomized": RANDOMIZED, "penalty": ("raps",), "k_reg": ("raps",)}
        used_by["weight"] = ("saps",)
        for name, scores in used_by.items():
            if getattr(self, name) != getattr(type(self), name) and self.score not in scores:
                raise ValueError(f"{name} is of {', '.join(scores)}, got {self.score}")


def conformal_of(config: ConformalConfig, run: RunConfig) -> ConformalConfig:
    """Return a configuration with the score that a run takes where none was chosen.

    Raises:
        ValueError: when the score, or an option, is none for models such as the run's.
    """
    if run.class_names:
        allowed = get_args(ClassScore)
    elif run.train.loss == "pinball":
        allowed = ("cqr", *(each for each in get_args(WaveScore) if each != "cqr"))
    else:
        allowed = ("absolute",)
    if config.score == "default":
        return conformal_of(dataclasses.replace(config, score=allowed[0]), run)
    if config.score not in allowed:
        *others, last = allowed
        names = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"the score of this run must be {names}, got {config.score}")
    if not run.class_names and (config.per_class or config.force_top):
        raise ValueError("per_class and force_top are of classes, and waves have none")
    return config
