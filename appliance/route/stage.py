"""Owns identified -> routed: who gets the image, and the exact bytes each of them gets."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.errors import Held, NoIdentity
from appliance.model import ItemState
from appliance.route import tags
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.route.rules import destinations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.journal.journal import Journal
    from appliance.model import Body, Identity, Instance, Item
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
            self._route(item, settings)
        except Held as problem:
            _log.warning("%s (item %d): %s", item.name, item.id, problem.sentence)
            self._journal.items.stop(item, problem)
        return True

    def _route(self, item: Item, settings: Settings) -> None:
        if item.identity is None:
            raise NoIdentity(where="the journal")
        bodies = self._journal.items.bodies(item)
        composed = _composed(item, item.identity, bodies, settings)
        problems = [each for each in composed.values() if isinstance(each, Held)]
        if len(problems) == len(composed):
            raise problems[0]
        self._journal.items.routed(item, composed)


def _composed(
    item: Item, identity: Identity, bodies: Sequence[Body], settings: Settings
) -> dict[str, tuple[Instance, ...] | Held]:
    """What each destination gets: of several objects, those that are routed there."""
    case = Case(
        item.evidence,
        identity,
        settings.profile_of(item.source),
        item.source,
        datetime.fromisoformat(item.arrived_at).astimezone(ZoneInfo(settings.box.timezone)),
        objects=len(bodies),
    )
    wanted: dict[str, list[Body]] = {}
    for body in bodies:
        for destination in destinations(item.source, routing_values(body, case), settings):
            wanted.setdefault(destination.name, []).append(body)
    return {
        d.name: _for(d, wanted[d.name], case) for d in settings.destinations if d.name in wanted
    }


def _for(
    destination: Destination, bodies: Sequence[Body], case: Case
) -> tuple[Instance, ...] | Held:
    """What cannot be composed holds that delivery only."""
    try:
        return tuple(compose(body, case, destination) for body in bodies)
    except Held as problem:
        return problem


def routing_values(body: Body, case: Case) -> Mapping[str, str]:
    """What routes may ask for: an object's own attributes, whose it is, the profile's edits."""
    own = {k: str(v) for k, v in body.attributes.items() if isinstance(v, str | int)}
    said = {**own, **case.identity.values}
    return {**said, **tags.changes(said, case.profile)}
