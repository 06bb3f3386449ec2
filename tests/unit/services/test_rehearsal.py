"""A newer schema is tried on a copy first, and the journal stays as it was."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import Problem, Unhealthy
from appliance.journal import schema
from appliance.services.rehearsal import is_needed, rehearse
from appliance.settings import access

JOURNALS = Path("tests/data/journals")


def box(root: Path, number: int) -> Path:
    """A box whose journal has an earlier schema."""
    journal = root / "var" / "journal.sqlite"
    journal.parent.mkdir(parents=True)
    shutil.copy(JOURNALS / f"schema{number}.sqlite", journal)
    access.prepare(root)
    return journal


def test_it_is_needed_where_the_journal_would_change(tmp_path: Path) -> None:
    assert not is_needed(tmp_path)  # there is none yet
    box(tmp_path, 3)
    assert is_needed(tmp_path)
    assert schema.kept(tmp_path / "var/journal.sqlite") == 3 < schema.known()


def test_it_is_not_where_the_journal_is_of_today(tmp_path: Path) -> None:
    box(tmp_path, schema.known())
    assert not is_needed(tmp_path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_copy_is_migrated_and_the_journal_is_not(tmp_path: Path, number: int) -> None:
    journal = box(tmp_path / "data", number)
    before = journal.read_bytes()
    rehearse(tmp_path / "data", tmp_path / "stage")
    assert schema.kept(journal) == number
    assert journal.read_bytes() == before
    assert not (tmp_path / "stage").exists()


def test_what_a_pulled_plug_left_of_a_rehearsal_is_no_hindrance(tmp_path: Path) -> None:
    box(tmp_path / "data", 3)
    for left in ("etc", "var"):
        (tmp_path / "stage" / left).mkdir(parents=True)
    (tmp_path / "stage" / "var" / "journal.sqlite").write_bytes(b"half of it")
    rehearse(tmp_path / "data", tmp_path / "stage")
    assert not (tmp_path / "stage").exists()


def test_a_page_that_fails_on_the_copy_is_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box(tmp_path / "data", 3)
    monkeypatch.setattr("appliance.web.views.api.health", lambda _: 1 / 0)
    with pytest.raises(Unhealthy, match="the page answers 500"):
        rehearse(tmp_path / "data", tmp_path / "stage")


def test_what_breaks_is_said_and_the_copy_is_gone(tmp_path: Path) -> None:
    journal = box(tmp_path / "data", 3)
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("DROP TABLE item")
        connection.commit()
    with pytest.raises(Problem):
        rehearse(tmp_path / "data", tmp_path / "stage")
    assert not (tmp_path / "stage").exists()
