"""Owns asking another service something: one JSON line there, one JSON line back.

Calls go over a Unix stream socket; its mode says which users may open it. A Problem that a
service raises travels as its code, sentence and hint. An answer may hand over an open descriptor.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from threading import BoundedSemaphore, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.errors import Declined, NobodyAnswers, Problem, Refused

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path


class Handing(NamedTuple):
    """An answer that comes with an open descriptor, closed here once it was handed over."""

    answer: Mapping[str, Any]
    fd: int


Handler = Callable[[Mapping[str, Any]], Mapping[str, Any] | Handing]

_LONGEST = 1 << 20
_AT_ONCE = 8
_PATIENCE_S = 10.0
_SHORT_PATIENCE_S = 1.0
_CHUNK = 1 << 16
_TINY_S = 0.001


def ask(path: Path, request: Mapping[str, object], timeout_s: float = 10.0) -> dict[str, Any]:
    """The answer to a request {"op": NAME, ...}.

    Raises NobodyAnswers, or Declined with what the service said was wrong.
    """
    answer, fd = _asked(path, request, timeout_s)
    if fd is not None:
        os.close(fd)
    return answer


def ask_for_descriptor(
    path: Path, request: Mapping[str, object], timeout_s: float = 10.0
) -> tuple[dict[str, Any], int]:
    """The same, for an answer that hands over a descriptor, which is the caller's from then on."""
    answer, fd = _asked(path, request, timeout_s)
    if fd is None:
        raise NobodyAnswers(path=path.name, why="the answer lacks what was asked for")
    return answer, fd


def _asked(
    path: Path, request: Mapping[str, object], timeout_s: float
) -> tuple[dict[str, Any], int | None]:
    with ExitStack() as unclaimed:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(timeout_s)
                line.connect(str(path))
                _send(line, request)
                # A descriptor comes with the first byte, or not at all (unix(7), SCM_RIGHTS).
                start, fds, _, _ = socket.recv_fds(line, 1, 1)
                for fd in fds:
                    unclaimed.callback(os.close, fd)
                    os.set_inheritable(fd, False)
                answer = _receive(line, start)
        except (OSError, ValueError) as error:
            raise NobodyAnswers(path=path.name, why=str(error)) from error
        if "problem" in answer:
            raise Declined(**answer["problem"])
        unclaimed.pop_all()
        return answer, fds[0] if fds else None


