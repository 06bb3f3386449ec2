"""Owns asking another service something: one JSON line there, one JSON line back.

Calls go over a Unix stream socket; its mode says which users may open it. A Problem that a
service raises travels as its code, sentence and hint.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING, Any

from appliance.errors import Declined, NobodyAnswers, Problem, Refused

if TYPE_CHECKING:
    from pathlib import Path

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_LONGEST = 1 << 20
_AT_ONCE = 8
_PATIENCE_S = 10.0


def ask(path: Path, request: Mapping[str, object], timeout_s: float = 10.0) -> dict[str, Any]:
    """The answer to a request {"op": NAME, ...}.

    Raises NobodyAnswers, or Declined with what the service said was wrong.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(str(path))
            _send(line, request)
            answer = _receive(line)
    except (OSError, ValueError) as error:
        raise NobodyAnswers(path=path.name, why=str(error)) from error
    if "problem" in answer:
        raise Declined(**answer["problem"])
    return answer


class Server:
    """The answering side: operations by name, several callers at once."""

    def __init__(self, path: Path, operations: Mapping[str, Handler], mode: int = 0o660) -> None:
        """Bind `path`, in the place of a socket that a dead process left."""
        self._operations = operations
        self._free = BoundedSemaphore(_AT_ONCE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(mode)
        self._socket.listen(_AT_ONCE)

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
                _send(line, self._outcome(line))
        finally:
            self._free.release()

    def _outcome(self, line: socket.socket) -> Mapping[str, object]:
        try:
            request = _receive(line)
            return self._handler(request)(request)
        except ValueError as error:
            return _problem(Refused(what="the request", why=str(error)))
        except KeyError as missing:
            return _problem(Refused(what="the request", why=f"it has no {missing}"))
        except Problem as problem:
            return _problem(problem)

    def _handler(self, request: Mapping[str, Any]) -> Handler:
        operation = str(request.get("op"))
        if operation not in self._operations:
            raise Refused(what=f"the operation {operation!r}", why="nobody does that here")
        return self._operations[operation]


def _problem(problem: Problem) -> Mapping[str, object]:
    said = {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}
    return {"problem": said}


def _send(line: socket.socket, message: Mapping[str, object]) -> None:
    line.sendall(json.dumps(message).encode() + b"\n")


def _receive(line: socket.socket) -> dict[str, Any]:
    with line.makefile("rb") as reader:
        text = reader.readline(_LONGEST)
    if not text.endswith(b"\n"):
        msg = "the message is cut off" if len(text) < _LONGEST else "the message is too long"
        raise ValueError(msg)
    message = json.loads(text)
    if not isinstance(message, dict):
        msg = "the message is not a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - a wrong value from outside, not a wrong type of ours
    return message
