"""Owns the days' accounts on the page: the table, the file of it, and asking the PACS anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Response, flash, redirect, render_template, request, url_for

from appliance.desk import days

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box

_DAYS = 7
_MOST_DAYS = 366


class Days:
    """Day by day."""

    def __init__(self, box: Box) -> None:
        """Account for what `box` did."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """Some days, by default the last week."""
        first, last = self._asked_for()
        found = days.days(self._box.journal, first, last, self._box.zone)
        return render_template("days.html", days=found, first=first, last=last)

    def table(self) -> ResponseReturnValue:
        """The same for a table calculator."""
        first, last = self._asked_for()
        text = days.table(days.days(self._box.journal, first, last, self._box.zone))
        name = f"jembatan-{first}-{last}.csv"
        return Response(
            text,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def ask(self, day: str) -> ResponseReturnValue:
        """Ask the PACSs what they show of a day."""
        asked = _day(day, self._today()).isoformat()
        days.ask_deliver(self._box.paths.run, asked)
        flash("asked")
        return redirect(f"{url_for('days')}?from={asked}&to={asked}")

    def excuse(self, source: str) -> ResponseReturnValue:
        """Somebody knows why a source is silent."""
        days.excuse(self._box.journal, source)
        return redirect(url_for("status"))

    def _asked_for(self) -> tuple[date, date]:
        last = min(_day(request.args.get("to"), self._today()), self._today())
        first = _day(request.args.get("from"), last - timedelta(days=_DAYS - 1))
        return max(min(first, last), last - timedelta(days=_MOST_DAYS)), last

    def _today(self) -> date:
        return self._box.clock.utc().astimezone(self._box.zone).date()


def _day(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        return otherwise
