"""What the steward answers about spare boxes and backups."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from appliance.box import backup, backup_news, errand_news, handover
from appliance.box.engaged import Engaged
from appliance.box.errand import Errand
from appliance.box.service_stick import Purpose
from appliance.box.spare import Spare
from appliance.errors import NoServiceStick
from tests.builders.spares import PASSPHRASE, Room, quick_key, room
from tests.fakes.service_sticks import Sticks

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.box.handover import Machine
    from appliance.box.parcel import Label
    from appliance.box.sealed import Key


class Steward:
    """One box's, with its own sockets for sticks."""

    def __init__(self, here: Room, name: str) -> None:
        self.top = here.top / "sticks"
        self._errand = Errand(Engaged())
        self.restarts: list[bool] = []
        """For each one, whether the box worked again by then."""
        self._operations = Spare(
            lambda: here.machine(name),
            Sticks(self.top),
            self._errand,
            lambda: self.restarts.append(here.works(name)),
        ).operations

    def plug_in(self, purpose: Purpose) -> Path:
        """A stick for it; the folder on it."""
        folder = self.top / purpose / "JEMBATAN" / purpose
        folder.mkdir(parents=True)
        return folder

    def ask(self, operation: str, **request: object) -> dict[str, Any]:
        answer = self._operations[operation](request)
        assert not isinstance(answer, tuple)
        return dict(answer)

    def do(self, operation: str, **request: object) -> dict[str, Any]:
        """Ask for it, and wait; what came of it."""
        assert self.ask(operation, **request)["begun"]
        self._errand.join()
        return self._errand.said()

    def stick(self, purpose: Purpose) -> dict[str, Any]:
        """What it says of a stick."""
        found: dict[str, Any] = self.ask("spare-look")["sticks"][purpose]
        return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(backup, "new_key", lambda _: quick_key())
    return room(tmp_path / "room")


@pytest.mark.parametrize("purpose", Purpose)
def test_a_stick_that_cannot_be_looked_at_is_said_in_words(here: Room, purpose: Purpose) -> None:
    old = Steward(here, "old")
    place = old.plug_in(purpose)
    folder = place / "0123456789abcdef" if purpose is Purpose.BACKUP else place
    (folder / "parcel.json").mkdir(parents=True)
    said = old.stick(purpose)
    assert said["problem"] == "The stick cannot be written or read: is a directory."
    assert said["hint"]


def test_a_file_beside_the_backups_is_passed_over(here: Room) -> None:
    old = Steward(here, "old")
    (old.plug_in(Purpose.BACKUP) / ".DS_Store").write_bytes(b"x")
    assert old.stick(Purpose.BACKUP)["label"] is None


def test_backups_of_all_boxes_are_listed_and_one_is_chosen(here: Room) -> None:
    old, other, spare = (Steward(here, name) for name in ("old", "other", "spare"))
    shutil.copytree(here.top / "old", here.top / "other")
    old.plug_in(Purpose.BACKUP)
    made = {}
    for steward in (old, other):
        steward.ask("backup-passphrase", passphrase=PASSPHRASE)
        made[steward] = steward.do("backup-now")["result"]
        assert steward.stick(Purpose.BACKUP)["label"] == made[steward]  # of the box that asks
    listed = spare.stick(Purpose.BACKUP)["backups"]
    assert sorted(each["move"] for each in listed) == sorted(
        each["move"] for each in made.values()
    )
    asked = {"purpose": Purpose.BACKUP, "passphrase": PASSPHRASE, "old_is_off": True}
    assert spare.do("spare-import", **asked)["problem"]["code"] == "which-backup"
    said = spare.do("spare-import", **asked, which=made[old]["move"])
    assert said["result"]["box"] == "name of old"


def test_a_backup_that_does_not_say_whose_it_is_is_counted(here: Room) -> None:
    old = Steward(here, "old")
    (folder := old.plug_in(Purpose.BACKUP) / "0123456789abcdef").mkdir()
    (folder / "parcel.json").write_bytes(b"{")
    assert (old.stick(Purpose.BACKUP)["label"], old.stick(Purpose.BACKUP)["unreadable"]) == (
        None,
        1,
    )


def told(here: Room) -> list[str]:
    machine = here.machine("old")
    return [notice.code for notice in backup_news.told(machine.paths, machine.clock)]


