"""Owns the page that looks into everything between this box and one PACS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from appliance.desk.doctor.ask import ask_deliver, named
from appliance.errors import NotThere, Problem

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.desk.doctor.report import Report
    from appliance.web.box import Box


class Doctor:
    """What the doctor finds, on request only: looking is seen by the PACS."""

    def __init__(self, box: Box) -> None:
        """Look at the destinations of `box`."""
        self._box = box

    def page(self, name: str) -> ResponseReturnValue:
        """What will be done; asked for it, what was found."""
        if self._box.settings.destination(name) is None:
            raise NotThere(what=f'destination "{name}"')
        if request.method == "GET":
            return self._shown(name)
        try:
            return self._shown(name, report=ask_deliver(self._box.paths.run, named(name)))
        except Problem as problem:
            return self._shown(name, problem=problem), 503

    def _shown(
        self, name: str, *, report: Report | None = None, problem: Problem | None = None
    ) -> str:
        destination = self._box.settings.destination(name)
        return render_template(
            "doctor.html", name=name, destination=destination, report=report, problem=problem
        )
