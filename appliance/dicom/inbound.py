"""Owns a connection that a peer made: its PDUs in, however large, without holding or copying them.

What is read stays in one buffer; a data set comes out of it as the stretches that have come, while
its PDU is still on the way. So memory is bounded by the buffer and not by what a peer announces.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.dicom import pdu
from appliance.dicom.pdu import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.dicom.wire import Buffer

MAX_LENGTH = 1 << 17  # announced: the largest that common peers send; fewer headers to take off

_SMALL_BYTES = 1 << 13
_BUFFER_BYTES = 1 << 18
_MAX_DATA_PDU_BYTES = 1 << 28  # taken nevertheless from whoever does not heed what is announced
_MAX_INTRODUCTION_BYTES = 1 << 18  # 128 offers, each in every syntax there is
_MAX_COMMAND_BYTES = 1 << 16
_PDU_HEADER = struct.Struct(">BxI")
_VALUE_HEADER = struct.Struct(">IBB")
_FLAGGED_BYTES = 2
_STALL_S = 60.0
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class Ending(StrEnum):
    """How it came that a peer says no more, in words."""

    RELEASED = "it ended the association"
    ABORTED = "it aborted the association"
    CLOSED = "the connection broke"
    SILENT = "it fell silent"
    GARBLED = "what it sends is not DICOM"
    INSECURE = "there was no agreement on TLS"


_ENDINGS = {Kind.RELEASE_RQ: Ending.RELEASED, Kind.ABORT: Ending.ABORTED}


class Parted(Exception):
    """The conversation is over."""

    def __init__(self, ending: Ending, detail: str = "") -> None:
        """Say how."""
        self.ending = ending
        super().__init__(f"{ending}: {detail}" if detail else ending.value)


class Connection(Protocol):
    """What is needed of a socket, a TLS one included; neither ever blocks."""

    def fileno(self) -> int:
        """The descriptor."""
        ...

    def recv_into(self, buffer: memoryview) -> int:
        """Bytes that have come; 0 at the end. Raises BlockingIOError."""
        ...

    def send(self, data: Buffer) -> int:
        """How many bytes were taken. Raises BlockingIOError."""
        ...

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """As of a socket."""
        ...

    def shutdown(self, how: int) -> None:
        """As of a socket."""
        ...

    def close(self) -> None:
        """As of a socket."""
        ...


class Stretch(NamedTuple):
    """What has come of a message's command or data set; good until more is asked for."""

    context_id: int
    is_command: bool
    chunks: list[memoryview]
    is_last: bool


