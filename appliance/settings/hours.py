"""Owns times of the day: stretches such as 19:00-06:00, and when a moment lies in one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
_MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day up to another, which is the next day's where it is not later."""

    start_minute: int
    end_minute: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`text` like 19:00-06:00. Raises ValueError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(text)
        first, second, *last = (int(digits) for digits in found.groups() if digits)
        span = cls(_minute(first, second), _minute(*last))
        if span.start_minute == span.end_minute:
            raise ValueError(text)
        return span

    def covers(self, moment: datetime) -> bool:
        """Whether the clock on the wall, as `moment` has it, shows a time in it."""
        minute = _minute(moment.hour, moment.minute)
        if self.start_minute < self.end_minute:
            return self.start_minute <= minute < self.end_minute
        return minute >= self.start_minute or minute < self.end_minute


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of the day at which something may be done; without any, always."""

    spans: tuple[Span, ...]
    zone: ZoneInfo

    def cover(self, moment: datetime) -> bool:
        """Whether it may be done at an (aware) moment."""
        local = moment.astimezone(self.zone)
        return not self.spans or any(span.covers(local) for span in self.spans)

    def next_start(self, moment: datetime) -> datetime:
        """When it may be done again; the moment itself where it may be done now."""
        return moment if self.cover(moment) else min(self._starts_after(moment))

    def _starts_after(self, moment: datetime) -> Iterator[datetime]:
        """Today's and tomorrow's beginnings; on some nights clocks leave an hour out."""
        midnight = moment.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        for span in self.spans:
            for days in (0, 1, 2):
                start = midnight + timedelta(days=days, minutes=span.start_minute)
                if start.astimezone(UTC) > moment:  # wall-clock arithmetic, compared in UTC
                    yield start.astimezone(UTC)


def _minute(hour: int, minute: int) -> int:
    return hour * _MINUTES_PER_HOUR + minute
