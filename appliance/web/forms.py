"""Owns the way between a form and an entry of the settings, and which field a fault belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict

if TYPE_CHECKING:
    from appliance.errors import Problem

Reader = Callable[[Sequence[str]], object]
"""Makes a value of the settings of what a field was given; what makes no sense stays a text, so
that keeper says why it is refused."""


def text(given: Sequence[str]) -> object:
    """One line."""
    return given[0].strip()


def secret(given: Sequence[str]) -> object:
    """A password: every character counts, and the page never shows it again."""
    return given[0]


def first(given: Sequence[str]) -> object:
    """One of several fields: what was chosen, else what was typed."""
    return next((word.strip() for word in given if word.strip()), "")


def tick(given: Sequence[str]) -> object:
    """Yes, or nothing said."""
    return "on" in given or ""


def number(given: Sequence[str]) -> object:
    """A whole number."""
    word = given[0].strip()
    return int(word) if re.fullmatch(r"\d{1,9}", word) else word


def decimal(given: Sequence[str]) -> object:
    """A number."""
    word = given[0].strip()
    return float(word) if re.fullmatch(r"\d{1,9}(\.\d+)?", word) else word


def numbers(given: Sequence[str]) -> object:
    """Numbers with commas between them."""
    words = re.findall(r"[^\s,;]+", given[0])
    return [float(w) if re.fullmatch(r"\d+(\.\d+)?", w) else w for w in words] or ""


def choices(given: Sequence[str]) -> object:
    """What was ticked, in the order of the form."""
    return [word for word in given if word]


def some(given: Sequence[str]) -> object:
    """What was ticked; nothing ticked is nothing said."""
    return choices(given) or ""


def words(given: Sequence[str]) -> object:
    """Words with commas or spaces between them."""
    return re.findall(r"[^\s,;]+", given[0]) or ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Several lines of the same few fields, each field called KEY.COLUMN."""

    columns: Mapping[str, Reader]

    def filled(self, key: str, form: MultiDict[str, str]) -> list[dict[str, str]]:
        """The lines into which something was entered."""
        given = (form.getlist(f"{key}.{column}") for column in self.columns)
        cells = zip_longest(*given, fillvalue="")
        rows = [dict(zip(self.columns, row, strict=True)) for row in cells]
        return [row for row in rows if any(cell.strip() for cell in row.values())]

    def read(self, key: str, form: MultiDict[str, str]) -> object:
        """Them as the settings want them; of an empty field nothing is said."""
        return [
            {
                column: value
                for column, read in self.columns.items()
                if (value := read([row[column]])) != ""
            }
            for row in self.filled(key, form)
        ]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of one table within an entry, each called KEY.COLUMN."""

    columns: Mapping[str, Reader]

    def read(self, key: str, form: MultiDict[str, str]) -> object:
        """The table as the settings want it; of an empty one nothing is said."""
        given = {c: read(form.getlist(f"{key}.{c}") or [""]) for c, read in self.columns.items()}
        return {column: value for column, value in given.items() if value != ""} or ""


@dataclass(frozen=True, slots=True)
class Switch(Group):
    """The same of a table that may be off, or on without more: a tick called KEY.on leads it."""

    def read(self, key: str, form: MultiDict[str, str]) -> object:
        """The table, `True` where it is on and empty; nothing is said where it is off."""
        return tick(form.getlist(f"{key}.on")) and (Group.read(self, key, form) or True)


Fields = Mapping[str, Reader | Rows | Group]


TLS = Switch({"fingerprint": text, "ca": text, "cert": text, "key": text})
"""How somebody whom this box calls is called."""


def entry(form: MultiDict[str, str], fields: Fields) -> dict[str, object]:
    """The fields that the form has, as the settings want them."""
    given: dict[str, object] = {}
    for key, read in fields.items():
        if isinstance(read, Rows):
            given[key] = read.read(key, form)
        elif isinstance(read, Group):
            if any(f"{key}.{column}" in form for column in read.columns):
                given[key] = read.read(key, form)
        elif key in form:
            given[key] = read(form.getlist(key))
    return given


def values(record: object, fields: Fields) -> MultiDict[str, str]:
    """What a form shows of a record of the settings; nothing where it has its empty value."""
    shown: MultiDict[str, str] = MultiDict()
    for key, read in fields.items():
        value = getattr(record, key)
        if isinstance(read, Rows):
            for column in read.columns:
                shown.setlist(f"{key}.{column}", [str(getattr(row, column)) for row in value])
        elif isinstance(read, Switch):
            shown.update(_shown_table(key, read, value) | {f"{key}.on": "on"} if value else {})
        elif isinstance(read, Group):
            shown.update(_shown_table(key, read, value))
        elif read is choices or read is some:
            shown.setlist(key, list(value))
        elif read is not secret:
            shown[key] = _SHOWN.get(read, _plainly)(value)
    return shown


def _shown_table(key: str, group: Group, table: object) -> dict[str, str]:
    return {f"{key}.{column}": _plainly(_of(table, column)) for column in group.columns}


def _of(table: object, column: str) -> object:
    """A value of a table that the settings keep as a record, or as it came."""
    return table.get(column) if isinstance(table, Mapping) else getattr(table, column)


def _plainly(value: object) -> str:
    return str(value or "")


_SHOWN: Mapping[Reader, Callable[[Any], str]] = {
    numbers: lambda values: ", ".join(f"{n:g}" for n in values),
    decimal: lambda value: f"{value:g}",
    words: ", ".join,
    tick: lambda value: "on" if value else "",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """Why settings were refused: at a field where one is to blame, else above the form."""

    at: Mapping[str, str] = field(default_factory=dict)
    above: Sequence[str] = ()
    hint: str = ""


def faults(problem: Problem, place: str, fields: Fields) -> Faults:
    """Sort the lines `file: key: reason` of a problem; `place` is the entry's pattern.

    What is wrong in a row is told at KEY[NUMBER].COLUMN, numbers from 1.
    """
    at: dict[str, str] = {}
    above: list[str] = []
    for line in problem.sentence.splitlines():
        found = re.fullmatch(rf"[^:]+: {place}\.((\w+)[^:]*): (.*)", line)
        if found and found[2] in fields:
            at.setdefault(found[1], found[3])
        else:
            above.append(line)
    return Faults(at, above, problem.hint)
