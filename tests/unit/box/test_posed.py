"""What a handover waits for on the drive that the box poses as, and what it leaves behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.image import stamp
from appliance.board.drive.taken import note
from appliance.box import posed
from appliance.box.handover import Machine
from appliance.errors import (
    CannotMount,
    CardFailed,
    DiskFull,
    DriveDamaged,
    DriveFault,
    DriveRestless,
    NoDrivePort,
    NoHelper,
    SourceDenied,
    UnfinishedName,
)
from appliance.journal.charge import Charge
from appliance.settings import history

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from appliance.errors import Problem
    from tests.builders.box import Box

DRIVE = '[[source]]\nname = "cr"\nkind = "drive"\n'


@pytest.fixture
def image(box: Box) -> Path:
    """A drive of the settings with something on it that nobody has looked at."""
    history.publish(box.paths.root, DRIVE)
    return written(box, "cr")


def written(box: Box, name: str) -> Path:
    image = box.paths.drives / name / "000001.img"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"films")
    return image


def look(box: Box) -> Mapping[str, Any]:
    told = posed.operations(lambda: Machine(box.paths, "", box.clock))["spare-drives"]({})
    assert not isinstance(told, tuple)
    return told


def test_what_was_just_written_is_waited_for_until_it_is_stored(box: Box, image: Path) -> None:
    assert look(box) == {"awaited": ["cr"], "behind": []}
    note(image, stamp(image))
    assert look(box) == {"awaited": [], "behind": []}
    image.write_bytes(b"films, and more films")
    assert look(box) == {"awaited": ["cr"], "behind": []}


def test_what_cannot_be_taken_is_not_waited_for(box: Box, image: Path) -> None:
    note(image, stamp(image), in_part=True)
    assert look(box) == {"awaited": [], "behind": ["cr"]}
    image.write_bytes(b"films, and more films")
    assert look(box) == {"awaited": ["cr"], "behind": []}


def test_nor_is_a_drive_that_no_modality_is_offered(box: Box, image: Path) -> None:
    note(image, stamp(image))
    written(box, "removed")
    assert look(box) == {"awaited": [], "behind": ["removed"]}


LOOKED_AT = (
    UnfinishedName(count=1, name="A.TMP"),
    DriveDamaged(count=1, name="A.PNG", why="it changes"),
    DriveRestless(minutes=15, quiet_s=10),
    SourceDenied(path="error", detail="denied"),
)
NOT_LOOKED_AT = (
    CannotMount(name="The drive", why="it is damaged"),
    DiskFull(where="the card"),
    DriveFault(detail="input/output error"),
    NoDrivePort(),
    NoHelper(what="The drive", why="it does not run"),
)


@pytest.mark.parametrize("problem", LOOKED_AT, ids=lambda problem: problem.code)
def test_it_is_waited_for_while_watch_looks_at_it(box: Box, image: Path, problem: Problem) -> None:
    assert image.exists()
    box.journal.custody.set_place("source", "cr", "watching", problem)
    assert look(box) == {"awaited": ["cr"], "behind": []}


@pytest.mark.parametrize("problem", NOT_LOOKED_AT, ids=lambda problem: problem.code)
def test_and_not_while_watch_cannot(box: Box, image: Path, problem: Problem) -> None:
    assert image.exists()
    box.journal.custody.set_place("source", "cr", "denied", problem)
    assert look(box) == {"awaited": [], "behind": ["cr"]}


def test_a_box_that_is_not_at_work_waits_for_nothing(box: Box, image: Path) -> None:
    assert image.exists()
    for state in (Charge.LEAVING, Charge.RELEASING, Charge.LEFT):
        box.journal.charge.set(state, "1")
    assert look(box) == {"awaited": [], "behind": ["cr"]}


def test_a_card_that_does_not_tell_is_said(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> list[Path]:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(posed, "untaken", fail)
    with pytest.raises(CardFailed, match="drive that it poses as: input/output error"):
        look(box)
