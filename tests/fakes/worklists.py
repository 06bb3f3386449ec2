"""Owns worklists that answer what a test gives them; what they told is remembered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from appliance.identify.worklist import Answer, Worklists

if TYPE_CHECKING:
    from datetime import date

    from appliance.errors import Problem
    from appliance.model import Order
    from appliance.settings.schema import Settings
    from tests.builders.box import Box


class FakeWorklists(Worklists):
    """Tells `orders` until it is `down`; then only what it told before, and since when."""

    def __init__(self, box: Box, *orders: Order) -> None:
        super().__init__(box.journal, box.clock)
        self.orders = list(orders)
        self.down: Problem | None = None
        self.asked: list[tuple[str, date, date]] = []
        self._told_at_s = -math.inf

    def orders_for(self, settings: Settings, source: str, first: date, last: date) -> Answer:
        served = settings.worklists_of(source)
        self.asked.append((source, first, last))
        if served and self.down is None:
            self._told_at_s = self._clock.monotonic()
            for worklist in served:
                own = [order for order in self.orders if order.worklist == worklist.name]
                self._journal.orders.learn(worklist.name, own, first, last)
        return Answer(
            self._journal.orders.between([w.name for w in served], first, last),
            self._clock.monotonic() - self._told_at_s,
            (self.down,) if self.down else (),
            bool(served),
        )
