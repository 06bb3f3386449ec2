"""Owns what destinations were asked to commit themselves to (PS3.4 J.3), and what they reported.

Each question has a transaction of its own, written down before it is asked: the report may come
before the answer, to another process, or after a pulled plug.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.journal.abilities import WORKS_FOR, Way
from appliance.journal.session import said

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from appliance.errors import Problem
    from appliance.journal.session import Session
    from appliance.model import Delivery

_KEPT = timedelta(days=30)
"""How long a transaction is known: a report that comes twice, or late, is still recognised."""


class Pledges:
    """The verbs of forward on questions, and of the receiver on reports."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def ask(self, destination: str, peer: str, deliveries: Iterable[Delivery]) -> str:
        """Note that a destination is about to be asked about deliveries; the Transaction UID.

        On the card when this returns.
        """
        about = [(i.sop_instance_uid, d.id) for d in deliveries for i in d.instances]
        return self._ask(destination, peer, about)

    def ask_for_test(self, destination: str, peer: str, uids: Iterable[str]) -> str:
        """The same about images that nobody delivers; nothing follows from the report."""
        return self._ask(destination, peer, [(uid, None) for uid in uids])

    def _ask(self, destination: str, peer: str, about: Sequence[tuple[str, int | None]]) -> str:
        transaction_uid = f"2.25.{uuid.uuid4().int}"  # PS3.5 B.2
        with self._s.db.write(durable=True):
            self._s.db.run("forget_pledges", before=stamp(self._s.clock.utc() - _KEPT))
            self._s.db.run(
                "add_pledge",
                transaction_uid=transaction_uid,
                destination=destination,
                peer=peer,
                now=self._s.now(),
            )
            for uid, delivery_id in about:
                self._s.db.run(
                    "add_pledge_object",
                    transaction_uid=transaction_uid,
                    sop_instance_uid=uid,
                    delivery_id=delivery_id,
                )
        return transaction_uid

    def take_back(self, transaction_uid: str) -> None:
        """The question was not understood: no report will come."""
        with self._s.db.write(durable=False):
            self._s.db.run("take_back_pledge", transaction_uid=transaction_uid)

    def wait(self, deliveries: Iterable[Delivery], why: Problem, until: datetime) -> None:
        """Stay sent until the report comes; look again at `until`.

        At once where it has come already, while nobody could be told because of the claim.
        """
        with self._s.db.write(durable=False):
            for delivery in deliveries:
                changed = self._s.db.run(
                    "await_report",
                    delivery_id=delivery.id,
                    worker=self._s.who,
                    now=self._s.now(),
                    until=stamp(until),
                    **said(why),
                )
                self._s.must_be_ours(changed)

    def tell(
        self, transaction_uid: str, destinations: Collection[str], failures: Mapping[str, int]
    ) -> bool:
        """Note a report of one of these destinations: by SOP Instance UID why not, 0 where safe.

        On the card when this returns. False where none of them was asked that; the same report
        again changes nothing.
        """
        with self._s.db.write(durable=True):
            row = self._s.db.row("pledge", transaction_uid=transaction_uid)
            if row is None or row["destination"] not in destinations:
                return False
            if not row["told_at"]:
                self._tell(transaction_uid, failures)
        return True

    def _tell(self, transaction_uid: str, failures: Mapping[str, int]) -> None:
        now = self._s.now()
        for uid, failure in failures.items():
            self._s.db.run(
                "tell_pledge_object",
                transaction_uid=transaction_uid,
                sop_instance_uid=uid,
                failure=failure,
            )
        self._s.db.run("tell_pledge", transaction_uid=transaction_uid, now=now)
        self._s.db.run("hurry_told", transaction_uid=transaction_uid, now=now)
        self._s.db.run(
            "learn_of_report",
            transaction_uid=transaction_uid,
            way=Way.COMMITMENT,
            until=stamp(self._s.clock.utc() + WORKS_FOR),
        )

    def told(self, transaction_uid: str) -> dict[str, int | None] | None:
        """What was reported by SOP Instance UID, None where nothing of it; None before that."""
        row = self._s.db.row("pledge", transaction_uid=transaction_uid)
        if row is None or not row["told_at"]:
            return None
        rows = self._s.db.rows("pledge_objects", transaction_uid=transaction_uid)
        return {row["sop_instance_uid"]: row["failure"] for row in rows}

    def told_of(self, delivery: Delivery) -> dict[str, int]:
        """What was reported of a delivery, by SOP Instance UID.

        Of several reports the one to the latest question counts.
        """
        rows = self._s.db.rows("told_of_delivery", delivery_id=delivery.id)
        return {row["sop_instance_uid"]: row["failure"] for row in rows}

    def unanswered(self, delivery: Delivery, since: datetime | None = None) -> int:
        """How many questions about a delivery nobody has answered (`since` then, if given)."""
        before = stamp(since) if since else ""
        row = self._s.db.row("count_unanswered", delivery_id=delivery.id, before=before)
        return int(row["n"]) if row else 0

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """What was told of them is acted upon; what may still be told no longer counts."""
        with self._s.db.write(durable=False):
            for delivery in deliveries:
                self._s.db.run("settle_pledges", delivery_id=delivery.id)
