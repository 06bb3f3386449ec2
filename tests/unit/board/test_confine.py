"""A confined program: it writes below its folder, so much, and not for longer than we live."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from appliance.board.confine import CANNOT_CONFINE, confined

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, script: str, most_bytes: int = 1 << 20) -> subprocess.CompletedProcess[str]:
    command = confined(folder, most_bytes, ["/bin/sh", "-c", script])
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_it_writes_below_its_folder_and_nowhere_else(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    done = run(inside, "mkdir a && echo yes > a/b; echo no > ../c; echo no > /tmp/jembatan-c")
    assert (inside / "a" / "b").read_text() == "yes\n"
    assert not (tmp_path / "c").exists()
    assert "denied" in done.stderr


def test_a_file_that_gets_too_long_ends_it(tmp_path: Path) -> None:
    done = run(tmp_path, "exec head -c 100000 /dev/zero > big", most_bytes=4096)
    assert done.returncode == -signal.SIGXFSZ
    assert (tmp_path / "big").stat().st_size == 4096


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    command = confined(tmp_path, 1, ["/usr/bin/no-such-program"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT_CONFINE
    assert "/usr/bin/no-such-program: No such file" in done.stderr
