"""Owns what must fit together in the settings: names, references, paths, promises. Pure.

A rule takes the whole settings and yields faults; RULES is the list of them.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from appliance.settings.reader import Fault, label
from appliance.settings.schema import After, Confirm, Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.settings.schema import Destination, Profile, Route, Settings, Source


def _entries(settings: Settings) -> Mapping[str, tuple[Source | Profile | Destination, ...]]:
    return {
        "source": settings.sources,
        "profile": settings.profiles,
        "destination": settings.destinations,
    }


def names_are_unique(settings: Settings) -> Iterator[Fault]:
    """Two entries of one kind must not share a name."""
    for table, entries in _entries(settings).items():
        seen: dict[str, int] = {}
        for number, entry in enumerate(entries, 1):
            first = seen.setdefault(entry.name, number)
            if entry.name and first != number:
                reason = f'"{entry.name}" is already the name of {table}[{first}]'
                yield Fault(f"{table}[{number}].name", reason)


def profiles_have_names(settings: Settings) -> Iterator[Fault]:
    """A profile without a name could never be used."""
    for number, profile in enumerate(settings.profiles, 1):
        if not profile.name:
            yield Fault(f"profile[{number}].name", "is missing")


def references_exist(settings: Settings) -> Iterator[Fault]:
    """Whatever is named is there."""
    profiles = {profile.name for profile in settings.profiles}
    for number, source in enumerate(settings.sources, 1):
        if source.profile and source.profile not in profiles:
            place = label("source", number, source.name)
            yield Fault(f"{place}.profile", f'there is no profile named "{source.profile}"')
    destinations = {destination.name for destination in settings.destinations}
    for number, route in enumerate(settings.routes, 1):
        for name in route.to:
            if name not in destinations:
                yield Fault(f"route[{number}].to", f'there is no destination named "{name}"')


def routes_match_sources(settings: Settings) -> Iterator[Fault]:
    """A route for sources must match one; else it would be dead without anybody noticing."""
    for number, route in enumerate(settings.routes, 1):
        if "source" in route.when and not any(_wants(route, s) for s in settings.sources):
            reason = f'there is no source named "{route.when["source"]}"'
            yield Fault(f"route[{number}].when.source", reason)


def folders_have_paths(settings: Settings) -> Iterator[Fault]:
    """A folder source watches something, and moves files somewhere."""
    for number, source in enumerate(settings.sources, 1):
        place = label("source", number, source.name)
        if source.kind == "folder" and not source.path:
            yield Fault(f"{place}.path", 'is missing; kind = "folder" needs it')
        if source.after is After.MOVE and not source.move_to:
            yield Fault(f"{place}.move_to", 'is missing; after = "move" needs it')


def put_aside_is_not_watched(settings: Settings) -> Iterator[Fault]:
    """What is moved or put aside must not arrive again."""
    watched = [(source.name, source.path) for source in settings.sources if source.path]
    for number, source in enumerate(settings.sources, 1):
        place = label("source", number, source.name)
        for key, path in (("move_to", source.move_to), ("error_to", source.error_to)):
            for name, folder in watched:
                if path and _is_within(path, folder):
                    yield Fault(f"{place}.{key}", f'lies in the folder that "{name}" watches')


def originals_are_confirmed(settings: Settings) -> Iterator[Fault]:
    """A file is deleted or moved only when its destination was asked and has it."""
    for number, source in enumerate(settings.sources, 1):
        if source.after is After.KEEP:
            continue
        for destination in _reachable(settings, source):
            if destination.confirm is Confirm.RESPONSE:
                yield Fault(
                    f"{label('source', number, source.name)}.after",
                    f'"{source.after}" needs a destination that can be asked, but '
                    f'"{destination.name}" has confirm = "response"',
                )


RULES: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
    names_are_unique,
    profiles_have_names,
    references_exist,
    routes_match_sources,
    folders_have_paths,
    put_aside_is_not_watched,
    originals_are_confirmed,
)


def _reachable(settings: Settings, source: Source) -> list[Destination]:
    """The destinations to which images of a source may go."""
    if not settings.routes:
        return [d for d in settings.destinations if d.environment is Environment.PRODUCTION]
    names = {name for route in settings.routes if _wants(route, source) for name in route.to}
    return [d for d in settings.destinations if d.name in names]


def _wants(route: Route, source: Source) -> bool:
    return fnmatchcase(source.name, route.when.get("source", "*"))


def _is_within(path: str, folder: str) -> bool:
    """True also through a symbolic link: the kernel would follow it."""
    return PurePath(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
