"""Owns the days' accounts: what each source showed, what became of it, what destinations have."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.journal import codec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import date, tzinfo

    from appliance.journal.session import Session
    from appliance.model import Instance


class Span(NamedTuple):
    """The time from `since` to just before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, day: date, zone: tzinfo) -> Span:
        """A day, from midnight to midnight in that time zone."""
        return cls(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


class Asked(NamedTuple):
    """What a destination showed of the objects that it took on one day from one source."""

    objects: int
    found: int | None  # None: it cannot be asked
    missing: tuple[int, ...]  # items
    asked_at: str


class Days:
    """The verbs of reconciliation."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def sources(self) -> list[str]:
        """Every source that ever showed something."""
        return [row["source"] for row in self._s.db.rows("known_sources")]

    def active_hours(self, source: str, since: datetime) -> list[str]:
        """The hours (stamps, up to the hour, in UTC) since then in which a source showed files."""
        rows = self._s.db.rows("active_hours", source=source, since=stamp(since))
        return [row["hour"] for row in rows]

    def fates(self, source: str, span: Span) -> dict[str, int]:
        """How many files a source showed in that time, by the state of what became of them."""
        rows = self._s.db.rows("fates_between", source=source, **_stamps(span))
        return {row["state"]: row["n"] for row in rows}

    def objects(self, source: str, span: Span) -> dict[str, dict[str, int]]:
        """How many objects of them go to each destination, by the state of their delivery."""
        counts: dict[str, dict[str, int]] = {}
        for row in self._s.db.rows("objects_between", source=source, **_stamps(span)):
            counts.setdefault(row["destination"], {})[row["state"]] = row["n"]
        return counts

    def taken(self, source: str, destination: str, span: Span) -> list[tuple[int, Instance]]:
        """The item of each object of that time that a destination has taken, and the object."""
        rows = self._s.db.rows(
            "taken_between", source=source, destination=destination, **_stamps(span)
        )
        return [(row["item_id"], codec.load_instance(row, self._s.spool)) for row in rows]

    def note(self, day: str, source: str, destination: str, told: Asked) -> None:
        """What the destination showed; the last answer counts."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "note_reckoning",
                day=day,
                source=source,
                destination=destination,
                objects=told.objects,
                found=told.found,
                missing=json.dumps(told.missing),
                asked_at=told.asked_at,
            )

    def asked(self, day: str) -> Mapping[tuple[str, str], Asked]:
        """What was noted of a day, by source and destination."""
        rows = self._s.db.rows("reckonings", day=day)
        return {(row["source"], row["destination"]): _asked(row) for row in rows}


def _stamps(span: Span) -> dict[str, str]:
    return {"since": stamp(span.since), "until": stamp(span.until)}


def _asked(row: sqlite3.Row) -> Asked:
    missing: Sequence[int] = json.loads(row["missing"])
    return Asked(row["objects"], row["found"], tuple(missing), row["asked_at"])
