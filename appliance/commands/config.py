"""Owns `jembatan config`: check, show, change the settings; keeper writes them where it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import durable
from appliance.commands.box import paths_of
from appliance.commands.out import document, say, table
from appliance.desk import settings as desk
from appliance.desk.promote import plan, promoted
from appliance.errors import NobodyAnswers, Refused
from appliance.journal.bell import ring
from appliance.settings import history
from appliance.settings.load import load, parse, text_of

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.desk.promote import Promotion
    from appliance.journal.journal import Paths


def check(options: Namespace) -> int:
    """Say every fault of a file."""
    load(options.file)
    say(f"{options.file.name}: nothing is wrong with it")
    return 0


def show(options: Namespace) -> int:
    """The settings in force, as they stand in the file."""
    say(desk.text(paths_of(options.root)).rstrip())
    return 0


def versions(options: Namespace) -> int:
    """Every version that is kept, the newest first."""
    kept = history.history(paths_of(options.root).root)
    rows = [(version.number, version.saved_at.isoformat(timespec="seconds")) for version in kept]
    if options.json:
        document([{"number": number, "saved_at": saved_at} for number, saved_at in rows])
    else:
        table(rows)
    return 0


def restore(options: Namespace) -> int:
    """Put an earlier version in force again."""
    paths = paths_of(options.root)
    _save(paths, desk.version(paths, options.number), f"{options.number:04}.toml")
    return 0


def promote(options: Namespace) -> int:
    """Make a destination for tests one for real patients, and its worklists with it."""
    paths = paths_of(options.root)
    text = desk.text(paths)
    promotion = plan(parse(text), options.name)
    _save(paths, promoted(text, promotion, _addresses(promotion, options)), "jembatan.toml")
    say(promotion.sentence)
    return 0


def export(options: Namespace) -> int:
    """Write the settings in force to a file."""
    text = desk.text(paths_of(options.root))
    durable.publish(Path(options.file).absolute(), text.encode())
    return 0


def import_(options: Namespace) -> int:
    """Put the settings of a file in force."""
    _save(paths_of(options.root), text_of(options.file), options.file.name)
    return 0


def _addresses(promotion: Promotion, options: Namespace) -> dict[tuple[str, str], dict[str, Any]]:
    """Where the real ones are, as far as that was said."""
    found = {}
    if options.to:
        found["destination", promotion.destination] = _address(options.to)
    for name, place in options.orders_at or ():
        if name not in promotion.worklists:
            raise Refused(what=f"An address of {name}", why="it is not promoted along")
        found["worklist", name] = _address(place)
    return found


def _address(place: str) -> dict[str, Any]:
    from appliance.desk.send import target_of  # noqa: PLC0415 - no other word here needs it

    target = target_of(place, "ANY")
    return {"host": target.host, "port": target.port, "ae_title": target.called}


def _save(paths: Paths, text: str, file: str) -> None:
    parse(text, file)
    try:
        desk.save(paths, text)
    except NobodyAnswers:
        history.publish(paths.root, text, file)
        ring(paths.run, "watch", "deliver", "keeper")
    say("It is in force now.")
