"""Owns what stands against setting the box back to how it came: images that no PACS has.

A reset is asked for while the box works and decided at its next start (appliance/box/vault.py),
when nobody can bring another image between the look and the deed.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.board.drive.taken import untaken
from appliance.box import vault
from appliance.call import ask as call
from appliance.clock import SystemClock
from appliance.desk.unsent import Unsent, off_lines, shared, spooled, unsent
from appliance.errors import (
    JournalFault,
    JournalNewer,
    NotAllHandedOver,
    NotUnderstood,
    UnsentImages,
)
from appliance.intake.accept import shown_name
from appliance.journal.charge import Charge
from appliance.journal.journal import Journal
from appliance.journal.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.call import Handler
    from appliance.journal.session import Paths

_STEWARD_S = 60.0


def operations(paths: Paths) -> Mapping[str, Handler]:
    """What the steward does of it, by name."""

    def reset(_: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: have the next start erase the card. It is for the caller to restart the box."""
        decide(paths)
        return {}

    return {"reset": reset}


def ask(paths: Paths) -> None:
    """Have the box erase itself and start again. Raises Declined, with why not; NobodyAnswers."""
    steward = paths.run / "steward.sock"
    call(steward, {"op": "reset"}, _STEWARD_S)
    call(steward, {"op": "restart"}, _STEWARD_S)


def decide(paths: Paths) -> None:
    """The same as root, but for starting again: for the command, the button and the steward.

    Raises UnsentImages, NotUnderstood, DataDamaged, ToolFailed.
    """
    must_be_empty(paths)
    vault.ask_reset(vault.this_box())


def must_be_empty(paths: Paths) -> None:
    """Raises UnsentImages where a reset would lose an image, NotUnderstood where nobody knows."""
    if paths.plan.exists():
        raise UnsentImages(what="another box, which came by stick: start this one again first")
    with _understanding():
        # No spare has what is on a drive or came over a line only.
        drives, lines = len([*untaken(paths.drives)]), len([*off_lines(paths)])
        found = replace(_look(paths), drives=drives, lines=lines)
    if found:
        raise (NotAllHandedOver if found.lacking else UnsentImages)(what=found.sentence)


def against(journal: Journal) -> Unsent:
    """What a reset would lose, but for the drives, which are for root to look at; of a box that
    was handed over only what its spare lacks or never knew of, once it is known which box has the
    rest. Raises NotUnderstood.
    """
    with _understanding():
        standing = journal.charge.standing()
        is_elsewhere = standing.state is Charge.LEFT and standing.other
        if not is_elsewhere:
            return unsent(journal)
        return Unsent({}, lacking=standing.lacking, unknown=len(journal.custody.unknown()))


@contextmanager
def _understanding() -> Iterator[None]:
    """What cannot be read may hold anything."""
    try:
        yield
    except (JournalFault, JournalNewer) as fault:
        raise NotUnderstood(why=fault.sentence) from fault
    except OSError as error:
        where = shown_name(str(error.filename))
        raise NotUnderstood(why=f"{where}: {error.strerror}.") from error


def _look(paths: Paths) -> Unsent:
    if not paths.journal.exists() or not paths.journal.stat().st_size:  # as tmpfiles.d made it
        if any(spooled(paths)):
            raise NotUnderstood(why="Its journal is gone, and images are there.")
        return Unsent({}, sum(1 for _ in shared(paths)))
    worker = Worker(paths.run, "reset")
    try:
        journal = Journal(paths, worker, SystemClock())
        try:
            return against(journal)
        finally:
            journal.close()
    finally:
        worker.retire()
