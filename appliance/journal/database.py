"""Owns the SQLite file: how it is opened, migrated, and written so that a pulled plug is harmless.

One `Database` belongs to one thread, or to several that take turns; several processes share the
file through WAL.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from appliance.durable import make_folder
from appliance.errors import DiskFull, ForbiddenMove, HandedOver, JournalFault, JournalNewer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BUSY_S = 30.0
_FORBIDDEN = frozenset({sqlite3.SQLITE_CONSTRAINT_TRIGGER, sqlite3.SQLITE_CONSTRAINT_CHECK})
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_HANDED_OVER = "handed over"
_NAMED = re.compile(r"^-- name: (\w+)\b.*?\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


@cache
def queries() -> Mapping[str, str]:
    """The statements of queries.sql by name."""
    text = resources.files(__package__).joinpath("queries.sql").read_text(encoding="utf-8")
    return dict(_NAMED.findall(text))


def migrations() -> list[str]:
    """The scripts that lead from an empty file to today's schema, in order."""
    folder = resources.files(__package__).joinpath("migrations")
    scripts = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name
    )
    return [script.read_text(encoding="utf-8") for script in scripts]


class Database:
    """One connection; named queries in, rows out."""

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        """Open the file, made and migrated where needed; `shared`: by threads that take turns."""
        make_folder(path.parent)
        self._path = path
        with _translated(path):
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=not shared
            )
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def rows(self, query: str, **values: object) -> list[sqlite3.Row]:
        """All rows of a named query."""
        with _translated(self._path):
            return self._connection.execute(queries()[query], values).fetchall()

    def row(self, query: str, **values: object) -> sqlite3.Row | None:
        """The first row of a named query, or None."""
        found = self.rows(query, **values)
        return found[0] if found else None

    def run(self, query: str, **values: object) -> int:
        """Execute a named statement inside `write`; how many rows it changed."""
        return self._connection.execute(queries()[query], values).rowcount

    @contextmanager
    def write(self, *, durable: bool) -> Iterator[None]:
        """One transaction, all or nothing.

        A durable one is on the card when the block is left. The others may be forgotten by a
        power cut (never by a killed process) and so are only for what can be worked out again.
        """
        with _translated(self._path):
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._rollback()
                raise
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._rollback()
                raise

    def bury_the_dead(self) -> None:
        """Write over what a killed process wrote last and did not come to commit.

        Its pages may be whole in the WAL: nobody sees them as long as anybody has the journal
        open, and they count again once it was closed by all (SIGKILL, a power cut). Whoever acts
        for good on what the journal does not say must call this before.
        """
        with self.write(durable=True):
            # The least that is written even though nothing changes.
            self._connection.execute(f"PRAGMA user_version = {self._version()}")

    def check(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when all is well."""
        try:
            broken = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
            loose = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [f"{self._path}: {error}"]  # too broken even for the check
        return [line for line in broken if line != "ok"] + [
            f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}" for row in loose
        ]

    def copy(self, target: Path) -> None:
        """The file as of now, in one piece, at `target`, which must not be there yet."""
        with _translated(target):
            self._connection.execute("VACUUM INTO ?", [str(target)])

    def compact(self) -> None:
        """Give unused pages back to the file system."""
        with _translated(self._path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        with _translated(self._path):
            if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                # Of two that switch a new file to WAL, SQLite lets one fail without patience.
                with _alone(self._path.parent):
                    # Not fetched, its failure would go unnoticed, and the file stay as it was.
                    self._connection.execute("PRAGMA journal_mode = WAL").fetchall()
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        scripts = migrations()
        if self._version() == len(scripts):
            return
        with self.write(durable=True):
            version = self._version()  # another process may have migrated while we waited
            if version > len(scripts):
                raise JournalNewer(path=self._path, version=version, known=len(scripts))
            for script in scripts[version:]:
                for statement in _statements(script):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(scripts)}")


def _statements(script: str) -> Iterator[str]:
    """Split a script; executescript() would commit the transaction it runs in."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out; a lock on the file itself would break SQLite's own."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        if str(error) == _HANDED_OVER:
            raise HandedOver(path=path, detail=error) from error
        if error.sqlite_errorcode in _FORBIDDEN:
            raise ForbiddenMove(why=error) from error
        raise
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in _NO_ROOM:
            raise DiskFull(where=path.parent) from error
        raise JournalFault(path=path, detail=error) from error
