from __future__ import annotations

import io
import os
from errno import EACCES, EIO, ENOSPC
from typing import TYPE_CHECKING

import pytest
from inotify_simple import INotify

from appliance.board.drive.image import stamp
from appliance.board.drive.taken import note
from appliance.desk import reset
from appliance.errors import NotUnderstood, UnsentImages
from appliance.intake.accept import fingerprint
from appliance.journal.charge import Charge
from appliance.journal.session import Paths
from appliance.model import Arrival, ItemState
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def refusal(paths: Paths) -> str:
    with pytest.raises(UnsentImages) as caught:
        reset.must_be_empty(paths)
    assert "rescue" in caught.value.hint
    return str(caught.value.facts["what"])


@pytest.mark.parametrize(
    "state", [s for s in ItemState if s not in (ItemState.DONE, ItemState.IGNORED)]
)
def test_whatever_is_not_over_stands_against_a_reset(box: Box, state: ItemState) -> None:
    box.item(state)
    assert refusal(box.paths).startswith("1 image (1 ")


@pytest.mark.parametrize("state", [ItemState.DONE, ItemState.IGNORED])
def test_what_is_over_does_not(box: Box, state: ItemState) -> None:
    box.item(state)
    reset.must_be_empty(box.paths)


def test_the_refusal_says_how_many_of_what(box: Box) -> None:
    for state in (ItemState.DONE, ItemState.HELD, ItemState.ROUTED, ItemState.ROUTED):
        box.item(state)
    assert refusal(box.paths) == (
        "3 images (2 not yet confirmed by every PACS, 1 held for a person)"
    )


def test_a_stored_file_without_a_record_stands_against_it_whoever_has_the_rest(box: Box) -> None:
    box.journal.spool.keep(io.BytesIO(b"pixels"))
    assert refusal(box.paths) == "1 file on the card without a record"
    for state in (Charge.LEAVING, Charge.RELEASING, Charge.LEFT):
        box.journal.charge.set(state, "1", "jembatan-2")
    assert refusal(box.paths) == "1 file on the card without a record"


def test_a_file_in_a_share_that_nobody_took_stands_against_it_too(box: Box) -> None:
    file = box.paths.shares / "cr1" / "day" / "film.tif"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"film")
    assert refusal(box.paths) == "1 file in its network shares"
    arrival = Arrival("cr1", "day/film.tif", file, fingerprint(file.lstat()))
    box.item(ItemState.DONE)
    with box.journal.spool.custody(), file.open("rb") as content:
        stored = box.journal.spool.keep(content)
        box.journal.arrivals.add(
            arrival, stored, evidence_digest="", sidecars={}, modified_at=box.clock.utc()
        )
    assert "1 image (1 not yet read)" in refusal(box.paths)


