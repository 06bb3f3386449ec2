"""Owns where an image goes, how soon, and why; pure.

What the rules are asked about is values by DICOM keyword, with `source`, `time` (19:32) and
`weekday` (sat) of the arrival beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import LeftFromTests, NoRoute
from appliance.model import Priority
from appliance.settings.conditions import holds
from appliance.settings.schema import Environment, Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from appliance.settings.conditions import Condition
    from appliance.settings.schema import Destination, Route, Settings

_SOONER = {"STAT": Priority.STAT, "HIGH": Priority.HIGH}
"""Of RequestedProcedurePriority (PS3.3 C.4.11); ROUTINE, MEDIUM and LOW are as soon as any."""

_NO_ROUTES = "there are no routes, so that it gets every image"
_FOR_TESTS = "it is for tests, and so is the worklist of its source"


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition of a route and what an image has to say to it."""

    keyword: str
    condition: Condition
    value: str
    holds: bool

    def __str__(self) -> str:
        """As people read it."""
        has = f'is "{self.value}"' if self.value else "is not said"
        return f"{self.keyword} {has}"


@dataclass(frozen=True, slots=True)
class Trial:
    """One route tried on one image; `number` from 1, as in the settings."""

    number: int
    route: Route
    asked: tuple[Asked, ...]

    @property
    def matches(self) -> bool:
        """Whether all conditions hold."""
        return all(each.holds for each in self.asked)

    @property
    def why(self) -> str:
        """Why it matches, in words."""
        if not self.asked:
            return f"route {self.number} takes every image"
        return f"route {self.number} takes it, for {' and '.join(map(str, self.asked))}"


@dataclass(frozen=True, slots=True)
class Way:
    """One destination that an image goes to."""

    destination: Destination
    reasons: tuple[str, ...]  # each of them would do
    priority: Priority


def tried(values: Mapping[str, str], settings: Settings) -> tuple[Trial, ...]:
    """Every route of the settings on an image."""
    return tuple(
        Trial(number, route, tuple(_asked(route, values)))
        for number, route in enumerate(settings.routes, 1)
    )


def taken(trials: Iterable[Trial], settings: Settings) -> list[Trial]:
    """Those that count: all that match, or the first of them."""
    matching = [trial for trial in trials if trial.matches]
    return matching[:1] if settings.routing.match is Match.FIRST else matching


def ways(
    values: Mapping[str, str], settings: Settings, *, invented: bool = False
) -> tuple[Way, ...]:
    """Where an image with these values goes, in the settings' order.

    An image of a real patient goes to every production destination, or to those its routes name;
    test destinations get it only beside those, where a route names them. One of a patient
    `invented` for tests goes to test destinations, and to no others whatever the routes say.
    Raises NoRoute, LeftFromTests.
    """
    trials = taken(tried(values, settings), settings)
    meant = _meant(trials, settings, invented=invented)
    if invented and not meant and not settings.is_tried(values.get("source", "")):
        raise LeftFromTests
    if not meant or not (invented or any(map(_is_production, meant))):
        raise NoRoute(why=_why(settings, meant, invented=invented))
    order = _SOONER.get(values.get("RequestedProcedurePriority", "").upper(), Priority.ROUTINE)
    return tuple(_way(destination, trials, order) for destination in meant)


def _asked(route: Route, values: Mapping[str, str]) -> Iterator[Asked]:
    for keyword, condition in route.when.items():
        value = values.get(keyword, "")
        yield Asked(keyword, condition, value, holds(keyword, condition, value))


def _meant(trials: Sequence[Trial], settings: Settings, *, invented: bool) -> list[Destination]:
    named = [d for d in settings.destinations if any(d.name in t.route.to for t in trials)]
    if invented:
        tests = [d for d in settings.destinations if not _is_production(d)]
        return [d for d in tests if d in named] or tests
    return named if settings.routes else [d for d in settings.destinations if _is_production(d)]


def _way(destination: Destination, trials: Sequence[Trial], order: Priority) -> Way:
    naming = [trial for trial in trials if destination.name in trial.route.to]
    otherwise = _FOR_TESTS if destination.environment is Environment.TEST else _NO_ROUTES
    return Way(
        destination,
        tuple(trial.why for trial in naming) or (otherwise,),
        min([order, *(Priority[trial.route.priority.upper()] for trial in naming)]),
    )


def _is_production(destination: Destination) -> bool:
    return destination.environment is Environment.PRODUCTION


def _why(settings: Settings, meant: Sequence[Destination], *, invented: bool) -> str:
    if not settings.destinations:
        return "none is set up yet"
    if invented:
        return "the worklist of its source is for tests, and no destination is"
    if meant or not settings.routes:
        return "only test destinations are left, and those are no safe place"
    return "none of the routes matches it"
