"""Owns how a file leaves a source's folder, where its writer may give its name to the next one.

Deleting goes by name, and takes whatever has it at that instant. So a file first gets a name that
no writer uses, in its own folder, is looked at there, and is then deleted or gets its name back.

What a cut leaves under such a name leaves for good at the next look at the folder if it is the
proved one, and else gets its own name back and comes to the intake like any other file.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import ChangedMeanwhile
from appliance.intake.accept import fingerprint
from appliance.sources.patience import being_written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ASIDE = re.compile(r"\.(.+)\.jb-[0-9a-f]{4}", re.DOTALL)


def must_be(sight: str, there: os.stat_result, path: Path) -> None:
    """Raises ChangedMeanwhile unless what is there is the file of that fingerprint."""
    if fingerprint(there) != sight:
        raise ChangedMeanwhile(name=path.name)


def content_of(there: os.stat_result) -> tuple[int, ...]:
    """What changes with a file's bytes and not with its names, as its ctime does."""
    return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns


def take_away(path: Path, sight: str) -> None:
    """Delete the file of that fingerprint; durable when this returns.

    Raises ChangedMeanwhile where another one has its name by now, or somebody writes it: it stays.
    """
    seen = path.lstat()
    must_be(sight, seen, path)
    aside = path.with_name(f".{path.name}.jb-{os.urandom(2).hex()}")
    durable.rename_beside(path, aside)
    # Whoever opened it while it had its name is at it still, or has changed it.
    if being_written(aside) or content_of(aside.lstat()) != content_of(seen):
        durable.rename_beside(aside, path)
        raise ChangedMeanwhile(name=path.name)
    durable.remove(aside)


def recovered(path: Path, may_leave: Callable[[Path, str], bool]) -> Path:
    """Where a file is, or was, that was left aside: under its own name; any other `path` as it is.

    `may_leave` is told its own path and how its fingerprint begins, without what a name changes.
    Where its name is taken it waits aside, for a name says whose image it is; the source tells of
    it as of any name that is not finished.
    """
    own = _ASIDE.fullmatch(path.name)
    if own is None:
        return path
    target = path.with_name(own[1])
    try:
        begin, _, _ = fingerprint(path.lstat()).rpartition(":")
        if may_leave(target, f"{begin}:") and not being_written(path):
            durable.remove(path)
        else:
            durable.rename_beside(path, target)
    except OSError:
        return path
    return target
