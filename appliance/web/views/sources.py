"""Owns the forms of sources: first the kind of link, then what that kind has to be told."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from appliance.board.adapters import adapters
from appliance.board.network import interfaces
from appliance.desk.left import left_by
from appliance.dicom.names import name_of
from appliance.errors import NotThere
from appliance.settings.links import ShareLink
from appliance.settings.values import SOP_CLASSES
from appliance.web import forms
from appliance.web.links import LINKS, link_named, link_of
from appliance.web.views.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from appliance.settings.links import Source
    from appliance.web.box import Box
    from appliance.web.links import Link
    from appliance.web.views.tables import Form

_SYNTAX_UIDS = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)
_SYNTAXES = [(uid, name_of(uid)) for uid in _SYNTAX_UIDS]
_CLASSES = [(name, name) for name in SOP_CLASSES]
_FRAMINGS = {bits: bits for bits in ("8N1", "8E1", "8O1", "8N2", "7E1", "7O1", "7N2")}
_TELLS_THE_MODALITY = frozenset({"receiver", "hosted"})


class Sources:
    """Where images come from."""

    def __init__(self, box: Box) -> None:
        """Change the settings of `box`."""
        self._box = box

    def choose(self) -> ResponseReturnValue:
        """Ask how the modality hands over its images."""
        return render_template("links.html", links=[link.word for link in LINKS])

    def new(self, kind: str) -> ResponseReturnValue:
        """The form of one that is not there yet."""
        link = link_named(kind)
        if link is None:
            raise NotThere(what=f'kind of link "{kind}"')
        return _Form(self._box, link).new()

    def edit(self, name: str) -> ResponseReturnValue:
        """The form of one that is there."""
        return self._form(name).edit(name)

    def remove(self, name: str) -> ResponseReturnValue:
        """Ask once more, then take it out."""
        return self._form(name).remove(name)

    def _form(self, name: str) -> _Form:
        source = self._box.settings.source(name)
        if source is None:
            raise NotThere(what=f'source "{name}"')
        return _Form(self._box, link_of(source))


class _Form(Table):
    """The form of the sources of one kind."""

    name = "source"

    def __init__(self, box: Box, link: Link) -> None:
        super().__init__(box)
        self._link = link
        self.fields = link.fields
        self.fixed = link.fixed

    def _entries(self) -> Sequence[Source]:
        return self._box.settings.sources

    def _blank(self) -> Form:
        return forms.values(self._link.blank, self.fields)

    def _entry(self, name: str) -> dict[str, object]:
        """An empty password is the one that is there already, as long as there is a user."""
        given = super()._entry(name)
        if given.get("user") and not given.get("password"):
            del given["password"]
        return given

    def _asked(self, name: str) -> ResponseReturnValue:
        """Another row for a modality that may send."""
        return self._form(name, request.form)

    def _saved(self, name: str, *, is_new: bool) -> ResponseReturnValue:
        """What the modality has to be told is shown as soon as it is true."""
        if is_new and self._link.word in _TELLS_THE_MODALITY:
            flash("saved")
            return redirect(url_for("edit_source", name=name))
        return super()._saved(name, is_new=is_new)

    def _extra(self, values: Form) -> Mapping[str, object]:
        profiles = self._box.settings.profiles
        return {
            "link": self._link.word,
            "profiles": [(profile.name, profile.name) for profile in profiles],
            **self._machine(values),
            **self._receiving(values),
            **self._sharing(values),
        }

    def _remains(self, name: str) -> Mapping[str, object]:
        """How many files nobody takes any more then; None where they cannot be counted."""
        source = next(entry for entry in self._entries() if entry.name == name)
        try:
            return {"kind": source.kind, "left": left_by(self._box.journal, source)}
        except OSError:
            return {"kind": source.kind, "left": None}

    def _machine(self, values: Form) -> Mapping[str, object]:
        """The box's own sockets, one of which the modality is connected to."""
        if self._link.word == "serial":
            framings = _options(_FRAMINGS, values.get("framing", ""))
            return {"adapters": adapters(), "framings": framings}
        if self._link.word not in _TELLS_THE_MODALITY:
            return {}
        found = interfaces()
        known = {name: f"{name} ({address or 'no address'})" for name, address in found}
        sockets = _options(known, values.get("interface", ""))
        return {
            "interfaces": found,
            "sockets": sockets,
            "host_name": socket.gethostname(),
            "port_of_the_box": self._box.place(0).dicom_port,
        }

    def _receiving(self, values: Form) -> Mapping[str, object]:
        """The modalities that may send, and a line for another where one is asked for."""
        read = self.fields.get("allow")
        if not isinstance(read, forms.Rows):
            return {}
        rows: list[Mapping[str, str]] = [*read.filled("allow", values)]
        if not rows or values.get("action") == "row":
            rows.append({})
        return {"rows": rows, "classes": _CLASSES, "syntaxes": _SYNTAXES}

    def _sharing(self, values: Form) -> Mapping[str, object]:
        """What is known of the password; itself it is never shown."""
        source = self._box.settings.source(values.get("name", ""))
        return {
            "has_password": isinstance(source, ShareLink) and bool(source.password),
            "password_again": bool(values.get("password")),
        }


def _options(known: Mapping[str, str], chosen: str) -> list[tuple[str, str]]:
    """Words to choose from and how each is shown; the one that is chosen is always among them."""
    return list((known if chosen in {"", *known} else {**known, chosen: chosen}).items())
