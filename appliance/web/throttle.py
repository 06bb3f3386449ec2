"""Owns slowing down who guesses: a few attempts at once, then one every so often."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.clock import Clock

_MOST_KEYS = 1000


class Throttle:
    """`burst` attempts at once for each key, then one every `every_s`."""

    def __init__(self, clock: Clock, *, burst: int, every_s: float) -> None:
        """Begin with nobody remembered."""
        self._clock = clock
        self._slack_s = (burst - 1) * every_s
        self._every_s = every_s
        self._even_at: dict[str, float] = {}  # when a key's attempts are all forgotten
        self._lock = Lock()

    def take(self, key: str) -> float:
        """Use up one attempt and return 0, or the seconds to wait before the next one."""
        with self._lock:
            now = self._clock.monotonic()
            even_at = max(self._even_at.get(key, now), now)
            wait_s = even_at - now - self._slack_s
            if wait_s > 0:
                return wait_s
            self._forget(now)
            self._even_at[key] = even_at + self._every_s
            return 0.0

    def give_back(self, key: str) -> None:
        """The attempt was a good one and does not count."""
        with self._lock:
            if key in self._even_at:
                self._even_at[key] -= self._every_s

    @property
    def remembered(self) -> int:
        """How many keys still count."""
        return len(self._even_at)

    def _forget(self, now: float) -> None:
        if len(self._even_at) >= _MOST_KEYS:
            self._even_at = {k: at for k, at in self._even_at.items() if at > now}


class Door:
    """Throttles one address, and all of them together: a guesser may have many addresses."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nobody remembered."""
        self._each = Throttle(clock, burst=5, every_s=30.0)
        self._all = Throttle(clock, burst=20, every_s=5.0)

    def knock(self, address: str) -> float:
        """Use up one attempt and return 0, or the seconds to wait."""
        wait_s = self._each.take(address)
        if wait_s:
            return wait_s
        wait_s = self._all.take("")
        if wait_s:
            self._each.give_back(address)
        return wait_s

    def welcome(self, address: str) -> None:
        """The attempt was a good one and does not count."""
        self._each.give_back(address)
        self._all.give_back("")
