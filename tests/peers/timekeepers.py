"""Owns peers that say what time it is: a web server's Date, an NTP server's answer."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 5.0
_NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


@contextmanager
def web(now: datetime, *lines: str) -> Iterator[int]:
    """The port of a web server at which it is `now`; it says `lines` before its date."""
    said = ["HTTP/1.1 401 Unauthorized", *lines, f"Date: {now:%a, %d %b %Y %H:%M:%S} GMT", "", ""]
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                line, _ = door.accept()
                with line:
                    if line.recv(4096):
                        line.sendall("\r\n".join(said).encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def ntp(now: datetime, *, leap: int = 0, stratum: int = 2) -> Iterator[int]:
    """The port of an NTP server at which it is `now` (RFC 5905 7.3); `leap` 3: it is unsure."""
    seconds = (now - _NTP_EPOCH).total_seconds()
    moment = struct.pack(">II", int(seconds), int(seconds % 1 * (1 << 32)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(_PATIENCE_S)

        def serve() -> None:
            with suppress(TimeoutError):
                question, caller = door.recvfrom(512)
                assert question[0] & 7 == 3
                head = bytes((leap << 6 | 4 << 3 | 4, stratum)) + bytes(38)
                door.sendto(head + moment, caller)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        thread.join()
