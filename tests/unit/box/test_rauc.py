"""What becomes of an installation, as RAUC's service tells it through its program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box.rauc import Rauc
from appliance.errors import InstallFailed, NoSlots

if TYPE_CHECKING:
    from pathlib import Path

DAMAGED = """installing
  0% Installing
 30% Checking manifest contents done.
100% Installing failed.
LastError: Failed mounting bundle: Unexpected dm-verity status 'C' (instead of '\\\\0')
idle
Installing `/data/box/incoming/update.raucb` failed
"""


def rauc(folder: Path, says: str, status: int) -> Rauc:
    """A program in rauc's place that says what rauc 1.13 said."""
    program = folder / "rauc"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{says}END\nexit {status}\n")
    program.chmod(0o755)
    return Rauc(folder / "system.conf", str(program))


def test_percents_are_told_as_they_come(tmp_path: Path) -> None:
    told: list[int] = []
    says = "installing\n  0% Installing\n 20% Checking bundle done.\n100% Installing done.\nidle\n"
    rauc(tmp_path, says, 0).install(tmp_path, told.append)
    assert told == [0, 20, 100]


def test_damage_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="a part of the file is damaged"):
        rauc(tmp_path, DAMAGED, 1).install(tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("LastError: No space left\nidle\nInstalling `x` failed\n", "No space left"),
        ("rauc: D-Bus is not there\n", "rauc: D-Bus is not there"),
        ("", "did not say why"),
    ],
)
def test_the_last_error_is_the_reason(tmp_path: Path, says: str, why: str) -> None:
    with pytest.raises(InstallFailed, match=why):
        rauc(tmp_path, says, 1).install(tmp_path, lambda _: None)


def test_marking_that_fails_is_said(tmp_path: Path) -> None:
    rauc(tmp_path, "", 0).mark_good()
    with pytest.raises(InstallFailed):
        rauc(tmp_path, "", 1).mark_good()


def test_without_rauc_there_are_no_slots(tmp_path: Path) -> None:
    with pytest.raises(NoSlots):
        Rauc(tmp_path / "x.conf", "no-such-program").mark_other_bad()
