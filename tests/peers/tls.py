"""Owns a peer that shakes hands in TLS and says nothing more, as a test wants it to."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.builders.certificates import Paper


def speaking(
    paper: Paper, *, wants: str = "", newest: ssl.TLSVersion | None = None, ciphers: str = ""
) -> Callable[[socket.socket], None]:
    """Greet as the owner of `paper`; `wants`: whose certificates who calls must show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paper.cert, paper.key_file)
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    if ciphers:
        context.set_ciphers(ciphers)
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)

    def greet(sock: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(sock, server_side=True) as secured:
            while secured.recv(1 << 16):
                pass

    return greet


def says(words: bytes) -> Callable[[socket.socket], None]:
    """Say that to whatever comes first, and hang up."""

    def greet(sock: socket.socket) -> None:
        if sock.recv(1 << 16) and words:
            sock.sendall(words)

    return greet


def is_silent(sock: socket.socket) -> None:
    """Take what comes, and say nothing."""
    with suppress(OSError):
        while sock.recv(1 << 16):
            pass


@contextmanager
def peer(greet: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port on which it takes calls, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=_serve, args=(door, greet), daemon=True)
        thread.start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(door: socket.socket, greet: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            sock, _ = door.accept()
        except OSError:
            return
        with sock:
            sock.settimeout(5)
            greet(sock)
