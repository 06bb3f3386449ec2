"""Owns how commands speak: results on stdout, in words or as one JSON document, else stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.errors import Problem


def say(*lines: str) -> None:
    """Tell a person."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def document(content: object) -> None:
    """Tell a script: the one document of this run."""
    say(json.dumps(content, indent=2, ensure_ascii=False))


def complain(problem: Problem, about: object = "") -> None:
    """Say what is wrong, a line each, and what to do about it."""
    about = f"{about}: " if about else ""
    lines = [f"{about}{line}" for line in problem.sentence.splitlines()]
    lines += [f"  {problem.hint}"] if problem.hint else []
    sys.stderr.writelines(f"{line}\n" for line in lines)


def table(rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they need to be; the last one runs on."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def ago(seconds: float | None) -> str:
    """How long ago, in a word or two."""
    if seconds is None:
        return "never"
    for unit, length_s in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit} ago"
    return "just now"
