"""Owns `jembatan network` and `jembatan ports`: how the box is found, and what it opens."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from appliance.box import network as networks
from appliance.box import state
from appliance.box.firewall import Place, on_the_box, openings
from appliance.commands.box import paths_of
from appliance.commands.out import document, say, table
from appliance.desk import network as desk
from appliance.errors import NotThere
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.box.state import State
    from appliance.journal.journal import Paths

_PAGE_PORT = 8080


def show(options: Namespace) -> int:
    """How it is."""
    told = _told(paths_of(options.root))
    if options.json:
        document(_document(told))
        return 0
    say(f"Name:     {told.hostname}.local")
    for link in told.links:
        cable = "" if link.is_plugged else " (no cable)"
        say(f"Socket:   {link.name}: {', '.join(link.addresses) or 'no address'}{cable}")
    say("Set:", *(f"  {line}" for line in networks.toml(told.network).splitlines()))
    if told.trial:
        say(
            f"Tried:    {told.trial.network.lan.host or 'DHCP'}, until it is confirmed or given up"
        )
    say(*(f"Trouble:  {each}" for each in told.all_troubles))
    say(*(f"jembatan.txt: {each}" for each in told.text.faults))
    return 0


def change(options: Namespace) -> int:
    """Change keys of jembatan.txt."""
    answer = desk.change(paths_of(options.root), dict(options.values))
    if options.json:
        document(answer)
    elif answer["tried"]:
        there = answer["host"] or "the address that the network gives"
        say(f"It is tried for {answer['seconds']} s: `jembatan network confirm` from {there}.")
    else:
        say("It is in force now.")
    return 0


def confirm(options: Namespace) -> int:
    """Keep what is tried."""
    desk.confirm(paths_of(options.root), _asked_at())
    _say(options, "It is kept.")
    return 0


def revert(options: Namespace) -> int:
    """Give up what is tried."""
    desk.revert(paths_of(options.root))
    _say(options, "The one before is back.")
    return 0


def ports(options: Namespace) -> int:
    """Every connection in either direction."""
    paths = paths_of(options.root)
    place = Place((_PAGE_PORT,))
    with suppress(NotThere):
        place = on_the_box(_told(paths).network)
    found = openings(Current(paths.root).get(), place)
    if options.json:
        document([asdict(each) for each in found])
    else:
        table((f"{o.opened_by} -> {o.to}", o.port, o.what) for o in found)
    return 0


def _told(paths: Paths) -> State:
    """Raises NotThere on what is no box."""
    found = state.told(paths.run.with_name(state.FOLDER))
    if found is None:
        raise NotThere(what="network of a box here; a workstation's is its own affair")
    return found


def _document(told: State) -> dict[str, Any]:
    found = asdict(told) | {"network": networks.plain(told.network)}
    if told.trial:
        found["trial"] = {"network": networks.plain(told.trial.network)}
    return found


def _asked_at() -> str:
    """The box's address that this login came by (sshd(8)); "" for who stands before it."""
    words = os.environ.get("SSH_CONNECTION", "").split()
    return words[2] if len(words) == 4 else ""  # noqa: PLR2004 - from, its port, to, its port


def _say(options: Namespace, words: str) -> None:
    if options.json:
        document({})
    else:
        say(words)
