"""When a card counts as one that gave out: the unit's own words, over a made-up machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "systemd" / "box-card.service"
GAVE_OUT, TRY_AGAIN = 3, 1


def words(root: Path) -> str:
    """What the unit has sh do, below `root`."""
    found = re.search(r"^ExecStart=/bin/sh -c '(.*?)'$", UNIT.read_text(), re.M | re.S)
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


def ends(root: Path) -> tuple[int, str]:
    """The status and the words that it ends with."""
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", words(root)],
        env={**os.environ, "PATH": path},
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


def test_only_a_card_that_gave_out_ends_it_for_good() -> None:
    lines = UNIT.read_text().splitlines()
    assert "Restart=on-failure" in lines
    assert f"RestartPreventExitStatus={GAVE_OUT}" in lines
    assert "StartLimitIntervalSec=0" in lines  # or it failed by too many
