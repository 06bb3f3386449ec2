"""Owns the composition of what keeps the network right: it comes when something changed, and goes.

Addresses came or went, the settings need other ports, somebody claimed the box: the rules follow,
jembatan-result.txt on the card says so. An address that nobody confirmed in time is given up. It
also comes now and then, for systemd does not see what changes while it is here.
"""

from __future__ import annotations

import argparse
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.board.network import addresses, interfaces, is_plugged
from appliance.box import connect, first_boot, network, papers, report, result, state, tool
from appliance.box.address import Changes
from appliance.box.board import board
from appliance.box.bootfat import BOOT
from appliance.box.connect import Places
from appliance.box.result import Claim
from appliance.box.state import Link, State
from appliance.clock import SystemClock
from appliance.errors import NobodyAnswers, Problem
from appliance.services.duty import log_to_stderr, paths_of
from appliance.settings import access
from appliance.settings.load import settings_path

if TYPE_CHECKING:
    from appliance.box.connect import Tool
    from appliance.clock import Clock
    from appliance.journal.journal import Paths

_log = logging.getLogger(__name__)

LINKS = Path("/run/systemd/netif/links")
"""Where systemd-networkd writes down what each socket has."""
_MOST_LOOKS = 5


def follow(places: Places, paths: Paths, run: Tool, clock: Clock, boot: Path = BOOT) -> None:
    """Refresh until nothing changed meanwhile, or it changes all the time."""
    for _ in range(_MOST_LOOKS):
        before = _seen(paths.root)
        refresh(places, paths, run, clock, boot)
        if _seen(paths.root) == before:
            return


def watched(root: Path) -> tuple[Path, ...]:
    """What systemd/jembatan-network.path waits for."""
    return LINKS, settings_path(root), access.path(root)


def _seen(root: Path) -> list[tuple[str, int, int]]:
    """What changes where any of that does."""
    found = []
    for path in watched(root):
        for each in sorted(path.iterdir()) if path.is_dir() else [path]:
            with suppress(FileNotFoundError):
                stat = each.stat()
                found.append((str(each), stat.st_ino, stat.st_mtime_ns))
    return found


def refresh(places: Places, paths: Paths, run: Tool, clock: Clock, boot: Path = BOOT) -> State:
    """Look at everything once, and have rules, state and result say how it is."""
    before = state.told(places.told) or _unknown(places)
    kept = network.load(places.root)
    in_force = before.trial.network if before.trial else network.in_force(places.root)
    now = replace(before, links=_links(), network=in_force, rules="")
    try:
        if connect.enforce(places, now.network, run):
            _log.info("other ports are open now: see %s", places.told / connect.RULES)
    except Problem as problem:
        _log.error("%s", problem)
        now = replace(now, rules=f"The firewall is not as it should be: {problem}")
    _hand_on(places, paths, kept)
    if now != before:
        state.tell(places.told, now)
    told = replace(now, troubles=(*_of_start(), *now.troubles))
    claim = Claim(_claim_code(paths.root), papers.fingerprint(paths.root))
    result.publish(boot, result.text(told, claim, clock))
    return now


def _unknown(places: Places) -> State:
    """Where the start left nothing."""
    here, text = board(), first_boot.report(places)
    return State(here.hostname, here.serial, network.load(places.root), text=text)


def _links() -> tuple[Link, ...]:
    known = addresses()
    return tuple(
        Link(each.name, is_plugged(each.name), known.get(each.name, ())) for each in interfaces()
    )


def _of_start() -> tuple[str, ...]:
    """What the start of the box found beside the network."""
    found = report.read()
    return tuple(f"{each.sentence} {each.hint}".strip() for each in found.said) if found else ()


def _claim_code(root: Path) -> str:
    """Whoever has the card in hand installs the box, and could do anything with it: they may."""
    with suppress(OSError, ValueError, KeyError):
        return access.claim_code(root)
    return ""  # keeper has not made it yet


def _hand_on(places: Places, paths: Paths, kept: network.Network) -> None:
    """The time zone of jembatan.txt is one of the settings, which only keeper writes."""
    if not kept.timezone:
        return
    from appliance.desk import settings as desk  # noqa: PLC0415 - once in a box's life

    try:
        desk.set_box(paths, {"timezone": kept.timezone})
    except NobodyAnswers:
        return  # next time
    except Problem as problem:
        _log.error("the time zone of jembatan.txt is not in the settings: %s", problem)
    network.save(places.root, replace(kept, timezone=""))


def main(arguments: list[str] | None = None) -> int:
    """Once, as the command line says."""
    parser = argparse.ArgumentParser(prog="jembatan-network")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args(arguments)
    log_to_stderr()
    paths = paths_of(options.root, options.run)
    places = Places(paths.root)
    with connect.alone(places):
        if Changes(places, tool.run).revert_late():
            _log.warning("nobody confirmed the other network: the one before is back")
        follow(places, paths, tool.run, SystemClock())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
