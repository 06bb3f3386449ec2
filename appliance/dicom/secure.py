"""Owns DICOM over TLS as the side that is called (PS3.15 B): certificates, guarded sockets.

Imported only where the settings ask for TLS.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.dicom.guarded import profiled
from appliance.dicom.inbound import Ending, Parted
from appliance.errors import BadCertificate

if TYPE_CHECKING:
    from appliance.dicom.wire import Buffer

GREETING_S = 15.0
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Secure:
    """The box's certificate, and whose certificates callers must show."""

    def __init__(self, cert: str, key: str, ca: str) -> None:
        """Read the files; with `ca` a caller must show a certificate of it.

        Raises BadCertificate.
        """
        self._context = profiled(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        try:
            self._context.load_cert_chain(cert, key or None, password=_no_password)
            if ca:
                self._context.load_verify_locations(ca)
                self._context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise BadCertificate(why=why or str(error)) from error

    def guard(self, sock: socket.socket) -> SecureSocket:
        """Take over a connection before its first byte."""
        return SecureSocket(
            self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        )


class SecureSocket:
    """A TLS connection that answers like a plain non-blocking one."""

    def __init__(self, secured: ssl.SSLSocket) -> None:
        """Use Secure.guard."""
        self._secured = secured
        self.fileno = secured.fileno
        self.setsockopt = secured.setsockopt
        self.close = secured.close

    def greet(self) -> None:
        """Shake hands. Raises Parted."""
        until_s = time.monotonic() + GREETING_S
        while True:
            try:
                return self._secured.do_handshake()
            except _WANTS as want:
                self._wait(want, until_s)
            except OSError as error:
                why = getattr(error, "reason", None) or error.strerror or str(error)
                raise Parted(Ending.INSECURE, str(why)) from error

    def recv_into(self, buffer: memoryview) -> int:
        """As socket.recv_into; 0 at the end."""
        try:
            return self._secured.recv_into(buffer)
        except _WANTS as want:
            raise BlockingIOError from want
        except ssl.SSLEOFError:
            return 0

    def send(self, data: Buffer) -> int:
        """As socket.send."""
        try:
            return self._secured.send(data)
        except _WANTS as want:
            raise BlockingIOError from want

    def shutdown(self, how: int) -> None:
        """As socket.shutdown; before we fall silent the peer is told that nothing is missing."""
        if how == socket.SHUT_WR:
            with suppress(OSError):
                self._secured.unwrap()
        # Not SSLSocket's own: that takes the session away from the thread that is using it.
        socket.socket.shutdown(self._secured, how)

    def _wait(self, want: ssl.SSLError, until_s: float) -> None:
        poller = select.poll()
        reading = isinstance(want, ssl.SSLWantReadError)
        poller.register(self.fileno(), select.POLLIN if reading else select.POLLOUT)
        if not poller.poll(max(until_s - time.monotonic(), 0) * 1000):
            raise Parted(Ending.SILENT)


def _no_password() -> str:
    msg = "the key is locked with a password"
    raise ValueError(msg)