def test_a_folder_of_a_share_that_cannot_be_read_may_hold_anything(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = box.paths.shares / "cr1" / "day"
    folder.mkdir(parents=True)
    real = os.scandir

    def scandir(place: Path) -> Iterator[os.DirEntry[str]]:
        if place == folder:
            raise OSError(EIO, "Input/output error", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(NotUnderstood, match=r"shares/cr1/day: Input/output error\."):
        reset.must_be_empty(box.paths)
    with pytest.raises(NotUnderstood, match=r"shares/cr1/day: Input/output error\."):
        reset.against(box.journal)


def test_files_are_counted_where_no_folder_can_be_watched_any_more(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = box.paths.shares / "cr1" / "day" / "film.tif"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"film")

    def no_watch_left(*_: object) -> int:
        raise OSError(ENOSPC, "No space left on device")  # inotify(7): max_user_watches

    monkeypatch.setattr(INotify, "add_watch", no_watch_left)
    assert refusal(box.paths) == "1 file in its network shares"


def test_a_drive_that_was_not_all_taken_stands_against_it_whoever_has_the_rest(box: Box) -> None:
    folder = box.paths.drives / "cr"
    folder.mkdir(parents=True)
    image = folder / "000001.img"
    image.write_bytes(b"films")
    assert refusal(box.paths) == "what the modality wrote last on the drive that the box poses as"
    note(image, stamp(image))
    reset.must_be_empty(box.paths)
    image.write_bytes(b"films, and more films")
    box.item(ItemState.HELD)
    for state in (Charge.LEAVING, Charge.RELEASING):
        box.journal.charge.set(state, "1")
    box.journal.charge.set(Charge.LEFT, "1", "jembatan-2")
    assert refusal(box.paths) == "what the modality wrote last on the drive that the box poses as"


def test_a_drive_that_cannot_be_looked_at_may_hold_anything(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(drives: Path) -> list[Path]:
        raise PermissionError(EACCES, "Permission denied", str(drives))

    monkeypatch.setattr(reset, "untaken", forbidden)
    with pytest.raises(NotUnderstood, match="Permission denied"):
        reset.must_be_empty(box.paths)


def test_a_box_that_never_took_an_image_may_be_reset(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path / "run")
    reset.must_be_empty(paths)
    paths.journal.parent.mkdir()
    paths.journal.touch()
    reset.must_be_empty(paths)
    (paths.shares / "cr1").mkdir(parents=True)
    (paths.shares / "cr1" / "film.tif").touch()
    assert refusal(paths) == "1 file in its network shares"


def test_a_journal_that_cannot_be_read_may_hold_anything(tmp_path: Path) -> None:
    paths = Paths(tmp_path, tmp_path / "run")
    paths.journal.parent.mkdir()
    paths.journal.write_bytes(b"no database, " * 1000)
    with pytest.raises(NotUnderstood, match="cannot be told"):
        reset.must_be_empty(paths)


def test_what_a_box_has_handed_over_is_its_spares_once_one_is_known(box: Box) -> None:
    box.item(ItemState.HELD)
    for state in (Charge.LEAVING, Charge.RELEASING, Charge.LEFT):
        box.journal.charge.set(state, "1")
        assert refusal(box.paths)
    for state in (Charge.HERE, Charge.LEAVING, Charge.RELEASING):
        box.journal.charge.set(state, "2")
    box.journal.charge.set(Charge.LEFT, "2", "jembatan-2")
    reset.must_be_empty(box.paths)


def test_what_its_spare_lacks_stands_against_it_for_good(box: Box) -> None:
    for state, lacking in ((Charge.LEAVING, 0), (Charge.RELEASING, 2), (Charge.LEFT, 0)):
        box.journal.charge.set(state, "1", "jembatan-2", lacking=lacking)
    assert refusal(box.paths) == "2 files that the card did not give to its spare"
    box.journal.charge.know_other("1", "jembatan-3")
    assert refusal(box.paths)
    for state in (Charge.HERE, Charge.LEAVING, Charge.RELEASING, Charge.LEFT):
        box.journal.charge.set(state, "2", "jembatan-2")
    reset.must_be_empty(box.paths)


def test_a_box_that_came_by_stick_stands_against_it_until_it_is_in_its_place(box: Box) -> None:
    box.paths.plan.parent.mkdir(parents=True)
    box.paths.plan.touch()
    assert "which came by stick" in refusal(box.paths)


def test_what_came_over_a_line_stands_against_it_whoever_has_the_rest(box: Box) -> None:
    folder = box.paths.serial / "us"
    folder.mkdir(parents=True)
    (folder / "IMG1.dcm").touch()
    assert refusal(box.paths) == "1 file that came over a serial line"
    for state in (Charge.LEAVING, Charge.RELEASING):
        box.journal.charge.set(state, "1")
    box.journal.charge.set(Charge.LEFT, "1", "jembatan-2")
    assert refusal(box.paths) == "1 file that came over a serial line"


def test_images_without_a_journal_may_be_anybodys(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.item(ItemState.DONE)
    box.close()
    for file in box.paths.journal.parent.glob("journal.sqlite*"):
        file.unlink()
    with pytest.raises(NotUnderstood, match="journal is gone"):
        reset.must_be_empty(box.paths)
