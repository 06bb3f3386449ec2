"""Owns the ceiling: a sender that only pushes bytes that were recorded before down a socket.

It agrees to nothing, cuts nothing and waits for no answer: nobody who speaks DICOM can be faster.
Run as a program of its own (`python -I ceiling.py HOST PORT FILE`), without the product.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 18
_RELEASE_RP = b"\x06\0\0\0\0\4\0\0\0\0"


def replay(host: str, port: int, recording: Path) -> None:
    """Push a recording, to the end of the peer's last answer. Raises RuntimeError without one."""
    with socket.create_connection((host, port)) as line, recording.open("rb") as file:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        heard = bytearray()
        listening = threading.Thread(target=_listen, args=(line, heard))
        listening.start()
        offset, size = 0, file.seek(0, os.SEEK_END)
        while offset < size:
            offset += os.sendfile(line.fileno(), file.fileno(), offset, size - offset)
        listening.join()
    if not heard.endswith(_RELEASE_RP):
        message = "the peer did not agree to the end of the association"
        raise RuntimeError(message)


def _listen(line: socket.socket, heard: bytearray) -> None:
    while not heard.endswith(_RELEASE_RP) and (more := line.recv(_CHUNK_BYTES)):
        heard += more
        del heard[: -len(_RELEASE_RP)]


@contextmanager
def recorder(port: int, recording: Path) -> Iterator[int]:
    """Lead one caller to 127.0.0.1:`port` and keep what it says; yields where to call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        recording_thread = threading.Thread(target=_record, args=(listening, port, recording))
        recording_thread.start()
        yield listening.getsockname()[1]
        recording_thread.join()


def _record(listening: socket.socket, port: int, recording: Path) -> None:
    caller, _ = listening.accept()
    with caller, socket.create_connection(("127.0.0.1", port)) as there:
        back = threading.Thread(target=_pass_back, args=(there, caller))
        back.start()
        with recording.open("wb") as file:
            while data := caller.recv(_CHUNK_BYTES):
                file.write(data)
                there.sendall(data)
        there.shutdown(socket.SHUT_WR)
        back.join()


def _pass_back(there: socket.socket, caller: socket.socket) -> None:
    for line in (there, caller):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := there.recv(_CHUNK_BYTES):
        caller.sendall(data)


if __name__ == "__main__":
    replay(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
