from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.errors import DiskFull, JournalFault, JournalNewer
from appliance.journal.database import Database, migrations, queries
from appliance.model import ItemState
from tests.builders.box import Box
from tests.unit.journal.processes import CHECKOUT, process

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[2] / "data" / "journals"


def schema_of(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


# --- every journal that was ever released opens ------------------------------------------------


@pytest.mark.parametrize("sample", sorted(path.name for path in SAMPLES.glob("*.sqlite")))
def test_a_journal_of_every_released_schema_opens_with_all_it_knew(
    tmp_path: Path, sample: str
) -> None:
    (tmp_path / "var").mkdir()
    shutil.copy(SAMPLES / sample, tmp_path / "var" / "journal.sqlite")
    box = Box(tmp_path)
    assert box.journal.ledger.item_counts() == dict.fromkeys(ItemState, 1)
    films = box.journal.ledger.films("", "", "9", 99)
    assert {row["name"] for row in films} == {f"{state}.tif" for state in ItemState}
    assert box.claim(ItemState.IDENTIFIED).identity is not None
    assert len(box.take_up().instances) == 1
    box.close()
    assert version_of(box.paths.journal) == len(migrations())


def test_a_released_migration_is_never_edited(tmp_path: Path) -> None:
    """The newest sample is exactly what the migrations make today."""
    Box(tmp_path).close()
    newest = SAMPLES / f"schema{len(migrations())}.sqlite"
    assert schema_of(tmp_path / "var" / "journal.sqlite") == schema_of(newest), (
        "add a migration; before the first release: python -m tests.data.journals.make"
    )


def test_a_newer_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("CREATE TABLE things_to_come (x)")
        connection.commit()
    with pytest.raises(JournalNewer, match=r"newer Jembatan \(schema 99, this one knows \d+\)"):
        Database(path)
    assert version_of(path) == 99
    assert [row[1] for row in schema_of(path)] == ["things_to_come"]


def test_an_interrupted_migration_is_as_if_it_had_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    Database(path).close()
    before = schema_of(path)
    broken = [*migrations(), "CREATE TABLE next (x);\nINSERT INTO nowhere VALUES (1);\n"]
    monkeypatch.setattr("appliance.journal.database.migrations", lambda: broken)
    with pytest.raises(JournalFault, match="nowhere"):
        Database(path)
    assert schema_of(path) == before
    assert version_of(path) == len(broken) - 1


def test_a_migration_is_split_at_statements_and_not_within_triggers(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Database(path).close()
    assert {name for kind, name, _ in schema_of(path) if kind == "trigger"} >= {
        "history_is_kept",
        "item_moves",
        "delivery_moves",
    }


OPEN_MANY = """
    from appliance.journal.database import Database
    say("ready")
    wait()
    for number in range(40):
        Database(box.paths.root / str(number) / "journal.sqlite").close()
    say("open")
"""


def test_processes_that_make_a_new_journal_at_once_all_get_it(tmp_path: Path) -> None:
    with ExitStack() as running:
        others = [running.enter_context(process(OPEN_MANY, tmp_path)) for _ in range(4)]
        assert [other.line() for other in others] == ["ready"] * 4
        for other in others:
            other.go_on()
        assert [other.rest() for other in others] == [["open"]] * 4


# --- statements -------------------------------------------------------------------------------


def test_every_statement_is_used_and_every_used_one_is_there() -> None:
    code = "".join(file.read_text() for file in (CHECKOUT / "appliance/journal").glob("*.py"))
    assert [name for name in queries() if f'"{name}"' not in code] == []


def test_every_statement_compiles(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Database(path).close()
    with closing(sqlite3.connect(path)) as connection:
        for statement in queries().values():
            names = dict.fromkeys(sqlite_names(statement))
            connection.execute(f"EXPLAIN {statement}", names)


def sqlite_names(statement: str) -> list[str]:
    words = statement.replace(",", " ").replace(")", " ").replace("(", " ").replace(";", " ")
    return [word[1:] for word in words.split() if word.startswith(":")]


# --- all or nothing ---------------------------------------------------------------------------


def test_a_transaction_that_fails_leaves_nothing(box: Box) -> None:
    item = box.accept()
    database = box.journal._db  # noqa: SLF001
    half = {"item_id": item.id, "now": "", "who": "", "code": "", "sentence": "half"}
    with pytest.raises(KeyboardInterrupt), database.write(durable=True):
        raise KeyboardInterrupt(database.run("remark", **half))
    assert len(box.journal.ledger.history(item.id)) == 1
    box.accept()  # and the next one works


HALF_A_TRANSACTION = """
    database = box.journal._db
    with database.write(durable=True):
        database.run("remark", item_id=1, now="", who="", code="", sentence="half")
        say("ready")
        wait()
"""


def test_a_process_killed_within_a_transaction_leaves_nothing_and_blocks_nobody(box: Box) -> None:
    item = box.accept()
    with process(HALF_A_TRANSACTION, box.paths.root) as other:
        assert other.line() == "ready"
        other.kill()
    box.accept()
    assert len(box.journal.ledger.history(item.id)) == 1
    assert box.journal.custody.verify() == []


# --- a broken file ----------------------------------------------------------------------------


def test_a_file_that_is_no_journal_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this was a holiday picture once" * 999)
    with pytest.raises(JournalFault, match=r"journal\.sqlite could not be read or written"):
        Database(path)


def test_a_place_where_nothing_can_be_opened_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(JournalFault, match="unable to open"):
        Database(tmp_path / "journal.sqlite")


def test_a_lost_page_is_said_in_a_sentence(tmp_path: Path) -> None:
    box = Box(tmp_path)
    for _ in range(50):
        box.accept()
    box.close()
    size = box.paths.journal.stat().st_size
    with box.paths.journal.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(size - 4096))
    with pytest.raises(JournalFault, match="malformed"), closing(Box(tmp_path)) as box:
        box.accept("new.tif")


# --- a full disk ------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size_kib: int) -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def leave(ballast: Path, free_kib: int) -> None:
    """Fill the disk up to the last page, then make so much room."""
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, ballast.stat().st_size - free_kib * 1024)


def go(box: Box) -> Iterator[str]:
    """The whole road, step by step; a step's name before it is taken."""
    yield "accept"
    box.accept("film.tif", bytes(20_000))
    for step in (box.convert, box.identify, box.route, box.send, box.confirm):
        yield step.__name__
        step()


def stopped_at(box: Box, full_from: str, ballast: Path, free_kib: int) -> str:
    """Go as far as there is room, which gets short before one step; the step with too little."""
    step = ""
    with suppress(DiskFull):
        for step in go(box):
            if step == full_from:
                leave(ballast, free_kib)
        return ""
    return step


def finish(box: Box) -> None:
    """Whatever state the item is in, to the end."""
    state = box.accept("film.tif", bytes(20_000)).state
    order = [ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED]
    if state in order:
        for step in (box.convert, box.identify, box.route)[order.index(state) :]:
            step()
    if state is not ItemState.DONE:
        if "sent" not in box.journal.ledger.delivery_counts()["pacs"]:
            box.send()
        box.confirm()


@pytest.mark.parametrize(
    ("full_from", "steps"),
    [
        # Intake leaves room for what is here already, so it is the first to stop.
        ("accept", {"accept", ""}),
        ("convert", {"convert", "identify", "route", "send", "confirm", ""}),
    ],
)
def test_wherever_on_the_road_the_disk_gets_full_nothing_is_lost_and_it_goes_on(
    tmp_path: Path, full_from: str, steps: set[str]
) -> None:
    disk = tmp_path / "disk"
    failed_at = set()
    with small_disk(disk, size_kib=1500):
        for free_kib in range(0, 400, 4):
            box = Box(disk / "box")
            failed_at.add(stopped_at(box, full_from, disk / "ballast", free_kib))
            (disk / "ballast").unlink()
            box.close()  # a service that met DiskFull is started again
            box = Box(disk / "box")
            box.journal.custody.free_the_dead()
            box.journal.custody.sweep()
            assert box.journal.custody.verify() == []
            finish(box)
            assert box.journal.ledger.item_counts() == {"done": 1}
            assert box.journal.custody.verify() == []
            box.close()
            shutil.rmtree(disk / "box")
    assert failed_at >= steps


@pytest.mark.parametrize("free_kib", [0, 8, 40, 100])
def test_a_disk_too_full_to_begin_with_is_said_in_a_sentence(
    tmp_path: Path, free_kib: int
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, size_kib=1000):
        leave(disk / "ballast", free_kib)
        full = pytest.raises(DiskFull, match="nothing was lost")
        with full, closing(Box(disk / "box")) as box:
            box.accept(content=bytes(200_000))
        (disk / "ballast").unlink()
        with closing(Box(disk / "box")) as box:
            box.accept()
