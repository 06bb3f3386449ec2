"""Owns the step from tests to real patients: a destination and its worklists, both or neither.

What came while testing is held back by deliver, as soon as it sees that the destination changed;
the settings of the tests stay in the history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.errors import NotThere, Refused
from appliance.settings.editing import with_entry
from appliance.settings.rules import reachable
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.schema import Destination, Settings, Worklist

    Entry = Mapping[str, object]

_PRODUCTION = Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class Promotion:
    """What becomes real at once, by name."""

    destination: str
    worklists: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What is so now."""
        also = f", its patients come from {' and '.join(self.worklists)}" if self.worklists else ""
        return (
            f"{self.destination} is for real patients now{also}. "
            "What came before stays here and is not sent there by itself."
        )


def plan(settings: Settings, name: str) -> Promotion:
    """What a promotion of a destination takes with it. Raises NotThere, Refused."""
    destination = settings.destination(name)
    if destination is None:
        raise NotThere(what=f'destination "{name}"')
    if destination.environment is _PRODUCTION:
        raise Refused(what=f"Promoting {name}", why="it is for real patients already")
    after = _with_real(settings, destination)
    worklists = [w for w in settings.worklists if _feeds(w, destination, after)]
    return Promotion(name, tuple(worklist.name for worklist in worklists))


def promoted(
    text: str, promotion: Promotion, addresses: Mapping[tuple[str, str], Entry] | None = None
) -> str:
    """The text of the settings with that done. Raises BadSettings where it is no TOML.

    `addresses` (keys of the entry, by table and name) where the real ones are elsewhere: they must
    change in the same step, for what waits for a test destination goes wherever that is.
    """
    places = [("destination", promotion.destination)]
    places += [("worklist", name) for name in promotion.worklists]
    for table, name in places:
        there = (addresses or {}).get((table, name), {})
        entry = {**there, "name": name, "environment": _PRODUCTION.value}
        text = with_entry(text, table, entry)
    return text


def _with_real(settings: Settings, destination: Destination) -> Settings:
    real = replace(destination, environment=_PRODUCTION)
    others = (real if each is destination else each for each in settings.destinations)
    return replace(settings, destinations=tuple(others))


def _feeds(worklist: Worklist, destination: Destination, settings: Settings) -> bool:
    """Whether a worklist for tests names patients of images that would go there."""
    return worklist.environment is Environment.TEST and any(
        worklist.serves(source.name)
        and destination.name in {d.name for d in reachable(settings, source)}
        for source in settings.sources
    )