class Server:
    """The answering side: operations by name, several callers at once."""

    def __init__(
        self,
        path: Path,
        operations: Mapping[str, Handler],
        mode: int = 0o660,
        callers: Container[int] | None = None,
    ) -> None:
        """Bind `path`, in the place of a socket that a dead process left.

        `callers` are the users (by number) that are answered; None: whom `mode` lets in.
        """
        self._operations = operations
        self._callers = callers
        self._free = BoundedSemaphore(_AT_ONCE)
        self._socket = listen(path, mode)

    def start(self) -> None:
        """Answer in the background until `close`."""
        Thread(target=self.serve, name="calls", daemon=True).start()

    def serve(self) -> None:
        """Answer until `close`; each caller in a thread, so that a slow one delays nobody."""
        while True:
            self._free.acquire()
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(line,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept(); close() alone does not
        self._socket.close()

    def _answer(self, line: socket.socket) -> None:
        try:
            with line, suppress(OSError):  # a caller that went away needs no answer
                line.settimeout(_PATIENCE_S)
                _reply(line, self._outcome(line))
        finally:
            self._free.release()

    def _outcome(self, line: socket.socket) -> Mapping[str, object] | Handing:
        def act() -> Mapping[str, Any] | Handing:
            request = _receive(line)  # first: what is left unread would take the answer with it
            self._admit(line)
            return _act(self._operations, request)

        return _outcome(act)

    def _admit(self, line: socket.socket) -> None:
        if self._callers is not None and _user(line) not in self._callers:
            raise Refused(what="the call", why="this user has no business here")


class Reception:
    """The answering side of a service that leaves when nobody asks: several callers at once.

    Callers are let in by `turn` alone, so that nobody is let in who would not be answered.
    """

    def __init__(self, listening: socket.socket, operations: Mapping[str, Handler]) -> None:
        """Answer at a listening socket (see `listen`), whose mode says who may call."""
        self._socket = listening
        self._socket.setblocking(False)
        self._operations = operations
        self._free = BoundedSemaphore(_AT_ONCE)
        self._busy = 0
        self._count = Lock()

    def fileno(self) -> int:
        """For select(): readable while somebody waits."""
        return self._socket.fileno()

    @property
    def is_busy(self) -> bool:
        """Whether somebody is being answered."""
        return self._busy > 0

    def turn(self) -> bool:
        """Let in whoever has waited longest, answered in a thread; False where nobody can be."""
        if not self._free.acquire(timeout=_SHORT_PATIENCE_S):
            return False
        try:
            line, _ = self._socket.accept()
        except OSError:
            self._free.release()
            return False
        self._counted(1)
        Thread(target=self._answer, args=(line,), daemon=True).start()
        return True

    def _answer(self, line: socket.socket) -> None:
        try:
            with line, suppress(OSError):  # a caller that went away needs no answer
                line.settimeout(_PATIENCE_S)
                _reply(line, _outcome(lambda: _act(self._operations, _receive(line))))
        finally:
            self._counted(-1)
            self._free.release()

    def _counted(self, change: int) -> None:
        with self._count:
            self._busy += change


class Counter:
    """The answering side of a service that may have one thread only: one caller at a time."""

    def __init__(self, listening: socket.socket, operations: Mapping[str, Handler]) -> None:
        """Answer at a listening socket (see `listen`)."""
        self._socket = listening
        self._socket.setblocking(False)
        self._operations = operations

    def fileno(self) -> int:
        """For select(): readable while somebody waits."""
        return self._socket.fileno()

    def answer(self) -> bool:
        """Answer whoever has waited longest; False where nobody waits.

        Who does not say at once what they want, or went away meanwhile, costs no work.
        """
        try:
            line, _ = self._socket.accept()
        except OSError:
            return False
        with line, suppress(TimeoutError, ConnectionError):
            line.settimeout(_SHORT_PATIENCE_S)
            _reply(line, _outcome(lambda: self._act(line)))
        return True

    def _act(self, line: socket.socket) -> Mapping[str, Any] | Handing:
        request = _receive(line)
        if _has_hung_up(line):
            raise Refused(what="the call", why="nobody waits for its answer")
        return _act(self._operations, request)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def listen(path: Path, mode: int = 0o660) -> socket.socket:
    """A listening socket at `path`, in the place of one that a dead process left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(mode)
    listening.listen(_AT_ONCE)
    return listening


def _outcome(
    act: Callable[[], Mapping[str, Any] | Handing],
) -> Mapping[str, object] | Handing:
    """What a request came to; what was wrong with it is an answer too."""
    try:
        return act()
    except ValueError as error:
        return _problem(Refused(what="the request", why=str(error)))
    except KeyError as missing:
        return _problem(Refused(what="the request", why=f"it has no {missing}"))
    except Problem as problem:
        return _problem(problem)


def _act(
    operations: Mapping[str, Handler], request: Mapping[str, Any]
) -> Mapping[str, Any] | Handing:
    operation = str(request.get("op"))
    if operation not in operations:
        raise Refused(what=f"the operation {operation!r}", why="nobody does that here")
    return operations[operation](request)


def _has_hung_up(line: socket.socket) -> bool:
    is_readable = bool(select.select([line], [], [], 0)[0])
    return is_readable and not line.recv(1, socket.MSG_PEEK)


def _problem(problem: Problem) -> Mapping[str, object]:
    said = {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}
    return {"problem": said}


def _user(line: socket.socket) -> int:
    """The number of the user on the other side, as the kernel knows it (unix(7), SO_PEERCRED)."""
    form = "3i"  # process, user, group
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form))
    user: int = struct.unpack(form, credentials)[1]
    return user


def _reply(line: socket.socket, outcome: Mapping[str, object] | Handing) -> None:
    if not isinstance(outcome, Handing):
        return _send(line, outcome)
    text = _encoded(outcome.answer)
    try:
        sent = socket.send_fds(line, [text], [outcome.fd])
    finally:
        os.close(outcome.fd)
    return line.sendall(text[sent:])


def _send(line: socket.socket, message: Mapping[str, object]) -> None:
    line.sendall(_encoded(message))


def _encoded(message: Mapping[str, object]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _receive(line: socket.socket, start: bytes = b"") -> dict[str, Any]:
    """One message, the first bytes of which may have been read."""
    text = _line(line, start)
    if not text.endswith(b"\n"):
        msg = "the message is cut off" if len(text) < _LONGEST else "the message is too long"
        raise ValueError(msg)
    message = json.loads(text)
    if not isinstance(message, dict):
        msg = "the message is not a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - a wrong value from outside, not a wrong type of ours
    return message


def _line(line: socket.socket, start: bytes) -> bytes:
    """The first line that comes; who sends byte by byte is not listened to for longer than others.

    Raises TimeoutError.
    """
    patience_s = line.gettimeout() or 0.0
    until_s = monotonic() + patience_s
    text = bytearray(start)
    while b"\n" not in text[-_CHUNK:] and len(text) < _LONGEST:
        line.settimeout(max(until_s - monotonic(), _TINY_S))
        chunk = line.recv(_CHUNK)
        if not chunk:
            break
        text += chunk
    line.settimeout(patience_s)
    return bytes(text[: text.find(b"\n") + 1 or None])
