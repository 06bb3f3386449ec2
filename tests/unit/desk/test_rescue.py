from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sqlite3
from errno import EIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.desk.rescue import rescue
from appliance.errors import DiskFull, NotThere
from appliance.model import ItemState
from tests.builders.box import NOT_ANSWERING, Box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def test_what_no_pacs_has_is_copied_and_what_one_has_is_not(box: Box, tmp_path: Path) -> None:
    unsent = box.one_of_each()
    found = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    wanted = {s for s in ItemState if s not in (ItemState.DONE, ItemState.IGNORED)}
    assert unsent
    assert len(found) >= len(wanted)
    for each in found:
        copy = tmp_path / "out" / each.file
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == each.sha256
        assert not each.note


def test_the_list_says_whose_it_is_and_where_it_stands(box: Box, tmp_path: Path) -> None:
    item = box.item(ItemState.ROUTED, "day 1/=film.tif")
    box.journal.deliveries.defer(box.take_up(), NOT_ANSWERING, box.clock.utc(), forgive=True)
    rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    (told,) = json.loads((tmp_path / "out" / "list.json").read_text())
    assert told["item"] == item.id
    assert told["name"] == "day 1/=film.tif"
    assert (told["patient_id"], told["patient_name"]) == ("4711", "SITI")
    assert told["state"] == "not yet confirmed by every PACS"
    assert told["deliveries"].startswith("pacs: deferred.")
    assert told["file"] == f"images/{item.id:06}_day 1_=film.tif"
    with (tmp_path / "out" / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["patient_name"] == "SITI"


def test_a_name_that_a_table_calculator_would_run_is_text(box: Box, tmp_path: Path) -> None:
    box.accept("=cmd.tif")
    rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    text = (tmp_path / "out" / "list.csv").read_text(encoding="utf-8-sig")
    assert "'=cmd.tif" in text


def test_sidecars_come_along(box: Box, tmp_path: Path) -> None:
    box.accept("film.tif", sidecars={"film.json": b"{}"})
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert (tmp_path / "out" / found.sidecars).read_bytes() == b"{}"


def test_bytes_that_are_gone_or_changed_are_said_so(box: Box, tmp_path: Path) -> None:
    gone, changed = box.accept("a.tif"), box.accept("b.tif")
    box.journal.spool.path(gone.sha256).unlink()
    box.journal.spool.path(changed.sha256).write_bytes(b"other")
    found = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert [each.note.split(": ")[-1] for each in found] == [
        "The bytes of 000001_a.tif are not on the card.",
        "its bytes have changed on the card.",
    ]
    assert not found[0].file
    assert found[1].file


def test_a_file_that_was_never_taken_is_copied_too(box: Box, tmp_path: Path) -> None:
    file = box.paths.shares / "cr1" / "day" / "film.tif"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"film")
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert (found.state, found.file) == ("never taken", "not-taken/cr1/000001_day_film.tif")
    assert (tmp_path / "out" / found.file).read_bytes() == b"film"


def test_a_drive_that_was_not_all_taken_comes_whole(box: Box, tmp_path: Path) -> None:
    folder = box.paths.drives / "cr"
    folder.mkdir(parents=True)
    (folder / "000001.img").write_bytes(b"a disk")
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert (found.state, found.file) == ("never taken", "not-taken/cr/000001.img")
    assert (tmp_path / "out" / found.file).read_bytes() == b"a disk"
    assert "image of a disk" in found.note


def without(journal: Path) -> None:
    for file in journal.parent.glob("journal.sqlite*"):
        file.unlink()


def emptied(journal: Path) -> None:
    without(journal)
    journal.touch()


def spoilt(journal: Path) -> None:
    without(journal)
    journal.write_bytes(b"no database, " * 1000)


def holed(journal: Path) -> None:
    """It opens, and what it says of items is gone."""
    with sqlite3.connect(journal) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'item'").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with journal.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@pytest.mark.parametrize("harm", [without, emptied, spoilt, holed])
