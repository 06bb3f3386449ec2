"""Owns asking the privileged helper about the drive: how it stands, a snapshot, the exchange."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.board.mount import SOCKET
from appliance.call import ask, ask_for_descriptor
from appliance.errors import (
    ChangedMeanwhile,
    Declined,
    DiskFull,
    DriveInUse,
    NobodyAnswers,
    NoHelper,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKING_S = 60.0  # a first look may have to make the drive
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
        self._socket = run_dir / SOCKET
        self._source = source

    def look(self) -> Seen:
        """Have it attached. Raises Declined with what is in the way."""
        with self._helped():
            answer = ask(self._socket, self._request("drive"), _LOOKING_S)
        return Seen(*(str(answer[name]) for name in Seen._fields))

    @contextmanager
    def snapshot(self, stamp: str) -> Iterator[Path]:
        """The top folder of what the host had written as of `stamp`, to be read.

        Raises ChangedMeanwhile, DiskFull, or Declined where it cannot be mounted.
        """
        with self._helped():
            request = self._request("snapshot", stamp)
            _, fd = ask_for_descriptor(self._socket, request, _COPYING_S)
        try:
            yield Path(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
            with suppress(Problem):  # it is dropped with the next one
                ask(self._socket, self._request("drop_snapshot"), _LOOKING_S)

    def swap(self, stamp: str) -> None:
        """Put an empty one in its place.

        Raises ChangedMeanwhile, DriveInUse, DiskFull, or Declined; the host then has what it had.
        """
        with self._helped():
            ask(self._socket, self._request("swap", stamp), _COPYING_S)

    def _request(self, operation: str, stamp: str = "") -> dict[str, Any]:
        return {"op": operation, "source": self._source, "stamp": stamp}

    @contextmanager
    def _helped(self) -> Iterator[None]:
        try:
            yield
        except NobodyAnswers as problem:
            why = f"the devices service does not answer ({problem.facts['why']})"
            raise NoHelper(what="The drive", why=why) from problem
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
