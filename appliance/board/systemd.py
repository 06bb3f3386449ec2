"""Owns the talk with systemd: ready, still alive, stopping, and the sockets it opened for us.

Without systemd (NOTIFY_SOCKET unset) all of it does nothing.
"""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress


class Notifier:
    """One service's voice towards systemd."""

    def __init__(self) -> None:
        """See whether anybody listens, and how often a sign of life is wanted."""
        self._listened_to = "NOTIFY_SOCKET" in os.environ
        wanted_us = int(os.environ.get("WATCHDOG_USEC", "0")) if self._listened_to else 0
        self.beat_every_s = wanted_us / 2e6 or math.inf

    def ready(self) -> None:
        """The service does its work from now on."""
        self._say("READY=1")

    def beat(self) -> None:
        """A sign of life: call it from the loop whose standstill is to be noticed, and only there.

        More often than every `beat_every_s`.
        """
        if self.beat_every_s < math.inf:
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """The service leaves because it wants to."""
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        if self._listened_to:
            from systemd.daemon import notify  # noqa: PLC0415 - a workstation without systemd has none

            # Nobody listening is for systemd to notice, by the sign of life it misses.
            with suppress(OSError):
                notify(state)


def inherited_sockets() -> list[socket.socket]:
    """The sockets that systemd (or `run`) bound for this process, in the unit's order."""
    if "LISTEN_FDS" not in os.environ:
        return []
    from systemd.daemon import listen_fds  # noqa: PLC0415 - as above

    return [socket.socket(fileno=fd) for fd in listen_fds()]
