"""What is told of a check: little of it, whatever a host wrote to be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.loop import _complaints

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fsck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of fsck.vfat."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "fsck.vfat"
    program.touch(0o755)
    return program


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "printf 'fsck.fat 4.2\\n/A\\033[31m.PNG\\n  Bad name\\n1 file\\n'; exit 1",
            "/A?[31m.PNG   Bad name",
        ),
        ("printf 'fsck.fat 4.2\\n1 file\\n'", ""),
        ("echo gone >&2; exit 2", ""),
    ],
)
def test_a_check_is_told_in_one_line(fsck: Path, script: str, told: str) -> None:
    fsck.write_text(f"#!/bin/sh\n{script}\n")
    assert _complaints("/dev/null") == told


def test_a_check_that_never_ends_is_cut_off(fsck: Path) -> None:
    fsck.write_text("#!/bin/sh\nexec yes 'a name'\n")
    assert 0 < len(_complaints("/dev/null")) <= 2000
