"""Every service may ring every bell: root in a sandbox is no more than its group."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "systemd"
BELLS = {
    path.name: path
    for path in sorted(UNITS.glob("*.socket"))
    if ".bell" in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("name", BELLS)
def test_bell_is_the_groups(name: str) -> None:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(BELLS[name], encoding="utf-8")
    socket = unit["Socket"]
    assert (socket["SocketGroup"], socket["SocketMode"]) == ("jembatan", "0660")


def test_there_are_bells() -> None:
    assert {"jembatan-convert.socket", "jembatan-steward-bell.socket"} <= set(BELLS)
