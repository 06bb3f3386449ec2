"""Backups on a stick that other boxes and other computers have used too."""

from __future__ import annotations

import errno
import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.box import backup, handover, parcel, takeover, volumes
from appliance.errors import (
    BackupDamaged,
    BackupStickFull,
    DiskFull,
    NotThere,
    ParcelNewer,
    StickFailed,
    WhichBackup,
)
from appliance.settings import history
from tests.builders.box import Box
from tests.builders.spares import PASSPHRASE, SETTINGS, Room, derived, quick_key
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.box.parcel import Label


@pytest.fixture
def here(here: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
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


def choice(top: Path, which: str = "") -> Path:
    return backup.chosen(backup.backups(top), which).folder


def on(top: Path, name: str = "old") -> list[str]:
    """Which backups of a box are there, the newest first."""
    return [each.label.move for each in backup.backups(top) if each.label.box == f"name of {name}"]


# --- a damaged one ------------------------------------------------------------------------------


def damage(folder: Path) -> None:
    part = folder / "part-001"
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)


def test_of_a_damaged_one_it_is_said_which_before_it_is_whole(here: Room, top: Path) -> None:
    """And taken only when a person says so: the damaged one may be readable in another socket."""
    older, newer = back_up(here, top), back_up(here, top)
    damage(top / newer.move)
    machine = here.machine("spare")
    with pytest.raises(BackupDamaged) as refused:
        backup.take(machine, top, "", PASSPHRASE, old_is_off=True)
    assert f"of {newer.box} of {newer.made_at[:10]}" in refused.value.sentence
    assert f"Whole is {older.move} (" in refused.value.sentence
    assert here.works("spare")
    label = backup.take(machine, top, older.move, PASSPHRASE, old_is_off=True)
    assert label.move == older.move
    here.restart("spare")
    assert here.works("spare")


def test_it_is_said_that_none_is_whole_and_those_of_others_do_not_count(
    here: Room, top: Path
) -> None:
    assert backup.back_up(here.machine("spare"), top)
    older, newer = back_up(here, top), back_up(here, top)
    for label in (older, newer):
        damage(top / label.move)
    with pytest.raises(BackupDamaged, match="No older one of it is whole"):
        backup.take(here.machine("spare"), top, newer.move, PASSPHRASE, old_is_off=True)


def test_a_part_that_cannot_be_read_is_damage_too(here: Room, top: Path) -> None:
    older, newer = back_up(here, top), back_up(here, top)
    (top / newer.move / "part-001").unlink()
    (top / newer.move / "part-001").mkdir()
    with pytest.raises(BackupDamaged, match=f"is a directory. Whole is {older.move}"):
        backup.take(here.machine("spare"), top, "", PASSPHRASE, old_is_off=True)


