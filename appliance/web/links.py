"""Owns what the forms ask about each kind of link that a modality may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.settings.links import (
    DriveLink,
    FolderLink,
    ReceiverLink,
    SerialLink,
    ShareLink,
    StickLink,
)
from appliance.web import forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.links import Source
    from appliance.web.forms import Fields

_EVERY_KIND: Fields = {"name": forms.text, "profile": forms.text, "error_to": forms.text}
_FILES_ON_THE_BOX: Fields = {"path": forms.text, "after": forms.text, "move_to": forms.text}
_WHO: Fields = {"user": forms.text, "password": forms.secret}


@dataclass(frozen=True, slots=True)
class Link:
    """One kind of link: what its form begins with, and its fields beside those of every kind."""

    word: str  # in addresses and file names
    blank: Source
    own: Fields

    @property
    def fields(self) -> Fields:
        """All fields of the form."""
        return {**_EVERY_KIND, **self.own}

    @property
    def fixed(self) -> Mapping[str, object]:
        """What choosing this kind has said already."""
        hosted = {"hosted": True} if _is_hosted(self.blank) else {}
        return {"kind": self.blank.kind, **hosted}

    def is_of(self, source: Source) -> bool:
        """Whether a source of the settings is of this kind."""
        return type(source) is type(self.blank) and _is_hosted(source) is _is_hosted(self.blank)


def _is_hosted(source: Source) -> bool:
    return isinstance(source, ShareLink) and source.hosted


LINKS = (
    Link(
        "receiver",
        ReceiverLink(name="", allow=()),
        {
            "allow": forms.Rows(
                {
                    "ae_title": forms.text,
                    "host": forms.text,
                    "port": forms.number,
                    "fingerprint": forms.text,
                }
            ),
            "called": forms.text,
            "accept": forms.some,
            "syntaxes": forms.some,
            "ack": forms.text,
            "ack_s": forms.decimal,
            "tls": forms.tick,
        },
    ),
    Link(
        "hosted",
        ShareLink(name="", hosted=True),
        {
            **_WHO,
            **_FILES_ON_THE_BOX,
            "interface": forms.text,
            "hosts": forms.words,
            "smb1": forms.tick,
            "ntlmv1": forms.tick,
        },
    ),
    Link(
        "mounted",
        ShareLink(name=""),
        {
            "mount": forms.text,
            **_WHO,
            "domain": forms.text,
            "version": forms.text,
            "poll_s": forms.decimal,
        },
    ),
    Link("stick", StickLink(name=""), {}),
    Link(
        "drive",
        DriveLink(name=""),
        {
            "size_gib": forms.number,
            "label": forms.text,
            "vendor": forms.text,
            "product": forms.text,
            "serial": forms.text,
            "quiet_s": forms.decimal,
        },
    ),
    Link(
        "serial",
        SerialLink(name="", path=""),
        {
            "path": forms.first,
            "protocol": forms.text,
            "baud": forms.number,
            "framing": forms.text,
            "handshake": forms.text,
            "start_bytes": forms.text,
            "end_bytes": forms.text,
            "idle_s": forms.decimal,
            "max_kib": forms.number,
        },
    ),
    Link("folder", FolderLink(name="", path=""), _FILES_ON_THE_BOX),
)
"""The way a modality would rather use comes first."""


def link_named(word: str) -> Link | None:
    """The kind of that word, or None."""
    return next((link for link in LINKS if link.word == word), None)


def link_of(source: Source) -> Link:
    """The kind that a source of the settings is of."""
    return next(link for link in LINKS if link.is_of(source))
