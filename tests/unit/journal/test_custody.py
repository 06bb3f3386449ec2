from __future__ import annotations

import os
import shutil
import stat
import subprocess
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.errors import NobodyAnswers, Refused
from appliance.model import Body, BodyKind, DeliveryState, Evidence, ItemState, Slice
from tests.builders.box import EXPLICIT, NOT_ANSWERING, Box
from tests.prove import strace
from tests.unit.journal.processes import CHECKOUT, command, process

if TYPE_CHECKING:
    from pathlib import Path

BETWEEN_PUBLISH_AND_COMMIT = """
    import io
    with box.journal.spool.custody():
        print(box.journal.spool.make(lambda write: write(b"new")).sha256, flush=True)
        wait()
    wait()
"""

ALWAYS_STORING = """
    say("ready")
    import time
    while True:
        with box.journal.spool.custody():
            time.sleep(0.02)
"""

HALF_A_DRAFT = """
    def produce(write):
        write(b"half")
        say("ready")
        wait()
    box.journal.spool.make(produce)
"""


def made_file(box: Box, content: bytes) -> Path:
    """Of another file here, as convert makes them."""
    return box.journal.spool.make(lambda write: write(content)).path


def drafts(box: Box) -> list[Path]:
    return list((box.paths.spool / "tmp").iterdir())


def old(box: Box, state: ItemState = ItemState.DONE) -> Path:
    """The bytes of an item that reached its state 40 days ago."""
    path = box.journal.spool.path(box.item(state).sha256)
    box.clock.passes(days=40)
    return path


# --- purge: confirmed and old, never anything else --------------------------------------------


def test_confirmed_bytes_are_let_go_when_they_are_old(box: Box) -> None:
    old_one = old(box)
    new_one = box.journal.spool.path(box.item(ItemState.DONE).sha256)
    assert box.journal.custody.purge(box.clock.utc() - timedelta(days=30)) == 1
    assert not old_one.exists()
    assert new_one.exists()
    assert box.journal.custody.verify() == []


@pytest.mark.parametrize("state", sorted(set(ItemState) - {ItemState.DONE}))
def test_nothing_else_is_ever_let_go(box: Box, state: ItemState) -> None:
    path = old(box, state)
    assert box.journal.custody.purge(box.clock.utc(), oldest=9) == 0
    assert path.exists()


UNDERWAY = sorted(set(DeliveryState) - {DeliveryState.WAITING, DeliveryState.CONFIRMED})


@pytest.mark.parametrize("state", UNDERWAY)
def test_nothing_is_let_go_while_a_delivery_is_not_confirmed(
    box: Box, state: DeliveryState
) -> None:
    item, _ = box.delivery(state)
    box.clock.passes(days=40)
    assert box.journal.custody.purge(box.clock.utc(), oldest=9) == 0
    assert box.journal.spool.path(item.sha256).exists()


def test_where_room_is_short_the_longest_confirmed_go_first(box: Box) -> None:
    first, second, third = old(box), old(box), old(box)
    assert box.journal.custody.purge(box.clock.utc() - timedelta(days=999), oldest=2) == 2
    assert [path.exists() for path in (first, second, third)] == [False, False, True]


def test_bytes_that_another_item_needs_stay(box: Box) -> None:
    box.accept("one.tif", b"pixels", evidence_digest="one")
    for step in (box.convert, box.identify, box.route, box.send, box.confirm):
        step()
    box.accept("two.tif", b"pixels", evidence_digest="two")
    box.clock.passes(days=40)
    assert box.journal.custody.purge(box.clock.utc()) == 1
    assert box.journal.custody.verify() == []


def test_rows_and_their_uids_stay_for_good(box: Box) -> None:
    box.accept("film.tif", b"pixels")
    for step in (box.convert, box.identify, box.route, box.send, box.confirm):
        step()
    box.clock.passes(days=40)
    box.journal.custody.purge(box.clock.utc())
    again = box.accept("again.tif", b"pixels")
    assert again.state is ItemState.DONE
    box.journal.custody.sweep()
    assert box.journal.custody.verify() == []


# --- sweep: what no row needs, and nobody is just bringing ------------------------------------


def test_strays_are_swept_and_everything_that_is_needed_stays(box: Box) -> None:
    item = box.accept("film.tif", b"pixels", sidecars={"film.csv": b"4711"})
    box.claim(ItemState.ARRIVED)
    decoded = made_file(box, b"decoded")
    slices = box.body(item).slices
    body = Body(1, BodyKind.PIXELS, EXPLICIT, "ab", slices, {})
    other = Body(2, BodyKind.PIXELS, EXPLICIT, "cd", (Slice(decoded, 0, 7),), {})
    box.journal.items.converted(item, (body, other), Evidence())
    stray = made_file(box, b"nobody's")
    assert box.journal.custody.sweep() == [stray.name]
    assert box.journal.custody.verify() == []
    assert decoded.exists()


