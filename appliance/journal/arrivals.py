"""Owns acceptance and what becomes of the source's own files afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.errors import BroughtAgain
from appliance.journal import codec
from appliance.journal.again import Again
from appliance.journal.session import item_of, said, state_for
from appliance.journal.spool import Stored
from appliance.model import FOUND, Arrival, ItemState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from appliance.errors import Held, Ignored, Quarantined
    from appliance.journal.session import Session
    from appliance.model import Item


_EVIDENCE_OF_FOUND = "found"
"""No digest: whoever brings the same bytes brings evidence of his own, and so another item."""

_LAST = 100
"""Of images that have one name: who never uses another has thousands."""

_UNSURE = (
    "It came while the clock of this box was not known to be right: the times of this history "
    "may be wrong, and neither when it came nor the time of its file dates anything."
)


class Accepted(NamedTuple):
    """What became of an arrival: its item, and whether the box had not seen it before."""

    item_id: int
    new: bool


class Received(NamedTuple):
    """A published file that came by C-STORE, under which UIDs."""

    arrival: Arrival
    stored: Stored
    evidence_digest: str
    modified_at: datetime
    sop_class_uid: str
    sop_instance_uid: str


class _Came(NamedTuple):
    """A published file, with what is known of it."""

    arrival: Arrival
    stored: Stored
    evidence_digest: str
    sidecars: Mapping[str, str]
    modified_at: datetime

    @property
    def key(self) -> Mapping[str, str]:
        """What makes it the same as another."""
        return {"sha256": self.stored.sha256, "evidence_digest": self.evidence_digest}


class Unsettled(NamedTuple):
    """A source's file whose after-action is due, and what its item says."""

    id: int
    item_id: int
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
        self._again = Again(session)

    def knows(self, arrival: Arrival, modified_at: datetime | None = None) -> bool:
        """Whether this very file, unchanged, was accepted before.

        Where its fingerprint tells of its content only, `modified_at` tells an export from the one
        before that a person has discarded.
        """
        row = self._item(arrival)
        is_anew = modified_at and row and self._again.is_anew(arrival, row, modified_at)
        return row is not None and not is_anew

    def item(self, arrival: Arrival) -> Item | None:
        """What this very file, unchanged, became; None where it was not accepted before."""
        row = self._item(arrival)
        return item_of(row) if row else None

    def has_said(self, sha256: str, evidence_digest: str) -> bool:
        """Whether these bytes were ever accepted with that evidence."""
        key = {"sha256": sha256, "evidence_digest": evidence_digest}
        return self._s.db.row("item_by_key", **key) is not None

    def sidecars_before(self, arrival: Arrival) -> frozenset[str]:
        """The digests of what lay beside the images that its source showed last under its name."""
        key = {"source": arrival.source, "name": arrival.name}
        rows = self._s.db.rows("sidecars_of_name", **key, most=_LAST)
        return frozenset(row["sha256"] for row in rows)

    def stored(self, arrival: Arrival) -> Stored | None:
        """The bytes of what this very file became, where they are still here.

        They are another file's where it was the same image as that.
        """
        row = self._item(arrival)
        if row is None or row["purged_at"]:
            return None
        path = self._s.spool.path(row["sha256"])
        return Stored(row["sha256"], row["size_bytes"], path) if path.exists() else None

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

        The same bytes with the same evidence are the item that is there already, unless that was
        set aside for what does not count now. `verdict` sets the item aside at once.
        """
        came = _Came(arrival, stored, evidence_digest, sidecars, modified_at)
        with self._s.db.write(durable=True):
            accepted, _ = self._add(came, verdict)
        return accepted

    def add_found(
        self,
        name: str,
        stored: Stored,
        modified_at: datetime,
        verdict: Quarantined | None = None,
    ) -> int:
        """Accept what lay here without a row; inside a `write`. Returns the item.

        When it came is not known, whatever clock there is now.
        """
        arrival = Arrival(FOUND, name, stored.path, fingerprint=stored.sha256)
        came = _Came(arrival, stored, _EVIDENCE_OF_FOUND, {}, modified_at)
        item_id = self._add_item(came, verdict, unsure=True)
        self._show(item_id, arrival)
        return item_id

    def add_received(self, files: Sequence[Received]) -> list[Accepted]:
        """Accept what came by C-STORE, all of it or nothing; on the card when this returns."""
        with self._s.db.write(durable=True):
            return [self._add_received(file) for file in files]

    def _add_received(self, file: Received) -> Accepted:
        came = _Came(file.arrival, file.stored, file.evidence_digest, {}, file.modified_at)
        accepted, arrival_id = self._add(came, None)
        self._s.db.run(
            "add_received",
            arrival_id=arrival_id,
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
        )
        return accepted

    def _add(self, came: _Came, verdict: Quarantined | Ignored | None) -> tuple[Accepted, int]:
        """The item of a file, made where there is none, and the number of the arrival."""
        arrival = came.arrival
        known = self._again.known(came.key, arrival)
        another = known and self._again.another(arrival, known, came.modified_at, verdict)
        if known and not another:
            self._come_again(known.heir["id"], arrival, verdict)
            return Accepted(known.heir["id"], new=False), self._show(known.heir["id"], arrival)
        if known:
            self._again.give_way(known.row)
        why = verdict or (another.why if another else None)
        item_id = self._add_new(came, why)
        if known:
            self._remark(known.heir["id"], arrival, f"; that is item {item_id}")
            if why and not verdict:
                self._again.copy_findings(known.row, item_id)
        return Accepted(item_id, new=True), self._show(item_id, arrival)

    def _remark(self, item_id: int, arrival: Arrival, what: str = "") -> None:
        self._s.remark(item_id, f"Came again as {arrival.name} from {arrival.source}{what}.")

    def _add_new(self, came: _Came, verdict: Quarantined | Ignored | Held | None) -> int:
        unsure = not self._s.clock.is_sure()
        item_id = self._add_item(came, verdict, unsure=unsure)
        if unsure:
            self._s.remark(item_id, _UNSURE, "clock-unsure")
        if verdict is None:  # else nothing goes on in its place
            self._set_found_aside(item_id, came)
        return item_id

    def _come_again(
        self, item_id: int, arrival: Arrival, verdict: Quarantined | Ignored | None
    ) -> None:
        """Note it; what was taken for cut off, and is whole after all, goes on.

        The bytes alone do not always tell: an image that is black to its end looks like one whose
        end was not written yet.
        """
        sentence = f"Came again as {arrival.name} from {arrival.source}. It is whole now."
        whole = {"sentence": sentence, "now": self._s.now(), "who": self._s.who}
        if verdict or not self._s.db.run("take_up_whole", item_id=item_id, **whole):
            self._remark(item_id, arrival)

    def _show(self, item_id: int, arrival: Arrival) -> int:
        """The number of the arrival, new or not."""
        (row,) = self._s.db.rows(
            "add_arrival",
            item_id=item_id,
            source=arrival.source,
            name=arrival.name,
            path=_text(arrival.path),
            fingerprint=arrival.fingerprint,
            now=self._s.now(),
        )
        return int(row["id"])

    def _set_found_aside(self, item_id: int, came: _Came) -> None:
        """What was found, and nobody has decided about, comes now with all that is known of it."""
        told = said(BroughtAgain(name=came.arrival.name, source=came.arrival.source))
        self._s.db.run(
            "set_found_aside",
            item_id=item_id,
            sha256=came.stored.sha256,
            found=FOUND,
            **told,
            now=self._s.now(),
            who=self._s.who,
        )

    def _add_item(
        self, came: _Came, verdict: Quarantined | Ignored | Held | None, *, unsure: bool
    ) -> int:
        (row,) = self._s.db.rows(
            "add_item",
            **came.key,
            size_bytes=came.stored.size_bytes,
            source=came.arrival.source,
            name=came.arrival.name,
            sidecars=codec.dump(dict(came.sidecars)),
            modified_at=stamp(came.modified_at),
            state=state_for(verdict) if verdict else ItemState.ARRIVED,
            **said(verdict),
            now=self._s.now(),
            who=self._s.who,
            unsure=unsure,
        )
        return int(row["id"])

    def fate(self, arrival: Arrival) -> sqlite3.Row | None:
        """Whether every destination has the item (`done`), or why that needs a person."""
        return self._s.db.row(
            "fate",
            source=arrival.source,
            name=arrival.name,
            fingerprint=arrival.fingerprint,
        )

    def proved(self, source: str) -> list[Unsettled]:
        """Files of a source that every destination has, proved by more than an answer."""
        return [_unsettled(row) for row in self._s.db.rows("unsettled", source=source)]

    def leaves(self, source: str, name: str, content: str) -> bool:
        """Whether the after-action of a file is due whose fingerprint begins with `content`."""
        due = self.proved(source)
        return any(f.name == name and f.fingerprint.startswith(content) for f in due)

    def unusable(self, source: str) -> list[Unsettled]:
        """Files of a source that cannot be used and are not yet put aside."""
        return [_unsettled(row) for row in self._s.db.rows("unsettled_quarantined", source=source)]

    def has(self, source: str, name: str, content: str) -> bool:
        """Whether a file of that name whose fingerprint begins with `content` was accepted.

        Not so where a person discarded it: who has it takes it up and asks `knows`.
        """
        return bool(self._content(source, name, content)["accepted"])

    def is_proved(self, source: str, name: str, content: str) -> bool:
        """Whether the source may lose that file: all it became is in custody here, or proved."""
        return bool(self._content(source, name, content)["proved"])

    def _content(self, source: str, name: str, content: str) -> sqlite3.Row:
        (row,) = self._s.db.rows("content_proved", source=source, name=name, content=content)
        return row

    def settle(self, arrival_id: int, how: str) -> None:
        """The after-action of a source file is over: kept, deleted, moved, gone or changed."""
        with self._s.db.write(durable=False):
            self._s.db.run("settle", arrival_id=arrival_id, how=how)


def _text(path: Path) -> str:
    """A path as text, also where its bytes are none."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _unsettled(row: sqlite3.Row) -> Unsettled:
    return Unsettled(**{name: row[name] for name in Unsettled._fields})
