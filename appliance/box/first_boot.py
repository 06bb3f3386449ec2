"""Owns the network's part of every start: jembatan.txt is read if it is new, all is made ready.

Nothing that a person wrote ends it: whatever is wrong is told, and the box stays within reach by
DHCP and at its fixed address.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box import connect, network, state
from appliance.box.bootfat import BOOT
from appliance.box.network import Network
from appliance.box.state import State, Text
from appliance.errors import DiskFull, ToolFailed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.box.board import Board
    from appliance.box.connect import Places, Tool
    from appliance.clock import Clock

_log = logging.getLogger(__name__)

NAME = "jembatan.txt"
_TWICE = "jembatan.txt.txt"
_REPORT = "jembatan-txt.json"


def prepare(
    places: Places, board: Board, tool: Tool, boot: Path = BOOT, *, is_open: bool = True
) -> State:
    """Make the network ready before it starts; `is_open`: whether the data partition is.

    What could not be done is told in the state that is left for everybody. (`answer` tells it on
    the card, where the data is not there; services/network.py does otherwise.)
    """
    troubles: list[str] = []
    wanted, text = Network(), Text()
    if is_open:
        wanted = network.in_force(places.root)
        try:
            durable.make_folder(places.own)
            text = _read_text(places, boot)
            wanted = network.in_force(places.root)
        except (OSError, DiskFull, ToolFailed) as error:
            troubles.append(f"jembatan.txt could not be taken over: {error}")
    hostname = wanted.hostname or board.hostname
    for step in (lambda: connect.write(places, wanted), lambda: connect.rename(hostname)):
        try:
            step()
        except (OSError, DiskFull) as error:
            troubles.append(f"The network is not all that was wished: {error}")
    rules = _enforce(places, wanted, tool)
    for trouble in troubles:
        _log.error("%s", trouble)
    found = State(hostname, board.serial, wanted, text=text, troubles=tuple(troubles), rules=rules)
    state.tell(places.told, found)
    return found


def _enforce(places: Places, wanted: Network, tool: Tool) -> str:
    """Have the rules in force; why they are not."""
    try:
        connect.enforce(places, wanted, tool)
    except (OSError, DiskFull, ToolFailed) as error:
        _log.error("the firewall is not closed as it should be: %s", error)
        return f"The firewall is not as it should be: {error}"
    return ""


def answer(
    found: State, also: Iterable[str], clock: Clock | None = None, boot: Path = BOOT
) -> None:
    """Tell on the card how the network is, and `also` what else is wrong. Raises ToolFailed."""
    from appliance.box import result  # noqa: PLC0415 - only a box that stays closed answers here
    from appliance.clock import SystemClock  # noqa: PLC0415 - as above

    told = replace(found, troubles=(*also, *found.troubles))
    result.publish(boot, result.text(told, result.Claim(), clock or SystemClock()))


def forget(places: Places) -> Network:
    """As on a new box, but for whom the hospital trusts; what was read is not read again."""
    before = network.load(places.root)
    after = Network(ca=before.ca)
    network.save(places.root, after)
    return after


def report(places: Places) -> Text:
    """What came of the jembatan.txt that was read last."""
    try:
        found = json.loads((places.own / _REPORT).read_bytes())
        return Text(found["digest"], tuple(found["faults"]), tuple(found["groups"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Text()


def _read_text(places: Places, boot: Path) -> Text:
    """Take a new jembatan.txt over. What was read once is not read again."""
    try:
        content = (boot / NAME).read_bytes()
    except FileNotFoundError:
        return Text(faults=_misnamed(boot))
    known = report(places)
    if known.digest == state.digest(content):
        return known
    from appliance.box.card_text import take_over  # noqa: PLC0415 - of no use at most starts

    def keep(text: Text) -> None:
        durable.publish(places.own / _REPORT, json.dumps(asdict(text)).encode(), 0o600)

    return take_over(places, boot / NAME, content, keep)


def _misnamed(boot: Path) -> tuple[str, ...]:
    if not (boot / _TWICE).exists():
        return ()
    return (f"There is a {_TWICE}, which is not read: call it {NAME} (Windows hides the ending).",)
