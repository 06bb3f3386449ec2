"""Owns the one place where an update lies before it is installed: DIR/box/incoming, root's own.

Who sends one (the page) gets an open descriptor for the next piece and never the folder. Nobody
can write any more once the file is `sealed`.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from appliance.board.disk import room
from appliance.box.bundle import LARGEST_BYTES
from appliance.durable import make_folder
from appliance.errors import (
    BundleTooLarge,
    NoRoomForBundle,
    NothingUploaded,
    UploadOutOfStep,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESERVE_BYTES = 256 << 20
"""Left free for images that come meanwhile."""

_MB = 1_000_000


class Progress(NamedTuple):
    """How much of a file has come."""

    received_bytes: int
    total_bytes: int


class Incoming:
    """The file that is coming, or has come; belongs to one thread at a time."""

    def __init__(self, place: Path) -> None:
        """Keep it in the folder `place`; what was left there is of no use to anybody."""
        self._place = place
        self._path = place / "update.raucb"
        self.clear()

    def piece(self, at: int, total: int) -> int:
        """A descriptor to write what comes next, from byte `at` of `total` on.

        At 0 a new file begins. Raises UploadOutOfStep, BundleTooLarge, NoRoomForBundle.
        """
        if at == 0:
            self._begin(total)
        if (at, total) != (size := self._size(), self._total):
            raise UploadOutOfStep(ours=size, theirs=at)
        fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        os.lseek(fd, at, os.SEEK_SET)
        return fd

    @property
    def progress(self) -> Progress | None:
        """How much of the file has come; None where none is on its way."""
        return Progress(self._size(), self._total) if self._total else None

    @contextmanager
    def sealed(self) -> Iterator[Path]:
        """The whole file, which nobody can change in here; then it is gone.

        Raises NothingUploaded where it is not whole, or somebody still writes.
        """
        if not self._total or self._size() != self._total:
            raise NothingUploaded(why=f"{self._size()} of {self._total} bytes have come")
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(fd)
            _lease(fd)
            yield self._path
        finally:
            os.close(fd)
            self.clear()

    def clear(self) -> None:
        """Let go of what is there."""
        self._total = 0
        self._path.unlink(missing_ok=True)

    def _begin(self, total: int) -> None:
        self.clear()
        if total > LARGEST_BYTES:
            most_mb = LARGEST_BYTES // _MB
            raise BundleTooLarge(name="The file", size_mb=total // _MB, most_mb=most_mb)
        make_folder(self._place)
        self._place.chmod(0o700)
        needed = total + RESERVE_BYTES
        free = room(self._place).free_bytes
        if free < needed:
            raise NoRoomForBundle(needed_mb=needed // _MB, free_mb=free // _MB)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(self._path, flags, 0o600))
        self._total = total

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0


def _lease(fd: int) -> None:
    """Granted only where nobody has the file open for writing (fcntl(2), F_SETLEASE)."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        raise NothingUploaded(why="somebody still writes to it") from None
