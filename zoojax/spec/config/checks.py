"""Checks of one field of a configuration: what was given, and what is allowed."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np

from zoojax.spec.draws import is_integer


def check_integer(config: object, name: str, low: int, high: int | None = None) -> None:
    """Make a field a Python integer from ``low`` to ``high``, or raise ``ValueError``."""
    value = getattr(config, name)
    allowed = f"an integer from {low} to {high}" if high is not None else f"an integer >= {low}"
    if not is_integer(value) or value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    object.__setattr__(config, name, int(value))


def check_choice(config: object, name: str, choices: Sequence[str]) -> None:
    """Raise ``ValueError`` unless a field is one of ``choices``."""
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def check_number(config: object, name: str, low: float, high: float, *, open_low: bool) -> None:
    """Make a field a float at least (or over) ``low`` and under ``high``, or raise."""
    value = getattr(config, name)
    is_number = is_integer(value) or isinstance(value, (float, np.floating))
    if not is_number or not low <= value < high or (open_low and value == low):
        ends = f"over {low}" if open_low else f"at least {low}"
        raise ValueError(f"{name} must be a number {ends} and under {high:g}, got {value!r}")
    object.__setattr__(config, name, float(value))


def check_names(config: object, name: str) -> tuple[str, ...]:
    """Return a field that is a list of names, or raise ``ValueError``."""
    value = getattr(config, name)
    is_list = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
    if not is_list or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} must be a list of names, got {value!r}")
    return tuple(value)


def check_numbers(config: object, name: str) -> None:
    """Make a field a tuple of one or more finite floats, or raise ``ValueError``."""
    value = getattr(config, name)
    if not (numbers := _as_floats(value)):
        raise ValueError(f"{name} must be a list of one or more finite numbers, got {value!r}")
    object.__setattr__(config, name, numbers)


def check_quantiles(quantiles: object) -> tuple[float, float, float]:
    """Return the levels of a lower, the middle and an upper quantile as floats.

    Raises:
        ValueError: unless they are three rising numbers over 0 and under 1, the middle one 0.5.
    """
    levels = _as_floats(quantiles)
    if len(levels) != 3 or not 0 < levels[0] < levels[1] == 0.5 < levels[2] < 1:
        raise ValueError(
            "quantiles must be three rising numbers over 0 and under 1, the middle one 0.5, got "
            f"{quantiles!r}"
        )
    return levels[0], levels[1], levels[2]


def _as_floats(value: object) -> tuple[float, ...]:
    """Return a list of finite numbers as floats; of anything else none."""
    numbers: tuple[object, ...] = ()
    if isinstance(value, (Iterable, np.ndarray)) and not isinstance(value, (str, bytes)):
        numbers = tuple(value)
    floats = tuple(float(each) for each in numbers if _is_finite(each))
    return floats if len(floats) == len(numbers) else ()


def _is_finite(value: object) -> TypeGuard[float]:
    return (is_integer(value) or isinstance(value, (float, np.floating))) and math.isfinite(value)


def check_num_each(num_each: int) -> int:
    """Return ``num_each`` when it is a positive integer.

    Raises:
        ValueError: otherwise, since a data set needs at least one sample.
    """
    if not is_integer(num_each) or num_each < 1:
        raise ValueError(f"num_each must be an integer >= 1, got {num_each!r}")
    return int(num_each)


def check_class_weights(class_weights: Sequence[float] | None, num_classes: int) -> None:
    """Raise ``ValueError`` unless there is a weight for each class, or none at all."""
    if class_weights is not None and len(class_weights) != num_classes:
        raise ValueError(
            f"class_weights must be {num_classes} numbers, one a class, got {tuple(class_weights)}"
        )
