"""Owns what must fit together in the settings: names, references, paths, promises. Pure.

A rule takes the whole settings and yields faults; RULES is the list of them.
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import PurePath
from typing import TYPE_CHECKING

from appliance.settings.conditions import holds
from appliance.settings.links import (
    After,
    DriveLink,
    FolderLink,
    ReceiverLink,
    ShareLink,
    StickLink,
)
from appliance.settings.reader import Fault, label
from appliance.settings.schema import Confirm, Environment, Match
from appliance.settings.share_rules import SHARE_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.settings.links import Source
    from appliance.settings.schema import Destination, Profile, Route, Settings, Worklist


_LYING_IN = (FolderLink, ShareLink)


def _sources(settings: Settings) -> list[tuple[str, Source]]:
    """Every source, and how a fault calls it."""
    numbered = enumerate(settings.sources, 1)
    return [(label("source", number, source.name), source) for number, source in numbered]


def _is_own(source: Source) -> bool:
    """Whether its files lie on this box."""
    return isinstance(source, FolderLink) or (isinstance(source, ShareLink) and source.hosted)


def _entries(
    settings: Settings,
) -> Mapping[str, tuple[Source | Profile | Worklist | Destination, ...]]:
    return {
        "source": settings.sources,
        "profile": settings.profiles,
        "worklist": settings.worklists,
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
    for place, source in _sources(settings):
        if source.profile and source.profile not in profiles:
            yield Fault(f"{place}.profile", f'there is no profile named "{source.profile}"')
    sources = {source.name for source in settings.sources}
    for worklist in settings.worklists:
        for name in worklist.sources:
            if name not in sources:
                reason = f'there is no source named "{name}"'
                yield Fault(f"worklist.{worklist.name}.sources", reason)
    destinations = {destination.name for destination in settings.destinations}
    for number, route in enumerate(settings.routes, 1):
        for name in route.to:
            if name not in destinations:
                yield Fault(f"route[{number}].to", f'there is no destination named "{name}"')


def routes_match_sources(settings: Settings) -> Iterator[Fault]:
    """A route for sources must match one; else it would be dead without anybody noticing."""
    for number, route in enumerate(settings.routes, 1):
        if "source" in route.when and not any(_wants(route, s) for s in settings.sources):
            reason = f"there is no source named {route.when['source']}"
            yield Fault(f"route[{number}].when.source", reason)


def routes_are_reached(settings: Settings) -> Iterator[Fault]:
    """With match = "first" nothing comes past a route that takes every image."""
    if settings.routing.match is not Match.FIRST:
        return
    ends = next((n for n, route in enumerate(settings.routes, 1) if not route.when), 0)
    for number in range(ends + 1, len(settings.routes) + 1) if ends else ():
        reason = f"can never match: route[{ends}] has no conditions and takes every image"
        yield Fault(f"route[{number}].when", reason)


def moved_files_have_a_place(settings: Settings) -> Iterator[Fault]:
    """A source that moves files says where to."""
    for place, source in _sources(settings):
        if source.after is After.MOVE and not source.move_to:
            yield Fault(f"{place}.move_to", 'is missing; after = "move" needs it')


def only_own_files_are_removed(settings: Settings) -> Iterator[Fault]:
    """What lies on a medium or a machine of somebody else is never deleted there."""
    for place, source in _sources(settings):
        if source.after is not After.KEEP and not _is_own(source):
            reason = f'must be "keep": nothing is changed on the other side of a {source.kind}'
            yield Fault(f"{place}.after", reason)


def sockets_are_not_shared(settings: Settings) -> Iterator[Fault]:
    """Two sources would both read every stick; the box can pose as one stick only."""
    first: dict[str, str] = {}
    for place, source in _sources(settings):
        if isinstance(source, StickLink | DriveLink):
            taken = first.setdefault(source.kind, source.name)
            if taken != source.name:
                yield Fault(f"{place}.kind", f'there is a {source.kind} already: "{taken}"')


def callers_are_told_apart(settings: Settings) -> Iterator[Fault]:
    """Whatever a modality calls, it is clear which receiver it belongs to."""
    seen: dict[tuple[str, str, str], str] = {}
    for place, source in _sources(settings):
        if not isinstance(source, ReceiverLink):
            continue
        for caller in source.allow:
            key = (source.called or settings.box.ae_title, caller.ae_title, caller.host)
            if (first := seen.setdefault(key, source.name)) != source.name:
                reason = f'{caller.ae_title} at {caller.host} already belongs to "{first}"'
                yield Fault(f"{place}.allow", reason)


def tls_is_complete(settings: Settings) -> Iterator[Fault]:
    """TLS needs a port, a certificate and its key."""
    box = settings.box
    wanted = {"tls_port": box.tls_port, "tls_cert": box.tls_cert, "tls_key": box.tls_key}
    if any((*wanted.values(), box.tls_ca)):
        for key, value in wanted.items():
            if not value:
                yield Fault(f"box.{key}", "is missing; TLS needs tls_port, tls_cert and tls_key")
    for place, source in _sources(settings):
        if isinstance(source, ReceiverLink) and source.tls and not box.tls_port:
            yield Fault(f"{place}.tls", "needs tls_port, tls_cert and tls_key in [box]")


def shown_certificates_have_keys(settings: Settings) -> Iterator[Fault]:
    """What this box shows to those it calls is a certificate and its key."""
    called: Mapping[str, tuple[Worklist | Destination, ...]] = {
        "worklist": settings.worklists,
        "destination": settings.destinations,
    }
    for table, entries in called.items():
        for number, entry in enumerate(entries, 1):
            if entry.tls and bool(entry.tls.cert) != bool(entry.tls.key):
                missing = "key" if entry.tls.cert else "cert"
                place = label(table, number, entry.name)
                yield Fault(f"{place}.tls.{missing}", "is missing; cert and key go together")


def put_aside_is_not_watched(settings: Settings) -> Iterator[Fault]:
    """What is moved or put aside must not arrive again."""
    watched = [(s.name, s.path) for s in settings.sources if isinstance(s, _LYING_IN) and s.path]
    for place, source in _sources(settings):
        for key, path in (("move_to", source.move_to), ("error_to", source.error_to)):
            for name, folder in watched:
                if path and _is_within(path, folder):
                    yield Fault(f"{place}.{key}", f'lies in the folder that "{name}" watches')


def waits_grow(settings: Settings) -> Iterator[Fault]:
    """The longest wait is not shorter than the first."""
    for number, destination in enumerate(settings.destinations, 1):
        if destination.retry.longest_s < destination.retry.first_s:
            place = label("destination", number, destination.name)
            yield Fault(f"{place}.retry.longest_s", "must not be less than first_s")


def originals_are_confirmed(settings: Settings) -> Iterator[Fault]:
    """A file is deleted or moved only when its destination was asked and has it."""
    for place, source in _sources(settings):
        if source.after is After.KEEP:
            continue
        for destination in reachable(settings, source):
            if destination.confirm is Confirm.RESPONSE:
                yield Fault(
                    f"{place}.after",
                    f'"{source.after}" needs a destination that can be asked, but '
                    f'"{destination.name}" has confirm = "response"',
                )


def invented_patients_stay_in_tests(settings: Settings) -> Iterator[Fault]:
    """Nothing gets a patient from a worklist for tests that may reach a real PACS."""
    tests = [w for w in settings.worklists if w.environment is Environment.TEST]
    for worklist, source in product(tests, settings.sources):
        if not worklist.serves(source.name):
            continue
        for destination in reachable(settings, source):
            if destination.environment is Environment.PRODUCTION:
                reason = (
                    f'it is for tests, but images of "{source.name}" go to '
                    f'"{destination.name}", which is not'
                )
                yield Fault(f"worklist.{worklist.name}.sources", reason)


_MODALITIES: Mapping[str, tuple[str, ...]] = {
    "DX": ("DX",),
    "US": ("US", "IVUS"),
    "VL": ("XC", "ES"),
}
"""What images of a SOP class may be of (PS3.3 A.6, A.26, A.32); the others may be of any."""


def modalities_fit(settings: Settings) -> Iterator[Fault]:
    """A profile's modality is one that its SOP class has."""
    for number, profile in enumerate(settings.profiles, 1):
        fitting = _MODALITIES.get(profile.sop_class, ())
        if fitting and profile.modality not in {"", *fitting}:
            place = label("profile", number, profile.name)
            reason = f'must be {" or ".join(fitting)} with sop_class = "{profile.sop_class}"'
            yield Fault(f"{place}.modality", reason)


RULES: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
    names_are_unique,
    profiles_have_names,
    references_exist,
    routes_match_sources,
    routes_are_reached,
    moved_files_have_a_place,
    only_own_files_are_removed,
    sockets_are_not_shared,
    *SHARE_RULES,
    callers_are_told_apart,
    tls_is_complete,
    shown_certificates_have_keys,
    put_aside_is_not_watched,
    waits_grow,
    originals_are_confirmed,
    modalities_fit,
    invented_patients_stay_in_tests,
)


def reachable(settings: Settings, source: Source) -> list[Destination]:
    """The destinations to which images of a source may go."""
    if not settings.routes:
        return [d for d in settings.destinations if d.environment is Environment.PRODUCTION]
    names = {name for route in settings.routes if _wants(route, source) for name in route.to}
    return [d for d in settings.destinations if d.name in names]


def _wants(route: Route, source: Source) -> bool:
    condition = route.when.get("source")
    return condition is None or holds("source", condition, source.name)


def _is_within(path: str, folder: str) -> bool:
    """True also through a symbolic link: the kernel would follow it."""
    return PurePath(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
