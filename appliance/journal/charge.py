"""Owns which box works with what is here: this one, or another that took its place.

The row counts; a mark beside the settings (appliance.journal.away) says the same to services that
have no journal. What a killed process left half-way goes back to `here`, but for `releasing` and
`left`: then a stick may be out there that another box works with.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.errors import ForbiddenMove, HandoverStands, OtherHandover, StillBusy
from appliance.journal.away import is_away, mark, unmark
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
_LET_GO = frozenset({Charge.RELEASING, Charge.LEFT})
"""Name and address may be another box's."""
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
        stick is `lacking` is told before this box has left, and is known from then on.

        The mark is never gone while this box is not at work. It gives the address up after the
        row, and takes it back before: in between no other box has it, for the stick is not valid
        yet, or not any more.
        """
        if is_away(self._paths) is (state is Charge.HERE):
            mark(self._paths, keeps_address=True)
        told = {"state": state, "move": move, "other": other, "lacking": lacking}
        try:
            with self._s.db.write(durable=True):
                if event not in {None, self.last_event()}:
                    raise StillBusy(why=CHANGED)
                self._s.db.run("set_charge", **told, now=self._s.now())
        except ForbiddenMove as problem:
            why = f"it is {self.standing().state}, and cannot become {state}"
            raise HandoverStands(why=why) from problem
        self._mark(state)

    def know_other(self, move: str, other: str) -> None:
        """Which box took over what left by that handover; durable."""
        with self._s.db.write(durable=True):
            self._s.db.run("set_other", move=move, other=other)

    def settle(self) -> bool:
        """Make good what a killed process left; whether this box is at work again by that.

        Does nothing while one hands over.
        """
        standing = self.standing().state
        if standing is Charge.HERE and not is_away(self._paths):
            return False
        with suppress(OtherHandover), alone(self._paths):
            self.make_good()
        return not is_away(self._paths)

    def make_good(self) -> Standing:
        """The same for whoever is `alone`; who works now."""
        standing = self.standing().state
        if self._paths.plan.exists():
            _say_away(self._paths, standing)  # until the next start carries it out
        elif standing in _PASSING:
            self.set(Charge.HERE)
        else:
            self._mark(standing)
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

    def _mark(self, state: Charge) -> None:
        if state is Charge.HERE:
            unmark(self._paths)
        else:
            _say_away(self._paths, state)

    def _count(self, query: str) -> int:
        (row,) = self._s.db.rows(query)
        return int(row["n"])


def _say_away(paths: Paths, state: Charge) -> None:
    mark(paths, keeps_address=state not in _LET_GO)


def _needed(db: Database) -> list[str]:
    return sorted(row["sha256"] for row in db.rows("unfinished_bytes"))


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
