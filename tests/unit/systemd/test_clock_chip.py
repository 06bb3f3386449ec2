"""Whether a clock chip counts: the unit's own words, run by sh over a made-up machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "systemd" / "box-clock-chip.service"
BUILT, SAVED = 1_700_000_000, 1_750_000_000


def words(root: Path) -> str:
    """What the unit has sh do, below `root`."""
    found = re.search(r"^ExecStart=/bin/sh -c '(.*?)'$", UNIT.read_text(), re.M | re.S)
    assert found
    script = found[1].replace("\\\n", " ").replace("%%", "%")
    return re.sub(r"(?<![\w/])/(sys|usr|data|run)/", rf"{root}/\1/", script)


def touch(path: Path, at_s: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (at_s, at_s))


def chip(root: Path, says: int, taken: int = 1) -> Path:
    """A machine with one that says so; its mark that the clock is unsure."""
    rtc = root / "sys" / "class" / "rtc" / "rtc0"
    rtc.mkdir(parents=True)
    (rtc / "since_epoch").write_text(f"{says}\n")
    (rtc / "hctosys").write_text(f"{taken}\n")
    return marked(root)


def marked(root: Path) -> Path:
    mark = root / "run" / "jembatan" / "clock-unsure"
    touch(mark, 0)
    touch(root / "usr" / "lib" / "os-release", BUILT)
    return mark


def said(root: Path) -> str:
    """What the unit says when it has run."""
    done = subprocess.run(
        ["/bin/sh", "-c", words(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("says", "counts"),
    [(SAVED + 100, True), (SAVED, True), (SAVED - 1, False), (BUILT - 1, False)],
    ids=["ran on", "the very second", "fell behind what was saved", "older than the system"],
)
def test_a_chip_counts_where_it_did_not_fall_behind(
    tmp_path: Path, says: int, counts: bool
) -> None:
    mark = chip(tmp_path, says)
    touch(tmp_path / "data" / "box" / "timesync" / "clock", SAVED)
    assert ("does not count" in said(tmp_path)) is not counts
    assert mark.exists() is not counts


def test_on_a_fresh_card_the_system_s_own_age_is_what_is_known(tmp_path: Path) -> None:
    mark = chip(tmp_path, BUILT + 1)
    assert said(tmp_path) == ""
    assert not mark.exists()


def test_one_whose_time_the_kernel_did_not_take_is_none(tmp_path: Path) -> None:
    mark = chip(tmp_path, SAVED, taken=0)
    assert "the kernel did not take the time" in said(tmp_path)
    assert mark.exists()


def test_without_a_chip_nothing_is_known(tmp_path: Path) -> None:
    mark = marked(tmp_path)
    said(tmp_path)
    assert mark.exists()
