"""Owns noticing services that stay away or do not stay up, and images that go no further.

Time is what has passed since, never what the clock says, which may not be known to be right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.errors import NotGoingOn, ServiceGone, ServiceUnsteady
from appliance.journal.worker import present
from appliance.model import ItemState
from appliance.status.sayings import ROAD, SERVICE, Sayings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.journal.journal import Journal

_ALWAYS = ("watch", "deliver", "web")
_DOES: Mapping[str, str] = {
    "watch": "finds and takes what modalities export",
    "deliver": "finds out whose images are and sends them",
    "receive": "answers those who call by DICOM",
    "share": "offers network shares",
    "web": "shows the page",
}
_TO_BE: Mapping[str, str] = {
    ItemState.ARRIVED: "read",
    ItemState.CONVERTED: "identified",
    ItemState.IDENTIFIED: "sent on its way",
}
_LOOK_EVERY_S = 20.0
_START_S = 300.0
"""A slow board that starts everything at once takes its time."""

_GONE_S = 60.0
_UP_S = 60.0
"""A process that has lived so long does its work."""

_UNSTEADY_S = 180.0
_STUCK_S = 3600.0


@dataclass(slots=True)
class _Presence:
    """When a service was there."""

    seen_s: float
    steady_s: float  # when one of its processes had been up for a while
    since_s: dict[str, float] = field(default_factory=dict)  # by process

    @classmethod
    def starting(cls, now_s: float) -> _Presence:
        """Not yet looked for."""
        return cls(now_s + _START_S - _GONE_S, now_s + _START_S - _UNSTEADY_S)

    def look(self, alive: Iterable[str], now_s: float) -> None:
        self.since_s = {process: self.since_s.get(process, now_s) for process in alive}
        if self.since_s:
            self.seen_s = now_s
        if any(now_s - since_s >= _UP_S for since_s in self.since_s.values()):
            self.steady_s = now_s

    def problem(self, service: str, now_s: float) -> Problem | None:
        if now_s - self.seen_s > _GONE_S:
            return ServiceGone(does=_DOES[service])
        if now_s - self.steady_s > _UNSTEADY_S:
            return ServiceUnsteady(does=_DOES[service])
        return None


class Attendance:
    """One keeper's looks."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Nothing was looked at yet; what an earlier keeper wrote stands until then."""
        self._journal = journal
        self._clock = clock
        self._looked_s = clock.monotonic() - _LOOK_EVERY_S
        self._there: dict[str, _Presence] = {}
        self._first: tuple[int, float] = (0, 0.0)  # the item longest on its way, since when it is
        self._sayings = Sayings(journal, SERVICE, ROAD)

    def turn(self, wanted: Collection[str]) -> float:
        """Look, where it is time; seconds after which to come again.

        `wanted`: the services that today's settings ask for beside those that always are.
        """
        now_s = self._clock.monotonic()
        passed_s = now_s - self._looked_s
        if passed_s < _LOOK_EVERY_S:
            return _LOOK_EVERY_S - passed_s
        if passed_s > _GONE_S or not self._journal.charge.is_here():
            self._forget()  # nobody looked, or nobody is to work
        self._looked_s = now_s
        found = dict(self._services(wanted, now_s))
        found[ROAD, "items"] = self._stuck(now_s)
        self._sayings.say(found)
        return _LOOK_EVERY_S

    def _forget(self) -> None:
        self._there, self._first = {}, (0, 0.0)

    def _services(
        self, wanted: Collection[str], now_s: float
    ) -> Iterator[tuple[tuple[str, str], Problem | None]]:
        alive = present(self._journal.paths.run)
        self._there = {
            service: self._there.get(service) or _Presence.starting(now_s)
            for service in (*_ALWAYS, *wanted)
        }
        for service, there in self._there.items():
            there.look(alive.get(service, ()), now_s)
            yield (SERVICE, service), there.problem(service, now_s)

    def _stuck(self, now_s: float) -> Problem | None:
        """The oldest image before routing, which is taken up next, if it has long been the oldest.

        Not those behind it, which may wait for thousands of others; nor who waits for his order.
        """
        row = self._journal.ledger.next_underway()
        number = row["id"] if row else 0
        if number != self._first[0]:
            self._first = (number, now_s)
        if row is None or now_s - self._first[1] <= _STUCK_S:
            return None
        what = {"number": number, "name": row["name"], "source": row["source"]}
        return NotGoingOn(**what, doing=_TO_BE[row["state"]])
