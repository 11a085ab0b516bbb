"""Timing several contenders fairly: side by side, in turn, medians with their range."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of one call of a contender.

    Attributes:
        median: of the rounds.
        low: of the fastest round.
        high: of the slowest round.
    """

    median: float
    low: float
    high: float


def interleave(
    contenders: Mapping[str, Callable[[], object]],
    *,
    num_rounds: int,
    num_warm: int = 3,
    least: float = 0.0,
) -> dict[str, Timing]:
    """Time functions in turn, each round starting with another one.

    What disturbs the machine for a second then disturbs all of them.

    Args:
        contenders: functions that return when their work is done.
        num_rounds: how often each is timed.
        num_warm: calls of each before that, which compile and fill caches.
        least: seconds that a round of a contender takes at least; it is called as often.
    """
    names = list(contenders)
    calls = dict.fromkeys(names, 1)
    for _ in range(num_warm):
        for name in names:
            calls[name] = max(1, round(least / _seconds(contenders[name], 1)))
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(num_rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            seconds[name].append(_seconds(contenders[name], calls[name]))
    return {
        name: Timing(statistics.median(each), min(each), max(each))
        for name, each in seconds.items()
    }


def _seconds(contender: Callable[[], object], num_calls: int) -> float:
    """Return the seconds of one call, the mean of several."""
    before = time.perf_counter()
    for _ in range(num_calls):
        contender()
    return (time.perf_counter() - before) / num_calls
