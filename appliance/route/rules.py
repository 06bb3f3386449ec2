"""Owns where an image goes; pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from appliance.errors import NoRoute
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.schema import Destination, Route, Settings


def destinations(source: str, values: Mapping[str, str], settings: Settings) -> list[Destination]:
    """Every destination of an image that has these DICOM values, in the settings' order.

    Without routes that is every production destination. Test destinations are there only where a
    route names them, and never alone. Raises NoRoute.
    """
    if settings.routes:
        routes = [route for route in settings.routes if _matches(route, source, values)]
        names = {name for route in routes for name in route.to}
    else:
        names = {d.name for d in settings.destinations if _is_production(d)}
    chosen = [d for d in settings.destinations if d.name in names]
    if not any(map(_is_production, chosen)):
        raise NoRoute(why=_why(settings, chosen))
    return chosen


def _matches(route: Route, source: str, values: Mapping[str, str]) -> bool:
    offered = {**values, "source": source}
    return all(
        fnmatchcase(offered.get(keyword, "").rstrip("^ "), wanted)
        for keyword, wanted in route.when.items()
    )


def _is_production(destination: Destination) -> bool:
    return destination.environment is Environment.PRODUCTION


def _why(settings: Settings, chosen: list[Destination]) -> str:
    if not settings.destinations:
        return "none is set up yet"
    if chosen or not settings.routes:
        return "only test destinations are left, and those are no safe place"
    return "none of the routes matches it"
