from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from appliance import durable
from appliance.board.disk import Room
from appliance.board.drive.gadget import Gadget
from appliance.board.drive.helper import Drives
from appliance.board.drive.image import stamp
from appliance.board.drive.taken import is_settled, untaken
from appliance.call import Handing
from appliance.errors import (
    ChangedMeanwhile,
    DriveFault,
    DriveInUse,
    DriveTooLarge,
    NoDrivePort,
    NotThere,
)
from appliance.settings.links import DriveLink
from tests.builders.fat import Host, Unpacker
from tests.fakes.configfs import FakeConfigfs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Cut(BaseException):
    """The power went away."""


class Helper:
    """The helper's half on a board with a host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "drive"
        self.links = [DriveLink(name="cr", size_gib=1)]
        self.configfs = FakeConfigfs(folder)
        self.configfs.host_comes()
        self.pauses: list[float] = []
        self._views = folder / "views"
        self.starts()

    def starts(self, gadget: Gadget | None = None) -> None:
        """As the service does; a second time after it was killed."""
        gadget = gadget or Gadget(self.configfs, self.configfs.controllers)
        views = Unpacker(self._views)
        self.drives = Drives(
            self.folder, lambda: self.links, gadget, views, "10000000ABCDEF01", self.pauses.append
        )

    def ask(self, operation: str, **request: str) -> Mapping[str, Any]:
        answer = self.drives.operations[operation]({"source": "cr", **request})
        if isinstance(answer, Handing):
            os.close(answer.fd)
            return answer.answer
        return answer

    def look(self) -> Mapping[str, Any]:
        return self.ask("drive")

    @property
    def host(self) -> Host:
        assert self.configfs.medium
        return Host(self.configfs.medium)

    def files(self) -> list[str]:
        names = {path.name for path in (self.folder / "cr").iterdir()}
        return sorted(names - {"taken"})


@pytest.fixture
def helper(tmp_path: Path) -> Helper:
    return Helper(tmp_path)


def test_the_first_question_makes_and_attaches_it(helper: Helper) -> None:
    answer = helper.look()
    assert answer["image"] == "000001"
    assert answer["host"] == "configured"
    assert helper.host.image.stat().st_size == 1 << 30
    assert helper.host.has() == []


def test_a_restart_of_the_helper_is_not_noticed_by_the_host(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    helper.configfs.host_locks()
    noticed = list(helper.configfs.noticed)
    helper.starts()
    helper.drives.tend()
    assert helper.look()["image"] == "000001"
    assert helper.configfs.noticed == noticed
    assert helper.host.has() == ["A.PNG"]


def test_every_write_of_the_host_changes_the_stamp(helper: Helper) -> None:
    before = helper.look()["stamp"]
    assert helper.look()["stamp"] == before
    helper.host.writes("A.PNG", b"a")
    assert helper.look()["stamp"] != before


def test_what_the_host_wrote_is_on_the_card_soon(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper.look()
    synced: list[int] = []
    monkeypatch.setattr("appliance.board.drive.helper.os.fsync", synced.append)
    helper.look()
    assert synced == []
    helper.host.writes("A.PNG", b"a")
    helper.look()
    helper.look()
    assert len(synced) == 1


def test_looking_never_writes_into_the_image(helper: Helper) -> None:
    before = helper.look()["stamp"]
    helper.ask("snapshot", stamp=before)
    helper.ask("drop_snapshot")
    assert helper.look()["stamp"] == before


def test_a_snapshot_as_of_another_time_is_refused(helper: Helper) -> None:
    before = helper.look()["stamp"]
    helper.host.writes("A.PNG", b"a")
    with pytest.raises(ChangedMeanwhile):
        helper.ask("snapshot", stamp=before)


def test_a_host_that_writes_while_it_is_copied_spoils_the_snapshot(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_copy(image: Path, _: Path) -> Path:
        helper.host.writes("A.PNG", b"a")
        return image

    monkeypatch.setattr("appliance.board.drive.helper.copy", slow_copy)
    with pytest.raises(ChangedMeanwhile):
        helper.ask("snapshot", stamp=helper.look()["stamp"])


def test_only_the_drive_of_the_settings_is_answered_for(helper: Helper) -> None:
    with pytest.raises(NotThere):
        helper.drives.operations["drive"]({"source": "../etc"})
    assert not helper.folder.exists()


def test_a_drive_the_settings_name_no_more_is_taken_down_and_kept(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    link = helper.links.pop()
    helper.drives.tend()
    assert helper.configfs.medium is None
    helper.links.append(link)
    helper.drives.tend()
    assert helper.host.has() == ["A.PNG"]


def test_no_port_is_said_to_whoever_asks_and_only_logged_otherwise(tmp_path: Path) -> None:
    helper = Helper(tmp_path)
    (helper.configfs.controllers / "dummy_udc.0" / "state").unlink()
    (helper.configfs.controllers / "dummy_udc.0").rmdir()
    helper.drives.tend()
    with pytest.raises(NoDrivePort):
        helper.look()


def test_a_drive_larger_than_the_card_is_refused(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.board.drive.helper.room", lambda _: Room(8 << 30, 1 << 29))
    with pytest.raises(DriveTooLarge):
        helper.look()


def test_what_nobody_thought_of_is_still_said(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper.look()

    def failing(*_: object) -> Path:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("appliance.board.drive.helper.copy", failing)
    with pytest.raises(DriveFault, match="Input/output"):
        helper.ask("snapshot", stamp=helper.look()["stamp"])


# What was taken


def test_what_was_written_since_it_was_taken_is_untaken(helper: Helper) -> None:
    helper.look()
    assert not [*untaken(helper.folder)]  # nothing is on it yet
    helper.host.writes("A.PNG", b"a")
    assert [*untaken(helper.folder)] == [helper.host.image]
    helper.ask("taken", stamp=helper.look()["stamp"])
    assert not [*untaken(helper.folder)]
    before = helper.look()["stamp"]
    helper.host.writes("B.PNG", b"b")
    with pytest.raises(ChangedMeanwhile):
        helper.ask("taken", stamp=before)
    assert [*untaken(helper.folder)] == [helper.host.image]


def test_a_drive_of_which_nothing_was_ever_noted_is_untaken(helper: Helper) -> None:
    helper.look()
    (helper.folder / "cr" / "taken").unlink()
    assert [*untaken(helper.folder)] == [helper.host.image]
    assert not [*untaken(helper.folder / "none")]


def test_what_cannot_be_taken_stays_untaken_and_nobody_waits_for_it(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.TMP", b"a")
    assert not is_settled(helper.host.image)
    helper.ask("taken_in_part", stamp=helper.look()["stamp"])
    assert [*untaken(helper.folder)] == [helper.host.image]
    assert is_settled(helper.host.image)
    helper.host.writes("B.PNG", b"b")
    assert not is_settled(helper.host.image)
    helper.ask("taken", stamp=helper.look()["stamp"])
    assert is_settled(helper.host.image)
    assert not [*untaken(helper.folder)]


def test_an_empty_drive_in_the_place_of_a_full_one_has_nothing_to_take(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    helper.ask("swap", stamp=helper.look()["stamp"])
    assert not [*untaken(helper.folder)]


# The exchange


def test_the_exchange_gives_the_host_an_empty_drive(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    helper.ask("swap", stamp=helper.look()["stamp"])
    assert helper.host.has() == []
    assert helper.files() == ["000002.img"]
    assert helper.configfs.noticed[-2:] == ["medium out", "medium in"]
    assert helper.pauses == [3.0]


def test_it_waits_for_a_host_that_has_the_drive_mounted(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    helper.configfs.host_locks()
    with pytest.raises(DriveInUse):
        helper.ask("swap", stamp=helper.look()["stamp"])
    assert helper.files() == ["000001.img"]
    assert helper.host.has() == ["A.PNG"]
    assert "lost what it had not written" not in helper.configfs.noticed
    helper.configfs.host_unlocks()
    helper.ask("swap", stamp=helper.look()["stamp"])
    assert helper.host.has() == []


def test_a_host_that_fell_asleep_over_a_mounted_drive_finds_an_empty_one(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    helper.configfs.host_locks()
    helper.configfs.host_sleeps()
    helper.ask("swap", stamp=helper.look()["stamp"])
    assert helper.host.has() == []
    assert helper.configfs.noticed[-4:] == ["unplugged", "medium out", "medium in", "plugged"]
    assert "lost what it had not written" not in helper.configfs.noticed


def test_a_host_that_wrote_since_keeps_its_drive(helper: Helper) -> None:
    before = helper.look()["stamp"]
    helper.host.writes("A.PNG", b"a")
    with pytest.raises(ChangedMeanwhile):
        helper.ask("swap", stamp=before)
    assert helper.host.has() == ["A.PNG"]


@pytest.mark.parametrize("is_asleep", [False, True])
def test_a_write_just_before_the_drive_is_out_gives_it_back(
    helper: Helper, monkeypatch: pytest.MonkeyPatch, is_asleep: bool
) -> None:
    helper.look()
    if is_asleep:
        helper.configfs.host_locks()
        helper.configfs.host_sleeps()
    eject = Gadget.eject

    def late(gadget: Gadget) -> None:
        helper.host.writes("A.PNG", b"a")
        eject(gadget)

    monkeypatch.setattr(Gadget, "eject", late)
    with pytest.raises(ChangedMeanwhile):
        helper.ask("swap", stamp=helper.look()["stamp"])
    assert helper.files() == ["000001.img"]
    assert helper.host.has() == ["A.PNG"]
    assert helper.configfs.noticed[-1] == ("plugged" if is_asleep else "medium in")


class Doomed:
    """A kernel whose power goes away at the given access."""

    def __init__(self, configfs: FakeConfigfs, steps: int) -> None:
        self._configfs = configfs
        self._left = steps

    def __getattr__(self, name: str) -> object:
        self._left -= 1
        if self._left < 0:
            raise Cut
        return getattr(self._configfs, name)


def cuts(tmp_path: Path) -> Iterator[tuple[Helper, bool]]:
    """A helper that is exchanging a drive, cut off at each step in turn; and whether it was."""
    steps, was_cut = 0, True
    while was_cut:
        (tmp_path / str(steps)).mkdir()
        helper = Helper(tmp_path / str(steps))
        helper.look()
        helper.host.writes("A.PNG", b"a")
        at = helper.look()["stamp"]
        doomed = Doomed(helper.configfs, steps)
        helper.starts(Gadget(doomed, helper.configfs.controllers))  # type: ignore[arg-type]
        try:
            helper.ask("swap", stamp=at)
            was_cut = False
        except Cut:
            was_cut = True
        yield helper, was_cut
        steps += 1


def test_cut_off_at_any_step_the_host_has_the_old_drive_or_an_empty_one(tmp_path: Path) -> None:
    seen = set()
    for helper, _ in cuts(tmp_path):
        helper.starts()
        image = str(helper.look()["image"])
        assert helper.host.has() == (["A.PNG"] if image == "000001" else [])
        assert helper.files() == [f"{image}.img"]
        seen.add(image)
    assert seen == {"000001", "000002"}


def test_what_a_power_cut_left_half_made_is_removed(helper: Helper) -> None:
    helper.look()
    helper.host.writes("A.PNG", b"a")
    for name in (".17-0a1b2c.part", "clone.img"):
        (helper.folder / "cr" / name).write_bytes(b"half")
    helper.starts()
    helper.look()
    assert helper.files() == ["000001.img"]
    assert helper.host.has() == ["A.PNG"]


def test_no_copy_of_an_image_given_up_is_left_to_show_through_in_the_next(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.board.drive.image._clone", lambda *_: False)
    helper.ask("snapshot", stamp=helper.look()["stamp"])
    removed: list[str] = []
    remove = durable.remove

    def noted(path: Path) -> None:
        removed.append(path.name)
        remove(path)

    monkeypatch.setattr(durable, "remove", noted)
    helper.ask("swap", stamp=helper.look()["stamp"])
    assert removed.index("copy.img") < removed.index("000001.img")


def test_a_view_that_is_still_open_is_not_written_under(
    helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.board.drive.image._clone", lambda *_: False)
    helper.ask("snapshot", stamp=helper.look()["stamp"])
    copied = helper.folder / "cr" / "copy.img"
    before = stamp(copied)
    monkeypatch.setattr(Unpacker, "uses", lambda _, image: image == copied)
    with copied.open("rb") as viewed:
        helper.host.writes("A.PNG", b"a" * 100_000)
        helper.ask("snapshot", stamp=helper.look()["stamp"])
        assert os.fstat(viewed.fileno()).st_ino != copied.stat().st_ino
        assert str(os.fstat(viewed.fileno()).st_mtime_ns) in before
