"""Owns the certificate of the page, on the page: what it is, and putting the hospital's there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from appliance.desk import page_certificate as desk
from appliance.errors import Problem
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Certificate:
    """The views of the page's certificate."""

    def __init__(self, box: Box) -> None:
        """Show and change that of `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """What is shown now, and a form for another one."""
        if request.method == "GET":
            return self._page()
        try:
            desk.take(self._box.paths, _text("certificates"), _text("key"))
        except Problem as problem:
            return self._page(problem), 422
        flash("certificate taken")
        return redirect(url_for("certificate"))

    def forget(self) -> ResponseReturnValue:
        """Back to the one that the box made."""
        desk.forget(self._box.paths)
        flash("certificate forgotten")
        return redirect(url_for("certificate"))

    def _page(self, problem: Problem | None = None) -> str:
        paths = self._box.paths
        faults = Faults(above=(problem.sentence,), hint=problem.hint) if problem else Faults()
        return render_template(
            "certificate.html",
            shown=desk.current(paths),
            is_brought=desk.is_brought(paths),
            faults=faults,
        )


def _text(name: str) -> str:
    """An uploaded file as text; what is no text of PEM is said so by whoever reads it."""
    file = request.files.get(name)
    return file.stream.read().decode("latin-1") if file else ""
