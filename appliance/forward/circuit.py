"""Owns whether a destination may be tried now: it rests after a failure, longer each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.forward.outcome import probe_wait_s, wait_s

if TYPE_CHECKING:
    from appliance.settings.schema import Retry


class State(StrEnum):
    """What may be done at a destination."""

    CLOSED = "closed"  # all is well: whoever has something sends it
    OPEN = "open"  # it is left alone
    PROBE = "probe"  # one may try


@dataclass(frozen=True, slots=True)
class Circuit:
    """Closed while all is well; after failures open, and to be probed from `probe_at_s` on."""

    failures: int = 0
    probe_at_s: float = 0.0  # monotonic

    def state(self, now_s: float) -> State:
        """How it stands."""
        if not self.failures:
            return State.CLOSED
        return State.OPEN if now_s < self.probe_at_s else State.PROBE

    def rest_s(self, now_s: float) -> float:
        """How long the destination is to be left alone; 0 when it may be tried."""
        return max(0.0, self.probe_at_s - now_s)

    def hurried(self, now_s: float) -> Circuit:
        """To be probed now, if it is open; the next failure is followed by no shorter rest."""
        return replace(self, probe_at_s=min(self.probe_at_s, now_s))

    def failed(self, now_s: float, schedule: Retry, luck: float, *, stopped: bool) -> Circuit:
        """After one more failure; `luck` from 0 to 1 spreads the boxes of a hospital.

        A `stopped` destination is asked in even, long intervals whether a person put it right.
        """
        failures = self.failures + 1
        wait = probe_wait_s(schedule, luck) if stopped else wait_s(schedule, failures, luck)
        return Circuit(failures, now_s + wait)
