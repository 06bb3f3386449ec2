"""Owns bounded looks into files nobody vouches for: by offset, within the end, not by a link."""

from __future__ import annotations

import os
import re
import stat
import struct
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance import dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WINDOW = 1 << 14
# Non-blocking: opening a pipe that somebody put there must not stop the box.
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
    JPEG2000 = "JPEG 2000"
    PDF = "PDF"
    POSTSCRIPT = "PostScript"
    PCL = "PCL"
    TEXT = "text"
    RAW = "raw image"  # known by its size alone, where a profile says it


class Peek:
    """Random access to `size` bytes, a small window of which is kept."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        """`read(length, offset)` answers like os.pread; `reached` is the furthest end needed."""
        self._read = read
        self.size = size
        self.reached = 0
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
        self.reached = max(self.reached, end)

    def need_written(self, offset: int) -> None:
        """Raises EndsEarly where something must be and only zeros are, the mark of a hole."""
        if not self.at(offset, min(4, self.size - offset)).strip(b"\0"):
            raise EndsEarly(detail=f"nothing is written from byte {offset} on")

    def format(self) -> Format | None:
        """What the first bytes say it is."""
        head = self.at(0, min(self.size, dialect.HEAD_BYTES))
        if dialect.is_dicom(head):
            return Format.DICOM
        return next((found for magic, found in _MAGIC if head.startswith(magic)), None)

    def kind(self, *, reports: bool) -> Format | None:
        """What it is; with `reports` also what a printer would print.

        A text may begin with the two letters that begin a BMP.
        """
        form = self.format()
        report = self.report() if reports and form in {None, Format.BMP} else None
        return report or form

    def report(self) -> Format | None:
        """What a printer would take it for. To be asked only where reports are expected."""
        head = self.at(0, min(self.size, _HEAD)).lstrip(_BEFORE_A_JOB)
        if head.startswith(_PJL):
            return _announced(head)
        if head.startswith(b"%!"):
            return Format.POSTSCRIPT
        return Format.PCL if head.startswith(_PCL) else self._text()

    def text_end(self) -> int:
        """Where a text ends: end marks (EOT, and CP/M's SUB, which fills last blocks) are none."""
        tail = self.at(max(self.size - _HEAD, 0), min(self.size, _HEAD))
        return self.size - len(tail) + len(tail.rstrip(_AFTER_A_TEXT))

    def text_span(self) -> tuple[int, int]:
        """Where a text itself begins and ends: what frames it on a line is no part of it.

        Raises EndsEarly where a frame was begun (STX) and not ended (ETX).
        """
        start, end = self._within_marks()
        if _STX in self.at(0, start) and _ETX not in self.at(end, self.size - end):
            raise EndsEarly(detail="it begins with STX, and the ETX that would end it is missing")
        return start, end

    def _within_marks(self) -> tuple[int, int]:
        """Behind the last mark before the text, and before the first one behind it."""
        head = self.at(0, min(self.size, _HEAD))
        begin = _MARKS_BEFORE.match(head)
        start = begin.end() if begin else 0
        tail_at = max(self.size - _HEAD, start)
        tail = self.at(tail_at, self.size - tail_at)
        spaces = len(tail.rstrip(_AROUND_A_TEXT + _SPACES))
        marks = _MARK.search(tail, spaces)
        return start, tail_at + (marks.start() if marks else len(tail))

    def _text(self) -> Format | None:
        """Text throughout, by lines, half of it ASCII; with escapes it is PCL."""
        start, end = self._within_marks()
        lines, beyond, escapes = 0, 0, 0
        for at in range(start, end, _CHUNK):
            chunk = self.at(at, min(_CHUNK, end - at))
            if chunk.translate(None, _TEXT):
                return None
            lines += sum(map(chunk.count, b"\r\n\f"))
            escapes += chunk.count(b"\x1b")
            beyond += len(chunk.translate(None, _ASCII))
        size = end - start
        if size < _SHORTEST_TEXT or not lines or beyond > size * _MOST_BEYOND:
            return None
        return Format.PCL if escapes else Format.TEXT


def _announced(head: bytes) -> Format | None:
    """The language that a job's PJL lines enter; PCL is every printer's own."""
    named = _LANGUAGE.search(head)
    language = named[1].upper() if named else b""
    if language == b"POSTSCRIPT" or (not language and b"\n%!" in head):
        return Format.POSTSCRIPT
    return Format.PCL if language in {b"", b"PCL"} else None


_HEAD = 1 << 12
_CHUNK = 1 << 14
_BEFORE_A_JOB = b"\0\4\r\n "
_AFTER_A_TEXT = b"\0\4\x1a"
_AROUND_A_TEXT, _SPACES = b"\0\2\3\4\x1a", b"\r\n\f "
_MARK = re.compile(b"[%b]" % _AROUND_A_TEXT)
_MARKS_BEFORE = re.compile(b"[%b%b]*[%b]" % (_AROUND_A_TEXT, _SPACES, _AROUND_A_TEXT))
_STX, _ETX = b"\2", b"\3"
_PJL = b"\x1b%-12345X"
_LANGUAGE = re.compile(rb"@PJL[ \t]+ENTER[ \t]+LANGUAGE[ \t]*=[ \t]*(\w+)", re.IGNORECASE)
_PCL = (b"\x1bE", b"\x1b&", b"\x1b(", b"\x1b)", b"\x1b*", b"\x1b%")
_ASCII = bytes(range(0x80))
_TEXT = bytes({*b"\a\b\t\n\v\f\r\x0e\x0f\x12\x14\x1b", *range(0x20, 0x100)} - {*b"\x7f"})
_SHORTEST_TEXT = 8
_MOST_BEYOND = 0.5

_MAGIC = (
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"BM", Format.BMP),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\xff\x4f\xff\x51", Format.JPEG2000),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format.JPEG2000),
    (b"%PDF-", Format.PDF),
)


@contextmanager
def opened(path: Path) -> Iterator[Peek]:
    """Look into a regular file. Raises Garbled for anything else; OSErrors fly."""
    fd = os.open(path, _LOOK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise Garbled(detail="it is not a regular file")
        yield Peek(lambda length, offset: os.pread(fd, length, offset), status.st_size)
    finally:
        os.close(fd)


def ends_in_hole(path: Path) -> bool:
    """Whether the last byte of a file was never written: somebody only said how long it would be.

    A file system that knows of no holes says that there is none (lseek(2)). OSErrors of opening
    it fly.
    """
    fd = os.open(path, _LOOK)
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
        return size > 0 and os.lseek(fd, size - 1, os.SEEK_HOLE) < size
    except OSError:  # it cannot be asked, or the file shrank meanwhile
        return False
    finally:
        os.close(fd)


def within(content: bytes) -> Peek:
    """Look into bytes that are in memory."""
    return Peek(lambda length, offset: content[offset : offset + length], len(content))
