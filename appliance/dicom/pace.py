"""Owns how fast bytes may go to one destination, over all of its associations together."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.clock import Clock

_BITS_PER_BYTE = 8
_STRIDE_S = 0.05
_LEAST_BYTES = 1460  # a packet: less of it costs a slow line more than it evens out
_ARREARS_S = 0.1


class Pace:
    """A line's time, handed out in strides; any thread may ask for some.

    Each stride has its moment, a twentieth of a second's bytes after the one before, whoever asks:
    so nobody's bytes come in a burst and nobody waits long for others. Who comes late, because a
    timer is coarse or a peer slow, may catch up on a tenth of a second, not more.
    """

    def __init__(self, kbit_s: int, clock: Clock) -> None:
        """Let `kbit_s` thousand bits pass in a second (1 or more)."""
        self._bytes_s = kbit_s * 1000 / _BITS_PER_BYTE
        self._stride_bytes = max(_LEAST_BYTES, int(self._bytes_s * _STRIDE_S))
        self._clock = clock
        self._lock = Lock()
        self._free_at_s = clock.monotonic()

    def take(self, wanted_bytes: int) -> tuple[int, float]:
        """So many of the wanted bytes may be sent, after a wait of so many seconds."""
        granted = min(wanted_bytes, self._stride_bytes)
        with self._lock:
            now_s = self._clock.monotonic()
            begin_s = max(self._free_at_s, now_s - _ARREARS_S)
            self._free_at_s = begin_s + granted / self._bytes_s
        return granted, max(0.0, begin_s - now_s)
