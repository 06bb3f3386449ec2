"""Owns what keeps the journal true over years: dead workers, old bytes, the proof by verify.

And what the card still has of files whose rows it lost: they become items again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.errors import DiskFull, FoundDamaged, JournalFault
from appliance.journal import codec
from appliance.journal.arrivals import Arrivals
from appliance.journal.session import said
from appliance.journal.spool import Stored, digest_of
from appliance.journal.worker import is_dead

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.errors import Problem
    from appliance.journal.session import Session

_PATIENCE_S = 60.0
_MOMENT_S = 2.0

_FOUND = (
    "It lay on the card of this box, and the journal had no record of it: the box was stopped"
    " while it came, or the card has lost what was written down. What it was called, when it came"
    " and which source brought it is not known any more."
)
_SHOWN = 8
_AGAIN = "; it came from outside, stays, and is taken in again by itself"


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
            self._over,
            self._s.db.bury_the_dead,
        )

    def _over(self, names: Collection[str]) -> set[str]:
        """Which of these a row had that needs them no more."""
        over = self._digests("items_of_bytes", names=codec.dump(sorted(names)))
        if unexplained := set(names) - over:
            over |= unexplained & self._digests("let_go_bytes")
        return over

    # What came, and no row says so

    def unknown(self) -> set[str]:
        """The digests of files that came and that no row ever named; of some, not yet."""
        strays = self._s.spool.came(self._s.spool.strays(self._digests("needed_bytes")))
        names = {stray.name for stray in strays}
        return names - self._over(names) if names else names

    def adopt(self, sha256: str) -> int | None:
        """Take it in as an item of the source FOUND, whose number is returned; durable.

        None where a row names it by now. Raises DiskFull, and Refused while a service does not
        come to the end of storing a file.
        """
        is_whole = self._s.spool.is_whole(sha256)
        with self._s.spool.settled(_MOMENT_S):
            self._s.db.bury_the_dead()
            return self._adopt(sha256, is_whole=is_whole) if sha256 in self.unknown() else None

    def _adopt(self, sha256: str, *, is_whole: bool) -> int:
        path, name = self._s.spool.path(sha256), f"unnamed-{sha256[:_SHOWN]}"
        seen = path.stat()
        stored = Stored(sha256, seen.st_size, path)
        with self._s.db.write(durable=True):
            item_id = Arrivals(self._s).add_found(
                name,
                stored,
                datetime.fromtimestamp(seen.st_mtime, UTC),
                None if is_whole else FoundDamaged(name=name),
            )
            self._s.remark(item_id, _FOUND)
        return item_id

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
            came = spool.came(strays)
            told = [(file, _AGAIN if file in came else "") for file in strays]
            gone = {sha256 for sha256 in needed if not spool.path(sha256).exists()}
        return [
            *(
                f"{name}: the journal needs these bytes and they are gone"
                for name in sorted(gone.difference(without))
            ),
            *(
                f"{file.name}: no row of the journal knows this file{again}"
                for file, again in told
            ),
            *filter(None, map(self._changed, sorted(needed - gone))),
        ]

    def _digests(self, query: str, **values: object) -> set[str]:
        return {row["sha256"] for row in self._s.db.rows(query, **values)}

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
