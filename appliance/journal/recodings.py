"""Owns the verbs of making objects anew: a destination wants them in another transfer syntax.

active -> waiting (forward asks), then convert adds pixels, then route composes -> prepared. None
of it is waited for: after a power cut the destination is asked, and the work done, once more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.journal import codec
from appliance.journal.session import said
from appliance.model import DeliveryState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from appliance.errors import Problem
    from appliance.journal.session import Session
    from appliance.model import Body, Delivery, Instance

_ASKED, _MADE = "asked", "made"


@dataclass(frozen=True, slots=True)
class Recoding:
    """A claimed delivery whose bytes are to be made anew."""

    delivery_id: int
    item_id: int
    destination: str
    tries: int
    wishes: Mapping[int, str]  # number of the instance -> transfer syntax UID
    instances: tuple[Instance, ...]  # as they are now
    bodies: Mapping[int, Body]  # what convert has made for them


class Recodings:
    """The verbs of forward, convert and route on what a destination wants encoded otherwise."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def times(self, delivery_id: int) -> int:
        """How often a delivery was made anew."""
        row = self._s.db.row("recoding_of", delivery_id=delivery_id)
        return row["times"] if row else 0

    def ask(
        self, delivery: Delivery, wishes: Mapping[int, str], why: Problem, *, pixels: bool
    ) -> None:
        """active -> waiting; `pixels`: convert must make some before route can go on.

        What somebody must look at since it was taken up is held instead.
        """
        with self._s.db.write(durable=False):
            if self._s.hold_doubted(self._s.who, delivery.id):
                return
            self._s.db.run("clear_recoded", delivery_id=delivery.id)
            self._s.db.run(
                "ask_recoding",
                delivery_id=delivery.id,
                wishes=codec.dump({str(k): v for k, v in wishes.items()}),
                step=_ASKED if pixels else _MADE,
            )
            self._move(delivery.id, DeliveryState.WAITING, why)

    def claim_asked(self) -> Recoding | None:
        """Take up a delivery whose pixels are to be made; None when there is none."""
        return self._claim(_ASKED)

    def claim_made(self) -> Recoding | None:
        """Take up a delivery that is to be composed anew; None when there is none."""
        return self._claim(_MADE)

    def made(self, recoding: Recoding, bodies: Mapping[int, Body]) -> None:
        """convert is done: what it made, by the number of the instance. Raises ClaimLost."""
        with self._s.db.write(durable=False):
            for number, body in bodies.items():
                columns = {**codec.dump_body(body), "number": number}
                self._s.db.run("add_recoded", delivery_id=recoding.delivery_id, **columns)
            self._s.db.run("recoding_made", delivery_id=recoding.delivery_id)
            changed = self._s.db.run(
                "free_waiting", delivery_id=recoding.delivery_id, worker=self._s.who
            )
            self._s.must_be_ours(changed)

    def composed(
        self, recoding: Recoding, instances: Iterable[Instance], how: Problem | None
    ) -> None:
        """waiting -> prepared, with other bytes from now on. Raises ClaimLost."""
        told = {"delivery_id": recoding.delivery_id}
        with self._s.db.write(durable=False):
            self._s.db.run("clear_instances", **told)
            for instance in instances:
                self._s.db.run("add_instance", **told, **codec.dump_instance(instance))
            self._s.db.run("clear_recoded", **told)
            self._s.db.run("recoding_done", **told)
            self._move(recoding.delivery_id, DeliveryState.PREPARED, how)

    def hold(self, recoding: Recoding, why: Problem) -> None:
        """waiting -> held: it cannot be made for this destination. Raises ClaimLost."""
        with self._s.db.write(durable=False):
            self._s.db.run("clear_recoded", delivery_id=recoding.delivery_id)
            self._s.db.run("recoding_done", delivery_id=recoding.delivery_id)
            self._move(recoding.delivery_id, DeliveryState.HELD, why)

    def _claim(self, step: str) -> Recoding | None:
        with self._s.db.write(durable=False):
            row = self._s.db.row("claim_recoding", step=step, worker=self._s.who)
            if row is None:
                return None
            told = {"delivery_id": row["delivery_id"], "worker": self._s.who}
            delivery = self._s.db.rows("claim_waiting", **told)[0]
        return self._recoding(row, delivery)

    def _recoding(self, row: sqlite3.Row, delivery: sqlite3.Row) -> Recoding:
        number, spool = row["delivery_id"], self._s.spool
        instances = self._s.db.rows("instances", delivery_id=number)
        bodies = self._s.db.rows("recoded", delivery_id=number)
        return Recoding(
            delivery_id=number,
            item_id=delivery["item_id"],
            destination=delivery["destination"],
            tries=row["tries"],
            wishes={int(k): v for k, v in json.loads(row["wishes"]).items()},
            instances=tuple(codec.load_instance(each, spool) for each in instances),
            bodies={each["number"]: codec.load_body(each, spool) for each in bodies},
        )

    def _move(self, delivery_id: int, state: DeliveryState, why: Problem | None) -> None:
        changed = self._s.db.run(
            "move_recoded",
            delivery_id=delivery_id,
            state=state,
            **said(why),
            now=self._s.now(),
            worker=self._s.who,
        )
        self._s.must_be_ours(changed)
