"""Owns the clock of the box, on the page: what it says, and setting it where no server does."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from appliance.desk import clock as desk
from appliance.errors import ClockNotTaken, NotThere, Problem
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Clock:
    """The view of the clock."""

    def __init__(self, box: Box) -> None:
        """Show and set that of `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """What it says now, and a form for what is right."""
        if not desk.can_be_set(self._box.paths):
            raise NotThere(what="clock to set here: that is done on the box only")
        if request.method == "GET":
            return self._page()
        try:
            desk.set_clock(self._box.paths, self._entered())
        except Problem as problem:
            return self._page(problem), 422
        flash("clock set")
        return redirect(url_for("clock"))

    def _entered(self) -> datetime:
        """Where the box stands. Raises ClockNotTaken."""
        try:
            entered = datetime.fromisoformat(request.form["now"])
        except ValueError as error:
            raise ClockNotTaken(why="that is no date and time") from error
        return entered.replace(tzinfo=self._box.zone)

    def _page(self, problem: Problem | None = None) -> str:
        clock = self._box.clock
        faults = Faults(above=(problem.sentence,), hint=problem.hint) if problem else Faults()
        now = clock.utc().astimezone(self._box.zone).replace(tzinfo=None)
        return render_template(
            "clock.html", now=now, is_sure=clock.is_sure(), zone=self._box.zone.key, faults=faults
        )
