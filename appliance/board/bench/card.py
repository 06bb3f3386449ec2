"""Owns how fast the card keeps what it is given: in bulk, and promise by promise."""

from __future__ import annotations

import os
import time
from statistics import median
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from appliance.board.bench.finding import Finding, judged, untold

if TYPE_CHECKING:
    from pathlib import Path

_BULK_MIB = 32
_PROMISES = 50
_LEAST_MIB_S = 10.0
"""Speed class 10 of the SD Association: 10 MB/s written in sequence."""

_LONGEST_MS = 100.0


def card(folder: Path) -> Finding:
    """Write on the card that has `folder`, and wait each time until it is kept."""
    expected = f"{_LEAST_MIB_S:.0f} MB/s or more; one promise within {_LONGEST_MS:.0f} ms"
    try:
        with TemporaryFile(dir=folder) as file:
            bulk_mib_s = _bulk(file.fileno())
            waits_ms = [_promise(file.fileno()) for _ in range(_PROMISES)]
    except OSError as error:
        advice = "Try it as root on the box, where /data is."
        return untold("card", f"{folder}: {error.strerror}", expected, advice)
    return judged(
        "card",
        good=bulk_mib_s >= _LEAST_MIB_S and median(waits_ms) <= _LONGEST_MS,
        found=f"{bulk_mib_s:.0f} MB/s; a promise takes {median(waits_ms):.1f} ms, "
        f"the longest {max(waits_ms):.0f} ms",
        expected=expected,
        advice="Use a card of an endurance series, class A1 or better; this one is slow or worn.",
    )


def _bulk(fd: int) -> float:
    """Megabytes a second that are kept."""
    piece = os.urandom(1 << 20)
    started_s = time.monotonic()
    for _ in range(_BULK_MIB):
        os.write(fd, piece)
    os.fsync(fd)
    return _BULK_MIB * 1.048576 / (time.monotonic() - started_s)


def _promise(fd: int) -> float:
    """How long a short write takes until it is kept, in milliseconds."""
    started_s = time.monotonic()
    os.write(fd, bytes(4096))
    os.fsync(fd)
    return (time.monotonic() - started_s) * 1000
