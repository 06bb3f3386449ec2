"""Owns turning what somebody wrote about an image into claims: keywords known, dates in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.convert.dates import da, tm
from appliance.model import Claim, Origin
from appliance.settings.keywords import TEXTS, UIDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_KNOWN = TEXTS | UIDS


def claims(origin: Origin, said: Mapping[str, str]) -> tuple[list[Claim], list[str]]:
    """Claims of one origin, and notes on what of it could not be used."""
    found: list[Claim] = []
    notes: list[str] = []
    for keyword, text in said.items():
        value = _value(keyword, text.strip())
        if keyword not in _KNOWN:
            notes.append(f"The {origin} says {keyword}, which is no DICOM keyword known here.")
        elif value:
            found.append(Claim(origin, keyword, value))
        elif text.strip():
            notes.append(f"The {origin} gives {keyword} as {text!r}, which cannot be told surely.")
    return found, notes


def moment(origin: Origin, when: datetime | None) -> list[Claim]:
    """The exam date a point in time would stand for, should a profile allow it."""
    if when is None:
        return []
    return [
        Claim(origin, "StudyDate", when.strftime("%Y%m%d")),
        Claim(origin, "StudyTime", when.strftime("%H%M%S")),
    ]


def exif(texts: Iterable[object]) -> list[Claim]:
    """The first of some EXIF dates (`YYYY:MM:DD HH:MM:SS`) that is one."""
    for text in texts:
        day, _, time = str(text or "").strip("\0 ").partition(" ")
        if da(day):
            said = {"StudyDate": da(day), "StudyTime": tm(time)}
            return [Claim(Origin.EXIF, keyword, v) for keyword, v in said.items() if v]
    return []


def _value(keyword: str, text: str) -> str:
    if keyword.endswith("Date"):
        return da(text)
    return tm(text) if keyword.endswith("Time") else text
