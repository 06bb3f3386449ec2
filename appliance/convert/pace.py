"""Owns how slow this machine is, so that a limit of time means the same work on every box."""

from __future__ import annotations

from functools import cache
from time import thread_time

_STEPS = 100_000
_TIMES = 3
_FAST_S = 0.008
"""What such steps take at most where limits are as they are written: an AMD EPYC needs 0.005 s."""

_MOST = 8.0


@cache
def slowness() -> float:
    """By how much limits of time are longer here: 1 on a fast machine, about 5 on a Pi 3.

    Measured once, in processor time, so that other work on the machine makes no difference.
    """
    return min(max(min(_measured_s() for _ in range(_TIMES)) / _FAST_S, 1.0), _MOST)


def _measured_s() -> float:
    before_s = thread_time()
    total = 0
    for number in range(_STEPS):
        total += number * number & 7
    return thread_time() - before_s
