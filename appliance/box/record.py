"""Owns remembering what became of the last update, across the restart in its midst.

DIR/box/update.json: root's own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import FellBack, UpdateCutShort

if TYPE_CHECKING:
    from appliance.box.board import Slot
    from appliance.errors import Problem

_NAME = "update.json"


class Stage(StrEnum):
    """How far the last update came."""

    REFUSED = "refused"
    INSTALLING = "installing"
    INSTALLED = "installed"
    GOOD = "good"
    FELL_BACK = "fell-back"
    CUT_SHORT = "cut-short"


_JUDGED = frozenset({Stage.INSTALLING, Stage.INSTALLED, Stage.GOOD})


@dataclass(frozen=True, slots=True)
class Said:
    """A problem as it is told."""

    code: str
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class Record:
    """The last update."""

    stage: Stage
    at: str
    """When it came so far (a stamp); the clock may have been wrong."""
    name: str
    version: str = ""
    """Of the product; empty where it was refused before that was known."""
    before: str = ""
    """What ran when it was installed."""
    slot: str = ""
    """Where it went."""
    hash: str = ""
    problem: Said | None = None
    fallen: str = ""
    """The hash of the last one that fell back; not installed again by itself."""
    taken: tuple[str, ...] = ()
    """The hashes of those that were once installed here, the latest last: nor are these."""
    start: str = ""
    """Of the machine, during which this was written; another one each time."""


def said(problem: Problem) -> Said:
    """What is kept of a problem."""
    return Said(problem.code, problem.sentence, problem.hint)


def read(place: Path) -> Record | None:
    """The record in the folder `place`; None where there is none, or it is unreadable."""
    try:
        found = json.loads((place / _NAME).read_bytes())
        problem = found.pop("problem")
        stage = Stage(found.pop("stage"))
        taken = tuple(found.pop("taken", ()))
        return Record(stage, **found, problem=Said(**problem) if problem else None, taken=taken)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(place: Path, record: Record) -> None:
    """Keep it. Raises DiskFull."""
    durable.publish(place / _NAME, json.dumps(asdict(record)).encode(), mode=0o600)


@dataclass(frozen=True, slots=True)
class Started:
    """What runs since a start of the machine that went well."""

    slot: Slot | None
    version: str
    at: str
    """The present, as a stamp."""
    start: str
    """As in a Record."""


def this_start(place: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """What tells this start of the machine from any other."""
    return place.read_text(encoding="ascii").strip()


def after_start(record: Record, now: Started) -> Record:
    """What the record says after a start. Pure.

    What was installed and runs is good; what was installed and does not run fell back, be it after
    months. What is being installed since this start is not judged by it.
    """
    if record.stage not in _JUDGED or now.slot is None or record.start == now.start:
        return record
    if record.slot == now.slot:
        if record.stage is Stage.GOOD:
            return record
        return replace(record, stage=Stage.GOOD, at=now.at, problem=None, fallen="")
    if record.stage is Stage.INSTALLING:
        problem = said(UpdateCutShort(version=record.version))
        return replace(record, stage=Stage.CUT_SHORT, at=now.at, problem=problem)
    problem = said(FellBack(version=record.version, now=now.version))
    return replace(record, stage=Stage.FELL_BACK, at=now.at, problem=problem, fallen=record.hash)