def test_one_of_a_newer_version_is_not_damaged(
    here: Room, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(here, top)
    back_up(here, top)
    monkeypatch.setattr(takeover, "migrations", list)
    with pytest.raises(ParcelNewer):
        backup.take(here.machine("spare"), top, "", PASSPHRASE, old_is_off=True)


# --- and on another card ------------------------------------------------------------------------


def goes_on(here: Room, top: Path) -> None:
    """The spare, restarted, backs up with the passphrase that the old box had, and root's key."""
    here.restart("spare")
    kept = here.machine("spare").paths.root / "box" / "backup.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    label = backup.back_up(here.machine("spare"), top)
    assert label
    parcel.read(top / label.move, label, PASSPHRASE, lambda *_: None)


def test_backups_go_on_after_going_on_from_one(here: Room, top: Path) -> None:
    backup.forget_passphrase(here.machine("spare").paths)
    back_up(here, top)
    machine = here.machine("spare")
    backup.take(machine, top, "", PASSPHRASE, old_is_off=True)
    goes_on(here, top)


def test_backups_go_on_at_the_spare(here: Room, top: Path) -> None:
    backup.forget_passphrase(here.machine("spare").paths)
    handover.hand_over(here.machine("old"), here.stick, derived("another passphrase", 1, 8))
    takeover.take_over(here.machine("spare"), here.stick, "another passphrase")
    goes_on(here, top)


# --- of other boxes and other lives -----------------------------------------------------------


def test_a_backup_counts_for_the_box_that_wrote_it(here: Room, top: Path) -> None:
    """Events of a box that was reset, or has a fresh card, begin at one again."""
    for _ in range(30):
        history.publish(here.machine("old").paths.root, SETTINGS)
    others = [back_up(here, top).move for _ in range(3)][1:]
    own: list[str] = []
    for _ in range(3):
        own.insert(0, back_up(here, top, "spare").move)
        assert on(top, "spare") == own[: backup.KEPT]
    assert on(top) == others[::-1]
    assert backup.back_up(here.machine("spare"), top) is None


def test_what_was_just_written_stays_whatever_the_clock_says(here: Room, top: Path) -> None:
    """Nothing came, and the settings changed."""
    back_up(here, top)
    for day in (14, 13, 12):
        machine = replace(here.machine("old"), clock=FakeClock(datetime(2020, 3, day, tzinfo=UTC)))
        history.publish(machine.paths.root, f'[box]\nname = "{day}"\n')
        label = backup.back_up(machine, top)
        assert label
        assert on(top)[0] == label.move


def test_a_copy_by_a_persons_hand_is_left_alone(here: Room, top: Path) -> None:
    copy = top / "the one of Sunday"
    shutil.copytree(top / back_up(here, top).move, copy)
    for _ in range(3):
        back_up(here, top)
    assert copy.exists()
    assert len(list(top.iterdir())) == backup.KEPT + 1


def test_of_backups_of_two_boxes_a_person_chooses(here: Room, top: Path) -> None:
    made = {name: back_up(here, top, name) for name in ("old", "spare")}
    with pytest.raises(WhichBackup) as refused:
        choice(top)
    for label in made.values():
        told = f"{label.move} (of {label.box}, {label.made_at[:10]} {label.made_at[11:16]} UTC"
        assert told in refused.value.sentence
        assert choice(top, label.move) == top / label.move
    with pytest.raises(NotThere, match="such backup"):
        choice(top, "0123456789abcdef")


def test_of_one_box_the_newest_is_taken(here: Room, top: Path) -> None:
    with pytest.raises(NotThere):
        choice(top)
    back_up(here, top)
    newest = back_up(here, top)
    assert choice(top) == top / newest.move


def test_a_stick_that_others_fill_is_said_so(
    here: Room, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> Label:
        raise OSError(errno.ENOSPC, "No space left on device")

    other = back_up(here, top)
    with monkeypatch.context() as full:
        full.setattr(backup, "pack", is_full)
        with pytest.raises(BackupStickFull, match=f"name of old, .*folder {other.move}"):
            backup.back_up(here.machine("spare"), top)
        history.publish(here.machine("old").paths.root, '[box]\nname = "new"\n')
        with pytest.raises(StickFailed, match="no space left"):  # nobody else takes any
            backup.back_up(here.machine("old"), top)
    assert on(top) == [other.move]


# --- and on a small stick -----------------------------------------------------------------------


def used_bytes(top: Path) -> int:
    return sum(path.stat().st_size for path in top.rglob("*") if path.is_file())


def holds(monkeypatch: pytest.MonkeyPatch, top: Path, room_bytes: int) -> None:
    """A stick with so much room and no more: what fits of a write is there, as on a real one."""
    put = volumes.Writer.put

    def until_full(writer: volumes.Writer, content: bytes) -> None:
        left_bytes = room_bytes - used_bytes(top)
        put(writer, content[: max(left_bytes, 0)])
        if left_bytes < len(content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(volumes.Writer, "put", until_full)


@pytest.fixture
def own(here: Room, top: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two backups on a stick that has no room for a third, the newest first."""
    back_up(here, top)
    back_up(here, top)
    holds(monkeypatch, top, used_bytes(top) * 5 // 4)
    return on(top)


def test_on_a_stick_that_holds_two_the_older_one_makes_room(
    here: Room, top: Path, own: list[str]
) -> None:
    third = back_up(here, top)
    assert on(top) == [third.move, own[0]]
    fourth = back_up(here, top)
    assert on(top) == [fourth.move, third.move]
    assert len(list(top.iterdir())) == backup.KEPT


def test_on_one_that_holds_one_the_newest_stays(
    here: Room, top: Path, own: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds(monkeypatch, top, used_bytes(top) * 3 // 5)
    for _ in range(2):
        with pytest.raises(StickFailed, match="no space left"):
            back_up(here, top)
        assert on(top) == own[:1]
    volumes.verify(top / own[0], backup.backups(top)[0].label.volumes)


def test_what_is_damaged_goes_first_and_the_newest_whole_one_stays(
    here: Room, top: Path, own: list[str]
) -> None:
    damage(top / own[0])
    third = back_up(here, top)
    assert on(top) == [third.move, own[1]]


def test_where_none_is_whole_none_goes(here: Room, top: Path, own: list[str]) -> None:
    """They may be readable in another socket."""
    for move in own:
        damage(top / move)
    with pytest.raises(StickFailed, match="no space left"):
        back_up(here, top)
    assert on(top) == own


def test_a_card_that_is_full_takes_no_backup_away(
    here: Room, top: Path, own: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object) -> Label:
        raise DiskFull(where="the card")

    monkeypatch.setattr(backup, "pack", is_full)
    with pytest.raises(DiskFull):
        back_up(here, top)
    assert on(top) == own


# --- what else lies on a stick ----------------------------------------------------------------


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
