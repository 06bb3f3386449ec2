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

LOOK_EVERY_S = 300.0


class Foundlings:
    """One box's looks."""

    def __init__(self, custody: Custody, clock: Clock) -> None:
        """Begin with a look at once."""
        self._custody = custody
        self._clock = clock
        self._look_at_s = clock.monotonic()
        self._seen: set[str] = set()
        self._due: list[str] = []

    def turn(self) -> float:
        """Look, where it is time, or take one file in; seconds after which to come again."""
        if self._due:
            self._take_in(self._due.pop())
        now_s = self._clock.monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_EVERY_S
            self._look()
        return 0.0 if self._due else self._look_at_s - now_s

    def _look(self) -> None:
        unknown = self._custody.unknown()
        self._due, self._seen = sorted(self._seen & unknown), unknown

    def _take_in(self, sha256: str) -> None:
        try:
            item_id = self._custody.adopt(sha256)
        except Refused as busy:
            _log.warning("%s What has no record is taken in after the next look.", busy)
            return
        if item_id is not None:
            _log.warning("a file without a record lay on the card; it is item %d now", item_id)
