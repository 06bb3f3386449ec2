"""Owns QEMU's machine protocol (QMP): commands to a running machine, one at a time."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 60
_ANSWER = b"{"


class Lines:
    """JSON, a line each way, over a socket that somebody else made."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Let go of it."""
        self._file.close()
        self._socket.close()

    def send(self, what: dict[str, Any]) -> None:
        """One line there."""
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def skip(self, seconds: float) -> None:
        """All there is until the first answer, and that. Raises NotProved where none comes."""
        while not self._line(seconds).startswith(_ANSWER):
            pass

    def receive(self, seconds: float) -> dict[str, Any]:
        """One line back. Raises NotProved where none comes."""
        answer: dict[str, Any] = json.loads(self._line(seconds))
        return answer

    def _line(self, seconds: float) -> bytes:
        self._socket.settimeout(seconds)
        try:
            line = self._file.readline()
        except OSError:  # it took too long, or once did: what came meanwhile may be half a line
            line = b""
        if not line:
            message = f"{self._socket.getpeername()} does not answer within {seconds:.0f} s"
            raise NotProved(message)
        return line


class Qmp:
    """The machine's other side."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._events: list[dict[str, Any]] = []
        self._lines.receive(_PATIENCE_S)
        self.ask("qmp_capabilities")

    def close(self) -> None:
        """Let go of it."""
        self._lines.close()

    def ask(self, command: str, **arguments: object) -> Any:
        """What a command returns. Raises NotProved with what QEMU says against it."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._lines.send({"execute": command, "arguments": named})
        while True:
            answer = self._lines.receive(_PATIENCE_S)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                message = f"{command} {named}: {answer['error']['desc']}"
                raise NotProved(message)
            self._events.append(answer)

    def count(self, event: str) -> int:
        """How often that happened, until now and as far as nobody waited for it."""
        self.ask("query-status")
        return sum(said["event"] == event for said in self._events)

    def wait_for(self, event: str, **data: object) -> None:
        """An event with such data, those of before included."""
        while True:
            for said in self._events:
                if said["event"] == event and data.items() <= said["data"].items():
                    self._events.remove(said)
                    return
            answer = self._lines.receive(_PATIENCE_S)
            if "event" in answer:
                self._events.append(answer)
