"""Owns the page that looks into everything between this box and one PACS."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from flask import render_template, request

from appliance.desk.doctor.ask import ask_deliver, named
from appliance.errors import NotThere, Problem, Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.desk.doctor.report import Report
    from appliance.web.box import Box

_AT_ONCE = 2


class Doctor:
    """What the doctor finds, on request only: looking is seen by the PACS."""

    def __init__(self, box: Box) -> None:
        """Look at the destinations of `box`."""
        self._box = box
        self._free = BoundedSemaphore(_AT_ONCE)

    def page(self, name: str) -> ResponseReturnValue:
        """What will be done; asked for it, what was found."""
        if self._box.settings.destination(name) is None:
            raise NotThere(what=f'destination "{name}"')
        if request.method == "GET":
            return self._shown(name)
        try:
            return self._shown(name, report=self._examined(name))
        except Problem as problem:
            return self._shown(name, problem=problem), 503

    def _examined(self, name: str) -> Report:
        """Where nothing answers it takes a minute or two, and the page has few threads."""
        if not self._free.acquire(blocking=False):
            raise Refused(what="Looking", why="somebody looks already; try again in a minute")
        try:
            return ask_deliver(self._box.paths.run, named(name))
        finally:
            self._free.release()

    def _shown(
        self, name: str, *, report: Report | None = None, problem: Problem | None = None
    ) -> str:
        destination = self._box.settings.destination(name)
        return render_template(
            "doctor.html", name=name, destination=destination, report=report, problem=problem
        )
