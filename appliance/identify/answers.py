"""Owns reading what a worklist answered: data sets in, orders out; pure.

What cannot be read is left out and never guessed: an order whose name is in an unknown character
set has no name here, and so proves nothing by it.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance import elements, letters, peek
from appliance.convert.dates import da, tm
from appliance.dicom import worklist as keys
from appliance.elements import Element
from appliance.model import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from appliance.dicom.worklist import Key

_IMPLICIT = elements.coding_of(elements.IMPLICIT_LE)
_LONGEST_BYTES = 1024
_MOST_ORDERS = 5000
_MULTIPLE = "ScheduledStationAETitle"
_DATE = "ScheduledProcedureStepStartDate"
_NAMING = (
    "StudyInstanceUID",
    "AccessionNumber",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "Modality",
    "PatientID",
)
_TIMING = (_DATE, "ScheduledProcedureStepStartTime", _MULTIPLE)


@dataclass(slots=True)
class Told:
    """The orders of an answer, and how much of it could not be used."""

    orders: list[Order] = field(default_factory=list)
    undated: int = 0  # steps that do not say on which day they start
    unreadable: int = 0  # texts in a character set that is not known, or that cannot be true


def read(worklist: str, assumed: str, answers: Sequence[bytes], seen_at: str) -> Told:
    """All orders of some answers; `assumed` is the character set where none is declared.

    Raises peek.Misfit where an answer is no data set.
    """
    told = Told()
    for data in answers:
        reader = _Reader(data, assumed)
        told.orders += reader.orders(worklist, seen_at)
        told.undated += reader.undated
        told.unreadable += reader.unreadable
        if len(told.orders) > _MOST_ORDERS:
            raise peek.Garbled(detail=f"it has more than {_MOST_ORDERS} steps")
    return told


class _Reader:
    """One answer; several steps in it are several orders for the same patient."""

    def __init__(self, data: bytes, assumed: str) -> None:
        self._data = data
        self._assumed = assumed
        self.undated = 0
        self.unreadable = 0

    def orders(self, worklist: str, seen_at: str) -> Iterator[Order]:
        top = _elements(self._data)
        declared = _declared(top, "")
        common = self._values(top, keys.ORDER_KEYS, declared)
        codes = self._codes(top, declared)
        for step in _items(top.get(keys.STEPS)):
            own = _declared(step, declared)
            values = {**common, **self._values(step, keys.STEP_KEYS, own)}
            if _DATE in values:
                mine = {**codes, **self._codes(step, own)}
                yield Order(worklist, _key(worklist, values), values, mine, seen_at)
            else:
                self.undated += 1

    def _codes(
        self, found: Mapping[int, bytes], declared: str
    ) -> dict[str, tuple[Mapping[str, str], ...]]:
        return {
            keyword: entries
            for tag, keyword in keys.CODES.items()
            if (entries := tuple(self._code_items(found.get(tag), declared)))
        }

    def _code_items(self, sequence: bytes | None, declared: str) -> Iterator[Mapping[str, str]]:
        for entry in _items(sequence):
            if values := self._values(entry, keys.CODE_KEYS, _declared(entry, declared)):
                yield values

    def _values(
        self, found: Mapping[int, bytes], wanted: Mapping[int, Key], declared: str
    ) -> dict[str, str]:
        values = {}
        for tag, key in wanted.items():
            content = found.get(tag, b"").strip(b"\0 ")
            if text := _text(content, key, declared, self._assumed):
                values[key.keyword] = text
            elif content and key.vr in letters.TEXT_VRS:
                self.unreadable += 1
        return values


def _elements(data: bytes) -> dict[int, bytes]:
    """The values of a data set or item, whole and unread."""
    walk = elements.walk(peek.within(data), 0, _IMPLICIT)
    return {each.tag: data[each.value : each.end] for each in walk}


def _items(sequence: bytes | None) -> list[dict[int, bytes]]:
    if not sequence:
        return []
    whole = Element(0, "SQ", 0, 0, len(sequence))
    found = elements.items(peek.within(sequence), whole, _IMPLICIT)
    return [_elements(sequence[start:end]) for start, end in found]


def _declared(found: Mapping[int, bytes], outer: str) -> str:
    """The character set of a data set; an item that does not say has the one around it."""
    content = found.get(keys.CHARSET)
    return outer if content is None else content.decode("latin-1").strip("\0 ")


def _text(content: bytes, key: Key, declared: str, assumed: str) -> str:
    """A value as text; "" where it cannot be read, or is none that the key may have."""
    if len(content) > _LONGEST_BYTES:
        return ""
    text = _decoded(content, key.vr, declared, assumed).strip()
    if "\\" in text and key.keyword != _MULTIPLE:
        return ""
    if key.vr == "PN" and not text.strip("^= "):
        return ""  # what Orthanc makes of letters that it cannot write
    if key.vr == "DA":
        return da(text)
    return tm(text) if key.vr == "TM" else text


def _decoded(content: bytes, vr: str, declared: str, assumed: str) -> str:
    """In the declared character set, else in the assumed one; "" in neither."""
    if vr not in letters.TEXT_VRS or letters.is_plain(content):
        declared = assumed = ""
    with suppress(ValueError):
        if _is_text(text := letters.decoded(content, declared, vr)):
            return text
    with suppress(ValueError):
        if assumed and _is_text(text := content.decode(assumed)):
            return text
    return ""


def _is_text(text: str) -> bool:
    """Latin-1 reads any bytes; most text of another set then shows by control characters."""
    return not any(unicodedata.category(each) == "Cc" for each in text)


def _key(worklist: str, values: Mapping[str, str]) -> str:
    """The same for the same step, though its time, or the spelling of a name, is changed."""
    naming = _NAMING if values.get("ScheduledProcedureStepID") else (*_NAMING, *_TIMING)
    words = [worklist, *(values.get(keyword, "") for keyword in naming)]
    digest = hashlib.sha256("\n".join(words).encode()).digest()
    return base64.b32encode(digest[:5]).decode().lower()
