"""Owns how an image's history is told: moves that matter, repetitions once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.model import DeliveryState, ItemState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an image; `times` in a row, the last time `at`."""

    at: str
    before: str
    after: str
    sentence: str
    destination: str  # "" for the image itself
    times: int = 1

    @property
    def is_remark(self) -> bool:
        """Something to know that moved nothing."""
        return self.before == self.after


def told(history: Iterable[Mapping[str, str]]) -> list[Event]:
    """The history of an item as a person wants to read it, the oldest first."""
    events: list[Event] = []
    for event in map(_event, history):
        if _is_passing(event):
            continue
        if events and _same(events[-1], event):
            events[-1] = replace(event, times=events[-1].times + 1)
        else:
            events.append(event)
    return events


def _event(row: Mapping[str, str]) -> Event:
    return Event(
        at=row["at"],
        before=row["before"],
        after=row["after"],
        sentence=row["sentence"],
        destination=row["destination"] or "",
    )


def _is_passing(event: Event) -> bool:
    """What a later event tells better: that it is routed, that a delivery begins or goes on.

    Where it goes back from being sent, to be made anew, is none of it.
    """
    passing = {ItemState.ROUTED, DeliveryState.WAITING, DeliveryState.ACTIVE}
    return event.after in passing and event.before != DeliveryState.ACTIVE


def _same(one: Event, two: Event) -> bool:
    return replace(one, at="", times=1) == replace(two, at="", times=1)
