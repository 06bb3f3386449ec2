"""Owns how descriptions of images are written (CSV, JSON, XML, INI): each becomes flat entries.

An entry is what is said together: of one image, or of all that the description is about. The name
of the file it is about stands in it under one of NAME_COLUMNS, where there is any.
"""

from __future__ import annotations

import csv
import json
from configparser import Error as IniError
from configparser import RawConfigParser
from io import StringIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Entry = dict[str, str]

NAME_COLUMNS = frozenset({"file", "filename", "file_name"})

_DELIMITERS = ",;\t"
_KEY_ATTRIBUTES = ("keyword", "name", "key")
_TOP, _NONE = " ", "\0"  # names that no section has


def entries(text: str, name: str) -> list[Entry]:
    """What the text of the description called `name` says. Raises SidecarUnclear."""
    suffix = PurePosixPath(name).suffix.lower()
    form, read = _FORMS.get(suffix, _FORMS[".csv"])
    try:
        return read(text)
    except (ValueError, RecursionError, SyntaxError, csv.Error, IniError) as error:
        raise SidecarUnclear(name=name, why=f"it is not {form}") from error


def _csv(text: str) -> list[Entry]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.DictReader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    return [
        {str(k).strip(): str(v or "").strip() for k, v in row.items() if k is not None}
        for row in rows
    ]


def _json(text: str) -> list[Entry]:
    """A flat object, a list of such, or an object of such by file name."""
    data: Any = json.loads(text)
    if isinstance(data, dict) and data and all(isinstance(v, dict) for v in data.values()):
        return [{"file": key, **_flat(value)} for key, value in data.items()]
    found = data if isinstance(data, list) else [data]
    return [_flat(entry) for entry in found if isinstance(entry, dict)]


def _flat(entry: Mapping[str, object]) -> Entry:
    plain = {k: v for k, v in entry.items() if not isinstance(v, bool)}
    return {str(k): str(v) for k, v in plain.items() if isinstance(v, str | int | float)}


# --- XML: <PatientID>, attributes, or <field name="PatientID"> -----------------------------------


def _xml(text: str) -> list[Entry]:
    """One entry, or one for each child of the root where all of them are groups of one name."""
    parser = ElementTree.XMLParser(target=_Plain())  # noqa: S314 - no DTD, so no entities
    parser.feed(text)
    root = parser.close()
    kinds = {child.tag for child in root}
    if len(kinds) == 1 and not any(map(_key, root)) and all(map(_is_group, root)):
        common = [*_attributes(root)]
        return [_once([*common, *_said(child)]) for child in root]
    return [_once(_said(root))]


class _Plain(ElementTree.TreeBuilder):
    """XML without a document type, which could define entities without end."""

    def doctype(self, *_: object) -> None:
        raise ValueError


def _said(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Keyword and text of every attribute and leaf at or below an element."""
    key = _key(element)
    yield from () if key else _attributes(element)
    for child in element:
        yield from _said(child)
    if not _is_group(element):
        yield key or element.tag.rpartition("}")[2], (element.text or "").strip()


def _attributes(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    yield from ((k.rpartition("}")[2], v.strip()) for k, v in element.attrib.items())


def _key(element: ElementTree.Element) -> str:
    """The keyword that an element such as <field name="PatientID"> has for its text."""
    if len(element) or not (element.text or "").strip():
        return ""
    return next((element.attrib[k] for k in _KEY_ATTRIBUTES if k in element.attrib), "")


def _is_group(element: ElementTree.Element) -> bool:
    return bool(len(element) or (element.attrib and not (element.text or "").strip()))


# --- INI: sections named after files, or after what they are about -------------------------------


def _ini(text: str) -> list[Entry]:
    """One entry for each section named like a file, and one for all other sections together."""
    parser = _Ini(default_section=_NONE, interpolation=None)
    parser.read_string(f"[{_TOP}]\n{text}")
    sections = {name: _unquoted(parser.items(name)) for name in parser.sections()}
    files = [
        {"file": name, **said} for name, said in sections.items() if PurePosixPath(name).suffix
    ]
    rest = [said.items() for name, said in sections.items() if not PurePosixPath(name).suffix]
    return [*files, _once(pair for said in rest for pair in said)]


class _Ini(RawConfigParser):
    """INI whose keys keep their letters, as keywords must."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _unquoted(pairs: list[tuple[str, str]]) -> Entry:
    return {key: value.removeprefix('"').removesuffix('"').strip() for key, value in pairs}


def _once(pairs: Iterable[tuple[str, str]]) -> Entry:
    """Raises ValueError where one keyword is said to be two things."""
    said: Entry = {}
    for key, value in pairs:
        if value and said.setdefault(key, value) != value:
            raise ValueError(key)
    return said


_FORMS: dict[str, tuple[str, Callable[[str], list[Entry]]]] = {
    ".csv": ("CSV", _csv),
    ".json": ("JSON", _json),
    ".xml": ("XML that says each thing once", _xml),
    ".ini": ("an INI file that says each thing once", _ini),
}
