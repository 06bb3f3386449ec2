"""Owns the proofs' end of the line to guest_agent.py, which does in a machine what it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.prove.guest_qmp import Lines
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER_S = 300


class Output(NamedTuple):
    """What a command in there said, and its exit status."""

    status: int
    text: str


class Hand:
    """One line to one machine."""

    def __init__(self, port: Path) -> None:
        self._lines = Lines(port)

    def close(self) -> None:
        """Let go of it."""
        self._lines.close()

    def greeted(self, seconds: float) -> None:
        """The agent says once that it is there, after what a firmware writes to that line.

        Raises NotProved where it does not.
        """
        self._lines.skip(seconds)

    def run(self, *words: str, check: bool = True, text: str = "", seconds: int = 120) -> Output:
        """A command in there, as root, with `text` at its standard input."""
        answer = self._ask({"run": words, "input": text, "seconds": seconds})
        output = Output(answer["status"], answer["out"])
        if check and output.status:
            message = f"{' '.join(words)}: {output.text}"
            raise NotProved(message)
        return output

    def python(self, source: str) -> Any:
        """What `value` is in there after these lines, which see what earlier ones defined."""
        return self._ask({"python": source})["value"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._lines.send(request)
        answer = self._lines.receive(_ANSWER_S)
        if "error" in answer:
            raise NotProved(answer["error"])
        return answer
