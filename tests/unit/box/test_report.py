from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box import report
from appliance.box.report import Report, said_of
from appliance.errors import OtherBoard

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_told_is_read_back(tmp_path: Path) -> None:
    told = Report("abc", "Raspberry Pi 4", "rpi", "A", True, (said_of(OtherBoard()),))
    report.write(told, tmp_path / "report.json")
    assert report.read(tmp_path / "report.json") == told
    assert told.said[0].code == "other-board"


def test_where_no_start_told_anything_nothing_is_read(tmp_path: Path) -> None:
    assert report.read(tmp_path / "report.json") is None
