"""Owns a clock that stands still until it is moved, backwards too: a Pi has no RTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A settable Clock; `monotonic` goes on with the time that passed, whatever was set."""

    def __init__(self, now: datetime = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)) -> None:
        self._now = now
        self._passed_s = 0.0
        self.sure = True

    def utc(self) -> datetime:
        return self._now

    def is_sure(self) -> bool:
        return self.sure

    def monotonic(self) -> float:
        return self._passed_s

    def passes(self, **units: float) -> None:
        """Time goes by: `clock.passes(minutes=5)`."""
        span = timedelta(**units)
        self._now += span
        self._passed_s += span.total_seconds()

    def is_set(self, now: datetime) -> None:
        """Somebody, or NTP, sets the wall clock; nothing else notices."""
        self._now = now
