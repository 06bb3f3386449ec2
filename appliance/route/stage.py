"""Owns identified -> routed: who gets the image, and the exact bytes each of them gets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import BytesGone, ClaimLost, Held, MadeWhileTesting, NoIdentity
from appliance.journal.items import Ruling
from appliance.model import ItemState
from appliance.route.case import Case, case_of
from appliance.route.compose import compose
from appliance.route.rules import Way, ways
from appliance.route.values import asked_for, values
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.journal.journal import Journal
    from appliance.model import Body, Instance, Item
    from appliance.settings.schema import Destination, Settings

_log = logging.getLogger(__name__)


class Routing:
    """One worker of the stage."""

    def __init__(self, journal: Journal) -> None:
        """Work on `journal`."""
        self._journal = journal

    def turn(self, settings: Settings) -> bool:
        """Take one item a step further; False when there was none."""
        item = self._journal.items.claim(ItemState.IDENTIFIED)
        if item is None:
            return False
        try:
            self._take_further(item, settings)
        except ClaimLost:
            _log.warning("%s (item %d) was held while it was routed", item.name, item.id)
        return True

    def _take_further(self, item: Item, settings: Settings) -> None:
        try:
            self._route(item, settings)
        except Held as problem:
            self._stop(item, problem)
        except OSError as error:
            self._stop(item, BytesGone(detail=error))

    def _stop(self, item: Item, why: Held) -> None:
        _log.warning("%s (item %d): %s", item.name, item.id, why)
        self._journal.items.stop(item, why)

    def _route(self, item: Item, settings: Settings) -> None:
        if item.identity is None:
            raise NoIdentity(where="the journal")
        bodies = self._journal.items.bodies(item)
        case = case_of(item, item.identity, settings, len(bodies))
        going = _going(bodies, case, settings)
        composed = {each.destination.name: _for(each, case) for each in going}
        problems = [each for each in composed.values() if isinstance(each, Held)]
        if len(problems) == len(composed):
            raise problems[0]
        tested = self._journal.items.tested_for(item)
        rulings = {each.destination.name: _ruling(each, tested) for each in going}
        self._journal.items.routed(item, composed, rulings)


class _Going(NamedTuple):
    """The objects of an item that go to one destination, each with its way there."""

    destination: Destination
    bodies: Sequence[Body]
    ways: Sequence[Way]


def _going(bodies: Sequence[Body], case: Case, settings: Settings) -> list[_Going]:
    """Of several objects each goes where it is routed. Raises NoRoute where one goes nowhere."""
    wanted = asked_for(settings)
    routed = [
        (body, way)
        for body in bodies
        for way in ways(values(body, case, wanted), settings, invented=case.identity.invented)
    ]
    found = {
        d.name: [(body, way) for body, way in routed if way.destination is d]
        for d in settings.destinations
    }
    return [
        _Going(pairs[0][1].destination, [b for b, _ in pairs], [w for _, w in pairs])
        for pairs in found.values()
        if pairs
    ]


def _for(going: _Going, case: Case) -> tuple[Instance, ...] | Held:
    """What cannot be composed holds that delivery only."""
    try:
        return tuple(compose(body, case, going.destination) for body in going.bodies)
    except Held as problem:
        return problem


def _ruling(going: _Going, tested: Iterable[str]) -> Ruling:
    """What is kept of why it goes there: the rules of this moment, whatever they become."""
    name = going.destination.name
    reasons = dict.fromkeys(reason for way in going.ways for reason in way.reasons)
    is_late = name in tested and going.destination.environment is Environment.PRODUCTION
    return Ruling(
        f"It goes to {name}: {'; '.join(reasons)}.",
        min(way.priority for way in going.ways),
        MadeWhileTesting(destination=name) if is_late else None,
    )
