"""Owns `jembatan spare`: a box's work to a stick, from a stick, and backups.

With a folder this process does it, for whoever has mounted a stick there; without one the steward
of the box is asked, who mounts the stick that is named for it.
"""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.box import backup, backup_news, handover, takeover
from appliance.box.sealed import made_up, new_key
from appliance.box.service_stick import Purpose
from appliance.box.spare import on_stick, standing
from appliance.commands.box import paths_of
from appliance.commands.out import document, say, table
from appliance.desk import spare as desk
from appliance.errors import Declined, ErrandForgotten, HandoverStands, NoServiceStick, Problem
from appliance.journal.worker import roll_call
from appliance.services.handover import machine_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from appliance.box.handover import Machine

_GLANCE_S = 1.0
_STANDARD_INPUT = "-"
_WAYS = {
    "here": "This box takes in and sends.",
    "leaving": "It is being written to a stick.",
    "releasing": "It waits for its stick: `jembatan spare finish` with the same stick put in.",
    "left": "What was here went to a stick, for another box. This one takes nothing in.",
    "coming": "It is being read from a stick.",
}


def export(options: Namespace) -> int:
    """Hand this box over."""
    passphrase = _given(options) or made_up()
    if not options.json:  # before anything is done: it must not be lost
        say(f"Passphrase: {passphrase}", "Write it down: the spare box asks for it.")
    if options.folder is None:
        result = _by_steward(options, "spare-export", passphrase=passphrase)
    else:
        machine = _machine(options)
        label = handover.hand_over(machine, _place(options, Purpose.SPARE), new_key(passphrase))
        result = takeover.document(label)
    if options.json:
        document({**result, "passphrase": passphrase})
    else:
        say(
            f"{result['unsent']} files that are not yet proved, settings and history are on the "
            "stick. This box has let go: switch it off, and put the stick into the spare.",
        )
        _say_missing(result)
    return 0


def import_(options: Namespace) -> int:
    """Be the box that is on a stick."""
    purpose = Purpose.BACKUP if options.backup else Purpose.SPARE
    passphrase = _given(options) or getpass.getpass("Passphrase of the stick: ")
    if options.folder is None:
        asked = {
            "purpose": purpose, "old_is_off": options.old_is_off, "which": options.which,
        }  # fmt: skip
        result = _by_steward(options, "spare-import", passphrase=passphrase, **asked)
        is_over = False
    else:
        result, is_over = _taken(options, purpose, passphrase)
    if options.json:
        document(result)
        return 0
    if purpose is Purpose.BACKUP:
        say(
            f"Taken: the backup of {result['box']} of {result['made_at']}. What came to that box "
            "after it is not in it: export it again at the modality."
        )
    if is_over:
        say("All of it is in its place: this box goes on where the other one was.")
    else:
        say("All of it is here. Start this box anew: then it goes on where the other one was.")
    _say_missing(result)
    return 0


def _taken(
    options: Namespace, purpose: Purpose, passphrase: str
) -> tuple[dict[str, object], bool]:
    """What was taken over, and whether it is in its place: not while a service runs."""
    machine, folder = _machine(options), _place(options, purpose)
    if purpose is Purpose.BACKUP:
        off = options.old_is_off
        label = backup.take(machine, folder, options.which, passphrase, old_is_off=off)
    else:
        label = takeover.take_over(machine, folder, passphrase)
    somebody_runs = any(roll_call(machine.paths.run).values())
    return takeover.document(label), not somebody_runs and takeover.carry_out(machine.paths)


def finish(options: Namespace) -> int:
    """The stick of an interrupted handover is back."""
    if options.folder is None:
        _by_steward(options, "spare-finish")
    else:
        handover.settle_with(_machine(options), _place(options, Purpose.SPARE))
    _tell(options, "left")
    return 0


def back(options: Namespace) -> int:
    """This box goes on."""
    if options.folder is not None:
        handover.take_back(_machine(options), _place(options, Purpose.SPARE))
    elif options.vouch and not _has_steward(options):
        handover.take_back(_machine(options), None, vouched=True)
    else:
        _by_steward(options, "spare-back", vouched=options.vouch)
    _tell(options, "here")
    if options.folder is not None and _has_steward(options):
        desk.ask_steward(paths_of(options.root), "restart")
    if _has_steward(options) and not options.json:
        say("It is started again now: its name and address are in force from then on.")
    return 0


