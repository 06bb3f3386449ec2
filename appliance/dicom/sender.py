"""Owns how messages travel: requests and objects out in fragments, the response to each one in.

To a peer that takes large PDUs a file's bytes go inside the kernel (sendfile). Where PDUs are
small that is two system calls for every 16 KB; there many PDUs go out at once, their bytes read
into one small buffer: a quarter less processor time, a third less waiting (over loopback).

Reading is done here too, by the thread that waits, so that no response can be taken by somebody
else (a race that pynetdicom's reactor loses once in some thousand sends).
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from appliance.dicom import dimse, pdu
from appliance.dicom.wire import Loss, Lost, Wire
from appliance.errors import Incomplete
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from appliance.dicom.wire import Buffer
    from appliance.model import Piece, Slice

_MAX_ANSWER_BYTES = 1 << 20
_MAX_UNASKED = 64
_SENDFILE_FROM_BYTES = 1 << 16
_BATCH_BYTES = 1 << 18
_BATCH_PDUS = 512  # of two buffers each: IOV_MAX is 1024
_SAID = frozenset({Loss.ABORTED, Loss.RELEASED})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer says to a request, or that it is unknown what became of it."""

    status: int | None  # None: unknown
    comment: str = ""
    loss: Loss | None = None  # how the connection was lost, now or in the very moment
    data: bytes = b""

    @property
    def words(self) -> str:
        """The answer, for a person."""
        if self.status is None:
            return self.loss or "it said nothing"
        return f"status {self.status:04X}" + f" ({self.comment})" * bool(self.comment)


_CLOSED = Answer(None, loss=Loss.CLOSED)


