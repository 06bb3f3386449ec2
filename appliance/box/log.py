"""Owns reading the log for support: what happened when, and no word that a person could put in.

Not by taking names out of lines, which nobody can be sure of: only fields that cannot hold one are
read (appliance.board.journald), each is checked against what this version may say, and of all
other lines it is only counted that there were some.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LINES = 1200
_PATIENCE_S = 60.0
_TOP = Path(__file__).parents[1]
_UNIT = re.compile(r"(jembatan[a-z0-9-]*|rauc|systemd-[a-z]+)\.(service|socket|target|timer|path)")
_LOGGER = re.compile(r"appliance(\.[a-z0-9_]+)*")
_PLACE = re.compile(r"([a-z0-9_/]+\.py):(\d{1,5})")
_DUMPED = re.compile(r'  File "[^"]*/appliance/([a-z0-9_/]+\.py)", line (\d{1,5}) in \S+')
_LARGEST = 10**12
_DEEPEST = 8  # places of an error: the whole must fit into one answer

_FROM_SYSTEMD: Mapping[str, str] = {  # sd-messages(3)
    "7d4958e842da4a758f6c1cdc7b36dcc5": "is being started",
    "39f53479d3a045ac8e11786248231fbf": "was started",
    "de5b426a63be47a7b6ac3eaac82e2f6f": "is being stopped",
    "9d1aaa27d60140bd96365438aad20286": "was stopped",
    "be02cf6855d2428ba40df7e9d022f03d": "could not be started",
    "d9b373ed55a64feb8242e02dbe79a49c": "failed",
    "98e322203f7a4ed290d09fe03c09fe15": "its process ended",
    "5eb03494b6584870a536b337290809b3": "is started again",
    "fe6faa94e7774663a0da52717891d8ef": "ran out of memory",
}
_FROM_THE_KERNEL = (
    "Under-voltage detected", "Out of memory", "I/O error", "EXT4-fs error", "mmc0: error",
    "mmc0: Timeout", "over-current", "device descriptor read", "Watchdog", "Call trace",
)  # fmt: skip
"""Beginnings of lines that tell of the board and its card; how often each came is counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """What may be told of one line."""

    at: str
    unit: str
    level: int  # 0 to 7, as syslog's
    words: str = ""  # as in the source
    numbers: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    error: str = ""
    places: tuple[str, ...] = ()  # in the product's source


def read(lines: int = LINES, *options: str) -> dict[str, Any]:
    """The newest lines: {"lines", "untold": how many others by unit, "kernel": counts}.

    `options` go to journalctl. Without journald (a workstation) all of it is empty.
    """
    entries = list(_entries(lines, *options))
    told = [line for entry in entries if (line := line_of(entry))]
    untold = Counter(_unit(entry) for entry in entries if not line_of(entry))
    kernel = Counter(
        saying
        for entry in _entries(lines, "-k", *options)
        for saying in _FROM_THE_KERNEL
        if str(entry.get("MESSAGE", "")).find(saying) >= 0
    )
    return {
        "lines": [_short(line) for line in told],
        "untold": dict(untold),
        "kernel": dict(kernel),
    }


def _entries(lines: int, *options: str) -> Iterator[dict[str, Any]]:
    command = ["journalctl", "--no-pager", "--quiet", "--output=json", f"--lines={lines}"]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for text in done.stdout.splitlines():
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def line_of(entry: Mapping[str, Any]) -> Line | None:
    """What may be told of an entry; None where nothing may."""
    unit = _unit(entry)
    if entry.get("_PID") == "1" and (did := _FROM_SYSTEMD.get(str(entry.get("MESSAGE_ID")))):
        about = _named(entry.get("UNIT"))
        return Line(_at(entry), about, _level(entry), did) if about else None
    if words := _words(entry):
        return Line(
            _at(entry),
            unit,
            _level(entry),
            words,
            _numbers(entry.get("JEMBATAN_NUMBERS")),
            tuple(filter(None, map(code, _listed(entry.get("JEMBATAN_CODES"))))),
            _error(entry),
            tuple(filter(None, map(_place, _listed(entry.get("JEMBATAN_TRACE")))))[-_DEEPEST:],
        )
    dumped = _DUMPED.fullmatch(str(entry.get("MESSAGE", "")))
    if dumped and (place := _place(f"{dumped[1]}:{dumped[2]}")):
        return Line(_at(entry), unit, _level(entry), "a thread stood here", places=(place,))
    return None


def _words(entry: Mapping[str, Any]) -> str:
    """A sentence that stands in the source of the part that said it; "" for any other."""
    logger, words = str(entry.get("JEMBATAN_LOGGER")), entry.get("JEMBATAN_WORDS")
    if isinstance(words, str) and _LOGGER.fullmatch(logger) and words in _sentences(logger):
        return words
    return ""


@cache
def _sentences(logger: str) -> frozenset[str]:
    """Every text that stands in the source of a part of the product."""
    path = _TOP.parent.joinpath(*logger.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return frozenset()
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(value for value in constants if isinstance(value, str))


@cache
def codes() -> frozenset[str]:
    """Every reason code of this version."""
    return frozenset(cls.code for cls in _below(Problem))


def code(text: object) -> str:
    """A reason code; "" for what is none."""
    return str(text) if text in codes() else ""


def _below(cls: type[Problem]) -> Iterator[type[Problem]]:
    yield cls
    for each in cls.__subclasses__():
        yield from _below(each)


def _error(entry: Mapping[str, Any]) -> str:
    """The kind of an error: one of Python's own, or of the product's."""
    name = str(entry.get("JEMBATAN_ERROR", ""))
    known = {cls.__name__ for cls in _kinds(BaseException)}
    return name if name in known else ""


def _kinds(cls: type[BaseException]) -> Iterator[type[BaseException]]:
    yield cls
    for each in type.__subclasses__(cls):
        yield from _kinds(each)


def _place(text: object) -> str:
    """A line of a file that this version has."""
    found = _PLACE.fullmatch(str(text))
    return found[0] if found and (_TOP / found[1]).is_file() else ""


def _numbers(text: object) -> tuple[int, ...]:
    return tuple(n for n in _listed(text) if type(n) is int and abs(n) < _LARGEST)


def _listed(text: object) -> list[Any]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _unit(entry: Mapping[str, Any]) -> str:
    return _named(entry.get("_SYSTEMD_UNIT")) or "another"


def _named(unit: object) -> str:
    return str(unit) if _UNIT.fullmatch(str(unit)) else ""


def _level(entry: Mapping[str, Any]) -> int:
    text = str(entry.get("PRIORITY", ""))
    return int(text) if text in set("01234567") else 6


def _at(entry: Mapping[str, Any]) -> str:
    try:
        moment = int(str(entry.get("__REALTIME_TIMESTAMP"))) / 1_000_000
        return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _short(line: Line) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if value not in ("", ())}
