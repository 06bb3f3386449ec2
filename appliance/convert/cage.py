"""Owns what a process that reads foreign bytes may still do: little, and not for long.

Memory, processor time, open files, new processes and the network are limited by the kernel; files
it reads only where images lie and where its own code is, and writes none.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import appliance
from appliance.board import landlock
from appliance.board.confine import die_with_parent
from appliance.convert.pace import slowness
from appliance.convert.postscript import MOST_BYTES
from appliance.peek import Format, opened

if TYPE_CHECKING:
    from collections.abc import Iterable

GROWTH_BYTES = 176 << 20
"""What a reader may have beyond what the service has, which is about 70 MB."""

_PATIENCE_S = 9.0  # and all that follows from it: of a fast machine (pace)
_BYTES_PER_S = 4 << 20  # that the slowest reader reads there
_UNPACKING_S = 60.0  # and what it takes for a long object
_UNPACKED_PER_S = 1 << 20
_PICTURE_S = 4.0
_MOST_FILES = 64
_STANDARD_STREAMS = 3
_MOST_BODY_BYTES, _MOST_BODY_TIMES = 1 << 30, 8
_CODE = (
    str(Path(appliance.__file__).parent),
    sys.prefix,
    sys.base_prefix,
    "/usr",
    "/lib",
    "/lib64",
    "/dev",
)


@dataclass(frozen=True, slots=True)
class Cage:
    """The limits for one file."""

    patience_s: float
    most_body_bytes: int
    folders: tuple[Path, ...]  # that may be read
    runs_programs: bool

    def enter(self, parent: int, kept: Iterable[int]) -> None:
        """Give up everything else; it cannot be had back. Raises OSError.

        `kept` are the open descriptors that stay open; `parent` is who started this process.
        """
        # Whoever stops the service lets it end what it does; it ends this process with it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        # What the service holds is not to be touched, nor finalised: its descriptors are closed.
        gc.freeze()
        _close_all_but(kept)
        self._limit()
        self._confine()

    def _limit(self) -> None:
        seconds = max(1, int(self.patience_s))
        memory_bytes = _mapped_bytes() + GROWTH_BYTES
        written_bytes = MOST_BYTES if self.runs_programs else 0
        limits = {
            resource.RLIMIT_AS: (memory_bytes, memory_bytes),
            # The second one is SIGKILL, which would look like somebody else's.
            resource.RLIMIT_CPU: (seconds, 2 * seconds),
            resource.RLIMIT_FSIZE: (written_bytes, written_bytes),
            resource.RLIMIT_NOFILE: (_MOST_FILES, _MOST_FILES),
            resource.RLIMIT_CORE: (0, 0),
        }
        if not self.runs_programs:
            limits[resource.RLIMIT_NPROC] = (0, 0)
        for limit, most in limits.items():
            resource.setrlimit(limit, most)

    def _confine(self) -> None:
        """A kernel without Landlock leaves it at what the unit forbids the service as a whole."""
        with suppress(OSError):
            if self.runs_programs:  # which are confined each by itself (appliance.board.confine)
                writable = (tempfile.gettempdir(), "/dev")
                landlock.confine(landlock.CHANGES, dict.fromkeys(writable, landlock.CHANGES))
            else:
                readable = (*map(str, self.folders), *_CODE)
                landlock.confine(landlock.ALL, dict.fromkeys(readable, landlock.READS), alone=True)


def cage_for(path: Path, folders: Iterable[Path]) -> Cage:
    """The limits for the file at `path`: large ones take longer. OSErrors fly."""
    size_bytes = path.stat().st_size
    with opened(path) as peek:
        # Ghostscript is the one reader that is a program of its own.
        runs_programs = peek.report() is Format.POSTSCRIPT
    return Cage(
        (_PATIENCE_S + size_bytes / _BYTES_PER_S) * slowness(),
        _MOST_BODY_BYTES + _MOST_BODY_TIMES * size_bytes,
        tuple(folders),
        runs_programs,
    )


def cage_for_unpacking(size_bytes: int, folders: Iterable[Path]) -> Cage:
    """The limits for an object of that size, which may have many frames to decode."""
    return Cage(
        (_UNPACKING_S + size_bytes / _UNPACKED_PER_S) * slowness(),
        _MOST_BODY_BYTES + _MOST_BODY_TIMES * size_bytes,
        tuple(folders),
        runs_programs=False,
    )


def cage_for_a_picture(folders: Iterable[Path]) -> Cage:
    """The limits for drawing a picture, however large its image: somebody waits for it."""
    return Cage(_PICTURE_S * slowness(), 0, tuple(folders), runs_programs=False)


def _close_all_but(kept: Iterable[int]) -> None:
    start = _STANDARD_STREAMS
    for fd in sorted(kept):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _mapped_bytes() -> int:
    """What this process has mapped now."""
    pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    return pages * resource.getpagesize()