def test_without_a_journal_all_comes_that_was_ever_taken_in(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    box = Box(tmp_path / "box")
    box.accept("a.png", _PNG, sidecars={"a.json": b"{}"})
    (box.paths.shares / "cr1").mkdir(parents=True)
    (box.paths.shares / "cr1" / "b.tif").write_bytes(b"film")
    content = {file.name for file in box.paths.spool.glob("??/*")}
    box.close()
    harm(box.paths.journal)
    found = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert {each.sha256 for each in found if each.sha256} == content
    assert {each.state for each in found} == {"not known", "never taken"}
    for each in found:
        assert (tmp_path / "out" / each.file).stat().st_size == each.size_bytes
    assert any(each.file.endswith(".png") for each in found)


def test_what_came_over_a_line_and_was_not_taken_in_comes_too(box: Box, tmp_path: Path) -> None:
    folder = box.paths.serial / "us"
    folder.mkdir(parents=True)
    (folder / "IMG1.dcm").write_bytes(b"film")
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert (found.state, found.source) == ("never taken", "us")
    assert (tmp_path / "out" / found.file).read_bytes() == b"film"


def test_a_box_that_came_by_stick_and_is_not_in_its_place_yet_comes_too(
    box: Box, tmp_path: Path
) -> None:
    came = Box(box.paths.coming)
    came.accept("film.tif")
    came.close()
    assert rescue(box.paths.root, tmp_path / "work", tmp_path / "first") == []
    box.paths.plan.touch()
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert found.name == "film.tif"
    assert (tmp_path / "out" / found.file).exists()


def test_a_full_disk_is_said_and_what_was_copied_is_on_the_list(box: Box, tmp_path: Path) -> None:
    first, second = box.accept("a.tif"), box.accept("b.tif")
    images = tmp_path / "out" / "images"
    images.mkdir(parents=True)
    (images / f"{second.id:06}_b.tif").symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    (told,) = json.loads((tmp_path / "out" / "list.json").read_text())
    assert told["item"] == first.id


def test_files_whose_names_are_plain_alike_do_not_take_each_others_place(
    box: Box, tmp_path: Path
) -> None:
    folder = box.paths.shares / "cr1"
    folder.mkdir(parents=True)
    for name in ("Иванов.jpg", "Петров.jpg"):
        (folder / name).write_text(name)
    found = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    copies = {each.name: (tmp_path / "out" / each.file).read_text() for each in found}
    assert copies == {"Иванов.jpg": "Иванов.jpg", "Петров.jpg": "Петров.jpg"}


def test_a_file_that_cannot_be_read_is_told_and_the_rest_comes(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, drive = box.paths.shares / "cr1", box.paths.drives / "cr2"
    for place in (folder, drive):
        place.mkdir(parents=True)
    for name in ("a.tif", "b.tif"):
        (folder / name).write_text(name)
    (drive / "000001.img").touch()
    copy = shutil.copyfile

    def dying(source: Path, target: Path, *, follow_symlinks: bool) -> None:
        if source.name in {"a.tif", "000001.img"}:
            raise OSError(EIO, "Input/output error")
        copy(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr("appliance.desk.rescue.shutil.copyfile", dying)
    found = {each.name: each for each in rescue(box.paths.root, tmp_path / "w", tmp_path / "out")}
    assert found["a.tif"].note.endswith("_a.tif could not be read to its end: Input/output error.")
    assert not found["a.tif"].file
    assert found["000001.img"].note.endswith("Input/output error.")
    assert (tmp_path / "out" / found["b.tif"].file).read_text() == "b.tif"
    assert "a.tif" in (tmp_path / "out" / "list.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("has_journal", [True, False])
def test_a_folder_that_cannot_be_read_is_told_and_the_rest_comes(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_journal: bool
) -> None:
    for name in ("day/a.tif", "b.tif"):
        file = box.paths.shares / "cr1" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    if not has_journal:
        without(box.paths.journal)
    real = os.scandir

    def scandir(place: Path) -> Iterator[os.DirEntry[str]]:
        if Path(place).name == "day":
            raise OSError(EIO, "Input/output error", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    found = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert [(each.name, bool(each.file)) for each in found] == [
        ("b.tif", True),
        ("shares/cr1/day", False),
    ]
    assert found[1].note == (
        "It could not be read: Input/output error. What is in it is not here."
    )


def test_names_that_no_file_may_have_are_made_plain(box: Box, tmp_path: Path) -> None:
    box.accept("../../etc/pass\u202ewd:*?")
    (found,) = rescue(box.paths.root, tmp_path / "work", tmp_path / "out")
    assert found.file == "images/000001__.._etc_pass_wd___"
    assert (tmp_path / "out" / found.file).is_file()


def test_a_card_without_a_journal_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="never taken an image"):
        rescue(tmp_path, tmp_path / "work", tmp_path / "out")