@dataclass(frozen=True, slots=True)
class Lane:
    """One accepted presentation context of a connection, as a way for messages."""

    wire: Wire
    context_id: int
    fragment_bytes: int
    timeout_s: float  # how long the peer may think about an answer
    unasked: deque[tuple[bytes, bytes]] = field(default_factory=deque)  # requests of the peer's

    def ask(self, request: dimse.Request, data: bytes) -> Iterator[Answer]:
        """Send a small request; its answers up to the final one, or up to the loss."""
        if not self.wire.is_open:
            yield _CLOSED
            return
        try:
            self._send_command(request)
            if data:
                self._send(_Memory(data))
            while (answer := self._answer(request.message_id)).status in dimse.PENDING:
                yield answer
        except Lost as lost:
            answer = Answer(None, loss=lost.loss)
        yield answer

    def cancel(self, message_id: int) -> None:
        """Ask for no more answers to that request; those under way still come, then a last one."""
        with suppress(Lost):  # whoever waits for the last answer meets the loss there
            self._send(_Memory(dimse.cancel(message_id)), is_command=True)

    def store(self, request: dimse.Request, pieces: Sequence[Piece]) -> Answer:
        """C-STORE an object. Raises Incomplete where a file is too short; its OSErrors fly."""
        if not self.wire.is_open:
            return _CLOSED
        with _opened(pieces) as parts:
            try:
                self._send_command(request)
                self._send(*parts)
            except Lost as lost:
                return self._last_words(request.message_id, lost.loss)
            except BaseException:
                self.wire.reset()
                raise
        try:
            return self._answer(request.message_id)
        except Lost as lost:
            return Answer(None, loss=lost.loss)

    def hear(self) -> tuple[dimse.Heard, bytes] | None:
        """A request that the peer makes of us, and its data set; None where it has made none.

        It may have come while the answer to one of ours was waited for. Raises Lost.
        """
        if not self.unasked and self.wire.has_news():
            self._message(self.timeout_s)
        if not self.unasked:
            return None
        command_set, data = self.unasked.popleft()
        try:
            return dimse.heard(command_set), data
        except Garbled as error:
            raise Lost(Loss.GARBLED) from error

    def reply(self, heard: dimse.Heard, status: int) -> None:
        """Answer a request of the peer's. Raises Lost."""
        self._send(_Memory(heard.answer(status)), is_command=True)

    def _last_words(self, message_id: int, loss: Loss) -> Answer:
        """A peer may refuse an object before it has all of it, and say so before it hangs up."""
        try:
            answer = self._answer(message_id, timeout_s=0)
            return Answer(answer.status, answer.comment, loss)
        except Lost as lost:
            return Answer(None, loss=lost.loss if lost.loss in _SAID else loss)
        finally:
            self.wire.reset()

    def _send_command(self, request: dimse.Request) -> None:
        self._send(_Memory(request.encoded()), is_command=True)

    def _send(self, *parts: _Part, is_command: bool = False) -> None:
        """Send a command or data set as P-DATA-TF PDUs of one fragment each (PS3.8 9.3.5)."""
        message = _Message(parts)
        headers = self._headers(message.size_bytes, is_command=is_command)
        if self.fragment_bytes >= _SENDFILE_FROM_BYTES:
            for header, length in headers:
                self.wire.push(header, more=True)
                message.push(self.wire, length)
            return
        buffer = memoryview(bytearray(min(message.size_bytes, _BATCH_BYTES)))
        most = min(_BATCH_BYTES // self.fragment_bytes, _BATCH_PDUS)
        while batch := list(islice(headers, most)):
            self.wire.push_all(message.read(batch, buffer))

    def _headers(self, size_bytes: int, *, is_command: bool) -> Iterator[tuple[bytes, int]]:
        """The header of each PDU of a message, and how many bytes of the message follow it."""
        is_last = False
        while not is_last:
            length = min(size_bytes, self.fragment_bytes)
            size_bytes -= length
            is_last = not size_bytes
            yield (
                pdu.fragment_header(
                    self.context_id, length, is_command=is_command, is_last=is_last
                ),
                length,
            )

    def _answer(self, message_id: int, timeout_s: float | None = None) -> Answer:
        """The next response to that message; others are nobody's any more, requests are kept."""
        while True:
            response, data = self._message(self.timeout_s if timeout_s is None else timeout_s)
            if response.responds_to == message_id:
                return Answer(response.status, response.comment, data=data)

    def _message(self, timeout_s: float) -> tuple[dimse.Response, bytes]:
        command_set = self._received(timeout_s, is_command=True)
        try:
            response = dimse.response(command_set)
        except Garbled as error:
            raise Lost(Loss.GARBLED) from error
        data = self._received(timeout_s, is_command=False) if response.has_data else b""
        if response.responds_to is None:
            if len(self.unasked) >= _MAX_UNASKED:
                raise Lost(Loss.GARBLED)
            self.unasked.append((command_set, data))
        return response, data

    def _received(self, timeout_s: float, *, is_command: bool) -> bytes:
        """The command set or data set of the next message, its fragments put together."""
        whole = bytearray()
        while True:
            fragment = self.wire.fragment(timeout_s)
            whole += fragment.data
            if fragment.is_command != is_command or len(whole) > _MAX_ANSWER_BYTES:
                raise Lost(Loss.GARBLED)
            if fragment.is_last:
                return bytes(whole)


class _Message:
    """The parts of a message, one after the other, used up from the front."""

    def __init__(self, parts: Iterable[_Part]) -> None:
        self._waiting = deque(part for part in parts if part.left)
        self.size_bytes = sum(part.left for part in self._waiting)

    def push(self, wire: Wire, count: int) -> None:
        """Send the next `count` bytes."""
        while count:
            count -= self._front().push(wire, count)

    def read(self, batch: Iterable[tuple[bytes, int]], buffer: memoryview) -> list[Buffer]:
        """The headers of a batch, each followed by its bytes, which are read into the buffer."""
        buffers: list[Buffer] = []
        end = 0
        for header, length in batch:
            start, end = end, end + length
            buffers += (header, buffer[start:end])
        start = 0
        while start < end:
            start += self._front().read(buffer[start:end])
        return buffers

    def _front(self) -> _Part:
        while not self._waiting[0].left:
            self._waiting.popleft()
        return self._waiting[0]


class _Part(Protocol):
    """A stretch of a message; `push` and `read` take at most so much of it and say how much."""

    left: int

    def push(self, wire: Wire, count: int) -> int: ...

    def read(self, into: memoryview) -> int: ...


class _Memory:
    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)
        self.left = len(content)

    def push(self, wire: Wire, count: int) -> int:
        now = self._next(count)
        wire.push(now)
        return len(now)

    def read(self, into: memoryview) -> int:
        now = self._next(len(into))
        into[: len(now)] = now
        return len(now)

    def _next(self, count: int) -> memoryview:
        now, self._rest = self._rest[:count], self._rest[count:]
        self.left = len(self._rest)
        return now


class _File:
    def __init__(self, piece: Slice, fd: int) -> None:
        self._path = piece.path
        self._fd = fd
        self._offset = piece.offset
        self.left = piece.length

    def push(self, wire: Wire, count: int) -> int:
        return self._advance(wire.push_file(self._fd, self._offset, min(count, self.left)))

    def read(self, into: memoryview) -> int:
        return self._advance(os.preadv(self._fd, [into[: self.left]], self._offset))

    def _advance(self, count: int) -> int:
        if not count:
            raise Incomplete(name=self._path, detail="it shrank")
        self._offset += count
        self.left -= count
        return count


@contextmanager
def _opened(pieces: Sequence[Piece]) -> Iterator[list[_Part]]:
    """The pieces, every file open, so that a missing one is noticed before anything is sent."""
    with ExitStack() as stack:
        fds: dict[Path, int] = {}
        parts: list[_Part] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                parts.append(_Memory(piece))
                continue
            if piece.path not in fds:
                fds[piece.path] = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, fds[piece.path])
            parts.append(_File(piece, fds[piece.path]))
        yield parts
