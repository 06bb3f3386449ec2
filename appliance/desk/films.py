"""Owns "was this film sent?": the films of a name and time, each with its answer in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.model import ConfirmedBy, DeliveryState, ItemState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from appliance.journal.journal import Journal

_MOST = 200

_WHERE = {
    DeliveryState.WAITING: "It waits to be sent to {there}.",
    DeliveryState.PREPARED: "It waits to be sent to {there}.",
    DeliveryState.ACTIVE: "It is being sent to {there}.",
    DeliveryState.SENT: "{there} answered that it has it and is being asked for proof.",
    DeliveryState.CONFIRMED: "{there} has it, it was asked.",
    DeliveryState.DEFERRED: "{there} did not get it yet and it is tried again: {why}",
    DeliveryState.HELD: "{there} did not get it: {why}",
}
_BY_ITS_WORD = "{there} answered that it has it."


@dataclass(frozen=True, slots=True)
class Film:
    """One accepted file, where it stands, and whether it was sent."""

    id: int
    name: str
    source: str
    size_bytes: int
    state: ItemState
    code: str
    sentence: str
    hint: str
    arrived_at: str  # a stamp, of the first time
    changed_at: str
    deliveries: tuple[Mapping[str, Any], ...]  # rows of the journal

    @property
    def waits_for_order(self) -> bool:
        """Whether it is asked about again until its order is in the worklist."""
        return self.state is ItemState.CONVERTED and bool(self.sentence)

    @property
    def answer(self) -> str:
        """Was it sent?"""
        match self.state:
            case ItemState.DONE | ItemState.ROUTED:
                return " ".join(map(_where, self.deliveries))
            case ItemState.HELD:
                return f"Not sent, it waits for a person: {self.sentence}"
            case ItemState.QUARANTINED:
                return f"Not sent, it cannot be used: {self.sentence}"
            case ItemState.IGNORED:
                there = [_where(d) for d in self.deliveries if d["state"] == "confirmed"]
                return " ".join([f"Set aside: {self.sentence}", *there])
            case _ if self.waits_for_order:
                return f"Not sent yet, it waits for its order: {self.sentence}"
            case _:
                return "Not sent yet: it came in and is being worked on."

    def document(self) -> dict[str, object]:
        """The film as `--json` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "source": self.source,
            "state": self.state.value,
            "code": self.code,
            "sentence": self.sentence,
            "hint": self.hint,
            "arrived_at": self.arrived_at,
            "answer": self.answer,
        }


def find(journal: Journal, name: str, since: datetime, until: datetime) -> tuple[Film, ...]:
    """The films a source showed in that time under a name that contains `name`, newest first."""
    rows = journal.ledger.films(name, stamp(since), stamp(until), _MOST)
    return tuple(film_of(journal, dict(row)) for row in rows)


def film_of(journal: Journal, row: Mapping[str, Any]) -> Film:
    """The film of an item's row."""
    return Film(
        id=row["id"],
        name=row["name"],
        source=row["source"],
        size_bytes=row["size_bytes"],
        state=ItemState(row["state"]),
        code=row["code"],
        sentence=row["sentence"],
        hint=row["hint"],
        arrived_at=row["arrived_at"],
        changed_at=row["changed_at"],
        deliveries=_dicts(journal.ledger.deliveries_of(row["id"])),
    )


def _dicts(rows: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(dict(row) for row in rows)


def _where(delivery: Mapping[str, Any]) -> str:
    """One delivery in a sentence."""
    by_word = delivery["confirmed_by"] == ConfirmedBy.RESPONSE
    words = _BY_ITS_WORD if by_word else _WHERE[DeliveryState(delivery["state"])]
    where = words.format(there=delivery["destination"], why=delivery["sentence"])
    return f"{where} {delivery['warning']}".rstrip()