class Inbound:
    """One peer's connection; belongs to one thread."""

    def __init__(self, connection: Connection) -> None:
        """Take over a connected socket."""
        for name, value in _KEEPALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._buffer = memoryview(bytearray(_SMALL_BYTES))
        self._start = self._end = 0
        self._pdu_left = self._value_left = 0
        self._context_id = self._flags = 0
        self._poller = select.poll()
        self._poller.register(connection.fileno(), select.POLLIN)

    def first(self, within_s: float) -> pdu.Pdu:
        """The PDU with which a peer introduces itself, all of it within that time."""
        until_s = time.monotonic() + within_s
        kind, length = self._header(lambda: until_s - time.monotonic())
        if kind is not Kind.ASSOCIATE_RQ or length > _MAX_INTRODUCTION_BYTES:
            raise Parted(_ENDINGS.get(kind, Ending.GARBLED))
        self._enlarge(length)
        self._need(length, lambda: until_s - time.monotonic())
        return pdu.Pdu(kind, self._take(length))

    def grow(self) -> None:
        """Have room for objects from now on."""
        self._enlarge(_BUFFER_BYTES)

    def wait(self, timeout_s: float, bell_fd: int) -> bool:
        """Sleep until the peer says something (True) or the bell is rung (False)."""
        if self._start < self._end:
            return True
        self._start = self._end = 0
        if self._receive():
            return True
        self._poller.register(bell_fd, select.POLLIN)
        try:
            ready = self._poll(timeout_s)
        finally:
            self._poller.unregister(bell_fd)
        return any(fd != bell_fd for fd in ready)

    def is_quiet(self, for_s: float) -> bool:
        """Whether the peer says nothing for so long."""
        return self._start == self._end and not self._poller.poll(for_s * 1000)

    def command(self) -> tuple[int, bytes]:
        """The next command set, and its context."""
        whole = bytearray()
        while True:
            stretch = self.stretch()
            whole += b"".join(stretch.chunks)
            if not stretch.is_command or len(whole) > _MAX_COMMAND_BYTES:
                raise Parted(Ending.GARBLED)
            if stretch.is_last:
                return stretch.context_id, bytes(whole)

    def stretch(self) -> Stretch:
        """All that has come of one command or data set, at least something of it."""
        chunks: list[memoryview] = []
        while True:
            if not self._value_left:
                if chunks and not self._at_next_of_same():
                    return self._stretch(chunks, is_last=False)
                self._enter_value()
            chunks.append(self._next_chunk())
            if not self._value_left and self._flags & 2:
                return self._stretch(chunks, is_last=True)
            if self._start == self._end and any(chunks):
                return self._stretch(chunks, is_last=False)
            if self._start == self._end:
                self._need(1, _patience)

    def say(self, data: bytes) -> None:
        """Send a few bytes."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                self._await_room()
            except OSError as error:
                raise Parted(Ending.CLOSED) from error

    def farewell(self, last: bytes) -> None:
        """Hang up with a last PDU, if the peer still listens and lets it out.

        What it is still sending is read and dropped for a moment: a socket closed with unread
        bytes resets the connection, and the last PDU would never be seen.
        """
        with suppress(OSError, Parted):
            self._connection.send(last)
            self._connection.shutdown(socket.SHUT_WR)
            until_s = time.monotonic() + 1.0
            while (left_s := until_s - time.monotonic()) > 0:
                self._start = self._end = 0
                if not self._receive():
                    self._poll(left_s)
        self.close()

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._connection.close()

    # Headers

    def _header(self, patience_s: Callable[[], float]) -> tuple[Kind, int]:
        self._need(_PDU_HEADER.size, patience_s)
        number, length = _PDU_HEADER.unpack_from(self._buffer, self._start)
        self._start += _PDU_HEADER.size
        try:
            return Kind(number), length
        except ValueError:
            raise Parted(Ending.GARBLED) from None

    def _enter_value(self) -> None:
        """Go to the next presentation data value (PS3.8 9.3.5), past other headers."""
        while not self._pdu_left:
            kind, self._pdu_left = self._header(_patience)
            if kind is not Kind.P_DATA_TF or self._pdu_left > _MAX_DATA_PDU_BYTES:
                raise Parted(_ENDINGS.get(kind, Ending.GARBLED))
        self._need(_VALUE_HEADER.size, _patience)
        length, self._context_id, self._flags = _VALUE_HEADER.unpack_from(
            self._buffer, self._start
        )
        self._start += _VALUE_HEADER.size
        self._value_left = length - _FLAGGED_BYTES
        self._pdu_left -= length + _VALUE_HEADER.size - _FLAGGED_BYTES
        if self._value_left < 0 or self._pdu_left < 0:
            raise Parted(Ending.GARBLED)

    def _at_next_of_same(self) -> bool:
        """Whether a value follows in the buffer that belongs to the same message and set.

        Looks before it goes: what belongs to another one is left for whoever asks for it.
        """
        at = self._start if self._pdu_left else self._start + _PDU_HEADER.size
        if at + _VALUE_HEADER.size > self._end:
            return False
        if not self._pdu_left:
            kind, length = _PDU_HEADER.unpack_from(self._buffer, self._start)
            if kind != Kind.P_DATA_TF or length < _VALUE_HEADER.size:
                return False
        _, context_id, flags = _VALUE_HEADER.unpack_from(self._buffer, at)
        return context_id == self._context_id and not (flags ^ self._flags) & 1

    def _stretch(self, chunks: list[memoryview], *, is_last: bool) -> Stretch:
        return Stretch(self._context_id, bool(self._flags & 1), chunks, is_last)

    # Bytes

    def _next_chunk(self) -> memoryview:
        start = self._start
        self._start = min(self._end, start + self._value_left)
        self._value_left -= self._start - start
        return self._buffer[start : self._start]

    def _take(self, length: int) -> bytes:
        content = bytes(self._buffer[self._start : self._start + length])
        self._start += length
        return content

    def _enlarge(self, least_bytes: int) -> None:
        if len(self._buffer) < least_bytes:
            larger = memoryview(bytearray(least_bytes))
            waiting = self._end - self._start
            larger[:waiting] = self._buffer[self._start : self._end]
            self._buffer, self._start, self._end = larger, 0, waiting

    def _need(self, length: int, patience_s: Callable[[], float]) -> None:
        """Have so many bytes in a row; what was handed out before is no longer good."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start + length > len(self._buffer):
            waiting = self._end - self._start
            self._buffer[:waiting] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, waiting
        while self._end - self._start < length:
            if not self._receive():
                self._poll(patience_s())

    def _receive(self) -> bool:
        """Take what is there; False where nothing is."""
        try:
            count = self._connection.recv_into(self._buffer[self._end :])
        except BlockingIOError:
            return False
        except OSError as error:
            raise Parted(Ending.CLOSED) from error
        if not count:
            raise Parted(Ending.CLOSED)
        self._end += count
        return True

    def _poll(self, timeout_s: float) -> list[int]:
        # Not a lasting mode. Peers hold back the last segment of an object until what precedes
        # it is acknowledged, by default 40 ms later.
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        ready = [fd for fd, _ in self._poller.poll(max(timeout_s, 0) * 1000)]
        if not ready:
            raise Parted(Ending.SILENT)
        return ready

    def _await_room(self) -> None:
        out = select.poll()
        out.register(self._connection.fileno(), select.POLLOUT)
        if not out.poll(_STALL_S * 1000):
            raise Parted(Ending.SILENT)


def _patience() -> float:
    return _STALL_S
