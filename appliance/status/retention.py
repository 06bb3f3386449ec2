"""Owns when confirmed bytes leave the card: by age now and then, by space as soon as it is short.

Orders of worklists leave it too once nothing is expected of them.

Rows, UIDs and hashes stay for good, so what is gone is still known. Nothing that is not confirmed
by every one of its destinations is ever touched; should all of that fill the card, intake stops
and says so.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.board.disk import room

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from appliance.board.disk import Room
    from appliance.clock import Clock
    from appliance.journal.custody import Custody
    from appliance.journal.orders import Orders
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

BY_AGE_EVERY_S = 3600.0
AT_ONCE = 50
_SOON_S = 1.0


class Housekeeping:
    """One box's retention job."""

    def __init__(
        self,
        custody: Custody,
        orders: Orders,
        folder: Path,
        clock: Clock,
        measure: Callable[[Path], Room] = room,
    ) -> None:
        """Keep room on the file system of `folder`."""
        self._custody = custody
        self._orders = orders
        self._folder = folder
        self._clock = clock
        self._measure = measure
        self._by_age_at_s = clock.monotonic()

    def turn(self, settings: Settings) -> float:
        """Let go of what may go now; seconds after which to look again."""
        rules = settings.retention
        before = self._clock.utc() - timedelta(days=rules.confirmed_days)
        if self._measure(self._folder).free_percent < rules.min_free_percent:
            return self._by_space(before)
        # How old anything is, is not known either while the time is not.
        if self._clock.monotonic() >= self._by_age_at_s and self._clock.is_sure():
            self._by_age_at_s = self._clock.monotonic() + BY_AGE_EVERY_S
            self._purge(before, 0)
            self._orders.purge(
                {each.name: timedelta(hours=each.memory_h) for each in settings.worklists}
            )
        return BY_AGE_EVERY_S

    def _by_space(self, before: datetime) -> float:
        """A few at a time, the longest confirmed first: the next turn sees what it brought."""
        return _SOON_S if self._purge(before, AT_ONCE) else BY_AGE_EVERY_S

    def _purge(self, before: datetime, oldest: int) -> int:
        gone = self._custody.purge(before, oldest=oldest)
        if gone:
            _log.info("the bytes of %d confirmed images left the card", gone)
        return gone
