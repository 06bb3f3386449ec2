"""Owns looking at an object's pieces as the one stretch of bytes that they are."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from appliance.model import Slice, size_of
from appliance.peek import EndsEarly, Peek

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.model import Piece


class Stretch:
    """Bytes in memory and slices of files, one behind the other; OSErrors of the files fly."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Look at `pieces`, whose files must stay as they are."""
        self._pieces = tuple(pieces)
        self._starts = list(accumulate(map(size_of, pieces), initial=0))

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._starts[-1]

    def peek(self) -> Peek:
        """Bounded looks into it."""
        return Peek(lambda length, offset: self.read(offset, length), self.size)

    def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start` on. Raises EndsEarly where a file is too short."""
        return b"".join(map(_content, self.part(start, min(start + length, self.size))))

    def part(self, start: int, stop: int) -> tuple[Piece, ...]:
        """The pieces of the bytes `start` to `stop`."""
        return tuple(self._parts(start, stop))

    def file(self, start: int, stop: int) -> io.BufferedReader:
        """The bytes `start` to `stop` as a file to be read."""
        return io.BufferedReader(_File(self, start, stop))

    def _parts(self, start: int, stop: int) -> Iterator[Piece]:
        number = bisect_right(self._starts, start) - 1
        while start < stop:
            piece, begin = self._pieces[number], self._starts[number]
            end = min(stop, self._starts[number + 1])
            if isinstance(piece, Slice):
                yield Slice(piece.path, piece.offset + start - begin, end - start)
            elif end > start:
                yield piece[start - begin : end - begin]
            start, number = end, number + 1


class _File(io.RawIOBase):
    """A part of a stretch, read from its beginning or from anywhere."""

    def __init__(self, stretch: Stretch, start: int, stop: int) -> None:
        self._stretch = stretch
        self._start, self._stop, self._at = start, stop, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._at, io.SEEK_END: self._stop}[whence]
        self._at = min(max(base + offset, self._start), self._stop)
        return self._at - self._start

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]  # what io hands over
        content = self._stretch.read(self._at, min(len(into), self._stop - self._at))
        into[: len(content)] = content
        self._at += len(content)
        return len(content)


def _content(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        content = file.read(piece.length)
    if len(content) < piece.length:
        raise EndsEarly(detail="its file shrank")
    return content
