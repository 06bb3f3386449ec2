"""Owns which box works with what is here: this one, or another that took its place.

The row counts; a file beside the settings says the same to services that have no journal. What a
killed process left half-way goes back to `here`, but for `releasing` and `left`: then a stick may
be out there that another box works with.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import ForbiddenMove, HandoverStands, OtherHandover, StillBusy
from appliance.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.journal.session import Paths, Session


class Charge(StrEnum):
    """Who works: see the table charge_move."""

    HERE = "here"
    LEAVING = "leaving"
    RELEASING = "releasing"
    LEFT = "left"
    COMING = "coming"


_PASSING = frozenset({Charge.LEAVING, Charge.COMING})
CHANGED = "something was decided or changed while the stick was written, and it is not on it"


@dataclass(frozen=True, slots=True)
class Standing:
    """Who works, since when (a stamp), by which handover, and with which other box.

    `lacking` is how many stored files the card did not give back to that handover's stick.
    """

    state: Charge
    move: str = ""
    other: str = ""
    changed_at: str = ""
    lacking: int = 0


class Charges:
    """The verbs of handing over."""

    def __init__(self, session: Session, paths: Paths) -> None:
        """Work through one session."""
        self._s = session
        self._paths = paths

    def standing(self) -> Standing:
        """Who works now."""
        (row,) = self._s.db.rows("charge")
        told = {name: row[name] for name in ("move", "other", "changed_at", "lacking")}
        return Standing(Charge(row["state"]), **told)

    def is_here(self) -> bool:
        """Whether this box takes in and sends."""
        return self.standing().state is Charge.HERE

    def set(
        self,
        state: Charge,
        move: str = "",
        other: str = "",
        *,
        event: int | None = None,
        lacking: int = 0,
    ) -> None:
        """Another box works from now on, or this one again; durable. Raises HandoverStands.

        With an `event`, only while it is still the last one; else raises StillBusy. How much the
        stick is `lacking` is told before this box has left, and is known from then on. The mark
        for those without a journal is never gone while this box is not at work.
        """
        if state is not Charge.HERE:
            mark_away(self._paths)
        told = {"state": state, "move": move, "other": other, "lacking": lacking}
        try:
            with self._s.db.write(durable=True):
                if event not in {None, self.last_event()}:
                    raise StillBusy(why=CHANGED)
                self._s.db.run("set_charge", **told, now=self._s.now())
        except ForbiddenMove as problem:
            why = f"it is {self.standing().state}, and cannot become {state}"
            raise HandoverStands(why=why) from problem
        if state is Charge.HERE:
            unmark(self._paths)

    def know_other(self, move: str, other: str) -> None:
        """Which box took over what left by that handover; durable."""
        with self._s.db.write(durable=True):
            self._s.db.run("set_other", move=move, other=other)

    def settle(self) -> None:
        """Make good what a killed process left; does nothing while one is at work."""
        standing = self.standing().state
        if standing is Charge.HERE and not is_away(self._paths):
            return
        with suppress(OtherHandover), alone(self._paths):
            self.make_good()

    def make_good(self) -> Standing:
        """The same for whoever is `alone`; who works now."""
        standing = self.standing().state
        if self._paths.plan.exists():
            mark_away(self._paths)  # what came is put in its place at the next start
        elif standing in _PASSING:
            self.set(Charge.HERE)
        elif standing is Charge.HERE:
            unmark(self._paths)
        else:
            mark_away(self._paths)
        return self.standing()

    def claimed(self) -> int:
        """How many images somebody works on just now: a stage, or a sender."""
        return self._count("count_claimed")

    def arrivals(self) -> int:
        """How many exports ever came here."""
        return self._count("count_arrivals")

    def last_event(self) -> int:
        """A number that grows with everything that happens."""
        return self._count("last_event")

    def unfinished_bytes(self) -> list[str]:
        """The spool files that are needed by what is not done."""
        return _needed(self._s.db)

    def leave_done_behind(self) -> None:
        """The bytes of what is proved did not come along; durable."""
        with self._s.db.write(durable=True):
            self._s.db.run("leave_done_behind", now=self._s.now())

    def copy(self, target: Path) -> list[str]:
        """The whole journal at one moment, as a file of its own; the spool files it needs.

        Raises DiskFull, JournalFault.
        """
        self._s.db.copy(target)
        with closing(Database(target)) as copied:
            return _needed(copied)

    def _count(self, query: str) -> int:
        (row,) = self._s.db.rows(query)
        return int(row["n"])


def _needed(db: Database) -> list[str]:
    return sorted(row["sha256"] for row in db.rows("unfinished_bytes"))


def is_away(paths: Paths) -> bool:
    """Whether this box has given its work away, for services without a journal."""
    return paths.away.exists()


def mark_away(paths: Paths) -> None:
    """Say so; durable."""
    if not is_away(paths):
        durable.publish(paths.away, b"Another box works with what is here.\n")


def unmark(paths: Paths) -> None:
    """Say so no longer; durable."""
    if is_away(paths):
        durable.remove(paths.away)


@contextmanager
def alone(paths: Paths) -> Iterator[None]:
    """Nobody else hands over or backs up while this is held. Raises OtherHandover.

    The folder itself is locked: a lock file could belong to a user that others may not open.
    """
    fd = os.open(paths.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OtherHandover from None
    else:
        yield
    finally:
        os.close(fd)
