"""Owns bounded looks into files nobody vouches for: by offset, within the end, not by a link."""

from __future__ import annotations

import os
import stat
import struct
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WINDOW = 1 << 14

Order = Literal["<", ">"]


class Misfit(Exception):
    """The bytes are not what they claim to be; `detail` says where."""

    def __init__(self, *, detail: str) -> None:
        """Keep the words for people."""
        self.detail = detail
        super().__init__(detail)


class EndsEarly(Misfit):
    """The bytes stop before what they promise; more of them would help."""


class Garbled(Misfit):
    """The bytes contradict themselves; more of them would not help."""


class Format(StrEnum):
    """Kinds of files that are known by their first bytes; the values are for people."""

    DICOM = "DICOM"
    TIFF = "TIFF"
    PNG = "PNG"
    BMP = "BMP"
    JPEG = "JPEG"


class Peek:
    """Random access to `size` bytes, a small window of which is kept."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        """`read(length, offset)` answers like os.pread."""
        self._read = read
        self.size = size
        self._start = 0
        self._window = b""

    def at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset` on. Raises EndsEarly."""
        self.need(offset + length)
        start = offset - self._start
        if start < 0 or start + length > len(self._window):
            self._window = self._read(max(length, _WINDOW), offset)
            self._start, start = offset, 0
            if len(self._window) < length:
                raise EndsEarly(
                    detail=f"it shrank below {offset + length} bytes while it was read"
                )
        return self._window[start : start + length]

    def number(self, form: str, offset: int) -> int:
        """One integer in `struct` notation. Raises EndsEarly."""
        value: int = struct.unpack(form, self.at(offset, struct.calcsize(form)))[0]
        return value

    def need(self, end: int) -> None:
        """Raises EndsEarly unless there are at least `end` bytes."""
        if end > self.size:
            raise EndsEarly(detail=f"it has {self.size} of at least {end} bytes")

    def need_written(self, offset: int) -> None:
        """Raises EndsEarly where something must be and only zeros are, the mark of a hole."""
        if not self.at(offset, min(4, self.size - offset)).strip(b"\0"):
            raise EndsEarly(detail=f"nothing is written from byte {offset} on")

    def format(self) -> Format | None:
        """What the first bytes say it is."""
        head = self.at(0, min(self.size, 132))
        if head[128:] == b"DICM":
            return Format.DICOM
        return next((found for magic, found in _MAGIC if head.startswith(magic)), None)


_MAGIC = (
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"BM", Format.BMP),
    (b"\xff\xd8\xff", Format.JPEG),
)


@contextmanager
def opened(path: Path) -> Iterator[Peek]:
    """Look into a regular file. Raises Garbled for anything else; OSErrors fly."""
    # Non-blocking: opening a pipe that somebody put there must not stop the box.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise Garbled(detail="it is not a regular file")
        yield Peek(lambda length, offset: os.pread(fd, length, offset), status.st_size)
    finally:
        os.close(fd)


def within(content: bytes) -> Peek:
    """Look into bytes that are in memory."""
    return Peek(lambda length, offset: content[offset : offset + length], len(content))
