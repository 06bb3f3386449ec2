"""Owns "was this film sent?": the search by time and file name, the answer in plain words."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from flask import render_template, request

from appliance.desk import films

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box

_DAYS = 7


class Films:
    """The search."""

    def __init__(self, box: Box) -> None:
        """Search the journal of `box`."""
        self._box = box

    def search(self) -> ResponseReturnValue:
        """The images of some days, by default of the last week, whose name contains a text."""
        today = self._box.clock.utc().astimezone(self._box.zone).date()
        first = _day(request.args.get("from"), today - timedelta(days=_DAYS - 1))
        last = _day(request.args.get("to"), today)
        name = request.args.get("name", "").strip()
        since = _midnight(first, self._box.zone)
        until = _midnight(last + timedelta(days=1), self._box.zone)
        found = films.find(self._box.journal, name, since, until)
        return render_template("films.html", films=found, name=name, first=first, last=last)


def _day(text: str | None, otherwise: date) -> date:
    try:
        return datetime.fromisoformat(text).date() if text else otherwise
    except ValueError:
        return otherwise


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
