"""Owns the daily account: what each source showed, what became of it, what the PACS has of it."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.call import ask
from appliance.journal.days import Asked, Span
from appliance.model import DeliveryState, ItemState
from appliance.status.silence import PLACE, Habit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, tzinfo
    from pathlib import Path

    from appliance.journal.journal import Journal

_DELIVER_S = 300.0
_UNDER_WAY = (ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED, ItemState.ROUTED)


@dataclass(frozen=True, slots=True)
class There:
    """One destination's part of a day, in objects: an export may make several."""

    destination: str
    objects: int
    sent: int  # answered for, the confirmed ones among them
    confirmed: int
    shows: int | None  # found there when last asked; None: not asked, or it cannot be
    missing: tuple[int, ...]  # items of which it then did not show all
    asked_at: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one source, in exports: what came is the sum of what became of it."""

    day: str
    source: str
    came: int
    done: int
    under_way: int
    held: int
    quarantined: int
    ignored: int
    there: tuple[There, ...]


_COLUMNS = [each.name for each in fields(Day) if each.name != "there"]
_COLUMNS_THERE = [each.name for each in fields(There) if each.name != "missing"]


def days(journal: Journal, first: date, last: date, zone: tzinfo) -> list[Day]:
    """The accounts of some days, the newest first; days on which nothing came have none."""
    sources = journal.days.sources()
    wanted = [last - timedelta(days=back) for back in range((last - first).days + 1)]
    found = (_day(journal, day, source, zone) for day in wanted for source in sources)
    return [day for day in found if day.came]


def document(accounts: Iterable[Day]) -> list[dict[str, object]]:
    """The result of `jembatan days --json`."""
    return [asdict(day) for day in accounts]


def table(accounts: Iterable[Day]) -> str:
    """The accounts as CSV (RFC 4180), a line for each day, source and destination."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS + _COLUMNS_THERE)
    for day in accounts:
        own = [getattr(day, column) for column in _COLUMNS]
        for there in day.there or (None,):
            writer.writerow(own + [_cell(there, column) for column in _COLUMNS_THERE])
    return text.getvalue()


def ask_deliver(run_dir: Path, day: str) -> None:
    """Have the PACSs asked what they show of a day. Raises NobodyAnswers, Declined."""
    ask(run_dir / "deliver.sock", {"op": "reckon", "day": day}, _DELIVER_S)


def excuse(journal: Journal, source: str) -> None:
    """Somebody knows why nothing comes from a source."""
    journal.custody.set_place(PLACE, source, Habit.EXCUSED)


def _day(journal: Journal, day: date, source: str, zone: tzinfo) -> Day:
    span = Span.of(day, zone)
    fates = journal.days.fates(source, span)
    asked = journal.days.asked(day.isoformat())
    return Day(
        day=day.isoformat(),
        source=source,
        came=sum(fates.values()),
        done=fates.get(ItemState.DONE, 0),
        under_way=sum(fates.get(state, 0) for state in _UNDER_WAY),
        held=fates.get(ItemState.HELD, 0),
        quarantined=fates.get(ItemState.QUARANTINED, 0),
        ignored=fates.get(ItemState.IGNORED, 0),
        there=tuple(
            _there(name, states, asked.get((source, name)))
            for name, states in journal.days.objects(source, span).items()
        ),
    )


def _there(name: str, states: Mapping[str, int], asked: Asked | None) -> There:
    confirmed = states.get(DeliveryState.CONFIRMED, 0)
    return There(
        destination=name,
        objects=sum(states.values()),
        sent=confirmed + states.get(DeliveryState.SENT, 0),
        confirmed=confirmed,
        shows=asked.found if asked else None,
        missing=asked.missing if asked else (),
        asked_at=asked.asked_at if asked else "",
    )


def _cell(there: There | None, column: str) -> object:
    value = getattr(there, column) if there else None
    return "" if value is None else value
