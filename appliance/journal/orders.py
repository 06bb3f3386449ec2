"""Owns the memory of worklists: what each told of which days, until nothing is expected of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.clock import stamp
from appliance.journal import codec
from appliance.model import Order

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import date

    from appliance.journal.session import Session

_START = "ScheduledProcedureStepStartDate"
_CLOCK_WENT_BACK = timedelta(days=1)
_OVER_EVERYWHERE = timedelta(hours=12)
"""Days are local ones: so long after its end in UTC, a day is over in every time zone."""


class Orders:
    """The verbs of identify, desk and keeper on what worklists told.

    Days are those of the scheduled start, as the server writes them. Nothing here is lost for good
    in a power cut: it can be asked for again.
    """

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session

    def learn(self, worklist: str, orders: Iterable[Order], first: date, last: date) -> None:
        """A worklist just told all it knows of the days `first` to `last`.

        What it said of them before is forgotten; orders of other days are left aside.
        """
        days = _days(first, last)
        told = {order.key: order for order in orders if order.values.get(_START) in days}
        span = {"worklist": worklist, "first": days[0], "last": days[-1]}
        with self._s.db.write(durable=False):
            self._s.db.run("forget_orders", **span, keys=codec.dump(list(told)))
            for order in told.values():
                self._add(order)
            for day in days:
                self._s.db.run("add_day", worklist=worklist, day=day, asked_at=self._s.now())

    def between(self, worklists: Iterable[str], first: date, last: date) -> list[Order]:
        """What worklists told of the days `first` to `last`, by day."""
        span = {"first": _da(first), "last": _da(last)}
        return [
            _order(row)
            for name in worklists
            for row in self._s.db.rows("orders_between", worklist=name, **span)
        ]

    def get(self, key: str) -> Order | None:
        """The order of that key, or None where it is not remembered."""
        row = self._s.db.row("order_by_key", key=key)
        return _order(row) if row else None

    def asked_at(self, worklist: str, first: date, last: date) -> str:
        """When (a stamp) a worklist told of the stalest of these days; "": not of all of them."""
        days = _days(first, last)
        row = self._s.db.row("days_asked", worklist=worklist, first=days[0], last=days[-1])
        return str(row["at"]) if row and row["n"] == len(days) else ""

    def counts(self) -> Mapping[str, int]:
        """How many orders are remembered of each worklist."""
        return {row["worklist"]: row["n"] for row in self._s.db.rows("count_orders")}

    def purge(self, keep: Mapping[str, timedelta]) -> int:
        """Forget what was told, and scheduled, longer ago than `keep` says of its worklist.

        All is forgotten of worklists that it does not name. Returns how many orders went.
        """
        known = [row["worklist"] for row in self._s.db.rows("known_worklists")]
        with self._s.db.write(durable=False):
            for name in known:
                self._purge_days(name, keep.get(name))
            return self._s.db.run("purge_orders")

    def _purge_days(self, worklist: str, keep: timedelta | None) -> None:
        now = self._s.clock.utc()
        before = now - (keep or timedelta())
        self._s.db.run(
            "purge_days",
            worklist=worklist,
            day=_da((before - _OVER_EVERYWHERE).date()),
            before=stamp(before),
            horizon="" if keep is None else stamp(now + _CLOCK_WENT_BACK),
        )

    def _add(self, order: Order) -> None:
        self._s.db.run(
            "add_order",
            key=order.key,
            worklist=order.worklist,
            day=order.values[_START],
            content=codec.dump({"values": dict(order.values), "codes": dict(order.codes)}),
        )


def _order(row: sqlite3.Row) -> Order:
    content = json.loads(row["content"])
    codes = {keyword: tuple(items) for keyword, items in content["codes"].items()}
    return Order(row["worklist"], row["key"], content["values"], codes, row["asked_at"])


def _days(first: date, last: date) -> list[str]:
    return [_da(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _da(day: date) -> str:
    return day.strftime("%Y%m%d")
