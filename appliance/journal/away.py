"""Owns the mark that this box is not at work, for services without a journal: DIR/etc/handed-over.

It also says whether the box may still be called and reached as it was set up. What cannot be read,
or says neither, says no: two boxes at one address are worse than one that must be looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import durable

if TYPE_CHECKING:
    from appliance.journal.session import Paths

CONCERNED = ("share", "watch", "deliver", "receive", "convert", "keeper", "devices")
"""Who begins or ends something when the mark comes or goes."""

_OURS = b"This box is not at work just now; its name and address are its own.\n"
_THEIRS = b"Another box works with what is here.\n"


def is_away(paths: Paths) -> bool:
    """Whether this box is not at work."""
    return paths.away.exists()


def may_use_address(paths: Paths) -> bool:
    """Whether its name and address are its own."""
    try:
        return paths.away.read_bytes() == _OURS
    except FileNotFoundError:
        return True
    except OSError:
        return False


def mark(paths: Paths, *, keeps_address: bool) -> None:
    """Say that it is not at work; durable. Raises DiskFull."""
    if not is_away(paths) or may_use_address(paths) is not keeps_address:
        durable.publish(paths.away, _OURS if keeps_address else _THEIRS)


def unmark(paths: Paths) -> None:
    """Say so no longer; durable."""
    if is_away(paths):
        durable.remove(paths.away)
