"""Owns the forms of tables in the settings, and those of destinations and profiles.

keeper publishes what was entered, or says why not.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from appliance.desk import settings as desk
from appliance.desk.certificate import look
from appliance.desk.doctor.ask import ask_deliver, typed
from appliance.errors import BadSettings, NotThere, Problem
from appliance.settings.editing import with_entry
from appliance.settings.load import parse, settings_path, text_of
from appliance.settings.naming import named
from appliance.settings.schema import Profile
from appliance.settings.values import name_pattern
from appliance.web import forms
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from appliance.desk import worklist
    from appliance.desk.certificate import Looked
    from appliance.desk.doctor.report import Report
    from appliance.settings.links import Source
    from appliance.settings.schema import Destination, Worklist
    from appliance.web.box import Box

    Entry = Destination | Source | Profile | Worklist
    Form = MultiDict[str, str]

_LONGEST_SAMPLE = 255


class Table:
    """The entries of one kind: a form to add, change and remove them by name."""

    name: ClassVar[str]
    fields: forms.Fields
    fixed: Mapping[str, object] = MappingProxyType({})

    def __init__(self, box: Box) -> None:
        """Change the settings of `box`."""
        self._box = box

    def new(self) -> ResponseReturnValue:
        """The form of one that is not there yet."""
        if request.method == "GET":
            return self._form("", self._blank())
        if self._find(request.form["name"].strip()):
            fault = f"jembatan.toml: {self.name}[new].name: is already the name of another one"
            return self._refused("", BadSettings(faults=fault))
        return self._submitted("")

    def edit(self, name: str) -> ResponseReturnValue:
        """The form of one that is there; its name stays, for much hangs on it."""
        entry = self._must_find(name)
        if request.method == "GET":
            return self._form(name, forms.values(entry, self.fields))
        return self._submitted(name)

    def remove(self, name: str) -> ResponseReturnValue:
        """Ask once more, then take the entry out."""
        self._must_find(name)
        if request.method == "GET":
            return self._removal(name, Faults())
        try:
            desk.drop(self._box.paths, self.name, name)
        except Problem as problem:
            return self._removal(name, forms.faults(problem, "-", {})), 422
        flash("removed")
        return redirect(url_for("settings"))

    def _entries(self) -> Sequence[Entry]:
        raise NotImplementedError

    def _blank(self) -> Form:
        """What the form of a new entry begins with."""
        return MultiDict()

    def _extra(self, values: Form) -> Mapping[str, object]:
        """What else the template is shown."""
        return {}

    def _asked(self, name: str) -> ResponseReturnValue:
        """Another button than that which saves: show the form again, with its answer."""
        return self._form(name, request.form)

    def _submitted(self, name: str) -> ResponseReturnValue:
        if request.form.get("action") != "save":
            return self._asked(name)
        entry = self._entry(name)
        try:
            desk.put(self._box.paths, self.name, entry)
        except Problem as problem:
            return self._refused(name, problem)
        return self._saved(str(entry["name"]), is_new=not name)

    def _saved(self, name: str, *, is_new: bool) -> ResponseReturnValue:
        """Where to go on."""
        flash("saved")
        return redirect(url_for("settings"))

    def _entry(self, name: str) -> dict[str, object]:
        given = {**forms.entry(request.form, self.fields), **self.fixed}
        return {**given, "name": name or given["name"]}

    def _refused(self, name: str, problem: Problem) -> ResponseReturnValue:
        called = re.escape(name or request.form["name"].strip())
        place = rf"{self.name}(?:\.{called}|\[\w+\])"
        return self._form(name, request.form, forms.faults(problem, place, self.fields)), 422

    def _form(
        self,
        name: str,
        values: Form,
        faults: Faults | None = None,
        answer: Report | worklist.Answer | None = None,
        looked: Looked | None = None,
    ) -> str:
        return render_template(
            f"{self.name}.html",
            name=name,
            values=values,
            faults=faults or Faults(),
            answer=answer,
            looked=looked,
            settings=self._box.settings,
            **self._extra(values),
        )

    def _removal(self, name: str, faults: Faults) -> str:
        waiting = self._box.journal.ledger.waiting().get(name, 0)
        shown = {"table": self.name, "name": name, "waiting": waiting, "faults": faults}
        return render_template("remove.html", **shown, **self._remains(name))

    def _remains(self, _: str) -> Mapping[str, object]:
        """What stays of an entry that goes."""
        return {}

    def _find(self, name: str) -> Entry | None:
        return next((entry for entry in self._entries() if entry.name == name), None)

    def _must_find(self, name: str) -> Entry:
        entry = self._find(name)
        if entry is None:
            raise NotThere(what=f'{self.name} "{name}"')
        return entry


_PEER = forms.Group(
    MappingProxyType({"host": forms.text, "port": forms.number, "ae_title": forms.text})
)


class Called(Table):
    """Entries of those that this box calls, which may show a certificate to agree to."""

    def _asked(self, name: str) -> ResponseReturnValue:
        if request.form["action"] == "pin":
            return self._form(name, _pinned(request.form))
        try:
            if request.form["action"] == "look":
                return self._form(name, request.form, looked=self._looked(name))
            return self._tested(name)
        except Problem as problem:
            return self._refused(name, problem)

    def _looked(self, name: str) -> Looked:
        """What it shows, at the address that is typed, saved or not."""
        typed = self._typed(name)
        return look(self._box.paths.run, typed.host, typed.port, typed.tls)

    def _typed(self, name: str) -> Destination | Worklist:
        """The entry as it is typed. Raises BadSettings."""
        raise NotImplementedError

    def _tested(self, name: str) -> ResponseReturnValue:
        """Try the connection as it is typed. Raises Problem."""
        raise NotImplementedError


class Destinations(Called):
    """Where images go; the connection can be tested before it is saved."""

    name = "destination"
    fields = MappingProxyType(
        {
            "name": forms.text,
            "host": forms.text,
            "port": forms.number,
            "ae_title": forms.text,
            "calling_ae_title": forms.text,
            "environment": forms.text,
            "confirm": forms.text,
            "commitment": _PEER,
            "find": _PEER,
            "tls": forms.TLS,
            "test_patient": forms.Group({"PatientID": forms.text, "PatientName": forms.text}),
            "hours": forms.words,
            "kbit_s": forms.number,
            "compress": forms.text,
        }
    )
    fixed = MappingProxyType({"kind": "dicom"})

    def _entries(self) -> Sequence[Entry]:
        return self._box.settings.destinations

    def _typed(self, name: str) -> Destination:
        entry = self._entry(name)
        known = parse(self._toml(entry)).destinations
        return next(each for each in known if each.name == entry["name"])

    def _tested(self, name: str) -> ResponseReturnValue:
        entry = self._entry(name)
        toml = self._toml(entry)
        parse(toml)
        answer = ask_deliver(self._box.paths.run, typed(toml, str(entry["name"])))
        return self._form(name, request.form, answer=answer)

    def _toml(self, entry: Mapping[str, object]) -> str:
        return with_entry(self._in_force(), self.name, entry)

    def _in_force(self) -> str:
        """The text that the entry would become a part of; what no form shows counts too."""
        path = settings_path(self._box.paths.root)
        return text_of(path) if path.exists() else ""


def _pinned(given: Form) -> Form:
    """The form, set to take the certificate that was found."""
    values = MultiDict(given)
    values.setlist("tls.on", ["on"])
    values["tls.fingerprint"] = given["found"]
    return values


class Profiles(Table):
    """What exports mean; a file name can be tried before it is saved."""

    name = "profile"
    fields = MappingProxyType(
        {
            "name": forms.text,
            "sop_class": forms.text,
            "modality": forms.text,
            "filename": forms.text,
            "sidecar": forms.text,
            "identity": forms.text,
            "date": forms.choices,
            "charset": forms.text,
            "bits_stored": forms.number,
            "photometric": forms.text,
            "imager_pixel_spacing": forms.numbers,
            "window": forms.numbers,
        }
    )

    def tried(self) -> ResponseReturnValue:
        """What a pattern reads from a sample, asked while somebody types."""
        return render_template("tried.html", **self._extra(request.args))

    def _entries(self) -> Sequence[Entry]:
        return self._box.settings.profiles

    def _blank(self) -> Form:
        return forms.values(Profile(), self.fields)

    def _extra(self, values: Form) -> Mapping[str, object]:
        pattern = values.get("filename", "").strip()
        sample = values.get("sample", "").strip()[:_LONGEST_SAMPLE]
        if not (pattern and sample):
            return {}
        wrong = name_pattern(pattern)
        found = {} if wrong else named(Profile(filename=pattern), sample)
        return {"tried": True, "wrong": wrong, "found": found}
