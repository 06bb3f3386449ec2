"""Owns what keeps the journal true over years: dead workers, old bytes, the proof by verify."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.errors import DiskFull, JournalFault
from appliance.journal.session import said
from appliance.journal.spool import digest_of
from appliance.journal.worker import is_dead

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from appliance.errors import Problem
    from appliance.journal.session import Session

_PATIENCE_S = 60.0


class Custody:
    """The verbs of keeper and of `jembatan journal`."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session
        self._states: dict[tuple[str, str], str] = {}
        self._has_news = False

    def free_the_dead(self) -> int:
        """Give up the claims, and sweep up after, workers that are gone; how many there were."""
        dead = [
            row["worker"]
            for row in self._s.db.rows("claimants")
            if is_dead(self._s.run_dir, row["worker"])
        ]
        for name in dead:
            with self._s.db.write(durable=False):
                self._s.db.run("free_items", dead=name)
                self._s.free_deliveries(name)
        if dead:
            self.sweep()
        return len(dead)

    def purge(self, before: datetime, *, oldest: int = 0) -> int:
        """Let go of bytes confirmed before `before`, and of the `oldest` longest confirmed ones.

        Returns how many items lost their bytes; their rows and UIDs stay for good.
        """
        now = self._s.now()
        with self._s.db.write(durable=True):
            gone = self._s.db.rows("purge", now=now, before=stamp(before))
            gone += self._s.db.rows("purge_oldest", now=now, most=oldest)
        self._swept()
        return len(gone)

    def sweep(self) -> list[str]:
        """Remove spool files that no row needs; safe at any time.

        They stay where there is no room to write down that nobody needs them.
        """
        with suppress(DiskFull):
            return self._swept()
        return []

    def _swept(self) -> list[str]:
        return self._s.spool.sweep(
            lambda: self._digests("needed_bytes"),
            self._s.db.bury_the_dead,
        )

    def verify(self, without: Collection[str] = ()) -> list[str]:
        """Everything that is wrong with the journal, a line each; empty when all is well.

        Every row has its bytes, whole and unchanged, but for those `without` which it is known to
        be; every byte has its row, though it may wait to be swept up after that was purged. Raises
        Refused while a service does not come to the end of storing a file.
        """
        broken = self._s.db.check()
        try:
            return broken + self._wrong_bytes(without)
        except JournalFault as fault:
            return [*broken, fault.sentence]

    def _wrong_bytes(self, without: Collection[str]) -> list[str]:
        spool = self._s.spool
        with spool.settled(_PATIENCE_S):
            needed = self._digests("needed_bytes")
            strays = spool.strays(needed | self._digests("let_go_bytes"))
            gone = {sha256 for sha256 in needed if not spool.path(sha256).exists()}
        return [
            *(
                f"{name}: the journal needs these bytes and they are gone"
                for name in sorted(gone.difference(without))
            ),
            *(f"{file.name}: no row of the journal knows this file" for file in strays),
            *filter(None, map(self._changed, sorted(needed - gone))),
        ]

    def _digests(self, query: str) -> set[str]:
        return {row["sha256"] for row in self._s.db.rows(query)}

    def set_place(
        self, kind: str, name: str, state: str, problem: Problem | None = None, *, ok: bool = False
    ) -> None:
        """How a source or destination is doing; `ok` when it just worked.

        How far it is, the problem may tell by its facts `done` and `total`.
        """
        self._has_news |= self._states.get((kind, name)) != state
        self._states[kind, name] = state
        facts = problem.facts if problem else {}
        with self._s.db.write(durable=False):
            self._s.db.run(
                "set_place",
                kind=kind,
                name=name,
                state=state,
                ok=ok,
                now=self._s.now(),
                done=facts.get("done") or 0,
                total=facts.get("total") or 0,
                **said(problem),
            )

    def has_news(self) -> bool:
        """Whether a place got into another state since this was asked last."""
        news, self._has_news = self._has_news, False
        return news

    def compact(self) -> None:
        """Remove strays and give unused pages back to the file system."""
        self.sweep()
        self._s.db.compact()

    def _changed(self, sha256: str) -> str:
        try:
            if digest_of(self._s.spool.path(sha256)) == sha256:
                return ""
        except FileNotFoundError:
            return ""  # purged since the list was made
        except OSError as error:
            return f"{sha256}: the file cannot be read: {error.strerror}"
        return f"{sha256}: the file's content is not what was accepted"
