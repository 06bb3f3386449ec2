"""Owns which schema a journal has, and a copy of one to try something on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from appliance.errors import JournalFault
from appliance.journal.database import migrations

if TYPE_CHECKING:
    from pathlib import Path


def known() -> int:
    """The newest schema this version can read; it can read all before."""
    return len(migrations())


def kept(journal: Path) -> int:
    """The schema of the journal in that file; 0 where there is none yet. Raises JournalFault."""
    if not journal.exists():
        return 0
    try:
        with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise JournalFault(path=journal, detail=error) from error


def copy(journal: Path, target: Path) -> None:
    """Copy a journal, which may be in use, as it is at one instant. Raises JournalFault."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(journal)) as ours, closing(sqlite3.connect(target)) as theirs:
            ours.backup(theirs)
    except sqlite3.DatabaseError as error:
        raise JournalFault(path=journal, detail=error) from error
