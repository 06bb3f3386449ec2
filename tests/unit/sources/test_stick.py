"""The life of a stick: plugged in, read, safe to pull; or pulled too early, and plugged again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, BinaryIO

import pytest

from appliance.errors import DiskFull
from appliance.intake.accept import Intake
from appliance.journal.spool import Spool, Stored
from appliance.settings.links import StickLink
from appliance.sources.media import reading
from appliance.sources.media.stick import StickSource
from appliance.sources.media.volume import Taker, Volume
from tests.builders.part10 import element, headed, part10
from tests.fakes.sticks import FakeSticks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.errors import Problem
    from tests.builders.box import Box


SOME_MISSING = "EXPORT may be pulled, but not all of it could be read: "


class Stand:
    """A box with a stick source, turned by hand; its clock moves only when told to."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box = box
        self.helper = FakeSticks()
        self.folder = folder
        journal = box.journal
        link = StickLink(name="usb")
        self.source = StickSource(link, None, journal, Intake(journal), box.clock, self.helper)

    def stick(self, name: str = "stick", *, images: int = 0) -> Path:
        """A folder that can be plugged in."""
        root = self.folder / name
        root.mkdir(exist_ok=True)
        for number in range(images):
            (root / f"IM{number:05}").write_bytes(part10(f"1.2.{sum(name.encode())}.{number}"))
        return root

    def turn(self) -> tuple[int, float | None]:
        """One turn; the one before it that only says that a stick came is passed over."""
        taken, wait_s = self.source.turn()
        if taken or wait_s != 0:
            return taken, wait_s
        self.box.clock.passes(seconds=1)
        return self.source.turn()

    def until_quiet(self) -> int:
        """Turn until nothing is to do soon; how many files were taken."""
        taken, wait_s = self.source.turn()
        while wait_s is not None and wait_s <= 1:
            self.box.clock.passes(seconds=wait_s)
            more, wait_s = self.source.turn()
            taken += more
        return taken

    def says(self) -> tuple[str, str, str]:
        """State, code and sentence of the source."""
        (row,) = self.box.journal.ledger.places()
        return (row["state"], row["code"], row["sentence"])

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()


@pytest.fixture
def stand(box: Box, tmp_path: Path) -> Iterator[Stand]:
    folder = tmp_path / "sticks"
    folder.mkdir()
    stand = Stand(box, folder)
    yield stand
    stand.source.close()


def test_without_a_stick_all_is_well(stand: Stand) -> None:
    assert stand.turn() == (0, None)
    assert stand.says() == ("empty", "", "")


def test_a_stick_is_read_and_then_may_be_pulled(stand: Stand) -> None:
    stand.helper.plug(stand.stick(images=20))
    assert stand.turn()[1] == 0
    state, code, sentence = stand.says()
    assert (state, code) == ("reading", "stick-reading")
    assert sentence.startswith("Do not pull EXPORT: 8 of 20 files were read")
    assert stand.until_quiet() == 12
    assert stand.says() == ("safe", "stick-safe", "EXPORT may be pulled: 20 new.")
    assert stand.counts() == {"arrived": 20}


@pytest.mark.parametrize("label", ["JEMBATAN-UPDATE", "jembatan-up"])
def test_a_stick_with_an_update_is_no_source(stand: Stand, label: str) -> None:
    stand.helper.plug(stand.stick(images=2), label)
    assert stand.turn() == (0, None)
    assert stand.says() == ("empty", "", "")


def test_what_was_on_the_last_stick_stays_to_be_read(stand: Stand) -> None:
    plugged = stand.helper.plug(stand.stick(images=2))
    stand.until_quiet()
    stand.helper.pull(plugged)
    assert stand.turn() == (0, None)
    assert stand.says() == ("empty", "stick-read", "The last stick was EXPORT: 2 new.")


def test_the_same_stick_again_sends_nothing(stand: Stand) -> None:
    for expected in (5, 0):
        plugged = stand.helper.plug(stand.stick(images=5))
        assert stand.until_quiet() == expected
        stand.helper.pull(plugged)
        stand.turn()
    assert stand.says()[2] == "The last stick was EXPORT: 5 here before."
    assert stand.counts() == {"arrived": 5}


