"""Owns a TCP relay that goes silent or dies after so many bytes, as a pulled cable or a crash."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 4096


class Relay:
    """Takes one caller after the other to 127.0.0.1:`port`, and lets each have `most_bytes`."""

    def __init__(self, port: int, most_bytes: int) -> None:
        self._target = ("127.0.0.1", port)
        self._most_bytes = most_bytes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            there = socket.create_connection(self._target)
            Thread(target=self._back, args=(there, caller), daemon=True).start()
            self._forth(caller, there)

    def _forth(self, caller: socket.socket, there: socket.socket) -> None:
        left = self._most_bytes
        with suppress(OSError):
            while left > 0 and (data := caller.recv(min(_CHUNK, left))):
                there.sendall(data)
                left -= len(data)
        _die(caller)
        _die(there)

    def _back(self, there: socket.socket, caller: socket.socket) -> None:
        with suppress(OSError):
            while data := there.recv(_CHUNK):
                caller.sendall(data)


def _die(line: socket.socket) -> None:
    """Without a goodbye: a reset."""
    with suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.shutdown(socket.SHUT_RD)
    line.close()


@contextmanager
def relay(port: int, most_bytes: int) -> Iterator[Relay]:
    """Run one until the end of the block."""
    running = Relay(port, most_bytes)
    try:
        yield running
    finally:
        running.close()
