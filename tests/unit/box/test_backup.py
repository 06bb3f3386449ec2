"""Backups on a stick that other boxes and other computers have used too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box import backup
from tests.builders.box import Box
from tests.builders.spares import PASSPHRASE, Room, copied, quick_key, room

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.box.parcel import Label


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return room(tmp_path_factory.mktemp("template"))


@pytest.fixture
def here(template: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    here = copied(template, tmp_path / "room")
    for name in ("old", "spare"):
        backup.set_passphrase(here.machine(name).paths, PASSPHRASE)
    return here


@pytest.fixture
def top(here: Room) -> Path:
    top = here.top / "stick" / "backup"
    top.mkdir(parents=True)
    return top


def back_up(here: Room, top: Path, name: str = "old") -> Label:
    """After something has happened there."""
    machine = here.machine(name)
    box = Box(machine.paths.root)
    box.accept(f"{len(list(top.iterdir()))} more.tif")
    box.close()
    label = backup.back_up(machine, top)
    assert label
    return label


def on(top: Path, name: str = "old") -> list[str]:
    """Which backups of a box are there, the newest first."""
    return [each.label.move for each in backup.backups(top) if each.label.box == f"name of {name}"]


def test_what_other_computers_leave_on_a_stick_is_passed_over_and_stays(
    here: Room, top: Path
) -> None:
    (top / ".DS_Store").write_bytes(b"x")
    (top / ".Trashes").mkdir()
    (top / "Thumbs.db").write_bytes(b"x")
    (top / "holidays").mkdir()
    (top / "holidays" / "beach.jpg").write_bytes(b"x")
    before = set(top.iterdir())
    made = [back_up(here, top).move for _ in range(3)]
    assert on(top) == made[:0:-1]
    assert set(top.iterdir()) == before | {top / move for move in made[1:]}
    assert (top / "holidays" / "beach.jpg").exists()


def test_what_was_begun_and_never_finished_goes(here: Room, top: Path) -> None:
    begun = top / "0123456789abcdef"
    begun.mkdir()
    (begun / "part-001").write_bytes(b"half")
    back_up(here, top)
    assert not begun.exists()


def test_what_has_a_label_that_cannot_be_read_stays(here: Room, top: Path) -> None:
    """It may be of a newer Jembatan."""
    other = top / "0123456789abcdef"
    other.mkdir()
    (other / "parcel.json").write_text('{"format": 99}')
    back_up(here, top)
    assert other.exists()
