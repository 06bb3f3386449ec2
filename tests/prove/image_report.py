"""Owns what a proof of the image found: each figure is said at once, and written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Report:
    """Lines of one board, in the order they were found, each below its part."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.path = path

    def begin(self, part: str) -> None:
        """What is said from now on belongs to this part."""
        self._write(f"\n## {part}\n")

    def say(self, line: str) -> None:
        """One finding."""
        print(line, flush=True)
        self._write(f"- {line}\n")

    def _write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
