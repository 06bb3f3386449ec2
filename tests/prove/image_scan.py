"""Owns looking at every TCP port of an address, as nmap's connect scan does; prints what it found.

A port that says nothing was asked twice (the kernel repeats a SYN after a second).
"""

from __future__ import annotations

import errno
import json
import select
import socket
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PORTS = range(1, 65536)
_AT_ONCE = 900
"""Below the usual limit of open files."""
_PATIENCE_S = 2.5


def main() -> int:
    """Scan the address given."""
    found: Counter[str] = Counter()
    is_open = []
    for first in range(_PORTS.start, _PORTS.stop, _AT_ONCE):
        ports = range(first, min(first + _AT_ONCE, _PORTS.stop))
        for port, said in asked(sys.argv[1], ports):
            found[said] += 1
            if said == "open":
                is_open.append(port)
    print(json.dumps({"open": is_open, **{k: v for k, v in found.items() if k != "open"}}))
    return 0


def asked(address: str, ports: Iterable[int]) -> Iterable[tuple[int, str]]:
    """Each port and what it says: open, refused, barred (by ICMP) or silent."""
    family, _, _, _, where = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
    sockets = {}
    poll = select.poll()
    for port in ports:
        calling = socket.socket(family, socket.SOCK_STREAM)
        calling.setblocking(False)
        calling.connect_ex((where[0], port, *where[2:]))
        sockets[calling.fileno()] = (calling, port)
        poll.register(calling, select.POLLOUT)
    until = time.monotonic() + _PATIENCE_S
    while sockets and (left_s := until - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left_s * 1000):
            poll.unregister(descriptor)
            calling, port = sockets.pop(descriptor)
            yield port, _said(calling)
            calling.close()
    for calling, port in sockets.values():
        yield port, "silent"
        calling.close()


def _said(calling: socket.socket) -> str:
    error = calling.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return "open" if not error else "refused" if error == errno.ECONNREFUSED else "barred"


if __name__ == "__main__":
    sys.exit(main())
