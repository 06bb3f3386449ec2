"""Owns the way between a form and an entry of the settings, and which field a fault belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from werkzeug.datastructures import MultiDict

if TYPE_CHECKING:
    from appliance.errors import Problem

Reader = Callable[[Sequence[str]], object]
"""Makes a value of the settings of what a field was given; what makes no sense stays a text, so
that keeper says why it is refused."""


def text(given: Sequence[str]) -> object:
    """One line."""
    return given[0].strip()


def number(given: Sequence[str]) -> object:
    """A whole number."""
    word = given[0].strip()
    return int(word) if re.fullmatch(r"\d{1,9}", word) else word


def numbers(given: Sequence[str]) -> object:
    """Numbers with commas between them."""
    words = re.findall(r"[^\s,;]+", given[0])
    return [float(w) if re.fullmatch(r"\d+(\.\d+)?", w) else w for w in words] or ""


def choices(given: Sequence[str]) -> object:
    """What was ticked, in the order of the form."""
    return [word for word in given if word]


def entry(form: MultiDict[str, str], fields: Mapping[str, Reader]) -> dict[str, object]:
    """The fields that the form has, as the settings want them."""
    return {key: read(form.getlist(key)) for key, read in fields.items() if key in form}


def values(record: object, fields: Mapping[str, Reader]) -> MultiDict[str, str]:
    """What a form shows of a record of the settings; nothing where it has its empty value."""
    shown: MultiDict[str, str] = MultiDict()
    for key, read in fields.items():
        value = getattr(record, key)
        if read is choices:
            shown.setlist(key, list(value))
        elif read is numbers:
            shown[key] = ", ".join(f"{n:g}" for n in value)
        else:
            shown[key] = str(value or "")
    return shown


@dataclass(frozen=True, slots=True)
class Faults:
    """Why settings were refused: at a field where one is to blame, else above the form."""

    at: Mapping[str, str] = field(default_factory=dict)
    above: Sequence[str] = ()
    hint: str = ""


def faults(problem: Problem, place: str, fields: Mapping[str, Reader]) -> Faults:
    """Sort the lines `file: key: reason` of a problem; `place` is the entry's pattern."""
    at: dict[str, str] = {}
    above: list[str] = []
    for line in problem.sentence.splitlines():
        found = re.fullmatch(rf"[^:]+: {place}\.(\w+)[^:]*: (.*)", line)
        if found and found[1] in fields:
            at.setdefault(found[1], found[2])
        else:
            above.append(line)
    return Faults(at, above, problem.hint)