def test_a_stick_pulled_too_early_is_asked_for_again(stand: Stand) -> None:
    plugged = stand.helper.plug(stand.stick(images=20))
    stand.turn()
    stand.helper.pull(plugged)
    stand.box.clock.passes(seconds=2)
    stand.turn()
    state, code, sentence = stand.says()
    assert (state, code) == ("pulled", "stick-pulled")
    assert "8 of 20 files were read" in sentence
    assert stand.counts() == {"arrived": 8}

    plugged = stand.helper.plug(stand.stick())
    assert stand.until_quiet() == 12
    assert stand.says()[2] == "EXPORT may be pulled: 12 new, 8 here before."
    stand.helper.pull(plugged)
    stand.turn()
    assert stand.says()[0] == "empty"


def test_files_that_fail_because_it_was_pulled_are_not_held_against_it(stand: Stand) -> None:
    root = stand.stick(images=20)
    plugged = stand.helper.plug(root)
    stand.turn()
    shutil.rmtree(root)  # what is left of it fails before anybody has heard that it is gone
    assert stand.turn() == (0, 1.0)
    stand.helper.pull(plugged)
    stand.turn()
    assert stand.says()[0] == "pulled"
    assert stand.counts() == {"arrived": 8}


@pytest.mark.parametrize("pulled_before", [True, False])
def test_a_stick_pulled_too_early_is_still_asked_for_after_a_restart(
    stand: Stand, pulled_before: bool
) -> None:
    plugged = stand.helper.plug(stand.stick(images=20))
    stand.turn()
    stand.helper.pull(plugged)
    if pulled_before:
        stand.box.clock.passes(seconds=2)
        stand.turn()
    after = Stand(stand.box, stand.folder)
    after.turn()
    state, code, sentence = after.says()
    assert (state, code) == ("pulled", "stick-pulled")
    assert ("8 of 20" if pulled_before else "the box was off") in sentence
    after.helper.plug(after.stick())
    after.until_quiet()
    assert after.says()[0] == "safe"
    after.source.close()


def test_another_stick_does_not_make_up_for_the_pulled_one(stand: Stand) -> None:
    early = stand.helper.plug(stand.stick("early", images=20), "EARLY")
    stand.turn()
    stand.helper.pull(early)
    late = stand.helper.plug(stand.stick("late", images=1), "LATE")
    stand.box.clock.passes(seconds=2)
    stand.until_quiet()
    assert stand.says()[2].startswith("LATE may be pulled")
    stand.helper.pull(late)
    stand.turn()
    assert stand.says()[2].startswith("EARLY was pulled before all was read")


def test_a_pulled_stick_that_cannot_be_mounted_any_more_is_still_asked_for(stand: Stand) -> None:
    plugged = stand.helper.plug(stand.stick(images=20))
    stand.turn()
    stand.helper.pull(plugged)
    stand.box.clock.passes(seconds=2)
    stand.turn()
    stand.helper.unreadable = "EXPORT cannot be read: its file system is damaged."
    plugged = stand.helper.plug(stand.stick())
    stand.turn()
    assert stand.says()[:2] == ("denied", "cannot-mount")
    stand.helper.pull(plugged)
    stand.turn()
    assert stand.says()[:2] == ("pulled", "stick-pulled")


def test_several_sticks_are_read_at_the_same_time(stand: Stand) -> None:
    stand.helper.plug(stand.stick("one", images=20), "ONE")
    stand.helper.plug(stand.stick("two", images=4), "TWO")
    stand.turn()
    assert stand.counts() == {"arrived": 12}
    assert stand.says()[2].startswith("Do not pull ONE")
    stand.until_quiet()
    assert stand.counts() == {"arrived": 24}


def test_a_file_that_cannot_be_read_is_tried_again_and_the_others_go_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, bad = Taker.take, {"IM00001"}

    def fail(taker: Taker, path: Path, name: str) -> object:
        if name in bad:
            raise OSError(5, "Input/output error")
        return take(taker, path, name)

    monkeypatch.setattr(Taker, "take", fail)
    stand.helper.plug(stand.stick(images=3))
    assert stand.turn() == (1, 1.0)  # in doubt whether it was pulled
    assert stand.until_quiet() == 1
    assert stand.says() == (
        "denied",
        "stick-faulty",
        SOME_MISSING + "1 file(s) could not be read (IM00001: Input/output error); 2 new.",
    )
    bad.clear()
    stand.box.clock.passes(seconds=60)
    assert stand.until_quiet() == 1
    assert stand.says() == ("safe", "stick-safe", "EXPORT may be pulled: 3 new.")


