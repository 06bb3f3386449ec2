"""Owns converted -> identified: proves whose image it is, or leaves it to a person."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance.errors import Duplicate, Held, IdentityConflict, Superseded
from appliance.identify import rules
from appliance.model import ItemState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.journal import Journal
    from appliance.model import Item
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)


class Identify:
    """One worker of the stage."""

    def __init__(self, journal: Journal) -> None:
        """Work on `journal`."""
        self._journal = journal

    def turn(self, settings: Settings) -> bool:
        """Take one item a step further; False when there was none."""
        item = self._journal.items.claim(ItemState.CONVERTED)
        if item is None:
            return False
        try:
            self._identify(item, settings)
        except Held as problem:
            _log.warning("%s (item %d): %s", item.name, item.id, problem.sentence)
            self._journal.items.stop(item, problem)
        return True

    def _identify(self, item: Item, settings: Settings) -> None:
        for twin in self._journal.items.twins(item):
            if _key(twin) == _key(item):
                self._journal.items.merge(item, twin, Duplicate(name=item.name, first=twin.name))
                return
            if _key(item):
                self._compare(item, twin)
        identity = rules.decide(item.name, item.evidence, settings.profile_of(item.source))
        self._journal.items.identified(item, identity)

    def _compare(self, item: Item, twin: Item) -> None:
        """The same image named otherwise: only a twin that nobody named gives way."""
        if _key(twin):
            raise IdentityConflict(before=_patient(twin), now=_patient(item))
        self._journal.items.supersede(twin, item, Superseded(name=twin.name))


def _said(item: Item) -> Mapping[str, str]:
    return item.identity.values if item.identity else rules.claimed(item.evidence)


def _key(item: Item) -> str:
    return rules.identity_key(_said(item))


def _patient(item: Item) -> str:
    return f"patient {_said(item)['PatientID']}"
