"""Owns `jembatan update`: which version runs, and installing another."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.commands.box import paths_of
from appliance.commands.out import document, say
from appliance.desk import update as desk
from appliance.errors import Declined

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from appliance.journal.journal import Paths

_LOOK_AGAIN_S = 1.0
_DONE = {"installed", "good"}
_UNKNOWN = {"code": "install-failed", "sentence": "It was not installed.", "hint": ""}
_NEXT = {False: "the box restarts", True: "it runs after a restart"}


def status(options: Namespace) -> int:
    """Which version runs, what the other slot has, what became of the last update."""
    now = desk.status(paths_of(options.root))
    if options.json:
        document(now)
    else:
        _tell(now)
    return 0


def install(options: Namespace) -> int:
    """Install from a file or an https address, and wait until it is done."""
    paths, restart = paths_of(options.root), not options.no_restart
    if "://" in options.what:
        desk.fetch(paths, options.what, restart=restart)
    else:
        file = Path(options.what)
        with file.open("rb") as content:
            total = file.stat().st_size
            desk.upload(paths, content, total, lambda at: _show("uploading", 100 * at // total))
        desk.install(paths, file.name, restart=restart)
    return _await(paths, options)


def _await(paths: Paths, options: Namespace) -> int:
    """Wait until it is over. Raises Declined with what was wrong."""
    while (now := desk.status(paths))["doing"] and now["doing"]["what"] != "restarting":
        _show(now["doing"]["what"], now["doing"]["percent"])
        time.sleep(_LOOK_AGAIN_S)
    last = now["last"] or {}
    if last.get("stage") not in _DONE:
        raise Declined(**(last.get("problem") or _UNKNOWN))
    if options.json:
        document(now)
    else:
        say(f"Version {last['version']} is installed; {_NEXT[options.no_restart]}.")
    return 0


def _in_words(other: Mapping[str, Any]) -> str:
    if other["is_good"]:
        return f"{other['version'] or 'as the card was made'}, ready to go back to"
    return f"{other['version']}, not to be started" if other["version"] else "empty"


def _show(what: str, percent: int | None) -> None:
    """One line that changes, for who looks at a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{what} {'' if percent is None else f'{percent} %'}   ")


def _tell(now: dict[str, Any]) -> None:
    slot = f", slot {now['slot']}" if now["slot"] else ""
    say(f"Version {now['version']}{slot}{', on trial' if now['on_trial'] else ''}.")
    if other := now["other"]:
        say(f"Slot {other['slot']}: {_in_words(other)}.")
    if doing := now["doing"]:
        percent = "" if doing["percent"] is None else f", {doing['percent']} %"
        say(f"Now: {doing['what']} {doing['name']}{percent}.")
    if last := now["last"]:
        say(f"Last update: {last['name']}, {last['stage']} ({last['at']}).")
        if problem := last["problem"]:
            say(f"  {problem['sentence']}", f"  {problem['hint']}")
    if stick := now["stick"]:
        say(f"Nothing was installed from the last stick: {stick['sentence']}")