def test_files_that_a_dicomdir_names_and_are_not_there_are_said(stand: Stand) -> None:
    root = stand.stick(images=1)
    named = element(0x00041500, "CS", "IM00000") + element(0x00041500, "CS", r"PAT1\IM7")
    (root / "DICOMDIR").write_bytes(headed(b"") + named)
    stand.helper.plug(root)
    stand.until_quiet()
    state, _, sentence = stand.says()
    assert state == "denied"
    assert "1 file(s) named by its DICOMDIR are missing (PAT1/IM7); 1 new" in sentence


def test_what_a_stick_lacks_is_said_until_it_was_in_again(stand: Stand) -> None:
    root = stand.stick(images=1)
    (root / "DICOMDIR").write_bytes(headed(b"") + element(0x00041500, "CS", "IM7"))
    said = []
    for _ in range(2):
        plugged = stand.helper.plug(root)
        stand.until_quiet()
        stand.helper.pull(plugged)
        stand.turn()
        said.append(stand.says()[:2])
    assert said == [("pulled", "stick-lacking"), ("empty", "")]


def test_what_is_no_export_and_what_is_broken_is_counted(stand: Stand) -> None:
    root = stand.stick(images=2)
    (root / "movie.avi").write_bytes(b"RIFF")
    (root / "cut.dcm").write_bytes(part10("1.2.9")[:-10])
    (root / "link").symlink_to("/etc")
    stand.helper.plug(root)
    stand.until_quiet()
    assert stand.says()[2] == (
        "EXPORT may be pulled: 3 new, 1 of these cut off or broken, 1 no export, left on it, "
        "1 no files but links or devices, left alone."
    )
    assert stand.counts() == {"arrived": 2, "quarantined": 1}


def test_a_worn_stick_is_never_called_safe_and_what_it_shows_is_taken(stand: Stand) -> None:
    stand.helper.is_worn = True
    id_ = stand.helper.plug(stand.stick(images=2))
    assert stand.until_quiet() == 2
    state, code, sentence = stand.says()
    assert (state, code) == ("denied", "stick-faulty")
    assert sentence == (
        SOME_MISSING + "1 folder(s) were not read to the end (.: the medium fails there, and may "
        "hold more than it shows); 2 new."
    )
    stand.helper.pull(id_)
    stand.turn()
    assert stand.says()[:2] == ("pulled", "stick-lacking")


def test_an_empty_stick_is_said_to_be_empty(stand: Stand) -> None:
    stand.helper.plug(stand.stick())
    stand.until_quiet()
    assert stand.says()[2] == "EXPORT may be pulled: there is nothing on it."


def test_a_stick_that_cannot_be_mounted_is_tried_three_times(stand: Stand) -> None:
    stand.helper.plug(stand.stick(images=1))
    stand.helper.unreadable = "EXPORT cannot be read: its file system is damaged."
    waits = []
    for _ in range(3):
        waits.append(stand.turn()[1])
        stand.box.clock.passes(seconds=11)
    assert waits == [10.0, 10.0, None]
    assert stand.says() == ("denied", "cannot-mount", stand.helper.unreadable)


def test_a_stick_that_cannot_be_mounted_at_first_is_read_later(stand: Stand) -> None:
    stand.helper.plug(stand.stick(images=1))
    stand.helper.unreadable = "busy"
    stand.turn()
    stand.helper.unreadable = ""
    stand.box.clock.passes(seconds=11)
    assert stand.until_quiet() == 1
    assert stand.says()[0] == "safe"


def test_without_the_devices_service_that_is_said(stand: Stand) -> None:
    stand.helper.is_there = False
    assert [stand.turn()[1] for _ in range(4)] == [1.0, 1.0, 1.0, 10.0]
    assert stand.says()[:2] == ("denied", "no-helper")
    stand.helper.is_there = True
    stand.turn()
    assert stand.says()[0] == "empty"


def test_a_full_card_loses_nothing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Spool.keep

    def full(*_: object) -> None:
        raise DiskFull(where="the card")

    stand.helper.plug(stand.stick(images=3))
    monkeypatch.setattr(Spool, "keep", full)
    assert stand.turn() == (0, 10.0)
    assert stand.says()[:2] == ("full", "disk-full")
    assert stand.counts() == {}
    monkeypatch.setattr(Spool, "keep", keep)
    assert stand.until_quiet() == 3
    assert stand.says()[0] == "safe"


