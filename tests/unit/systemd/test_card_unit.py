"""When a card counts as one that gave out: the unit's own words, over a made-up machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "systemd" / "box-card.service"
GAVE_OUT, TRY_AGAIN = 3, 1


def words(root: Path, key: str) -> str:
    """What the unit has sh do there, below `root`."""
    found = re.search(rf"^{key}=\+?/bin/sh -c '(.*?)'$", UNIT.read_text(), re.M | re.S)
    assert found
    return re.sub(r"(?<![\w/])/sys/", rf"{root}/sys/", found[1].replace("\\\n", " "))


def program(root: Path, name: str, does: str) -> None:
    path = root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


@pytest.fixture
def count(tmp_path: Path) -> Path:
    """Where the kernel counts the errors of the file system that is mounted at /data."""
    (tmp_path / "sys" / "dev" / "block").mkdir(parents=True)
    (tmp_path / "sys" / "dev" / "block" / "254:0").symlink_to("../../devices/virtual/block/dm-0")
    path = tmp_path / "sys" / "fs" / "ext4" / "dm-0" / "errors_count"
    path.parent.mkdir(parents=True)
    path.write_text("0\n")
    program(tmp_path, "mountpoint", '[ "$*" = "-d /data" ] && echo 254:0')
    program(tmp_path, "sleep", f"echo 2 >{path}")
    return path


def ends(root: Path, key: str = "ExecStart", **environment: str) -> tuple[int, str]:
    """The status and the words that it ends with."""
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", words(root, key)],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_a_card_that_is_damaged_at_once_gave_out(tmp_path: Path, count: Path) -> None:
    count.write_text("1\n")
    program(tmp_path, "sleep", "exit 9")
    assert ends(tmp_path) == (GAVE_OUT, "the file system of the card is damaged (dm-0)\n")


def test_it_is_looked_at_for_good(tmp_path: Path, count: Path) -> None:
    assert ends(tmp_path)[0] == GAVE_OUT
    assert count.read_text() == "2\n"  # only after the first look


def test_where_nothing_can_be_read_nothing_gave_out(tmp_path: Path, count: Path) -> None:
    count.unlink()
    assert ends(tmp_path)[0] == TRY_AGAIN


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("exited", str(GAVE_OUT), "--no-block start jembatan-locked.service\n"),
        ("exited", str(TRY_AGAIN), ""),
        ("exited", "2", ""),  # sh, of what it could not start
        ("killed", "KILL", ""),
        ("killed", "TERM", ""),
    ],
)
def test_only_a_card_that_gave_out_stops_the_box(
    tmp_path: Path, code: str, status: str, says: str
) -> None:
    (tmp_path / "bin").mkdir()
    program(tmp_path, "systemctl", 'echo "$*"')
    ended = ends(tmp_path, "ExecStopPost", EXIT_CODE=code, EXIT_STATUS=status)
    assert ended == (0, says)


def test_whatever_else_ends_it_is_made_good() -> None:
    lines = UNIT.read_text().splitlines()
    assert "Restart=on-failure" in lines
    assert f"RestartPreventExitStatus={GAVE_OUT}" in lines
    assert "StartLimitIntervalSec=0" in lines
    assert not [line for line in lines if line.startswith("OnFailure=")]  # see the unit
