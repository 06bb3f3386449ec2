"""Owns asking the privileged helper about the drive: how it stands, a snapshot, the exchange."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from appliance.board.mount import Helper
from appliance.errors import ChangedMeanwhile, Declined, DiskFull, DriveInUse, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COPYING_S = 3600.0


class Seen(NamedTuple):
    """How the drive stands."""

    image: str  # which one is attached
    stamp: str  # another one after every write of the host
    host: str  # what the port says of it: "configured", "suspended", "not attached", ...


class Drive:
    """The drive of one source; every call raises NoHelper where the helper is not there."""

    def __init__(self, run_dir: Path, source: str) -> None:
        """Ask the helper whose socket is in `run_dir`."""
        self._helper = Helper(run_dir, "The drive")
        self._source = source

    def look(self) -> Seen:
        """Have it attached. Raises Declined with what is in the way."""
        with _told_apart():
            answer = self._helper.ask("drive", source=self._source)
        return Seen(*(str(answer[name]) for name in Seen._fields))

    @contextmanager
    def snapshot(self, stamp: str) -> Iterator[Path]:
        """The top folder of what the host had written as of `stamp`, to be read.

        Raises ChangedMeanwhile, DiskFull, or Declined where it cannot be mounted.
        """
        with _told_apart():
            mounted, _ = self._helper.mount(
                "snapshot", _COPYING_S, source=self._source, stamp=stamp
            )
        try:
            yield mounted.root
        finally:
            mounted.close()
            with suppress(Problem):  # it is dropped with the next one
                self._helper.ask("drop_snapshot", source=self._source)

    def taken(self, stamp: str, *, in_part: bool) -> None:
        """Have it noted that everything on it, as of `stamp`, was taken, or what can be.

        Raises ChangedMeanwhile, DiskFull, or Declined.
        """
        operation = "taken_in_part" if in_part else "taken"
        with _told_apart():
            self._helper.ask(operation, source=self._source, stamp=stamp)

    def swap(self, stamp: str) -> None:
        """Put an empty one in its place.

        Raises ChangedMeanwhile, DriveInUse, DiskFull, or Declined; the host then has what it had.
        """
        with _told_apart():
            self._helper.ask("swap", _COPYING_S, source=self._source, stamp=stamp)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except Declined as said:
        if known := _known(said):
            raise known from said
        raise


def _known(said: Declined) -> Problem | None:
    """The Problem that the helper raised, where it is one that callers tell apart."""
    match said.code:
        case ChangedMeanwhile.code:
            return ChangedMeanwhile(name="The drive")
        case DiskFull.code:
            return DiskFull(where="the card")
        case DriveInUse.code:
            return DriveInUse()
        case _:
            return None
