"""Owns what the lanes of one destination share: whether it may be tried, and how it did lately."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.dicom.pace import Pace
from appliance.forward.circuit import Circuit, State
from appliance.forward.outcome import Past, is_over
from appliance.journal.deliveries import Turn
from appliance.model import Priority
from appliance.settings.hours import Hours, Span

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.clock import Clock
    from appliance.dicom.association import Target
    from appliance.model import Delivery
    from appliance.settings.schema import Destination

_WHILE_PROBED_S = 5.0
_ENOUGH = 8  # refusals in a row to tell one image's trouble from the destination's


@dataclass(frozen=True, slots=True)
class _Tally:
    """How many images were taken and refused up to some moment."""

    taken: int = 0
    refused: int = 0

    def most_taken_since(self, before: _Tally) -> bool:
        """Whether more were taken than refused between two moments."""
        return self.taken - before.taken > self.refused - before.refused


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The last try of an image: when, and at how many in a row others had been taken meanwhile."""

    at: _Tally
    others_taken: int


class Gate:
    """The one way to a destination; any of its lanes may call, from whatever thread.

    What it remembers of single images it forgets with the process: then they are only tried a few
    times more. How often each was tried stands in the journal.
    """

    def __init__(self, destination: Destination, zone: ZoneInfo, clock: Clock) -> None:
        """Nothing is known of the destination yet; its hours are those of the `zone`."""
        self.pace = Pace(destination.kbit_s, clock) if destination.kbit_s else None
        self._schedule = destination.retry
        self._hours = Hours(tuple(map(Span.parse, destination.hours)), zone)
        self._clock = clock
        self._lock = Lock()
        self._circuit = Circuit()
        self._prober: object = None
        self._linked: set[int] = set()
        self._tally = _Tally()
        self._refusals: dict[int, _Refusal] = {}
        self._refused_in_a_row: deque[int] = deque(maxlen=_ENOUGH)
        self._last_source = ""

    # Whether it may be tried

    def rest_s(self, lane: object) -> float:
        """How long a lane has to leave the destination alone; 0: it may try.

        Of several only one may find out whether it is back; the others look again soon.
        """
        now_s = self._clock.monotonic()
        with self._lock:
            if self._circuit.state(now_s) is not State.PROBE:
                return self._circuit.rest_s(now_s)
            if self._prober not in {None, lane}:
                return _WHILE_PROBED_S
            self._prober = lane
            return 0

    def leave(self, lane: object) -> None:
        """A lane's turn is over; where it was to find out and had nothing to try, another may."""
        with self._lock:
            if self._prober is lane:
                self._prober = None

    def failed(self, lane: object, *, stopped: bool) -> None:
        """The destination is to be left alone; what several notice at once counts once."""
        now_s = self._clock.monotonic()
        with self._lock:
            if self._circuit.state(now_s) is not State.CLOSED and self._prober is not lane:
                return
            self._circuit = self._circuit.failed(now_s, self._schedule, luck(), stopped=stopped)
            self._prober = None

    def try_now(self) -> None:
        """Somebody looks into it: it need not be left alone any longer."""
        with self._lock:
            self._circuit = self._circuit.hurried(self._clock.monotonic())

    @property
    def is_well(self) -> bool:
        """Whether nothing is known against it; else one image at a time finds out."""
        return not self._circuit.failures

    # Who is connected

    def linked(self, lane: object, *, yes: bool) -> None:
        """A lane has an association now, or has none any more."""
        with self._lock:
            (self._linked.add if yes else self._linked.discard)(id(lane))

    def others_linked(self, lane: object) -> bool:
        """Whether other lanes are connected: then it is no failure that it takes no more."""
        with self._lock:
            return bool(self._linked - {id(lane)})

    # What became of images

    def past(self, delivery: Delivery) -> Past:
        """What has to be known of earlier answers to judge one to this delivery."""
        with self._lock:
            return Past(
                tries=delivery.tries - 1,
                others_refused=len(set(self._refused_in_a_row) - {delivery.id}),
                others_taken=self._others_taken(delivery),
                is_over=is_over(self._schedule, delivery.tries),
            )

    def took(self, delivery: Delivery) -> None:
        """It was taken: the destination is well."""
        with self._lock:
            self._tally = _Tally(self._tally.taken + 1, self._tally.refused)
            self._refusals.pop(delivery.id, None)
            self._refused_in_a_row.clear()
            self._circuit = Circuit()
            self._prober = None

    def refused(self, delivery: Delivery) -> int:
        """It is to be tried again; how many were refused since one was taken, others included."""
        with self._lock:
            others_taken = self._others_taken(delivery)
            self._tally = _Tally(self._tally.taken, self._tally.refused + 1)
            self._refusals[delivery.id] = _Refusal(self._tally, others_taken)
            self._refused_in_a_row.append(delivery.id)
            return len(self._refused_in_a_row)

    def forget(self, delivery_id: int) -> None:
        """It is held."""
        with self._lock:
            self._refusals.pop(delivery_id, None)

    def _others_taken(self, delivery: Delivery) -> int:
        last = self._refusals.get(delivery.id)
        if last is None:
            return 0
        if self._tally == last.at:  # nothing else was tried: that says nothing
            return last.others_taken
        return last.others_taken + 1 if self._tally.most_taken_since(last.at) else 0

    # Whose turn it is

    def turn(self) -> Turn:
        """What is next: the source after the one served last; out of hours only what is urgent."""
        is_open = self._hours.cover(self._clock.utc())
        return Turn(self._last_source, Priority.ROUTINE if is_open else Priority.STAT)

    def took_up(self, delivery: Delivery) -> None:
        """Another source is next."""
        self._last_source = delivery.source

    def opens_at(self) -> datetime | None:
        """When its hours begin, by the box's own time; None within them."""
        now = self._clock.utc()
        if self._hours.cover(now):
            return None
        return self._hours.next_start(now).astimezone(self._hours.zone)


class Gates:
    """The gates of all destinations: each the same one as long as nothing about it changes.

    Where something was put right in the settings, what went wrong before no longer counts.
    """

    def __init__(self, clock: Clock) -> None:
        """There are none yet."""
        self._clock = clock
        self._gates: dict[str, tuple[object, Gate]] = {}

    def of(self, destination: Destination, target: Target, zone: str) -> Gate:
        """The gate of a destination that is found at `target`, in a box of that time zone."""
        made_for = (destination, target, zone)
        known_for, gate = self._gates.get(destination.name, (None, None))
        if gate is None or known_for != made_for:
            gate = Gate(destination, ZoneInfo(zone), self._clock)
            self._gates[destination.name] = (made_for, gate)
        return gate

    def try_now(self) -> None:
        """Somebody asks how destinations are: what was put right there is found out at once."""
        for _, gate in list(self._gates.values()):
            gate.try_now()


def luck() -> float:
    """A number from 0 to 1 that spreads retries; it keeps no secret."""
    return random.random()  # noqa: S311 - see above
