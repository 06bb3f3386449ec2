"""Owns what is wrong with single values of a data set, and how they read put right. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.convert.dates import da, tm
from appliance.revise import padded
from appliance.settings.repairs import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_IMAGE_TYPE = 0x00080008
_LONGEST: Mapping[str, int] = {
    **dict.fromkeys(("AE", "CS", "DS", "SH", "TM"), 16),
    **dict.fromkeys(("LO", "PN", "UI"), 64),
    "AS": 4,
    "DA": 8,
    "DT": 26,
    "IS": 12,
}
"""In bytes, which is what letters beyond ASCII have at least (PS3.5 6.2)."""

_PARTED = re.compile(rb"(ORIGINAL|DERIVED) +(PRIMARY|SECONDARY)(?: +(.+))?")


def corrected(tag: int, vr: str, value: bytes) -> tuple[bytes, list[Rule]]:
    """A text value as it should be, and by which rules; itself where it is right."""
    text = value.rstrip(b"\0 ")
    tail = value[len(text) :]
    rules = [rule for rule, is_wrong in _FAULTS if is_wrong(vr, text, tail)]
    for rule, better in _better(tag, vr, text):
        text = better
        rules.append(rule)
    return (padded(vr, text), rules) if rules else (value, [])


def _better(tag: int, vr: str, text: bytes) -> Iterator[tuple[Rule, bytes]]:
    if tag == _IMAGE_TYPE and (found := _PARTED.fullmatch(text)):
        yield Rule.IMAGE_TYPE, b"\\".join(filter(None, found.groups()))
    if vr == "DA" and (better := _each(text, da, _WRITTEN_DATE)) != text:
        yield Rule.DATE, better
    if vr == "TM" and (better := _each(text, tm, _WRITTEN_TIME)) != text:
        yield Rule.TIME, better


_WRITTEN_DATE = re.compile(rb"\d{8}")
_WRITTEN_TIME = re.compile(rb"[\d.]*")


def _each(text: bytes, read: Callable[[str], str], right: re.Pattern[bytes]) -> bytes:
    """What is certain of several values; the others stay as they are."""
    return b"\\".join(
        value if right.fullmatch(value) else read(value.decode("latin-1")).encode() or value
        for value in text.split(b"\\")
    )


def _is_padded_wrongly(vr: str, _: bytes, tail: bytes) -> bool:
    return tail not in {b"", b"\0"} if vr == "UI" else b"\0" in tail


def _is_too_long(vr: str, text: bytes, tail: bytes) -> bool:
    if not tail or not (longest := _LONGEST.get(vr, 0)):
        return False
    last = len(text) - text.rfind(b"\\") - 1
    return last <= longest < last + len(tail) - last % 2


def _is_odd(_: str, text: bytes, tail: bytes) -> bool:
    return (len(text) + len(tail)) % 2 > 0


_FAULTS: tuple[tuple[Rule, Callable[[str, bytes, bytes], bool]], ...] = (
    (Rule.PADDING, _is_padded_wrongly),
    (Rule.TOO_LONG, _is_too_long),
    (Rule.ODD_LENGTH, _is_odd),
)
"""What is wrong with a value of some VR, by its text and by what fills it up."""
