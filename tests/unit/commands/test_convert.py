"""`jembatan convert` says how far it is to whoever watches, what was held, and one document."""

from __future__ import annotations

import json
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from appliance.__main__ import main
from appliance.commands import convert as command
from tests.builders import pictures

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[[profile]]
name = "cr"
identity = "trust"
filename = '(?P<PatientID>P[0-9]+)_(?P<StudyDate>[0-9]{8})'
"""


class Screen(StringIO):
    """Stands in for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    export = tmp_path / "export"
    export.mkdir()
    (tmp_path / "settings.toml").write_text(SETTINGS)
    for name in ("P1_20260102.png", "P2_20260102.png", "nobody.png"):
        (export / name).write_bytes(pictures.saved(pictures.grey(8), "PNG"))
    out, config = str(tmp_path / "out"), str(tmp_path / "settings.toml")
    return ["convert", str(export), "--out", out, "--config", config, "--profile", "cr"]


def test_on_a_terminal_one_line_counts_up(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    assert main(line) == 1
    progress = screen.getvalue().partition("\n")[0].split("\r")
    assert progress[1:] == [
        "1 of 3 files, 0 held",
        "2 of 3 files, 0 held",
        "3 of 3 files, 1 held",
    ]
    assert "nobody.png: " in screen.getvalue()
    assert capsys.readouterr().out.startswith("2 written to ")


def test_in_a_log_a_line_comes_now_and_then(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_SAY_EVERY", 2)
    assert main([*line, "--json"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("2 of 3 files, 0 held\n")
    assert "\r" not in err
    document = json.loads(out)
    assert len(document["objects"]) == 2
    assert [held["code"] for held in document["held"]] == ["no-identity"]
