"""Owns how messages travel: requests and objects out in fragments, the response to each one in.

An object's data set goes from its file to the network inside the kernel (sendfile); Python touches
12 bytes of it per PDU. Reading is done here too, by the thread that waits, so that no response can
be taken by somebody else (a race that pynetdicom's reactor loses once in some thousand sends).
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from appliance.dicom import dimse, pdu
from appliance.dicom.wire import Loss, Lost, Wire
from appliance.errors import Incomplete
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from appliance.model import Piece, Slice

_MAX_ANSWER_BYTES = 1 << 20
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

    def ask(self, request: dimse.Request, data: bytes) -> Iterator[Answer]:
        """Send a small request; its answers up to the final one, or up to the loss."""
        if not self.wire.is_open:
            yield _CLOSED
            return
        try:
            self._send_command(request)
            if data:
                self._send_parts([_Memory(data)])
            while (answer := self._answer(request.message_id)).status in dimse.PENDING:
                yield answer
        except Lost as lost:
            answer = Answer(None, loss=lost.loss)
        yield answer

    def store(self, request: dimse.Request, pieces: Sequence[Piece]) -> Answer:
        """C-STORE an object. Raises Incomplete where a file is too short; its OSErrors fly."""
        if not self.wire.is_open:
            return _CLOSED
        with _opened(pieces) as parts:
            try:
                self._send_command(request)
                self._send_parts(parts)
            except Lost as lost:
                return self._last_words(request.message_id, lost.loss)
            except BaseException:
                self.wire.reset()
                raise
        try:
            return self._answer(request.message_id)
        except Lost as lost:
            return Answer(None, loss=lost.loss)

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
        self._send_parts([_Memory(request.encoded())], is_command=True)

    def _send_parts(self, parts: Sequence[_Part], *, is_command: bool = False) -> None:
        """Send a command or data set as P-DATA-TF PDUs of one fragment each (PS3.8 9.3.5)."""
        left = sum(part.left for part in parts)
        waiting = deque(part for part in parts if part.left)
        is_last = False
        while not is_last:
            length = min(left, self.fragment_bytes)
            left -= length
            is_last = not left
            header = pdu.fragment_header(
                self.context_id, length, is_command=is_command, is_last=is_last
            )
            self.wire.push(header, more=True)
            while length:
                length -= waiting[0].push(self.wire, length)
                if not waiting[0].left:
                    waiting.popleft()

    def _answer(self, message_id: int, timeout_s: float | None = None) -> Answer:
        """The next response to that message; others are nobody's any more."""
        while True:
            response, data = self._message(self.timeout_s if timeout_s is None else timeout_s)
            if response.responds_to == message_id:
                return Answer(response.status, response.comment, data=data)

    def _message(self, timeout_s: float) -> tuple[dimse.Response, bytes]:
        try:
            response = dimse.response(self._received(timeout_s, is_command=True))
        except Garbled as error:
            raise Lost(Loss.GARBLED) from error
        data = self._received(timeout_s, is_command=False) if response.has_data else b""
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


class _Part(Protocol):
    """A stretch of a message on its way out."""

    left: int

    def push(self, wire: Wire, count: int) -> int:
        """Send at most `count` bytes of what is left; returns how many."""
        ...


class _Memory:
    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)
        self.left = len(content)

    def push(self, wire: Wire, count: int) -> int:
        now, self._rest = self._rest[:count], self._rest[count:]
        self.left = len(self._rest)
        wire.push(now)
        return len(now)


class _File:
    def __init__(self, piece: Slice, fd: int) -> None:
        self._piece = piece
        self._fd = fd
        self.left = piece.length

    def push(self, wire: Wire, count: int) -> int:
        now = min(count, self.left)
        offset = self._piece.offset + self._piece.length - self.left
        try:
            wire.push_file(self._fd, offset, now)
        except EOFError as error:
            raise Incomplete(name=self._piece.path, detail="it shrank") from error
        self.left -= now
        return now


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
