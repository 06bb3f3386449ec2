"""Owns what it means that bytes come again which are here already with the same evidence.

Mostly nothing: they are the item that is there. But what that item was set aside for may not count
for what comes now, and an image that is exported anew must not be lost by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.errors import DiscardedBefore, Duplicate, IsSidecar, Junk, Superseded
from appliance.journal import codec
from appliance.model import DISCARDED, ItemState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.errors import Held, Problem
    from appliance.journal.session import Session
    from appliance.model import Arrival

_ADOPTED = frozenset({Duplicate.code, Superseded.code})
_BY_NAME = frozenset({Junk.code, IsSidecar.code})
"""Set aside for what it was called; the same bytes may be an export under another name."""


class Known(NamedTuple):
    """What is here of the same bytes with the same evidence."""

    row: sqlite3.Row  # of that very item
    heir: sqlite3.Row  # of the one that goes on in its place, which is mostly the same


class Another(NamedTuple):
    """What comes is to be an item of its own, held for a person where `why` says so."""

    why: Held | None = None


class Again:
    """The questions of intake about what it knows."""

    def __init__(self, session: Session) -> None:
        """Ask through one session."""
        self._s = session

    def known(self, key: Mapping[str, str], arrival: Arrival) -> Known | None:
        """What is here under this key."""
        row = self._s.db.row("item_by_key", **key)
        return Known(row, self._heir(row, arrival)) if row else None

    def _heir(self, row: sqlite3.Row, arrival: Arrival) -> sqlite3.Row:
        """Who has the source files of a duplicate; itself where that cannot be told for sure."""
        if row["state"] != ItemState.IGNORED or row["code"] not in _ADOPTED:
            return row
        found = self._s.db.rows("heirs", item_id=row["id"], source=row["source"], name=row["name"])
        return found[0] if len(found) == 1 else self._owner(arrival) or row

    def _owner(self, arrival: Arrival) -> sqlite3.Row | None:
        key = {"source": arrival.source, "name": arrival.name}
        return self._s.db.row("arrival_item", **key, fingerprint=arrival.fingerprint)

    def another(
        self, arrival: Arrival, known: Known, modified_at: datetime, verdict: Problem | None
    ) -> Another | None:
        """Whether what comes is not simply what is known."""
        heir = known.heir
        if self._is_discarded(heir):
            if self._was_shown(arrival, known.row, modified_at):
                return None
            told = {"number": heir["id"], "before": heir["sentence"]}
            return Another(DiscardedBefore(name=arrival.name, **told))
        is_aside = heir["state"] == ItemState.IGNORED and heir["code"] in _BY_NAME
        if (is_aside and verdict is None) or self._is_for_tests(heir, arrival.source):
            return Another()
        return None

    def is_anew(self, arrival: Arrival, row: sqlite3.Row, modified_at: datetime) -> bool:
        """Whether a file that was shown before was written anew after a person discarded it."""
        return self._is_discarded(row) and not self._was_shown(arrival, row, modified_at)

    def give_way(self, row: sqlite3.Row) -> None:
        """The key of an item is for another one from now on; inside a `write`."""
        self._s.db.run("rekey", item_id=row["id"], mark=f" of item {row['id']}")

    def copy_findings(self, row: sqlite3.Row, item_id: int) -> None:
        """What convert found is true of the same bytes: a person can look before deciding."""
        self._s.db.run("copy_evidence", from_item=row["id"], to_item=item_id)
        self._s.db.run("copy_bodies", from_item=row["id"], to_item=item_id)

    def _is_discarded(self, row: sqlite3.Row) -> bool:
        return bool(row["state"] == ItemState.IGNORED and row["code"] == DISCARDED)

    def _was_shown(self, arrival: Arrival, row: sqlite3.Row, modified_at: datetime) -> bool:
        """Whether this source showed this very file, last written then, before.

        What has no file (a C-STORE) is new each time.
        """
        return bool(
            self._s.db.row(
                "was_shown",
                source=arrival.source,
                name=arrival.name,
                fingerprint=arrival.fingerprint,
                sha256=row["sha256"],
                evidence_digest=row["evidence_digest"].partition(" ")[0],
                modified_at=stamp(modified_at),
            )
        )

    def _is_for_tests(self, row: sqlite3.Row, source: str) -> bool:
        """Whether the known came for tests, and what comes does not.

        Its patient is invented, or will be, so that it never goes to a PACS for real patients.
        """
        tested = {each["name"] for each in self._s.db.rows("tested_sources")}
        identity = codec.load_identity(row["identity"])
        is_invented = identity is not None and identity.invented
        came_for_tests = is_invented or row["source"] in tested
        return came_for_tests and source != row["source"] and source not in tested
