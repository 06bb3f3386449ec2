"""Owns the outside of a file: whether it is quiet, closed, and has its final name."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from appliance.intake.accept import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

QUIET_S = 0.03
"""How long a file must not change before it is looked into: a writer's rename comes sooner."""

UNTOLD_QUIET_S = 2.0
"""The same for one of which nobody told that it was closed: somebody may be copying it just now,
and in the midst of a copy that arrives by a network share it did not change for 1.2 s.
"""

_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".!ut", "~")
_JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "autorun.inf", ".ds_store"})


class Look(Enum):
    """What the outside of a file says."""

    GONE = auto()  # not there any more, not a regular file, or to be told of again
    MOVING = auto()  # changed since the last look, or open for writing
    STILL = auto()  # worth looking into


@dataclass(slots=True)
class Candidate:
    """A file that may become an arrival; its clock is the monotonic one.

    Of one that `is_only_named` no more is known than that its name is new. One that `bides` was
    looked into, and its time is not over.
    """

    path: Path
    quiet_s: float = QUIET_S
    is_only_named: bool = False
    fingerprint: str = ""
    still_since_s: float = 0.0
    bides: bool = False

    def look(self, now_s: float) -> Look:
        """Look at the outside of the file and remember what was seen."""
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return Look.GONE
        if not stat.S_ISREG(there.st_mode):
            return Look.GONE
        seen = fingerprint(there)
        if seen != self.fingerprint:
            self.fingerprint, self.still_since_s, self.bides = seen, now_s, False
        if now_s - self.still_since_s < self.quiet_s:
            return Look.MOVING
        is_open = _is_open(self.path)
        if is_open:
            return Look.MOVING
        return Look.GONE if self.is_only_named and _will_be_told(there, is_open) else Look.STILL


def _will_be_told(there: os.stat_result, is_open: bool | None) -> bool:
    """Whether the end of its writing is still to be told, as it is of all but a link.

    One that has another name, or is surely closed, was linked here, and nothing more is told.
    """
    return there.st_size == 0 or (there.st_nlink == 1 and is_open is None)


def has_unfinished_name(name: str) -> bool:
    """Whether a writer will still rename the file: hidden, or ending as unfinished copies do."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def is_junk(name: str) -> bool:
    """Whether an operating system leaves it behind by itself; ._NAME is macOS's about NAME."""
    return name.lower() in _JUNK or name.startswith("._")


def being_written(path: Path) -> bool:
    """Whether somebody has the file open for writing, as far as the kernel tells us."""
    return _is_open(path) is True


def _is_open(path: Path) -> bool | None:
    """The same; None where the kernel does not tell.

    A read lease is granted only while nobody does (fcntl(2), F_SETLEASE); it is refused with
    EACCES to those who do not own the file, who then have quiet and format to go by.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None  # whatever is wrong will be said when it is read
    try:
        # A writer that opens the file right now breaks the lease: SIGIO, the default, would kill.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    else:
        return False
    finally:
        os.close(fd)
