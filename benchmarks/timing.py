"""Timing several contenders fairly: side by side, in turn, medians with their range."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of the rounds of one contender.

    Attributes:
        median: of the rounds.
        low: the fastest round.
        high: the slowest round.
    """

    median: float
    low: float
    high: float


def interleave(
    contenders: Mapping[str, Callable[[], object]], *, num_rounds: int, num_warm: int = 3
) -> dict[str, Timing]:
    """Time functions in turn, each round starting with another one.

    What disturbs the machine for a second then disturbs all of them.

    Args:
        contenders: functions that return when their work is done.
        num_rounds: how often each is timed.
        num_warm: calls of each before that, which compile and fill caches.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-num_warm, num_rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            before = time.perf_counter()
            contenders[name]()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - before)
    return {
        name: Timing(statistics.median(each), min(each), max(each))
        for name, each in seconds.items()
    }
