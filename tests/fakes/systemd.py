"""Owns a systemd that only listens: the socket services notify, and what they said."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FakeSystemd:
    """Hand `environment` to whom should find it."""

    def __init__(self, folder: Path, watchdog_s: float = 0) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify")}
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def heard(self, timeout_s: float = 0.01, most: int = 1000) -> list[str]:
        """What was said since the last time, `most` of it; waits for each so long."""
        self._socket.settimeout(timeout_s)
        said: list[str] = []
        with suppress(TimeoutError):
            while len(said) < most:
                said.append(self._socket.recv(4096).decode())
        return said

    def close(self) -> None:
        self._socket.close()
