"""Owns running commands as at a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SETTINGS = """
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = 1
ae_title = "PACS"
"""
SERVED = """
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[worklist]]
name = "ris"
host = "127.0.0.1"
port = 1
ae_title = "RIS"
"""


class Terminal:
    """Runs commands and keeps what they said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, line: str, *more: str) -> int:
        status = main([*line.split(), *more])
        self.out, self.err = self._capsys.readouterr()
        return status

    def on_box(self, line: str, *more: str) -> int:
        return self(line, *more, "--root", str(self.root))

    def json(self, line: str, *more: str) -> Any:
        self.on_box(line, *more, "--json")
        return json.loads(self.out)


def file(folder: Path, text: str = SETTINGS) -> Path:
    path = folder / "new.toml"
    path.write_text(text)
    return path
