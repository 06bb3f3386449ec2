"""Owns a reader of udev rules, as far as ours go: ==, !=, =, GOTO, alternatives and patterns.

It knows nothing of the kernel; it says which properties and attributes a rule would set. What it
does not know it refuses, so that a rule cannot be passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_TERM = re.compile(r'\s*([A-Z]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|=)\s*"([^"]*)"\s*(?:,|$)')
_MATCHES = {"SUBSYSTEM", "KERNEL", "ACTION", "ATTR", "ATTRS", "ENV"}


@dataclass
class Event:
    """What happens to a device; `attributes` are its own, `above` those of its parents."""

    action: str
    kernel: str
    properties: dict[str, str]
    attributes: dict[str, str] = field(default_factory=dict)
    above: Mapping[str, str] = field(default_factory=dict)
    subsystem: str = "usb"
    runs: list[str] = field(default_factory=list)

    def says(self, key: str, name: str) -> str | None:
        match key:
            case "SUBSYSTEM":
                return self.subsystem
            case "KERNEL":
                return self.kernel
            case "ACTION":
                return self.action
            case "ATTR":
                return self.attributes.get(name)
            case "ATTRS":
                return {**self.above, **self.attributes}.get(name)
            case _:
                return self.properties.get(name, "")


def apply(files: Iterable[Path], event: Event) -> Event:
    """Run the rules of all files, in the order of their names."""
    for file in sorted(files, key=lambda file: file.name):
        wanted = ""
        for line in _lines(file):
            terms = _terms(line)
            labels = {value for key, _, _, value in terms if key == "LABEL"}
            if wanted and wanted not in labels:
                continue
            wanted = _apply(terms, event)
        assert not wanted, f"{file.name}: there is no {wanted}"
    return event


def _lines(file: Path) -> Iterable[str]:
    lines = (line.strip() for line in file.read_text().splitlines())
    return (line for line in lines if line and not line.startswith("#"))


def _terms(line: str) -> list[tuple[str, str, str, str]]:
    terms, at = [], 0
    while at < len(line):
        found = _TERM.match(line, at)
        assert found, f"not understood: {line[at:]}"
        terms.append((found[1], found[2] or "", found[3], found[4]))
        at = found.end()
    return terms


def _apply(terms: list[tuple[str, str, str, str]], event: Event) -> str:
    """The label to go on at, or ""."""
    goto = ""
    for key, name, operator, value in terms:
        if operator in {"==", "!="}:
            assert key in _MATCHES, key
            if _matches(event.says(key, name), value) != (operator == "=="):
                return ""
        elif key == "GOTO":
            goto = value
        elif key == "ENV":
            event.properties[name] = value
        elif key == "ATTR":
            event.attributes[name] = value
        elif key == "RUN":
            event.runs.append(value)
        else:
            assert key in {"LABEL", "GROUP", "MODE"}, key
    return goto


def _matches(said: str | None, patterns: str) -> bool:
    """An attribute that is not there matches nothing, not even `*` (udev(7))."""
    if said is None:
        return False
    return any(fnmatchcase(said, pattern) for pattern in patterns.split("|"))
