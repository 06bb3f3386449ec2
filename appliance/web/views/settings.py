"""Owns the overview of the settings, what the box says of itself, and earlier versions."""

from __future__ import annotations

import re
from difflib import unified_diff
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from flask import flash, redirect, render_template, request, url_for

from appliance.box import papers
from appliance.desk import settings as desk
from appliance.desk.clock import can_be_set
from appliance.errors import Problem
from appliance.settings.history import history
from appliance.web import forms
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.datastructures import MultiDict

    from appliance.web.box import Box

_BOX = {
    "name": forms.text,
    "ae_title": forms.text,
    "timezone": forms.text,
    "contact": forms.text,
    "listen_port": forms.number,
    "tls_port": forms.number,
    "tls_cert": forms.text,
    "tls_key": forms.text,
    "tls_ca": forms.text,
}
_PASSWORD = re.compile(r"(\bpassword[\"']?\s*=\s*).*")


class Settings:
    """The views of the settings as a whole."""

    def __init__(self, box: Box) -> None:
        """Show and change the settings of `box`."""
        self._box = box

    def overview(self) -> ResponseReturnValue:
        """All that can be set, at a glance."""
        has_certificate = papers.shown(self._box.paths.root).exists()
        return render_template(
            "settings.html",
            settings=self._box.settings,
            has_certificate=has_certificate,
            has_clock=can_be_set(self._box.paths),
        )

    def box(self) -> ResponseReturnValue:
        """The form of [box]."""
        if request.method == "GET":
            return self._form(forms.values(self._box.settings.box, _BOX))
        try:
            desk.set_box(self._box.paths, forms.entry(request.form, _BOX))
        except Problem as problem:
            return self._form(request.form, forms.faults(problem, "box", _BOX)), 422
        flash("saved")
        return redirect(url_for("settings"))

    def history(self) -> ResponseReturnValue:
        """The versions that are kept, the newest first."""
        return render_template("history.html", versions=history(self._box.paths.root))

    def version(self, number: int) -> ResponseReturnValue:
        """One of them beside what is in force; POST puts it in force again."""
        if request.method == "GET":
            return self._version(number)
        try:
            desk.restore(self._box.paths, number)
        except Problem as problem:
            return self._version(number, forms.faults(problem, "-", {})), 422
        flash("restored")
        return redirect(url_for("settings"))

    def _form(self, values: MultiDict[str, str], faults: Faults | None = None) -> str:
        zones = sorted(available_timezones())
        return render_template("box.html", values=values, faults=faults or Faults(), zones=zones)

    def _version(self, number: int, faults: Faults | None = None) -> str:
        paths = self._box.paths
        lines = (desk.text(paths).splitlines(), desk.version(paths, number).splitlines())
        diff = list(unified_diff(*lines, lineterm="", n=2))[2:]
        changes = [_PASSWORD.sub(r"\1…", line) for line in diff]
        return render_template(
            "version.html", number=number, changes=changes, faults=faults or Faults()
        )