def test_what_was_taken_before_the_card_was_full_goes_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, room = Spool.keep, [3]

    def filling(spool: Spool, incoming: BinaryIO, *agree: Callable[[str], object]) -> Stored:
        if not room[0]:
            raise DiskFull(where="the card")
        room[0] -= 1
        return keep(spool, incoming, *agree)

    stand.helper.plug(stand.stick(images=5))
    monkeypatch.setattr(Spool, "keep", filling)
    assert stand.turn() == (3, 0)
    assert stand.turn() == (0, 10.0)
    room[0] = 9
    assert stand.until_quiet() == 2


def test_trouble_elsewhere_is_said_where_there_is_no_stick(stand: Stand) -> None:
    trouble: Problem = DiskFull(where="the card")
    stand.source.turn(trouble)
    assert stand.says()[:2] == ("denied", "disk-full")


def test_progress_is_written_once_a_second(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 1)
    stand.helper.plug(stand.stick(images=9))
    stand.turn()
    first = stand.says()
    for _ in range(3):
        stand.turn()
    assert stand.says() == first
    stand.box.clock.passes(seconds=1.5)
    stand.turn()
    assert "5 of 9" in stand.says()[2]


def test_that_a_stick_came_is_said_before_anything_of_it_is_read(stand: Stand) -> None:
    stand.helper.plug(stand.stick(images=1))
    assert stand.source.turn() == (0, 0)
    assert stand.says() == (
        "reading",
        "stick-reading",
        "Do not pull EXPORT: its files are still being counted.",
    )
    assert stand.counts() == {}


def in_folders(stand: Stand, images: int) -> Path:
    """A stick with each image in a folder of its own."""
    root = stand.stick(images=images)
    for image in list(root.iterdir()):
        content = image.read_bytes()
        image.unlink()
        image.mkdir()
        (image / "A.dcm").write_bytes(content)
    return root


def empties(root: Path) -> None:
    """What is left of a FAT stick that was pulled: folders, in which nothing is listed."""
    for file in root.rglob("*.dcm"):
        file.unlink()


def test_folders_that_look_empty_once_it_was_pulled_are_not_all_there_was(stand: Stand) -> None:
    root = in_folders(stand, 20)
    plugged = stand.helper.plug(root)
    assert stand.turn() == (8, 0)
    empties(root)
    stand.source.turn()
    assert "11 file(s) were there and are not any more" in stand.says()[2]
    stand.helper.pull(plugged)
    stand.source.turn()
    assert stand.says()[0] == "pulled"


def test_a_stick_is_safe_only_if_it_was_still_there_after_its_last_file(stand: Stand) -> None:
    root = in_folders(stand, 5)
    plugged = stand.helper.plug(root)
    stand.source.turn()
    empties(root)
    assert stand.source.turn() == (0, 1.0)
    assert stand.says()[0] == "reading"
    stand.helper.pull(plugged)
    stand.box.clock.passes(seconds=1)
    stand.source.turn()
    assert stand.says()[:2] == ("pulled", "stick-pulled")


def test_a_stick_pulled_before_its_files_were_counted_is_asked_for(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> object:
        raise OSError(5, "Input/output error")

    plugged = stand.helper.plug(stand.stick(images=5))
    monkeypatch.setattr(Volume, "files", fail)
    stand.turn()
    assert stand.says()[:2] == ("denied", "cannot-mount")
    stand.helper.pull(plugged)
    stand.source.turn()
    assert stand.says()[:2] == ("pulled", "stick-pulled")


def test_a_stick_that_went_while_the_card_was_full_is_asked_for_after_a_restart(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull(where="the card")

    plugged = stand.helper.plug(stand.stick(images=3))
    with monkeypatch.context() as card:
        card.setattr(Spool, "keep", full)
        stand.turn()
    stand.helper.pull(plugged)
    after = Stand(stand.box, stand.folder)
    after.source.turn()
    assert after.says()[:2] == ("pulled", "stick-pulled")
    after.source.close()


def test_what_one_stick_brought_is_handed_on_though_another_found_the_card_full(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, room = Spool.keep, [3]

    def filling(spool: Spool, incoming: BinaryIO, *agree: Callable[[str], object]) -> Stored:
        if not room[0]:
            raise DiskFull(where="the card")
        room[0] -= 1
        return keep(spool, incoming, *agree)

    monkeypatch.setattr(Spool, "keep", filling)
    stand.helper.plug(stand.stick("one", images=3), "ONE")
    stand.helper.plug(stand.stick("two", images=3), "TWO")
    assert stand.turn() == (3, 10.0)
