"""Owns what a person may do about an image: look at it, try it again, hold it, discard it.

Every decision is a move that the journal's tables allow and lands in the image's history with the
name of who made it; what cannot be done is refused in a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.desk.decision import deciding, refused
from appliance.desk.films import Film, film_of
from appliance.errors import MadeWhileTesting
from appliance.model import DISCARDED, DeliveryState, ItemState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.journal import Journal
    from appliance.model import Item

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known about one image; rows as the journal has them."""

    film: Film
    item: Item
    history: tuple[Mapping[str, Any], ...]
    arrivals: tuple[Mapping[str, Any], ...]

    def document(self) -> dict[str, object]:
        """The result of `jembatan queue show --json`."""
        return {
            **self.film.document(),
            "sha256": self.item.sha256,
            "size_bytes": self.item.size_bytes,
            "identity": dict(self.item.identity.values) if self.item.identity else {},
            "claims": [[c.origin.value, c.keyword, c.value] for c in self.item.evidence.claims],
            "notes": list(self.item.evidence.notes),
            "deliveries": [
                {key: delivery[key] for key in _DELIVERY} for delivery in self.film.deliveries
            ],
            "arrivals": [{key: arrival[key] for key in _ARRIVAL} for arrival in self.arrivals],
            "history": [{key: event[key] for key in _EVENT} for event in self.history],
        }


_DELIVERY = (
    "destination", "state", "code", "sentence", "hint", "warning", "tries", "not_before",
    "confirmed_by",
)  # fmt: skip
_NOT_UNDER_WAY = (DeliveryState.WAITING, DeliveryState.PREPARED, DeliveryState.DEFERRED)
_ARRIVAL = ("source", "name", "seen_at", "settled")
_EVENT = ("at", "who", "destination", "before", "after", "code", "sentence")


def unfinished(journal: Journal) -> tuple[Film, ...]:
    """What is on its way or needs a person, the oldest first."""
    rows = journal.ledger.unfinished(_MOST)
    return tuple(film_of(journal, dict(row)) for row in rows)


def show(journal: Journal, item_id: int) -> Shown:
    """One image with its history. Raises NotThere."""
    item = journal.items.get(item_id)
    ledger = journal.ledger
    return Shown(
        film=film_of(journal, dict(ledger.item_row(item_id))),
        item=item,
        history=tuple(dict(row) for row in ledger.history(item_id)),
        arrivals=tuple(dict(row) for row in ledger.arrivals_of(item_id)),
    )


def retry(journal: Journal, item_id: int, *, who: str) -> str:
    """Go on from where it stopped; what happens now. Raises NotThere, Refused."""
    item = journal.items.get(item_id)
    with deciding(journal, item, "Retrying"):
        match item.state:
            case ItemState.HELD | ItemState.QUARANTINED:
                return _again(journal, item, who)
            case ItemState.ROUTED:
                return _send_again(journal, item, who)
            case ItemState.DONE:
                raise refused(item, "Retrying", "every destination has it already")
            case ItemState.IGNORED:
                raise refused(item, "Retrying", _set_aside(journal, item))
            case ItemState.CONVERTED if journal.items.hurry(item.id):
                return "The worklist is asked again within a minute."
            case _:
                raise refused(item, "Retrying", "it is on its way already")


def hold(journal: Journal, item_id: int, *, who: str) -> str:
    """Stop what is not being sent yet; a retry lets it go on. Raises NotThere, Refused."""
    item = journal.items.get(item_id)
    why = f"{who} put it on hold."
    with deciding(journal, item, "Holding"):
        if item.state in {ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED}:
            journal.items.decide_item(item.id, ItemState.HELD, code="on-hold", why=why, who=who)
            return "It stays here until somebody tries it again."
        waiting = _deliveries(journal, item, *_NOT_UNDER_WAY)
        for number in waiting:
            journal.deliveries.decide_delivery(
                number, DeliveryState.HELD, code="on-hold", why=why, who=who
            )
        if waiting:
            return "It is not sent until somebody tries it again."
        raise refused(item, "Holding", "nothing of it waits to be sent")


def discard(journal: Journal, item_id: int, *, reason: str, who: str) -> str:
    """Give up on an image for good. Raises NotThere, Refused."""
    item = journal.items.get(item_id)
    if not reason.strip():
        raise refused(item, "Discarding", "it needs a reason")
    if item.state not in {ItemState.HELD, ItemState.QUARANTINED, ItemState.ROUTED}:
        raise refused(item, "Discarding", "it does not wait for a person")
    with deciding(journal, item, "Discarding"):
        why = f"{who} discarded it: {reason.strip()}"
        journal.items.decide_item(item.id, ItemState.IGNORED, code=DISCARDED, why=why, who=who)
    return "It is set aside and will not be sent."


def _set_aside(journal: Journal, item: Item) -> str:
    """Why an ignored item has no way back, and what the way is where there is one."""
    if journal.ledger.item_row(item.id)["code"] == DISCARDED:
        return "it was discarded for good; export it again at the modality, and it is asked about"
    return "it was set aside for good"


def _again(journal: Journal, item: Item, who: str) -> str:
    """From reading it, unless its patient is decided: a person's decision is not forgotten."""
    state = ItemState.IDENTIFIED if item.identity else ItemState.ARRIVED
    why = f"{who} wants it tried again."
    journal.items.decide_item(item.id, state, code="retried", why=why, who=who)
    return "It is routed again." if item.identity else "It is read again."


def _send_again(journal: Journal, item: Item, who: str) -> str:
    rows = [dict(row) for row in journal.ledger.deliveries_of(item.id)]
    held = [row["id"] for row in rows if _may_go(row, item)]
    if not held and any(row["state"] == DeliveryState.HELD for row in rows):
        why = "it was made while testing; discard it, and export it again if it is of a patient"
        raise refused(item, "Retrying", why)
    for number in held:
        why = f"{who} wants it sent again."
        journal.deliveries.decide_delivery(
            number, DeliveryState.PREPARED, code="retried", why=why, who=who
        )
    if held or journal.deliveries.hurry(item.id):
        return "It is sent again now, the same bytes."
    raise refused(item, "Retrying", "it is being sent already")


def _may_go(delivery: Mapping[str, Any], item: Item) -> bool:
    """Whether a held delivery may be sent if a person wants it: no invented patient is."""
    is_invented = item.identity is not None and item.identity.invented
    stays = is_invented and delivery["code"] == MadeWhileTesting.code
    return delivery["state"] == DeliveryState.HELD and not stays


def _deliveries(journal: Journal, item: Item, *states: DeliveryState) -> list[int]:
    rows = journal.ledger.deliveries_of(item.id)
    return [row["id"] for row in rows if row["state"] in states]
