"""Owns what a single value in the settings may look like: a type and the checks that go with it.

A check takes the value and answers why it is wrong, or "". The schema's annotations carry the
checks, so that a field and its rule are read in one place.
"""

from __future__ import annotations

import difflib
import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.settings.conditions import TIME, WEEKDAY, wrong
from appliance.settings.hours import Span
from appliance.settings.keywords import NUMBERS, TEXTS, UIDS, dictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from appliance.settings.conditions import Condition

_AE_LONGEST = 16
_UID_LONGEST = 64
_PAIR = 2

_STORAGE = "1.2.840.10008.5.1.4.1.1"
SOP_CLASSES: Mapping[str, tuple[str, ...]] = {
    name: tuple(f"{_STORAGE}.{ending}" for ending in endings.split())
    for name, endings in {
        "CR": "1",
        "DX": "1.1 1.1.1",
        "MG": "1.2 1.2.1",
        "IO": "1.3 1.3.1",
        "CT": "2 2.1",
        "MR": "4 4.1",
        "US": "3 3.1 6 6.1",
        "SC": "7 7.1 7.2 7.3 7.4",
        "XA": "12.1 12.1.1 12.2 12.2.1",
        "NM": "20",
        "VL": "77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.4 77.1.4.1",
        "PDF": "104.1",
    }.items()
}
"""Short names of what modalities send, and the storage SOP classes each stands for (PS3.4 B.5)."""

NOT_BUILT = "is not built yet in this version"

FIELD = re.compile(r"\{(\w+)\}")
"""A keyword in the text of a template."""


def between(low: float, high: float) -> Callable[[float], str]:
    """A number within limits, both included."""
    return lambda value: "" if low <= value <= high else f"must be from {low} to {high}"


def one_of(*words: str | int) -> Callable[[str | int], str]:
    """One of a few words or numbers."""
    listed = ", ".join(map(str, words))
    return lambda value: "" if value in words else f"must be one of {listed}"


def later(*words: str) -> Callable[[str], str]:
    """A word of the contract that this version cannot do."""
    return lambda value: f'"{value}" {NOT_BUILT}' if value in words else ""


def matching(pattern: str, reason: str) -> Callable[[str], str]:
    """A text that a pattern describes from end to end."""
    return lambda value: "" if re.fullmatch(pattern, value) else f"{value!r} {reason}"


def each(check: Callable[[str], str]) -> Callable[[Iterable[str]], str]:
    """A list all of whose entries pass a check."""
    return lambda values: next(filter(None, map(check, values)), "")


def filled(values: Collection[object]) -> str:
    """At least one entry."""
    return "" if values else "must not be empty"


def pair(values: Sequence[float]) -> str:
    """Two positive numbers."""
    good = len(values) == _PAIR and all(0 < value < math.inf for value in values)
    return "" if good else "must be two numbers above zero"


def patient(values: Mapping[str, str]) -> str:
    """Nobody, or somebody with an ID and a name."""
    known = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
    if strange := [keyword for keyword in values if keyword not in known]:
        return f"{strange[0]} must be one of {', '.join(known)}"
    good = not values or all(values.get(keyword, "").strip() for keyword in known[:2])
    return "" if good else "must name PatientID and PatientName"


def window(values: Sequence[float]) -> str:
    """A centre and a width; a width below 1 shows nothing (PS3.3 C.11.2.1.2)."""
    good = len(values) == _PAIR and all(map(math.isfinite, values)) and values[1] >= 1
    return "" if good else "must be a centre and a width of 1 or more"


def ae_title(value: str) -> str:
    """The AE value representation (PS3.5 6.2), its padding spaces refused rather than guessed."""
    if not 1 <= len(value) <= _AE_LONGEST:
        return f"{value!r} must have 1 to {_AE_LONGEST} characters"
    if value != value.strip():
        return f"{value!r} must not begin or end with a space"
    if not (value.isascii() and value.isprintable()) or "\\" in value:
        return f"{value!r} must be plain ASCII without backslash or control characters"
    return ""


def absolute(value: str) -> str:
    """A path that means the same folder for every service."""
    return "" if PurePosixPath(value).is_absolute() else f"{value!r} must begin with a slash"


