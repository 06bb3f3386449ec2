"""Owns identified -> routed: who gets the image, and the exact bytes each of them gets."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.errors import Held, NoIdentity
from appliance.model import ItemState
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
        values = routing_values(bodies, item.identity)
        chosen = destinations(item.source, values, settings)
        composed = {d.name: _composed(item, item.identity, bodies, d, settings) for d in chosen}
        problems = [each for each in composed.values() if isinstance(each, Held)]
        if len(problems) == len(composed):
            raise problems[0]
        self._journal.items.routed(item, composed)


def _composed(
    item: Item,
    identity: Identity,
    bodies: Sequence[Body],
    destination: Destination,
    settings: Settings,
) -> tuple[Instance, ...] | Held:
    """The item as one destination gets it; what cannot be composed holds that delivery only."""
    arrived_at = datetime.fromisoformat(item.arrived_at)
    try:
        return tuple(
            compose(
                body,
                evidence=item.evidence,
                identity=identity,
                profile=settings.profile_of(item.source),
                destination=destination,
                source=item.source,
                arrived_at=arrived_at.astimezone(ZoneInfo(settings.box.timezone)),
            )
            for body in bodies
        )
    except Held as problem:
        return problem


def routing_values(bodies: Sequence[Body], identity: Identity) -> Mapping[str, str]:
    """What routes may ask for: the first object's own attributes, and whose it is."""
    own = {k: str(v) for k, v in bodies[0].attributes.items() if isinstance(v, str | int)}
    return {**own, **identity.values}