def test_bytes_that_another_process_is_bringing_are_not_swept(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.journal.spool._PATIENCE_S", 0.05)
    with process(BETWEEN_PUBLISH_AND_COMMIT, box.paths.root) as other:
        path = box.journal.spool.path(other.line())
        assert box.journal.custody.sweep() == []
        assert path.exists()
        other.go_on()
        # It left without a row, which nobody does; now they are nobody's.
        assert box.journal.custody.sweep() == [path.name]


def test_the_bytes_of_a_killed_process_are_swept(box: Box) -> None:
    with process(BETWEEN_PUBLISH_AND_COMMIT, box.paths.root) as other:
        name = other.line()
        other.kill()
    assert box.journal.custody.sweep() == [name]


def test_what_a_killed_process_did_not_come_to_commit_does_not_come_back(
    box: Box, tmp_path: Path
) -> None:
    """Killed behind the last write of a COMMIT: its row is in the WAL, and nobody sees it."""
    box.accept("first")
    words = strace.killing("fdatasync", 1, tmp_path / "record")
    script = command('box.accept("second")', box.paths.root)
    assert subprocess.run([*words, *script], cwd=CHECKOUT, check=False).returncode != 0
    (name,) = box.journal.custody.unknown()
    path = box.journal.spool.path(name)
    path.chmod(path.stat().st_mode | stat.S_ISVTX)  # else it would stay
    assert box.journal.custody.sweep() == [name]
    left = tmp_path / "after the power cut"
    shutil.copytree(box.paths.root / "var", left / "var", ignore=shutil.ignore_patterns("*-shm"))
    again = Box(left)
    assert again.journal.custody.verify() == []
    assert again.journal.ledger.item_counts() == {ItemState.ARRIVED: 1}
    again.close()


def test_a_busy_road_does_not_put_off_the_sweep(box: Box) -> None:
    stray = made_file(box, b"nobody's")
    with (
        process(ALWAYS_STORING, box.paths.root) as one,
        process(ALWAYS_STORING, box.paths.root) as two,
    ):
        assert [one.line(), two.line()] == ["ready", "ready"]
        assert box.journal.custody.sweep() == [stray.name]


def test_the_draft_of_a_killed_process_is_swept(box: Box) -> None:
    with process(HALF_A_DRAFT, box.paths.root) as other:
        assert other.line() == "ready"
        assert len(drafts(box)) == 1
        other.kill()
    box.journal.custody.sweep()
    assert drafts(box) == []


def test_a_file_that_cannot_have_come_from_here_is_swept_too(box: Box) -> None:
    odd = box.paths.spool / "ab" / "lost+found"
    odd.parent.mkdir()
    odd.write_bytes(b"?")
    assert box.journal.custody.sweep() == ["lost+found"]
    assert not odd.exists()


# --- verify -----------------------------------------------------------------------------------


def test_a_box_in_use_is_clean(box: Box) -> None:
    assert box.journal.custody.verify() == []
    box.one_of_each()
    assert box.journal.custody.verify() == []


def test_verify_finds_a_missing_file(box: Box) -> None:
    item = box.accept()
    box.journal.spool.path(item.sha256).unlink()
    assert box.journal.custody.verify() == [
        f"{item.sha256}: the journal needs these bytes and they are gone"
    ]


def test_verify_finds_a_missing_sidecar(box: Box) -> None:
    item = box.accept("film.tif", sidecars={"film.csv": b"4711"})
    box.journal.spool.path(item.sidecars["film.csv"]).unlink()
    assert "they are gone" in box.journal.custody.verify()[0]


def test_verify_finds_one_changed_byte(box: Box) -> None:
    item = box.accept(content=b"pixels")
    box.journal.spool.path(item.sha256).write_bytes(b"pixelz")
    assert box.journal.custody.verify() == [
        f"{item.sha256}: the file's content is not what was accepted"
    ]


def test_verify_finds_a_file_that_nobody_knows(box: Box) -> None:
    path = made_file(box, b"nobody's")
    assert box.journal.custody.verify() == [f"{path.name}: no row of the journal knows this file"]


def test_what_was_let_go_and_waits_for_the_sweep_is_known(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge that is cut off before its sweep: bytes, sidecars, slices and pieces lie there."""
    box.accept("film.tif", b"pixels", sidecars={"film.csv": b"4711"})
    item = box.claim(ItemState.ARRIVED)
    decoded = Slice(made_file(box, b"decoded"), 0, 7)
    bodies = (box.body(item), Body(2, BodyKind.PIXELS, EXPLICIT, "cd", (decoded,), {}))
    box.journal.items.converted(item, bodies, Evidence())
    for step in (box.identify, box.route, box.send, box.confirm):
        step()
    monkeypatch.setattr("appliance.journal.spool._PATIENCE_S", 0.05)
    with process(BETWEEN_PUBLISH_AND_COMMIT, box.paths.root) as other:
        new = box.journal.spool.path(other.line())
        assert box.journal.custody.purge(box.clock.utc() + timedelta(days=1)) == 1
    left = {file.name for file in box.journal.spool.files()} - {new.name}
    assert left >= {item.sha256, *item.sidecars.values(), decoded.path.name}
    assert box.journal.custody.verify() == [f"{new.name}: no row of the journal knows this file"]
    assert set(box.journal.custody.sweep()) == {*left, new.name}


def test_verify_finds_a_file_in_the_wrong_place(box: Box) -> None:
    item = box.accept()
    right = box.journal.spool.path(item.sha256)
    wrong = box.paths.spool / ("00" if right.parent.name != "00" else "01") / item.sha256
    wrong.parent.mkdir(exist_ok=True)
    wrong.hardlink_to(right)
    right.unlink()
    assert [line.split(": ")[1] for line in box.journal.custody.verify()] == [
        "the journal needs these bytes and they are gone",
        "no row of the journal knows this file",
    ]


def test_verify_says_that_a_card_cannot_be_read(box: Box) -> None:
    item = box.accept()
    path = box.journal.spool.path(item.sha256)
    path.unlink()
    path.mkdir()  # as good as a read error for whoever wants its bytes
    assert box.journal.custody.verify() == [
        f"{item.sha256}: the file cannot be read: Is a directory"
    ]


def test_verify_finds_a_broken_page(tmp_path: Path) -> None:
    box = Box(tmp_path)
    for _ in range(200):
        box.item(ItemState.QUARANTINED)
    box.close()
    page = 4096
    with box.paths.journal.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for number in range(size // page * 3 // 4, size // page):  # behind those of the schema
            file.seek(number * page + 8)
            file.write(b"\xff" * 64)
    with closing(Box(tmp_path)) as broken:
        assert broken.journal.custody.verify()


def test_verify_does_not_wait_for_ever_for_a_service_that_hangs(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.journal.custody._PATIENCE_S", 0.05)
    with process(BETWEEN_PUBLISH_AND_COMMIT, box.paths.root) as other:
        other.line()
        with pytest.raises(Refused, match="a service is still storing one"):
            box.journal.custody.verify()


# --- places -----------------------------------------------------------------------------------


def test_a_place_remembers_since_when_and_when_it_last_worked(box: Box) -> None:
    def place() -> tuple[str, ...]:
        row = box.journal.ledger.places()[0]
        return (row["state"], row["code"], row["changed_at"][11:16], row["last_ok_at"][11:16])

    tell = box.journal.custody.set_place
    tell("destination", "pacs", "up", ok=True)
    assert place() == ("up", "", "09:26", "09:26")
    box.clock.passes(minutes=1)
    tell("destination", "pacs", "up", ok=True)
    assert place() == ("up", "", "09:26", "09:27")
    box.clock.passes(minutes=1)
    tell("destination", "pacs", "down", NOT_ANSWERING)
    box.clock.passes(minutes=1)
    tell("destination", "pacs", "down", NobodyAnswers(path="pacs", why="still not"))
    assert place() == ("down", "nobody-answers", "09:28", "09:27")


def test_a_place_in_another_state_is_news_once(box: Box) -> None:
    custody = box.journal.custody
    assert not custody.has_news()
    custody.set_place("source", "us", "reading")
    assert custody.has_news()
    assert not custody.has_news()
    custody.set_place("source", "us", "reading", NOT_ANSWERING)
    assert not custody.has_news()
    custody.set_place("source", "us", "safe")
    assert custody.has_news()


def test_a_place_remembers_how_far_it_is_while_somebody_says_so(box: Box) -> None:
    def progress() -> tuple[int, int]:
        row = box.journal.ledger.places()[0]
        return (row["done"], row["total"])

    tell = box.journal.custody.set_place
    tell("source", "us", "reading", NobodyAnswers(path="x", why="y", done=3, total=10))
    assert progress() == (3, 10)
    tell("source", "us", "safe")
    assert progress() == (0, 0)


def test_compacting_keeps_everything(box: Box) -> None:
    items = [box.item(ItemState.DONE) for _ in range(5)]
    made_file(box, b"nobody's")
    box.journal.custody.compact()
    assert [box.journal.items.get(item.id) for item in items] == items
    assert box.journal.custody.verify() == []
