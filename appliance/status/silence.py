"""Owns the silence alarm: which sources are quieter than their habit, and unexcused."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.errors import TooQuiet
from appliance.status.habit import MEMORY, is_too_quiet

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

PLACE = "habit"
"""The kind of place under which a source's habit stands in the journal."""

EVERY_S = 600.0


class Habit(StrEnum):
    """How a source that shows nothing is looked at."""

    USUAL = "usual"
    QUIET = "quiet"
    EXCUSED = "excused"  # somebody knows why


class Watch:
    """One box's ear for silence."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Compare what `journal` has of each source with its habit."""
        self._journal = journal
        self._clock = clock
        self._at_s = clock.monotonic()

    def turn(self, settings: Settings) -> float:
        """Listen now and then; seconds after which to listen again."""
        now_s = self._clock.monotonic()
        if now_s < self._at_s:
            return self._at_s - now_s
        if not self._clock.is_sure():
            return EVERY_S  # what hour it is where is not known
        self._at_s = now_s + EVERY_S
        said = {
            row["name"]: row["state"]
            for row in self._journal.ledger.places()
            if row["kind"] == PLACE
        }
        for source in settings.sources:
            self._listen(source.name, ZoneInfo(settings.box.timezone), said.get(source.name, ""))
        return EVERY_S

    def _listen(self, source: str, zone: ZoneInfo, said: str) -> None:
        now = self._clock.utc().astimezone(zone)
        hours = self._journal.days.active_hours(source, now - MEMORY)
        active = [_moment(hour).astimezone(zone) for hour in hours]
        habit = Habit.QUIET if is_too_quiet(active, now) else Habit.USUAL
        if habit == (said or Habit.USUAL) or (habit, said) == (Habit.QUIET, Habit.EXCUSED):
            return
        problem = None
        if habit is Habit.QUIET:
            problem = TooQuiet(name=source, since=_since(max(active)))
            _log.warning("%s", problem)
        self._journal.custody.set_place(PLACE, source, habit, problem)


def _moment(hour: str) -> datetime:
    return datetime.fromisoformat(f"{hour}:00").replace(tzinfo=UTC)


def _since(last: datetime) -> str:
    return f"{last:%A, %d %B, %H} o'clock"
