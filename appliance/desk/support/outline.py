"""Owns the outline of the settings: every key, numbers and choices as they are, words as marks.

A word is shown only where the settings leave no choice but words of this version's own; all else
that somebody typed (names, addresses, AE titles, passwords, texts for tags) becomes a mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from appliance.model import Origin
from appliance.settings.keywords import dictionary
from appliance.settings.repairs import Rule
from appliance.settings.schema import CHARSETS, PHOTOMETRICS
from appliance.settings.values import SOP_CLASSES

if TYPE_CHECKING:
    from appliance.desk.support.marks import Marks
    from appliance.settings.schema import Settings

_CHOICES: Mapping[str, frozenset[str]] = {
    "language": frozenset({"en", "id"}),
    "kind": frozenset({"folder", "stick", "drive", "share", "serial", "receiver", "dicom"}),
    "sop_class": frozenset({*SOP_CLASSES, "auto"}),
    "accept": frozenset(SOP_CLASSES),
    "modality": frozenset({*SOP_CLASSES, "OT", "PX", "RF", "ES", "XC", "DOC"}),
    "sidecar": frozenset({"auto", "none", "csv", "xml", "ini", "json", "hl7", "astm"}),
    "date": frozenset(Origin),
    "photometric": frozenset(PHOTOMETRICS),
    "charset": frozenset({*CHARSETS, "shift_jis", "latin-1", "utf-8"}),
    "byte_order": frozenset({"little", "big"}),
    "handshake": frozenset({"none", "rtscts", "xonxoff"}),
    "framing": frozenset({"8N1", "8E1", "8O1", "8N2", "7E1", "7O1", "7N1", "7N2"}),
    "version": frozenset({"1.0", "2.0", "2.1", "3.0", "3.1.1"}),
    "priority": frozenset({"stat", "high", "routine"}),
    "compress": frozenset({"rle"}),
    "no_repair": frozenset(Rule),
}
"""Keys whose value is one of a few words, and which."""

_NAMES_OF_TAGS = frozenset({"remove", "copy", "template", "map", "set", "test_patient", "when"})
"""Keys under which keywords of DICOM stand; what they are set to is a mark."""
_SECRET = "password"  # noqa: S105 - the key of one
_CONDITIONS = frozenset({"source", "time", "weekday"})


class Outline:
    """Of one box's settings."""

    def __init__(self, marks: Marks) -> None:
        """With the marks of one bundle."""
        self._marks = marks

    def of(self, settings: Settings) -> dict[str, Any]:
        """The whole file."""
        return self._record(settings)

    def _record(self, record: Any) -> dict[str, Any]:
        told = {}
        for each in fields(record):
            value = getattr(record, each.name)
            if value not in (None, "", (), {}):
                told[each.name] = self._value(each.name, value)
        return told

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._tags(key, value)
        if isinstance(value, tuple | list):
            return [self._value(key, each) for each in value]
        if is_dataclass(value):
            return self._record(value)
        return self._plain(key, value)

    def _plain(self, key: str, value: Any) -> Any:
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, bool | int | float):
            return value
        return self._word(key, str(value))

    def _word(self, key: str, word: str) -> str:
        if key == _SECRET:
            return "(one is set)"
        if word in _CHOICES.get(key, ()) or (key == "timezone" and word in available_timezones()):
            return word
        if key == "remove" and word in dictionary():
            return word
        return self._marks.of(word)

    def _tags(self, key: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Which tags; never what they are."""
        known = dictionary() if key in _NAMES_OF_TAGS else {}
        return {
            name if name in known or name in _CONDITIONS else self._marks.of(name): self._marks.of(
                str(value)
            )
            for name, value in values.items()
        }
