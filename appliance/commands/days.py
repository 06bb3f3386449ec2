"""Owns `jembatan days`: what came, day by day, what became of it and what the PACS has of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.clock import SystemClock
from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import document, say, table
from appliance.desk import days as account
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from appliance.desk.days import Day, There

_HEAD = ("day", "source", "came", "done", "on its way", "held", "not usable", "set aside", "")


def days(options: Namespace) -> int:
    """The accounts of the last days; with `ask` the PACSs are asked first."""
    paths = paths_of(options.root)
    zone = ZoneInfo(Current(paths.root).get().box.timezone)
    last = options.day or SystemClock().utc().astimezone(zone).date()
    first = last if options.day else last - timedelta(days=options.last - 1)
    if options.ask:
        _ask(paths.run, first, last)
    with journal_of(paths) as journal:
        found = account.days(journal, first, last, zone)
    if options.json:
        document(account.document(found))
    elif options.csv:
        say(account.table(found).rstrip("\r\n"))
    else:
        table((_HEAD, *(line for day in found for line in _lines(day))))
    return 0


def _ask(run: Path, first: date, last: date) -> None:
    for number in range((last - first).days + 1):
        account.ask_deliver(run, (first + timedelta(days=number)).isoformat())


def _lines(day: Day) -> Iterator[tuple[object, ...]]:
    counts = (day.came, day.done, day.under_way, day.held, day.quarantined, day.ignored)
    told = [_told(there) for there in day.there] or [""]
    yield (day.day, day.source, *counts, told[0])
    yield from (("", "", "", "", "", "", "", "", more) for more in told[1:])


def _told(there: There) -> str:
    said = f"{there.destination}: {there.confirmed} of {there.objects} objects confirmed"
    if there.shows is None:
        return said
    return f"{said}, {there.shows} of them shown when asked"
