"""Owns the page's secured connections: TLS as waitress wants it, by a socket that never blocks.

A handshake is work of the one loop that reads from everybody, a step at a time: who connects and
then says nothing (a port scanner, a cable pulled out) keeps nobody else waiting.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from appliance.errors import NoPageCertificate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

_log = logging.getLogger(__name__)

RECORD_BYTES = 1 << 14
"""What OpenSSL holds at most of what has come (RFC 8446 5.1): nobody may ask for less at a time,
or a rest would lie where select() cannot see it."""

_NOT_THERE = (0, 0, 0)
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Certified:
    """TLS with the first certificate that can be used, read again once there are others."""

    def __init__(self, files: Sequence[Path]) -> None:
        """`files` hold a key and its certificates each, the one to show first.

        Raises NoPageCertificate.
        """
        self._files = files
        self._seen = self._look()
        self._context = self._read()

    def secure(self, connection: socket.socket) -> SecuredSocket:
        """Take over a connection before its first byte; nothing is said on it yet.

        Raises OSError, ValueError where its other side is gone.
        """
        self._look_again()
        connection.setblocking(False)
        return SecuredSocket(
            self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        )

    def _look_again(self) -> None:
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._context = self._read()
        except NoPageCertificate as problem:
            _log.error("%s The one before stays.", problem.sentence)
        else:
            _log.info("The page shows another certificate now")

    def _look(self) -> list[tuple[int, int, int]]:
        return [_identity(file) for file in self._files]

    def _read(self) -> ssl.SSLContext:
        problem = NoPageCertificate(why="there is none")
        for file in self._files:
            if _identity(file) == _NOT_THERE:
                continue
            try:
                return _context(file)
            except NoPageCertificate as unusable:
                _log.error("%s", unusable.sentence)
                problem = unusable
        raise problem


class SecuredSocket:
    """A TLS connection that answers waitress as a plain non-blocking one does."""

    def __init__(self, secured: ssl.SSLSocket) -> None:
        """Use Certified.secure."""
        self._secured = secured
        # The loop reads while a thread may write, and OpenSSL wants one at a time.
        self._lock = Lock()
        self.fileno = secured.fileno
        self.setblocking = secured.setblocking
        self.setsockopt = secured.setsockopt
        self.getpeername = secured.getpeername

    def getsockopt(self, level: int, option: int) -> int:
        """As socket.getsockopt; but a piece to send is a record, for no more goes out at once."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_SNDBUF):
            return RECORD_BYTES
        return self._secured.getsockopt(level, option)

    def recv(self, size: int) -> bytes:
        """As socket.recv, b"" also where TLS ends; shakes hands first. Raises NothingYet."""
        try:
            with self._lock:
                return self._secured.recv(size)
        except _WANTS as want:
            raise NothingYet from want
        except ssl.SSLError:
            return b""  # it does not speak TLS, or none that is good enough, or broke off

    def send(self, data: bytes) -> int:
        """As socket.send."""
        try:
            with self._lock:
                return self._secured.send(data)
        except _WANTS as want:
            raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK)) from want
        except ssl.SSLError as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error.reason)) from error

    def close(self) -> None:
        """Hang up; the other side is told that nothing is missing, as far as it listens."""
        with self._lock:
            with suppress(OSError, ValueError):
                self._secured.unwrap()
            self._secured.close()


class NothingYet(Exception):
    """What came is no whole record, or part of the handshake."""


class SecuredServer(TcpWSGIServer):
    """waitress behind a listening socket where TLS is spoken."""

    def __init__(self, certified: Certified, *args: Any, **more: Any) -> None:
        """As TcpWSGIServer."""
        self._certified = certified
        self.channel_class = _Channel
        super().__init__(*args, **more)

    def accept(self) -> tuple[Any, Any] | None:
        """The next connection, secured; None where it is gone already."""
        found = super().accept()
        if found is None:
            return None
        connection, address = found
        try:
            return self._certified.secure(connection), address
        except (OSError, ValueError):
            connection.close()
            return None


class _Channel(HTTPChannel):
    """A connection of waitress that may have nothing to read although bytes came."""

    def handle_read(self) -> None:
        """Read what is there, if it is whole."""
        with suppress(NothingYet):
            super().handle_read()


def _identity(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return _NOT_THERE
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _context(file: Path) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 as browsers of the last ten years speak them. Raises NoPageCertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(file, password=_no_password)
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise NoPageCertificate(why=f"{file.name}: {why}") from error
    return context


def _no_password() -> str:
    msg = "the key is locked with a password"
    raise ValueError(msg)
