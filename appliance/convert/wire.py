"""Owns what a reading process and its service say to each other: frames on a pair of sockets.

A frame is a word of one byte, the length of what follows, and that. Bodies go over in pieces, so
that whoever reads foreign bytes need not write anything.
"""

from __future__ import annotations

import socket
import struct
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = struct.Struct("!cQ")
_CHUNK = 1 << 18
_BUFFER_BYTES = 1 << 20  # or as much of it as the kernel allows
_GLANCE_S = 1.0


class Word(Enum):
    """What a frame is."""

    BODY = b"B"  # the first piece of a body follows
    PIECE = b"P"
    END = b"E"  # of a body; its digest is answered
    DROP = b"D"  # of a body, that will not be finished
    ANSWER = b"A"


class Silence(Exception):
    """The other side is gone, or speaks nonsense."""


class OutOfTime(Exception):
    """The other side was not done in time."""


class Dropped(Exception):
    """A body was begun, and will not be finished."""


class Line:
    """One end, as the reading process uses it: it speaks, and waits for digests."""

    def __init__(self, end: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = end

    def fileno(self) -> int:
        """Its descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def say(self, word: Word, content: bytes | memoryview = b"") -> None:
        """One frame. OSErrors fly: there is nobody left to tell."""
        self._socket.sendall(_HEAD.pack(word.value, len(content)))
        if content:
            self._socket.sendall(content)

    def answer(self, content: bytes) -> None:
        """What the other side waits for. Raises Silence."""
        try:
            self._socket.sendall(content)
        except ConnectionError:
            raise Silence from None

    def hear(self, length: int) -> bytes:
        """Exactly so many bytes. Raises Silence."""
        return b"".join(self._pieces(length))

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._received(min(length, _CHUNK))
            if not piece:
                raise Silence
            length -= len(piece)
            yield piece

    def _received(self, most: int) -> bytes:
        return self._socket.recv(most)


class PatientLine(Line):
    """The service's end: it waits for so long in all and not longer."""

    def __init__(self, end: socket.socket, patience_s: float, beat: Callable[[], object]) -> None:
        """`beat` is called now and then while it waits."""
        super().__init__(end)
        self._left_s = patience_s
        self._beat = beat

    def frame(self) -> tuple[Word, int]:
        """The next word, and how many bytes follow. Raises Silence and OutOfTime."""
        word, length = _HEAD.unpack(self.hear(_HEAD.size))
        try:
            return Word(word), length
        except ValueError:
            raise Silence from None

    def body(self, most_bytes: int) -> Iterator[bytes]:
        """The pieces of a body. Raises Dropped, Silence, OutOfTime, OverflowError."""
        while (frame := self.frame())[0] is Word.PIECE:
            most_bytes -= frame[1]
            if most_bytes < 0:
                raise OverflowError
            yield from self._pieces(frame[1])
        if frame[0] is not Word.END:
            raise Dropped if frame[0] is Word.DROP else Silence

    def _received(self, most: int) -> bytes:
        """What comes next; b"" at the end. Raises OutOfTime."""
        self._beat()
        while self._left_s > 0:
            self._socket.settimeout(min(self._left_s, _GLANCE_S))
            since_s = monotonic()
            try:
                return super()._received(most)
            except TimeoutError:
                self._beat()
            except ConnectionError:
                return b""
            finally:
                # How long the card takes to store a body is not the reader's fault.
                self._left_s -= monotonic() - since_s
        raise OutOfTime


def pair(patience_s: float, beat: Callable[[], object]) -> tuple[PatientLine, Line]:
    """The service's end, and the reading process's."""
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return PatientLine(ours, patience_s, beat), Line(theirs)
