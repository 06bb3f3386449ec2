"""Owns a peer that shakes hands in TLS and says nothing more, as a test wants it to."""

from __future__ import annotations

import select
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
    context = _context(paper, wants)
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    if ciphers:
        context.set_ciphers(ciphers)

    def greet(sock: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(sock, server_side=True) as secured:
            while secured.recv(1 << 16):
                pass

    return greet


def _context(paper: Paper, wants: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paper.cert, paper.key_file)
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)
    return context


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
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            greet(sock)


@contextmanager
def in_front_of(port: int, paper: Paper, *, wants: str = "") -> Iterator[int]:
    """The port of a TLS door to a peer that knows nothing of TLS."""
    context = _context(paper, wants)

    def greet(sock: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(sock, server_side=True) as outside,
            socket.create_connection(("127.0.0.1", port)) as inside,
        ):
            insides.append(inside)
            inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _pass_on(outside, inside)

    insides: list[socket.socket] = []
    with peer(greet) as door:
        yield door
        for inside in insides:
            with suppress(OSError):
                inside.shutdown(socket.SHUT_RDWR)


def _pass_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    """Carry bytes both ways, in one thread, until one side hangs up."""
    outside.settimeout(5)
    while True:
        waiting = [outside] if outside.pending() else select.select([outside, inside], [], [])[0]
        for came in waiting:
            data = came.recv(1 << 16)
            if not data:
                return
            (inside if came is outside else outside).sendall(data)
