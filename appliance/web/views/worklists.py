"""Owns the form of worklists; one can be asked before it is saved."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from flask import request

from appliance.desk.worklist import ask_deliver
from appliance.settings.editing import with_entry
from appliance.settings.load import parse
from appliance.settings.schema import Worklist
from appliance.web import forms
from appliance.web.views.tables import Called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from appliance.web.views.tables import Entry, Form

_BLANK = Worklist(name="", host="", port=0, ae_title="")


class Worklists(Called):
    """Whom to ask which exams are ordered."""

    name = "worklist"
    fields = MappingProxyType(
        {
            "name": forms.text,
            "host": forms.text,
            "port": forms.number,
            "ae_title": forms.text,
            "calling_ae_title": forms.text,
            "tls": forms.TLS,
            "sources": forms.some,
            "station_ae_title": forms.text,
            "window_h": forms.decimal,
            "wait_h": forms.decimal,
            "cache_h": forms.decimal,
            "charset": forms.text,
            "environment": forms.text,
        }
    )

    def _entries(self) -> Sequence[Entry]:
        return self._box.settings.worklists

    def _blank(self) -> Form:
        return forms.values(_BLANK, self.fields)

    def _extra(self, values: Form) -> Mapping[str, object]:
        """The modalities there are, to tick."""
        return {"sources": [(source.name,) * 2 for source in self._box.settings.sources]}

    def _typed(self, name: str) -> Worklist:
        entry = {**self._entry(name), "sources": None}  # who is served does not matter here
        (typed,) = parse(with_entry("", self.name, entry)).worklists
        return typed

    def _tested(self, name: str) -> ResponseReturnValue:
        answer = ask_deliver(self._box.paths.run, self._typed(name))
        return self._form(name, request.form, answer=answer)
