"""Owns time: the only place that asks the machine what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

UNSURE = Path("/run/jembatan/clock-unsure")
"""There while nothing has set the box's clock since it was started, neither a clock chip that ran
on nor a time server (systemd/README.md); never there on a workstation."""


class Clock(Protocol):
    """What every part of the product is handed instead of reading the time itself."""

    def utc(self) -> datetime:
        """The wall-clock time, timezone-aware; a Pi has no RTC, so it may be wrong."""
        ...

    def is_sure(self) -> bool:
        """Whether that is the right time, as far as a machine can know; else nothing is dated."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start; never jumps."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def utc(self) -> datetime:
        """The wall-clock time as the kernel has it."""
        return datetime.now(UTC)

    def is_sure(self) -> bool:
        """Whether something has set the kernel's clock."""
        return not UNSURE.exists()

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()


def stamp(moment: datetime) -> str:
    """A moment as the journal writes it: ISO 8601 in UTC with milliseconds, sortable as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
