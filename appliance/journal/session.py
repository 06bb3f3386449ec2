"""Owns what all verbs of the journal share: the connection, the bytes, who writes and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.errors import ClaimLost, Held, Problem, Quarantined
from appliance.journal import codec
from appliance.model import Item, ItemState

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.journal.database import Database
    from appliance.journal.spool import Spool


_OFTEN = 3
_LATER = timedelta(minutes=5)


class Paths(NamedTuple):
    """Where the state of a box lies."""

    root: Path
    run: Path

    @property
    def journal(self) -> Path:
        """The SQLite file."""
        return self.root / "var" / "journal.sqlite"

    @property
    def spool(self) -> Path:
        """The folder of bytes."""
        return self.root / "var" / "spool"

    @property
    def shares(self) -> Path:
        """The folders that other machines see as network shares of this box."""
        return self.root / "shares"

    @property
    def drives(self) -> Path:
        """The images behind the stick that this box poses as; not in `var`, where others write."""
        return self.root / "drives"

    @property
    def serial(self) -> Path:
        """What came over serial lines and is not accepted yet: a folder for each source."""
        return self.root / "var" / "serial"

    @property
    def etc(self) -> Path:
        """The folder of settings."""
        return self.root / "etc"

    @property
    def coming(self) -> Path:
        """A box that came on a stick, until it takes the place of what is here."""
        return self.root / "var" / "coming"

    @property
    def plan(self) -> Path:
        """There once that is whole and ours: from then on it is only carried out."""
        return self.coming / "plan.json"

    @property
    def away(self) -> Path:
        """There while this box is not at work (appliance.journal.away)."""
        return self.etc / "handed-over"


@dataclass(frozen=True, slots=True)
class Session:
    """One worker's thread at the journal."""

    db: Database
    spool: Spool
    who: str
    clock: Clock
    run_dir: Path

    def now(self) -> str:
        """The present as the journal writes it."""
        return stamp(self.clock.utc())

    def remark(self, item_id: int, sentence: str, code: str = "remark") -> None:
        """Note something in an item's history that is not a move; inside a `write`."""
        self.db.run(
            "remark",
            item_id=item_id,
            now=self.now(),
            who=self.who,
            code=code,
            sentence=sentence,
        )

    def remark_delivery(self, delivery_id: int, sentence: str, code: str) -> None:
        """Note something of a delivery that is not a move; inside a `write`."""
        told = {"code": code, "sentence": sentence, "now": self.now(), "who": self.who}
        self.db.run("remark_delivery", delivery_id=delivery_id, **told)

    def finish(self, item_id: int) -> None:
        """routed -> done, if every delivery is confirmed; inside a `write`."""
        self.db.run("finish_item", item_id=item_id, now=self.now(), worker=self.who)

    def free_deliveries(self, dead: str) -> None:
        """Give up the claims of a worker on deliveries; inside a `write`."""
        self.hold_doubted(dead)
        self.db.run(
            "free_active",
            dead=dead,
            now=self.now(),
            worker=self.who,
            often=_OFTEN,
            later=stamp(self.clock.utc() + _LATER),
        )
        self.db.run("free_sent", dead=dead)

    def hold_doubted(self, worker: str, delivery_id: int | None = None) -> int:
        """active -> held, for what a worker was sending when somebody was to look at it first.

        Of all it was sending, or of one; how many. Inside a `write`.
        """
        told = {"worker": worker, "delivery_id": delivery_id}
        return self.db.run("hold_doubted", **told, now=self.now(), who=self.who)

    def decide(self, query: str, state: str, **values: object) -> None:
        """A move that no worker claimed: what a person or a change of settings decided."""
        with self.db.write(durable=True):
            changed = self.db.run(query, state=state, now=self.now(), **values)
        self.must_be_ours(changed)

    def must_be_ours(self, changed: int) -> None:
        """Raise ClaimLost unless exactly one row changed."""
        if changed != 1:
            raise ClaimLost(worker=self.who)


def item_of(row: sqlite3.Row) -> Item:
    """A row of `item`."""
    return Item(
        id=row["id"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        source=row["source"],
        name=row["name"],
        sidecars=json.loads(row["sidecars"]),
        modified_at=row["modified_at"],
        arrived_at=row["arrived_at"],
        state=ItemState(row["state"]),
        tries=row["tries"],
        evidence=codec.load_evidence(row["evidence"]),
        identity=codec.load_identity(row["identity"]),
        unsure=bool(row["clock_unsure"]),
    )


def said(problem: Problem | None) -> dict[str, str]:
    """The columns in which a row says what is wrong."""
    if problem is None:
        return {"code": "", "sentence": "", "hint": ""}
    return {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint}


def state_for(problem: Problem) -> ItemState:
    """Where a kind of problem puts an item."""
    if isinstance(problem, Held):
        return ItemState.HELD
    return ItemState.QUARANTINED if isinstance(problem, Quarantined) else ItemState.IGNORED
