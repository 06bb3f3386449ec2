"""Owns waking up: a service rings when it has left work for the next one.

A bell is a Unix datagram socket DIR/run/NAME.bell. Ringing never blocks and is never relied on:
behind every bell stands a slow scan of the journal.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class HasFileno(Protocol):
        """What select() can wait for."""

        def fileno(self) -> int:
            """Its descriptor."""
            ...


class Bell:
    """The listening side; belongs to one service."""

    def __init__(self, listening: socket.socket) -> None:
        """Listen on a bound datagram socket (see `hang`)."""
        self._socket = listening
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For select() beside other things."""
        return self._socket.fileno()

    def wait(self, timeout_s: float, *others: HasFileno) -> bool:
        """Sleep until rung, until one of the others is readable, or until the time is over.

        True when it was rung.
        """
        if self._socket not in select.select([self._socket, *others], [], [], timeout_s)[0]:
            return False
        self.hush()
        return True

    def hush(self) -> None:
        """Forget the rings so far: many rings are one reason to look."""
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def hang(run_dir: Path, name: str) -> socket.socket:
    """Bind the socket of the bell `name`, in the place of one left by a dead process."""
    path = run_dir / f"{name}.bell"
    run_dir.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    return listening


def ring(run_dir: Path, *names: str) -> None:
    """Wake the services of those names; those that are not there will see for themselves."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as clapper:
        clapper.setblocking(False)
        for name in names:
            with suppress(OSError):
                clapper.sendto(b"!", str(run_dir / f"{name}.bell"))
