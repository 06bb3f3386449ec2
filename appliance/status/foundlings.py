"""Owns when files that no row names are taken in again: after whoever brought them had his time.

A service that was killed between a file and its row leaves such a file, and its source, which was
told nothing, brings it once more: then it has its row. What is there still after two looks is in
nobody's hands but ours.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.errors import Refused

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.journal.custody import Custody

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 600.0


class Foundlings:
    """One box's looks."""

    def __init__(self, custody: Custody, clock: Clock) -> None:
        """Begin with a look at once."""
        self._custody = custody
        self._clock = clock
        self._look_at_s = clock.monotonic()
        self._seen: set[str] = set()

    def turn(self) -> float:
        """Look, where it is time; seconds after which to look again."""
        now_s = self._clock.monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_EVERY_S
            self._look()
        return self._look_at_s - now_s

    def _look(self) -> None:
        unknown = self._custody.unknown()
        known_for_long, self._seen = self._seen & unknown, unknown
        if not known_for_long:
            return
        try:
            items = self._custody.adopt(known_for_long)
        except Refused as busy:
            _log.warning("%s Nothing that has no record was taken in; it is tried again.", busy)
            return
        for item_id in items:
            _log.warning("a file without a record lay on the card; it is item %d now", item_id)