def timezone(value: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{value!r} is not a time zone such as Asia/Jakarta"
    return ""


def hours(value: str) -> str:
    """A stretch of the day; one that ends before it begins goes on past midnight."""
    try:
        Span.parse(value)
    except ValueError:
        return f"{value!r} is not a time of the day such as 19:00-06:00"
    return ""


def charset(value: str) -> str:
    """A text encoding that Python knows."""
    try:
        "".encode(value)
    except LookupError:
        return f"{value!r} is not a character set such as shift_jis or iso8859_1"
    return ""


def uid(value: str) -> str:
    """A UID (PS3.5 9.1)."""
    good = re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", value) and len(value) <= _UID_LONGEST
    return "" if good else f"{value!r} is not a UID such as 1.2.840.10008.1.2.1"


def sop_class(value: str) -> str:
    """What a modality may send: a family of images by its short name, or one SOP class."""
    if value in SOP_CLASSES or not uid(value):
        return ""
    return f"{value!r} must be a UID, or one of {', '.join(SOP_CLASSES)}"


def hex_bytes(value: str) -> str:
    """A few bytes in hexadecimal, such as 02 or 1c0d."""
    good = re.fullmatch(r"([0-9A-Fa-f]{2}){1,8}", value)
    return "" if good else f"{value!r} must be 1 to 8 bytes in hexadecimal, such as 02"


def unc(value: str) -> str:
    """The address of a share on another machine."""
    good = re.fullmatch(r"//[A-Za-z0-9_.:-]+/[^/\\\x00-\x1f,]+(/[^/\\\x00-\x1f,]+)*", value)
    parts = value.split("/")
    return "" if good and ".." not in parts else f"{value!r} must be like //10.0.0.7/export"


def keyword(value: str, known: Collection[str] = TEXTS) -> str:
    """A DICOM keyword whose value is a text."""
    if value in known:
        return ""
    return f"{value!r} is not a DICOM keyword that can be used here{did_you_mean(value, known)}"


def editable(value: str) -> str:
    """A DICOM keyword whose value may be edited on the way."""
    return keyword(value, TEXTS | NUMBERS)


def copies(value: Mapping[str, str]) -> str:
    """Keywords of texts, and those that each is taken from."""
    return each(keyword)((*value, *value.values()))


def templates(value: Mapping[str, str]) -> str:
    """Texts with keywords in braces."""
    for form in value.values():
        if not FIELD.search(form) or set(FIELD.sub("", form)) & {"{", "}"}:
            return f"{form!r} is not a text such as {{PatientID}}-{{AccessionNumber}}"
    return each(keyword)(
        (*value, *(word for form in value.values() for word in FIELD.findall(form)))
    )


def name_pattern(value: str) -> str:
    """A regular expression whose named groups are DICOM keywords."""
    try:
        groups = re.compile(value).groupindex
    except re.error as error:
        return f"is not a regular expression: {error}"
    if not groups:
        return "has no named group such as (?P<PatientID>...)"
    return each(lambda group: keyword(group, TEXTS | UIDS))(groups)


def conditions(value: Mapping[str, Condition]) -> str:
    """What a route may look at: the source, the time, and every keyword of texts or numbers."""
    return each(_askable)(value) or each(lambda word: wrong(word, value[word]))(value)


def _askable(word: str) -> str:
    known = TEXTS | UIDS | {"source", TIME, WEEKDAY}
    return "" if word in known else keyword(word, known | dictionary())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question for who mistyped, or "" where nothing is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


bad_name = matching(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
    "must be 1 to 40 letters, digits, dots, dashes or underscores, the first a letter or digit",
)

Text = Annotated[
    str, matching(r"[^\x00-\x1f\x7f]*", "must be one line without control characters")
]
Name = Annotated[str, bad_name]
Host = Annotated[
    str, matching(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}", "is not a host name or an IP address")
]
Port = Annotated[int, between(1, 65535)]
AeTitle = Annotated[str, ae_title]
fingerprint = matching(
    r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}",
    "is not a SHA-256 fingerprint: 32 pairs of 0-9 and A-F, with or without colons",
)
Fingerprint = Annotated[str, fingerprint]
Folder = Annotated[str, absolute]
TimeZone = Annotated[str, timezone]
Charset = Annotated[str, charset]
NamePattern = Annotated[str, name_pattern]
CodeString = Annotated[
    str,
    matching(r"[A-Z0-9_ ]{1,16}", "must be 1 to 16 capital letters, digits, spaces, underscores"),
]
