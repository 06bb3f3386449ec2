"""Owns the verbs of forwarding: claim what is due at a destination, say what became of it.

Durable are the two moves that somebody outside relies on: bytes about to be sent, and proofs.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.journal import codec
from appliance.journal.session import said
from appliance.model import Delivery, DeliveryState, Priority

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from appliance.errors import Problem
    from appliance.journal.session import Session
    from appliance.model import ConfirmedBy, Instance

_CLOCK_WENT_BACK = timedelta(days=1)
"""Nothing is ever put off for longer: a later time was written by a clock since corrected."""


class Turn(NamedTuple):
    """Whose turn it is at a destination: the next source `after` one, nothing below `least`."""

    after: str = ""
    least: Priority = Priority.ROUTINE


ANY_TURN = Turn()


class Deliveries:
    """The verbs of forward and desk on deliveries."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def claim_deliveries(
        self, destination: str, most: int, turn: Turn = ANY_TURN
    ) -> list[Delivery]:
        """Take up what is next at a destination; its bytes are on the card when this returns."""
        with self._s.db.write(durable=True):
            ids = self._due(destination, most, turn)
            rows = self._s.db.rows(
                "claim_deliveries", ids=json.dumps(ids), worker=self._s.who, now=self._s.now()
            )
        return [self._delivery(row) for row in sorted(rows, key=lambda row: ids.index(row["id"]))]

    def due_contexts(
        self, destination: str, most: int, turn: Turn = ANY_TURN
    ) -> list[tuple[str, str]]:
        """SOP class and transfer syntax UIDs of what is next; empty when nothing is due."""
        ids = json.dumps(self._due(destination, most, turn))
        rows = self._s.db.rows("due_contexts", ids=ids)
        return [(row["sop_class_uid"], row["transfer_syntax_uid"]) for row in rows]

    def _due(self, destination: str, most: int, turn: Turn) -> list[int]:
        now = self._s.clock.utc()
        rows = self._s.db.rows(
            "due_deliveries",
            destination=destination,
            after=turn.after,
            least=turn.least,
            now=stamp(now),
            horizon=stamp(now + _CLOCK_WENT_BACK),
            most=most,
        )
        return [row["id"] for row in rows]

    def defer_all(self, destination: str, why: Problem) -> None:
        """prepared -> deferred for all that waits: the destination cannot be reached."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "defer_all",
                destination=destination,
                **said(why),
                now=self._s.now(),
                worker=self._s.who,
            )
            self._s.db.run("say_why_deferred", destination=destination, **said(why))

    def claim_sent(self, destination: str, most: int) -> list[Delivery]:
        """Take up what the destination has answered for but not yet proved."""
        return self._claim_unproved("claim_sent", destination, most)

    def claim_told(self, destination: str, most: int) -> list[Delivery]:
        """Take up what the destination has reported on (PS3.4 J.3)."""
        if not self._s.db.row("any_told", destination=destination):
            return []
        return self._claim_unproved("claim_told", destination, most)

    def _claim_unproved(self, query: str, destination: str, most: int) -> list[Delivery]:
        now = self._s.clock.utc()
        with self._s.db.write(durable=False):
            rows = self._s.db.rows(
                query,
                destination=destination,
                worker=self._s.who,
                now=stamp(now),
                horizon=stamp(now + _CLOCK_WENT_BACK),
                most=most,
            )
        return [
            self._delivery(row) for row in sorted(rows, key=lambda row: (row["tries"], row["id"]))
        ]

    def sent(self, delivery: Delivery, warning: Problem | None, not_before: datetime) -> None:
        """active -> sent; it is to be proved from `not_before` on."""
        with self._s.db.write(durable=False):
            self._move_delivery(
                delivery,
                DeliveryState.SENT,
                None,
                not_before=not_before,
                warning=warning.sentence if warning else "",
                forgive=True,
            )
            self._s.db.run("settle_pledges", delivery_id=delivery.id)
            if warning:
                self._s.db.run("note_warning", delivery_id=delivery.id, code=warning.code)

    def confirmed(self, deliveries: Iterable[Delivery], by: ConfirmedBy) -> None:
        """sent -> confirmed, and the item done where it was the last; durable."""
        with self._s.db.write(durable=True):
            for delivery in deliveries:
                self._move_delivery(delivery, DeliveryState.CONFIRMED, None, confirmed_by=by)
                self._s.db.run("settle_pledges", delivery_id=delivery.id)
                self._s.finish(delivery.item_id)

    def defer(self, delivery: Delivery, why: Problem, until: datetime, *, forgive: bool) -> None:
        """active or sent -> deferred; `forgive` when it was not the delivery's own fault.

        What somebody must look at since it was taken up is held instead.
        """
        with self._s.db.write(durable=False):
            if not self._is_held_back(delivery):
                self._move_delivery(
                    delivery, DeliveryState.DEFERRED, why, not_before=until, forgive=forgive
                )

    def put_back(self, delivery: Delivery) -> None:
        """active -> prepared: the link broke before its turn came. Or held, as by `defer`."""
        with self._s.db.write(durable=False):
            changed = self._is_held_back(delivery) or self._s.db.run(
                "put_back", delivery_id=delivery.id, now=self._s.now(), worker=self._s.who
            )
        self._s.must_be_ours(changed)

    def abandon(self) -> None:
        """Give up what this worker claims: its last turn ended in the midst of it."""
        with self._s.db.write(durable=False):
            self._s.free_deliveries(self._s.who)

    def resends(self, delivery: Delivery) -> int:
        """How often the destination denied what it had answered for."""
        row = self._s.db.row("count_resends", delivery_id=delivery.id)
        return int(row["n"]) if row else 0

    def ask_later(self, delivery: Delivery, why: Problem, until: datetime) -> None:
        """Stays sent; the proof is asked for again."""
        with self._s.db.write(durable=False):
            changed = self._s.db.run(
                "ask_later",
                delivery_id=delivery.id,
                worker=self._s.who,
                not_before=stamp(until),
                **said(why),
            )
        self._s.must_be_ours(changed)

    def was_taken_with(self, delivery: Delivery, warning: type[Problem]) -> bool:
        """Whether the destination said so when it took it."""
        row = self._s.db.row("warning_of", delivery_id=delivery.id)
        return row is not None and row["warning_code"] == warning.code

    def warn(self, delivery: Delivery, warning: Problem) -> None:
        """What a person should know of an image that the destination has."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "warn",
                delivery_id=delivery.id,
                worker=self._s.who,
                warning=warning.sentence,
            )

    def hold_delivery(self, delivery: Delivery, why: Problem) -> None:
        """active or sent -> held: a person must act."""
        with self._s.db.write(durable=False):
            self._move_delivery(delivery, DeliveryState.HELD, why)

    def hold_kind(
        self, destination: str, most: int, turn: Turn, context: tuple[str, str], why: Problem
    ) -> list[tuple[int, int]]:
        """prepared or deferred -> held, for what is next and has an object of that kind.

        `context`: SOP class and transfer syntax UIDs. Ids of the deliveries and of their items.
        """
        with self._s.db.write(durable=False):
            rows = self._s.db.rows(
                "hold_kind",
                ids=json.dumps(self._due(destination, most, turn)),
                sop_class_uid=context[0],
                transfer_syntax_uid=context[1],
                **said(why),
                now=self._s.now(),
                worker=self._s.who,
            )
        return [(row["id"], row["item_id"]) for row in rows]

    def hurry(self, item_id: int) -> int:
        """What was put off is due at once; how many deliveries of the item that were."""
        with self._s.db.write(durable=False):
            return self._s.db.run("hurry", item_id=item_id, now=self._s.now())

    def next_due(self, destination: str, now: datetime) -> str:
        """When (a stamp) the next put-off delivery is due that was not before; "" for never."""
        row = self._s.db.row("next_due", destination=destination, now=stamp(now))
        return (row and row["due"]) or ""

    def decide_delivery(
        self, delivery_id: int, state: DeliveryState, *, code: str, why: str, who: str
    ) -> None:
        """What a person decided about a delivery. Raises ClaimLost."""
        self._s.decide(
            "person_moves_delivery",
            state,
            code=code,
            sentence=why,
            who=who,
            delivery_id=delivery_id,
        )

    def _is_held_back(self, delivery: Delivery) -> int:
        """active -> held, if somebody must look at it since it was taken up; whether it was."""
        return self._s.hold_doubted(self._s.who, delivery.id)

    def _move_delivery(
        self,
        delivery: Delivery,
        state: DeliveryState,
        problem: Problem | None,
        *,
        not_before: datetime | None = None,
        confirmed_by: ConfirmedBy | None = None,
        warning: str = "",
        forgive: bool = False,
    ) -> None:
        changed = self._s.db.run(
            "move_delivery",
            delivery_id=delivery.id,
            state=state,
            **said(problem),
            not_before=stamp(not_before) if not_before else "",
            confirmed_by=confirmed_by,
            warning=warning,
            forgive=forgive,
            now=self._s.now(),
            worker=self._s.who,
        )
        self._s.must_be_ours(changed)

    def composed(self, delivery_id: int) -> tuple[Instance, ...]:
        """The objects of a delivery, to the byte as they are sent."""
        rows = self._s.db.rows("instances", delivery_id=delivery_id)
        return tuple(codec.load_instance(row, self._s.spool) for row in rows)

    def _delivery(self, row: sqlite3.Row) -> Delivery:
        return Delivery(
            id=row["id"],
            item_id=row["item_id"],
            destination=row["destination"],
            state=DeliveryState(row["state"]),
            tries=row["tries"],
            source=row["source"],
            priority=Priority(row["priority"]),
            instances=self.composed(row["id"]),
        )
