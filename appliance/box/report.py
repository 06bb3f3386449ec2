"""Owns what the start of the box found, told once and read by many: the result file, the page,
the lamps.

It lies in /run: it is about this start alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.durable import publish

if TYPE_CHECKING:
    from appliance.errors import Problem

PLACE = Path("/run/jembatan-start/report.json")


class Said(NamedTuple):
    """One thing that somebody should know, as its Problem says it."""

    code: str
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the start found."""

    serial: str = ""
    model: str = ""
    board: str = ""
    slot: str = ""
    is_open: bool = False
    """Whether the data partition is open and mounted."""
    said: tuple[Said, ...] = ()


def said_of(problem: Problem) -> Said:
    """A problem as it is told."""
    return Said(problem.code, problem.sentence, problem.hint)


def write(report: Report, place: Path = PLACE) -> None:
    """Tell everybody."""
    publish(place, json.dumps(asdict(report)).encode())


def read(place: Path = PLACE) -> Report | None:
    """What was told; None where no start has told anything (a workstation)."""
    if not place.exists():
        return None
    found = json.loads(place.read_bytes())
    return Report(**{**found, "said": tuple(Said(*one) for one in found["said"])})
