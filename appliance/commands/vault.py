"""Owns `jembatan recover`, `reset` and `rescue`: the card's encrypted data, by hand."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from appliance.box import recovery_key, vault
from appliance.box.board import board
from appliance.box.rescue import must_be_able, opened
from appliance.commands.box import paths_of
from appliance.commands.out import document, say, table
from appliance.desk import reset as desk
from appliance.desk.rescue import rescue as take_off
from appliance.errors import Refused

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from appliance.desk.rescue import Rescued

_WHAT_GOES = (
    "A reset erases everything on this box: settings, password, certificates, the history of",
    "every image, and the index of what was sent. The box will not know any more what it has",
    "sent: the same stick inserted again is sent again, under the same UIDs.",
)


def recover(_: Namespace) -> int:
    """Open a card that came from another board, with its recovery key, for this board."""
    _must_be_root("Recovering")
    vault.recover(board().serial, vault.this_box(), _key(None))
    say("This board opens the card from now on, and the other one no longer does.")
    say("Start the box again: `systemctl reboot`.")
    return 0


def reset(options: Namespace) -> int:
    """Set the box back to how it came, unless that would lose an image."""
    say(*_WHAT_GOES)
    if not options.really:
        raise Refused(what="The reset", why="say that you mean it, with --really")
    _must_be_root("A reset")
    desk.decide(paths_of(options.root))
    say("At its next start (`systemctl reboot`) it is erased, if no image has come until then.")
    return 0


def rescue(options: Namespace) -> int:
    """Take what no PACS has off a card that was pulled; the card is not changed."""
    must_be_able()
    key = _key(options.key_file)
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=options.out, prefix=".work-") as work,
        opened(options.card, key, options.out) as card,
    ):
        found = take_off(card, Path(work), options.out)
    if options.json:
        document({"rescued": [each.document() for each in found]})
    else:
        _tell(found, options.out)
    return 1 if any(each.note for each in found) else 0


def _tell(found: Sequence[Rescued], out: Path) -> None:
    if not found:
        say("Every image on this card has reached the PACS; nothing had to be rescued.")
        return
    table((each.file or "(gone)", each.state, each.patient_id, each.note) for each in found)
    say("", f"{len(found)} in {out}; list.csv and list.json say what they are.")


def _key(file: Path | None) -> str:
    """The recovery key: of a file, of a terminal without showing it, or of what is piped in."""
    if file:
        return recovery_key.read(file.read_text(encoding="utf-8", errors="replace"))
    if sys.stdin.isatty():
        return recovery_key.read(getpass("Recovery key: "))
    return recovery_key.read(sys.stdin.read())


def _must_be_root(what: str) -> None:
    if os.geteuid():
        raise Refused(what=what, why="only root may do that, on the box itself")