def backup_(options: Namespace) -> int:
    """Write a backup where there is anything new."""
    if options.folder is None:
        result = _by_steward(options, "backup-now", quiet=True)
    else:
        machine = _machine(options)
        if passphrase := _given(options):
            backup.set_passphrase(machine.paths, passphrase)
        with backup_news.kept(machine.paths, machine.clock):
            label = backup.back_up(machine, _place(options, Purpose.BACKUP))
        result = takeover.document(label) if label else {}
    if options.json:
        document(result)
    elif result:
        say(f"Written: settings, history and {result['unsent']} files that are not yet proved.")
        _say_missing(result)
    return 0


def status(options: Namespace) -> int:
    """Which box works, and what is on a stick."""
    machine = _machine(options)
    if options.folder is not None:
        handover.note_taker(machine, _place(options, Purpose.SPARE))
    now: dict[str, Any] = {"standing": standing(machine)}
    if options.folder is not None:
        places = {each: _place(options, each) for each in Purpose}
        now["sticks"] = {
            str(each): on_stick(each, place, machine.name) for each, place in places.items()
        }
    if options.json:
        document(now)
    else:
        say(_WAYS[now["standing"]["state"]])
        _say_missing({"missing": now["standing"]["lacking"], "box": machine.name})
        if options.folder is not None:
            _tell_backups(**now["sticks"][Purpose.BACKUP])
    return 0


def _tell_backups(backups: Sequence[Mapping[str, Any]], unreadable: int, **_: object) -> None:
    """Those of each box together, its newest first."""
    if unreadable:
        say("", f"{unreadable} backup(s) on the stick cannot be read.")
    if backups:
        say("", "Backups on the stick: number, box, when, files that are not yet proved")
        table(
            (each["move"], each["box"], each["made_at"], each["unsent"])
            for each in sorted(backups, key=lambda each: str(each["box"]))
        )


def _say_missing(label: Mapping[str, Any]) -> None:
    if count := label.get("missing"):
        say(
            f"{count} file(s) could not be read from the card of {label['box']} and did not come "
            "along: keep that box and its card, and use `jembatan rescue`.",
        )
    if drives := label.get("drives"):
        say(
            f"Not everything on the drive {drives} that {label['box']} poses as could be stored, "
            "and that did not come along: export it again at the spare, or keep that box and its "
            "card, and use `jembatan rescue`.",
        )


def _tell(options: Namespace, wanted: str) -> None:
    """That this box stands so now. Raises HandoverStands where it does not."""
    state = standing(_machine(options))["state"]
    if state != wanted:
        raise HandoverStands(why=_WAYS[state].removesuffix("."))
    if options.json:
        document({"state": state})
    else:
        say(_WAYS[state])


def _machine(options: Namespace) -> Machine:
    return machine_of(paths_of(options.root))


def _place(options: Namespace, purpose: Purpose) -> Path:
    """Below a folder that is there: a stick that is not mounted is not made up."""
    if not options.folder.is_dir():
        raise NoServiceStick(why=f"{options.folder} is no folder")
    found: Path = options.folder / "JEMBATAN" / purpose
    return found


def _given(options: Namespace) -> str:
    """The passphrase of a file, `-` for the standard input; "" where none is given."""
    if options.passphrase is None:
        return ""
    if options.passphrase == _STANDARD_INPUT:
        return sys.stdin.readline().strip()
    return Path(options.passphrase).read_text(encoding="utf-8").strip()


def _has_steward(options: Namespace) -> bool:
    return desk.is_there(paths_of(options.root))


def _by_steward(
    options: Namespace, operation: str, *, quiet: bool = False, **request: object
) -> dict[str, Any]:
    """Have it done, and wait for what comes of it; {} where there was nothing to do.

    Raises Declined, NobodyAnswers, ErrandForgotten.
    """
    paths = paths_of(options.root)
    answer = desk.ask_steward(paths, operation, **request)
    if not answer["begun"]:
        return {}
    while (errand := desk.look(paths)["errand"])["state"] == "running":
        if not (quiet or options.json) and errand["done_bytes"]:
            sys.stderr.write(f"\r{errand['done_bytes'] >> 20} MB")
        time.sleep(_GLANCE_S)
    if errand["name"] != answer["errand"] or errand["state"] not in {"done", "failed"}:
        raise ErrandForgotten
    if errand["state"] == "failed":
        problem = errand["problem"]
        raise Declined(**problem) if problem else Problem(what=operation)
    return dict(errand["result"])
