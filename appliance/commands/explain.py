"""Owns `jembatan queue explain`: why an image went where it went, and where it would go today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import document, say, table
from appliance.desk import explain as desk
from appliance.desk import queue
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Mapping


def explain(options: Namespace) -> int:
    """The reasons of the day, and today's rules one by one."""
    paths = paths_of(options.root)
    settings = Current(paths.root).get()
    with journal_of(paths) as journal:
        shown = queue.show(journal, options.id)
        today = desk.today_somehow(paths.run, journal, settings, options.id)
    recorded = desk.recorded(shown.history)
    if options.json:
        document({**shown.film.document(), "recorded": recorded, "today": today})
        return 0
    say(f"{shown.film.id}  {shown.film.name}  from {shown.film.source}", "", "When it was routed:")
    if recorded:
        table((f"  {each['at'][:19]}", each["sentence"]) for each in recorded)
    else:
        say("  nothing was written down; it has not been routed, or by an earlier version")
    say("", "By today's rules:", *_today(today))
    return 0


def _today(today: Mapping[str, Any]) -> Iterator[str]:
    if today["sentence"]:
        yield f"  {today['sentence']}"
    for each in today["objects"]:
        if len(today["objects"]) > 1:
            yield f"  object {each['number']}:"
        yield from (f"  {said}" for said in (each["note"], each["sentence"]) if said)
        for way in each["goes_to"]:
            yield f"  {way['destination']} ({way['priority']}): {way['why']}"
        for route in each["routes"]:
            yield f"  route {route['route']} to {', '.join(route['to'])}: {_verdict(route)}"
            yield from (f"    {_asked(asked)}" for asked in route["conditions"])


def _verdict(route: Mapping[str, Any]) -> str:
    if not route["matches"]:
        return "does not match"
    return "matches" if route["counts"] else "matches, but another one came first"


def _asked(asked: Mapping[str, Any]) -> str:
    is_so = "yes" if asked["holds"] else "no "
    has = f'"{asked["value"]}"' if asked["value"] else "not said"
    return f"{is_so}  {asked['keyword']} is {has}, wanted is {asked['wanted']}"