def test_what_became_of_the_last_backup_is_kept(here: Room) -> None:
    old = Steward(here, "old")
    paths = here.machine("old").paths
    assert not old.ask("backup-now")["begun"]
    assert not backup_news.read(paths).misses  # none are wanted
    old.ask("backup-passphrase", passphrase=PASSPHRASE)
    for _ in range(24):
        assert told(here) == []
        assert not old.ask("backup-now")["begun"]
    assert told(here) == ["backup-missing"]
    folder = old.plug_in(Purpose.BACKUP)
    folder.rmdir()
    folder.write_bytes(b"no folder")
    assert old.do("backup-now")["state"] == "failed"
    assert told(here) == ["backup-failed"]
    folder.unlink()
    assert old.do("backup-now")["state"] == "done"
    assert told(here) == []
    assert backup_news.read(paths).good_at
    assert old.do("backup-now")["result"] == {}  # nothing new, and that is good, too
    assert told(here) == []
    old.ask("backup-passphrase", passphrase="")
    assert backup_news.read(paths) == backup_news.News()


def test_of_two_sticks_for_backups_none_is_written_and_that_is_told(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise NoServiceStick(why="there are two")

    old = Steward(here, "old")
    old.ask("backup-passphrase", passphrase=PASSPHRASE)
    monkeypatch.setattr(Sticks, "volume", refuse)
    assert not old.ask("backup-now")["begun"]
    assert told(here) == ["backup-failed"]


def test_work_on_a_stick_that_fails_ends_in_words(here: Room) -> None:
    spare = Steward(here, "spare")
    (spare.plug_in(Purpose.BACKUP) / "0123456789abcdef" / "parcel.json").mkdir(parents=True)
    asked = {"purpose": Purpose.BACKUP, "passphrase": PASSPHRASE, "old_is_off": True}
    said = spare.do("spare-import", **asked)
    assert (said["state"], said["problem"]["code"]) == ("failed", "stick-failed")
    assert here.works("spare")


@pytest.mark.parametrize("with_stick", [True, False])
def test_a_box_that_goes_on_starts_again(here: Room, *, with_stick: bool) -> None:
    """It may have been started since it let go, and then its address is not in force."""
    old = Steward(here, "old")
    old.plug_in(Purpose.SPARE)
    assert old.do("spare-export", passphrase=PASSPHRASE)["state"] == "done"
    assert old.restarts == []
    if not with_stick:
        shutil.rmtree(old.top)
        assert old.do("spare-back", vouched=False)["state"] == "failed"
        assert old.restarts == []
    assert old.do("spare-back", vouched=not with_stick)["state"] == "done"
    assert old.restarts == [True]


def test_a_failure_is_told_until_the_next_errand_begins(
    here: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by the next steward: the one who knew has left."""
    old = Steward(here, "old")
    place = old.plug_in(Purpose.SPARE)
    place.rmdir()
    place.write_bytes(b"no folder")
    assert old.ask("spare-look")["failed"] is None
    assert old.do("spare-export", passphrase=PASSPHRASE)["state"] == "failed"
    later = Steward(here, "old")
    assert later.ask("spare-look")["errand"]["state"] == "none"
    failed = later.ask("spare-look")["failed"]
    assert (failed["name"], failed["code"]) == ("export", "stick-failed")
    later.ask("backup-passphrase", passphrase=PASSPHRASE)
    later.plug_in(Purpose.BACKUP)
    assert later.do("backup-now")["state"] == "done"  # which nobody has begun
    assert later.ask("spare-look")["failed"] == failed
    place.unlink()
    meanwhile: list[errand_news.Failed | None] = []
    hand_over = handover.hand_over

    def look(machine: Machine, folder: Path, key: Key) -> Label:
        meanwhile.append(errand_news.read(machine.paths))
        assert later.ask("spare-look")["failed"] is None
        return hand_over(machine, folder, key)

    monkeypatch.setattr(handover, "hand_over", look)
    assert later.do("spare-export", passphrase=PASSPHRASE)["state"] == "done"
    assert [each and each.code for each in meanwhile] == ["errand-cut-short"]  # after a cut
    assert later.ask("spare-look")["failed"] is None


def test_an_errand_goes_on_where_its_failure_could_not_be_kept(here: Room) -> None:
    paths = here.machine("old").paths
    (news := paths.root / "box" / "errand-news.json").mkdir()
    with errand_news.kept(paths, "export"):
        assert errand_news.read(paths) is None
    assert news.is_dir()
