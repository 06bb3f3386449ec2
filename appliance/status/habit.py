"""Owns when a source is quieter than its habit, which looks exactly like "all sent". Pure.

A habit is how often, in the weeks before, each hour of the week brought something. What should
have come since the last file is the sum of that over the hours that have passed.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

MEMORY = timedelta(weeks=6)
"""How far back a habit is looked at."""

_LEAST_KNOWN = timedelta(weeks=2)
_ENOUGH_HOURS = 4.0
_HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)


def missed_hours(active: Collection[datetime], now: datetime) -> float:
    """How many hours that usually bring something have passed since the last that did.

    `active` are the beginnings of those hours, `now` is in the same time zone. 0 while less than
    two weeks are known.
    """
    if not active:
        return 0.0
    first, last = min(active), max(active)
    if last - first < _LEAST_KNOWN:
        return 0.0
    busy = Counter(map(_slot, active))
    weeks = (last - first + _HOUR) / _WEEK
    return sum(min(busy[_slot(hour)] / weeks, 1.0) for hour in _hours_between(last, now))


def is_too_quiet(active: Collection[datetime], now: datetime) -> bool:
    """Whether that is more than chance: half a usual working day without a film."""
    return missed_hours(active, now) >= _ENOUGH_HOURS


def _slot(moment: datetime) -> tuple[int, int]:
    return moment.weekday(), moment.hour


def _hours_between(last: datetime, now: datetime) -> Iterator[datetime]:
    """The beginnings of all whole hours after `last` that are over."""
    hour = last + _HOUR
    while hour + _HOUR <= now:
        yield hour
        hour += _HOUR
