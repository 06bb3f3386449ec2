"""Owns the reading side: what status and desk may ask of the journal; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import NotThere
from appliance.model import DeliveryState

if TYPE_CHECKING:
    import sqlite3

    from appliance.journal.session import Session

_OVER = frozenset({DeliveryState.CONFIRMED, DeliveryState.HELD})
_LATELY = 1000  # deliveries
_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


class Ledger:
    """The questions; rows are named as in queries.sql."""

    def __init__(self, session: Session) -> None:
        """Read through one session."""
        self._s = session

    def item_counts(self) -> dict[str, int]:
        """How many items stand at each state."""
        return {row["state"]: row["n"] for row in self._s.db.rows("count_items")}

    def delivery_counts(self) -> dict[str, dict[str, int]]:
        """How many deliveries stand at each state, destination by destination."""
        counts: dict[str, dict[str, int]] = {}
        for row in self._s.db.rows("count_deliveries"):
            counts.setdefault(row["destination"], {})[row["state"]] = row["n"]
        return counts

    def waiting(self) -> dict[str, int]:
        """How many deliveries each destination still has to get or to prove."""
        return {
            destination: sum(n for state, n in counts.items() if state not in _OVER)
            for destination, counts in self.delivery_counts().items()
        }

    def waiting_for_order(self) -> int:
        """How many items are asked about again until their order is in a worklist."""
        row = self._s.db.row("count_put_off")
        return row["n"] if row else 0

    def oldest_waiting(self) -> str:
        """When (a stamp) the item arrived that is longest on its way; "" for none."""
        row = self._s.db.row("oldest_waiting")
        return (row and row["at"]) or ""

    def attention(self) -> list[sqlite3.Row]:
        """Held and quarantined items, and held deliveries: id, state, code, sentence, hint,
        source, name, arrived_at, destination ("" for an item).
        """
        return self._s.db.rows("attention")

    def pictures(self) -> dict[int, int]:
        """Of what needs a person and has pixels, by item: the number of its first such object."""
        rows = self._s.db.rows("pictures_needing_attention")
        return {row["item_id"]: row["number"] for row in rows}

    def next_underway(self) -> sqlite3.Row | None:
        """The oldest item before routing that is not put off."""
        return self._s.db.row("next_underway")

    def unfinished(self, most: int) -> list[sqlite3.Row]:
        """Items that are on their way or need a person, the oldest first."""
        return self._s.db.rows("unfinished", most=most)

    def last_arrival(self, source: str) -> str:
        """When (a stamp) a source last showed a file; "" for never."""
        row = self._s.db.row("last_arrival", source=source)
        return (row and row["at"]) or ""

    def places(self) -> list[sqlite3.Row]:
        """How each source and destination is doing: kind, name, state, code, sentence, hint,
        changed_at, last_ok_at.
        """
        return self._s.db.rows("places")

    def kinds_sent(self, destination: str) -> list[tuple[str, str]]:
        """SOP class and transfer syntax of what lately went, or is to go, to a destination."""
        rows = self._s.db.rows("kinds_sent", destination=destination, most=_LATELY)
        return [(row["sop_class_uid"], row["transfer_syntax_uid"]) for row in rows]

    def films(self, name: str, since: str, until: str, most: int) -> list[sqlite3.Row]:
        """Items that a source showed in a time span under a name that contains `name`; newest
        first, sidecars aside.
        """
        pattern = f"%{name.translate(_LIKE)}%"
        return self._s.db.rows("films", name=pattern, since=since, until=until, most=most)

    def item_row(self, item_id: int) -> sqlite3.Row:
        """One item with why it stands where it does. Raises NotThere."""
        row = self._s.db.row("item", item_id=item_id)
        if row is None:
            raise NotThere(what=f"item {item_id}")
        return row

    def deliveries_of(self, item_id: int) -> list[sqlite3.Row]:
        """The deliveries of an item."""
        return self._s.db.rows("deliveries_of", item_id=item_id)

    def instances_of(self, delivery_id: int) -> list[sqlite3.Row]:
        """The composed objects of a delivery."""
        return self._s.db.rows("instances", delivery_id=delivery_id)

    def items_by_reason(self) -> list[sqlite3.Row]:
        """How many items (n) stand where, and why: state, code."""
        return self._s.db.rows("items_by_reason")

    def deliveries_by_reason(self) -> list[sqlite3.Row]:
        """The same of deliveries, by destination."""
        return self._s.db.rows("deliveries_by_reason")

    def events_by_code(self, since: str) -> list[sqlite3.Row]:
        """How often (n) something happened each day since a stamp: day, code, before, after."""
        return self._s.db.rows("events_by_code", since=since)

    def history(self, item_id: int) -> list[sqlite3.Row]:
        """All that happened to an item, in order."""
        return self._s.db.rows("history_of", item_id=item_id)

    def arrivals_of(self, item_id: int) -> list[sqlite3.Row]:
        """Every time and place a source showed the item."""
        return self._s.db.rows("arrivals_of", item_id=item_id)
