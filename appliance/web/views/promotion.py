"""Owns the step on the page from tests to real patients: asked once more, with the addresses."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from appliance.desk import settings as desk
from appliance.desk.promote import plan, promoted
from appliance.errors import Problem
from appliance.web import forms
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from appliance.desk.promote import Promotion
    from appliance.web.box import Box

_ADDRESS: forms.Fields = MappingProxyType(
    {"host": forms.text, "port": forms.number, "ae_title": forms.text}
)


class Promote:
    """The view of one destination for tests that is to be for real patients."""

    def __init__(self, box: Box) -> None:
        """Change the settings of `box`."""
        self._box = box

    def page(self, name: str) -> ResponseReturnValue:
        """Ask whether it is meant, and where the real ones are; then do it."""
        promotion = plan(self._box.settings, name)
        if request.method == "GET":
            return self._form(promotion, self._now(promotion), Faults())
        paths = self._box.paths
        try:
            desk.save(paths, promoted(desk.text(paths), promotion, _addresses(promotion)))
        except Problem as problem:
            faults = forms.faults(problem, rf"destination\.{re.escape(name)}", _ADDRESS)
            return self._form(promotion, request.form, faults), 422
        flash("promoted")
        return redirect(url_for("settings"))

    def _now(self, promotion: Promotion) -> MultiDict[str, str]:
        """The addresses as they are: those of worklists as NAME.KEY."""
        settings = self._box.settings
        shown = forms.values(settings.destination(promotion.destination), _ADDRESS)
        for name in promotion.worklists:
            address = forms.values(settings.worklist(name), _ADDRESS)
            shown.update({f"{name}.{key}": value for key, value in address.items()})
        return shown

    def _form(self, promotion: Promotion, values: MultiDict[str, str], faults: Faults) -> str:
        name = promotion.destination
        waiting = self._box.journal.ledger.waiting().get(name, 0)
        return render_template(
            "promote.html",
            name=name,
            promotion=promotion,
            values=values,
            waiting=waiting,
            faults=faults,
        )


def _addresses(promotion: Promotion) -> Mapping[tuple[str, str], Mapping[str, object]]:
    """What was entered, by table and name."""
    found = {("destination", promotion.destination): forms.entry(request.form, _ADDRESS)}
    for name in promotion.worklists:
        own = {key: word for key in _ADDRESS if (word := request.form.get(f"{name}.{key}"))}
        found["worklist", name] = forms.entry(MultiDict(own), _ADDRESS)
    return found
