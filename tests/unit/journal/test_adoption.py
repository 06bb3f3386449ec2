"""Files that came and that no row names: they stay, and become items again."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.errors import FoundAgain, FoundDamaged, Junk, Refused
from appliance.model import FOUND, ItemState
from appliance.settings.values import bad_name
from tests.builders.box import SITI, Box
from tests.prove import strace
from tests.unit.journal.processes import CHECKOUT, command, process

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.errors import Ignored, Quarantined
    from appliance.model import Item

IN_CUSTODY = """
    with box.journal.spool.custody():
        say("ready")
        wait()
"""


def came(box: Box, content: bytes = b"pixels") -> Path:
    """A file whose row never came to be, or was lost."""
    return box.journal.spool.keep(io.BytesIO(content)).path


def test_what_came_stays_though_no_row_names_it(box: Box) -> None:
    path = came(box)
    assert box.journal.custody.sweep() == []
    assert path.exists()
    assert box.journal.custody.unknown() == {path.name}
    (said,) = box.journal.custody.verify()
    assert said.startswith(f"{path.name}: no row of the journal knows this file; it came from")


def test_what_its_source_brings_once_more_is_an_item_of_that_source(box: Box) -> None:
    path = came(box)
    assert box.accept(content=b"pixels").source == "cr"
    assert box.journal.custody.unknown() == set()
    assert box.journal.custody.adopt(path.name) is None
    assert box.journal.custody.verify() == []


def test_what_nobody_brings_again_becomes_an_item_of_no_source(box: Box) -> None:
    path = came(box)
    number = box.journal.custody.adopt(path.name)
    assert number
    item = box.journal.items.get(number)
    assert (item.source, item.state, item.sha256) == (FOUND, ItemState.ARRIVED, path.name)
    assert item.unsure, "when it came is not known"
    said = [row["sentence"] for row in box.journal.ledger.history(number)]
    assert any("the journal had no record of it" in sentence for sentence in said)
    assert box.journal.custody.verify() == []


def found(box: Box, state: ItemState, content: bytes = b"pixels") -> Item:
    """One that was taken in again, and what became of it."""
    number = box.journal.custody.adopt(came(box, content).name)
    assert number
    item = box.journal.items.get(number)
    if state is ItemState.CONVERTED:
        box.convert()
    if state in {ItemState.HELD, ItemState.QUARANTINED}:
        problem = FoundAgain(name=item.name) if state is ItemState.HELD else FoundDamaged(name="x")
        box.journal.items.stop(box.claim(ItemState.ARRIVED), problem)
    if state is ItemState.IGNORED:
        box.journal.items.decide_item(number, state, code="", why="A letter.", who="Sari")
    return box.journal.items.get(number)


@pytest.mark.parametrize(
    "state",
    [
        ItemState.ARRIVED,
        ItemState.CONVERTED,
        ItemState.HELD,
        ItemState.QUARANTINED,
        ItemState.IGNORED,
    ],
)
def test_what_its_source_brings_later_goes_on_in_its_place(box: Box, state: ItemState) -> None:
    """With its profile, its name and its sidecars; also where somebody had discarded it."""
    before = found(box, state)
    item = box.accept("film.tif", b"pixels")
    assert (item.id != before.id, item.source, item.state) == (True, "cr", ItemState.ARRIVED)
    assert box.journal.items.get(before.id).state is ItemState.IGNORED
    assert box.journal.custody.verify() == []


@pytest.mark.parametrize("verdict", [Junk(name="film.tmp"), FoundDamaged(name="film.tif")])
def test_what_is_itself_set_aside_takes_nobodys_place(
    box: Box, verdict: Ignored | Quarantined
) -> None:
    before = found(box, ItemState.HELD)
    box.accept("film.tmp", b"pixels", verdict=verdict)
    assert box.journal.items.get(before.id).state is ItemState.HELD


def test_what_a_person_has_decided_about_goes_on(box: Box) -> None:
    before = found(box, ItemState.CONVERTED)
    box.journal.items.stop(box.claim(ItemState.CONVERTED), FoundAgain(name=before.name))
    box.journal.items.released(before.id, SITI, code="", why="It is SITI.", who="Sari")
    box.accept("film.tif", b"pixels")
    assert box.journal.items.get(before.id).state is ItemState.IDENTIFIED


def test_what_somebody_is_just_working_on_goes_on(box: Box) -> None:
    before = found(box, ItemState.ARRIVED)
    claimed = box.claim(ItemState.ARRIVED)
    box.accept("film.tif", b"pixels")
    assert box.journal.items.get(before.id).state is ItemState.ARRIVED
    box.journal.items.stop(claimed, FoundAgain(name=before.name))


def test_no_settings_can_have_a_source_of_that_name() -> None:
    """So its profile is that of a source that is gone, which trusts nobody."""
    assert bad_name(FOUND)


def test_what_is_damaged_is_set_aside_and_said(box: Box) -> None:
    path = came(box, b"broken")
    path.write_bytes(b"brokem")
    number = box.journal.custody.adopt(path.name)
    assert number
    (row,) = box.journal.ledger.attention()
    assert (row["id"], row["code"]) == (number, "found-damaged")
    assert path.exists()
    assert box.journal.custody.unknown() == set()


def test_what_is_not_there_is_not_taken_in(box: Box) -> None:
    assert box.journal.custody.adopt("0" * 64) is None


def test_what_was_let_go_is_not_taken_in_again(box: Box) -> None:
    item = box.accept("film.tif", b"pixels", sidecars={"film.csv": b"4711"})
    for step in (box.convert, box.identify, box.route, box.send, box.confirm):
        step()
    assert box.journal.custody.purge(box.clock.utc() + timedelta(days=1)) == 1
    again = {came(box).name, came(box, b"4711").name}
    assert again == {item.sha256, *item.sidecars.values()}
    assert box.journal.custody.unknown() == set()
    assert set(box.journal.custody.sweep()) == again


def test_what_is_made_of_the_same_bytes_does_not_make_them_needless(box: Box) -> None:
    path = came(box)
    box.journal.spool.make(lambda write: write(b"pixels"))
    assert box.journal.custody.sweep() == []
    assert box.journal.custody.unknown() == {path.name}


def test_what_nobody_can_look_at_stays(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    path = came(box)
    monkeypatch.setattr(type(path), "lstat", unreadable)
    assert box.journal.custody.sweep() == []


def unreadable(_: Path) -> None:
    raise OSError(5, "Input/output error")


def test_the_file_of_a_killed_process_is_taken_in_once(box: Box, tmp_path: Path) -> None:
    """Killed behind the last write of a COMMIT: its row is in the WAL, and nobody sees it."""
    box.accept("first")
    words = strace.killing("fdatasync", 1, tmp_path / "record")
    script = command('box.accept("second")', box.paths.root)
    assert subprocess.run([*words, *script], cwd=CHECKOUT, check=False).returncode != 0
    assert [box.journal.custody.adopt(name) for name in box.journal.custody.unknown()] == [2]
    left = tmp_path / "after the power cut"
    shutil.copytree(box.paths.root / "var", left / "var", ignore=shutil.ignore_patterns("*-shm"))
    again = Box(left)
    assert again.journal.custody.verify() == []
    assert again.journal.ledger.item_counts() == {ItemState.ARRIVED: 2}
    assert {row["source"] for row in again.journal.ledger.unfinished(9)} == {"cr", FOUND}
    again.close()


def test_rows_that_a_card_lost_cost_no_image(tmp_path: Path) -> None:
    """One garbled block in the WAL: what was committed behind it is gone, and SQLite is well."""
    box = Box(tmp_path / "box")
    accepted = {box.accept().sha256 for _ in range(40)}
    left = tmp_path / "after the power cut"
    shutil.copytree(box.paths.root / "var", left / "var", ignore=shutil.ignore_patterns("*-shm"))
    box.close()
    with (left / "var" / "journal.sqlite-wal").open("r+b") as wal:
        wal.seek(wal.seek(0, io.SEEK_END) // 2)
        wal.write(b"\xff" * 4096)
    again = Box(left)
    lost = accepted - {row["sha256"] for row in again.journal.ledger.unfinished(99)}
    assert lost
    assert again.journal.custody.sweep() == []
    assert len(again.journal.custody.verify()) == len(lost)
    assert all(again.journal.custody.adopt(name) for name in again.journal.custody.unknown())
    assert again.journal.custody.verify() == []
    assert again.journal.ledger.item_counts() == {ItemState.ARRIVED: 40}
    again.close()


def test_nothing_is_taken_in_while_a_service_is_still_storing(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.journal.custody._MOMENT_S", 0.05)
    path = came(box)
    with process(IN_CUSTODY, box.paths.root) as other:
        assert other.line() == "ready"
        with pytest.raises(Refused, match="a service is still storing one"):
            box.journal.custody.adopt(path.name)
    assert box.journal.custody.unknown() == {path.name}
