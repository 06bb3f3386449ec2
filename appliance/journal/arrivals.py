"""Owns acceptance and what becomes of the source's own files afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.journal import codec
from appliance.journal.session import said, state_for
from appliance.journal.spool import Stored
from appliance.model import ItemState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.errors import Ignored, Quarantined
    from appliance.journal.session import Session
    from appliance.model import Arrival


class Accepted(NamedTuple):
    """What became of an arrival: its item, and whether the box had not seen it before."""

    item_id: int
    new: bool


class Unsettled(NamedTuple):
    """A source's file whose after-action is due, and what its item says."""

    id: int
    name: str
    path: str
    fingerprint: str
    sha256: str
    code: str
    sentence: str
    hint: str


class Arrivals:
    """The verbs of intake and sources."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def knows(self, arrival: Arrival) -> bool:
        """Whether this very file, unchanged, was accepted before."""
        return self._item(arrival) is not None

    def is_held(self, arrival: Arrival) -> bool:
        """Whether this very file was accepted before and its item waits for a person."""
        row = self._item(arrival)
        return row is not None and row["state"] == ItemState.HELD

    def stored(self, arrival: Arrival) -> Stored | None:
        """The bytes of this very file, where it was accepted before and they are still here."""
        row = self._item(arrival)
        if row is None or row["purged_at"]:
            return None
        return Stored(row["sha256"], row["size_bytes"], self._s.spool.path(row["sha256"]))

    def _item(self, arrival: Arrival) -> sqlite3.Row | None:
        return self._s.db.row(
            "arrival_item",
            source=arrival.source,
            name=arrival.name,
            fingerprint=arrival.fingerprint,
        )

    def add(
        self,
        arrival: Arrival,
        stored: Stored,
        *,
        evidence_digest: str,
        sidecars: Mapping[str, str],
        modified_at: datetime,
        verdict: Quarantined | Ignored | None = None,
    ) -> Accepted:
        """Accept a published file; on the card when this returns.

        The same bytes with the same evidence are the item that is there already. `verdict` sets
        the item aside at once.
        """
        key = {"sha256": stored.sha256, "evidence_digest": evidence_digest}
        with self._s.db.write(durable=True):
            known = self._s.db.row("item_by_key", **key)
            item_id = known["id"] if known else self._add_item(
                arrival, stored, key, sidecars, modified_at, verdict
            )  # fmt: skip
            self._s.db.run(
                "add_arrival",
                item_id=item_id,
                source=arrival.source,
                name=arrival.name,
                path=str(arrival.path),
                fingerprint=arrival.fingerprint,
                now=self._s.now(),
            )
            if known:
                self._s.remark(item_id, f"Came again as {arrival.name} from {arrival.source}.")
        return Accepted(item_id, known is None)

    def _add_item(
        self,
        arrival: Arrival,
        stored: Stored,
        key: Mapping[str, str],
        sidecars: Mapping[str, str],
        modified_at: datetime,
        verdict: Quarantined | Ignored | None,
    ) -> int:
        (row,) = self._s.db.rows(
            "add_item",
            **key,
            size_bytes=stored.size_bytes,
            source=arrival.source,
            name=arrival.name,
            sidecars=codec.dump(dict(sidecars)),
            modified_at=stamp(modified_at),
            state=state_for(verdict) if verdict else ItemState.ARRIVED,
            **said(verdict),
            now=self._s.now(),
            who=self._s.who,
        )
        return int(row["id"])

    def proved(self, source: str) -> list[Unsettled]:
        """Files of a source that every destination has, proved by more than an answer."""
        return [_unsettled(row) for row in self._s.db.rows("unsettled", source=source)]

    def unusable(self, source: str) -> list[Unsettled]:
        """Files of a source that cannot be used and are not yet put aside."""
        return [_unsettled(row) for row in self._s.db.rows("unsettled_quarantined", source=source)]

    def settle(self, arrival_id: int, how: str) -> None:
        """The after-action of a source file is over: kept, deleted, moved, gone or changed."""
        with self._s.db.write(durable=False):
            self._s.db.run("settle", arrival_id=arrival_id, how=how)


def _unsettled(row: sqlite3.Row) -> Unsettled:
    return Unsettled(**{name: row[name] for name in Unsettled._fields})
