"""Owns whether a destination may be tried now: it rests after a failure, longer each time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance.forward.outcome import probe_wait_s, wait_s


@dataclass(frozen=True, slots=True)
class Circuit:
    """Closed while all is well; open, and to be probed again at `probe_at_s`, after failures."""

    failures: int = 0
    probe_at_s: float = 0.0  # monotonic

    def rest_s(self, now_s: float) -> float:
        """How long the destination is to be left alone; 0 when it may be tried."""
        return max(0.0, self.probe_at_s - now_s)

    def failed(self, now_s: float, luck: float, *, stopped: bool) -> Circuit:
        """After one more failure; `luck` from 0 to 1 spreads the boxes of a hospital.

        A `stopped` destination is asked in even, long intervals whether a person put it right.
        """
        rest_s = probe_wait_s(luck) if stopped else wait_s(self.failures + 1, luck)
        return replace(self, failures=self.failures + 1, probe_at_s=now_s + rest_s)
