"""Owns a TLS connection as a wire wants it: like a plain socket that never blocks."""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.dicom.wire import Buffer

WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError)

# Forward secrecy and authenticated encryption only (RFC 9325 4.2); those of TLS 1.3 all have both.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!aDSS"
_RECORD_BYTES = 1 << 14  # RFC 8446 5.1; a longer write is answered record by record
_PIECE_BYTES = 1 << 12


class Guarded:
    """What is sent goes out in whole records, each of them at once or not yet."""

    def __init__(self, secured: ssl.SSLSocket) -> None:
        """Take over a connection whose handshake is done."""
        self._error: ssl.SSLError | None = None
        self.fileno = secured.fileno
        self.setsockopt = secured.setsockopt
        self.setblocking = secured.setblocking
        self._secured = secured
        self._held = b""  # waits for what follows in the same record
        self._record = b""  # was given to OpenSSL, which wants the very same once more

    def send(self, data: Buffer, flags: int = 0) -> int:
        """As socket.send."""
        if flags & socket.MSG_MORE and len(data) <= _PIECE_BYTES and not self._held:
            self._held = bytes(data)
            return len(data)
        return self._send(data)

    def sendmsg(self, buffers: list[Buffer]) -> int:
        """As socket.sendmsg; as much as one record holds."""
        wanted: list[Buffer] = []
        count = 0
        for buffer in buffers:
            if count >= _RECORD_BYTES:
                break
            wanted.append(buffer)
            count += len(buffer)
        return self._send(b"".join(wanted))

    def send_file(self, fd: int, offset: int, count: int) -> int:
        """As os.sendfile, but the bytes pass through here to be encrypted."""
        if self._record:
            return self._send(b"")
        data = os.pread(fd, min(count, _RECORD_BYTES - len(self._held)), offset)
        return self._send(data) if data else 0

    def recv(self, size: int) -> bytes:
        """As socket.recv; at least a whole record, so that none is left where poll cannot see it.

        Raises BlockingIOError, ConnectionError.
        """
        try:
            return self._secured.recv(max(size, _RECORD_BYTES))
        except WANTS as want:
            raise BlockingIOError from want
        except ENDS:
            return b""
        except ssl.SSLError as error:
            raise self._broken(error) from error

    def last_words(self) -> ssl.SSLError | None:
        """Why TLS ended the connection, also where that came while something was being sent."""
        with suppress(OSError):
            self.recv(1)
        return self._error

    def close(self) -> None:
        """Hang up; the peer is told that nothing is missing, as far as it listens."""
        with suppress(OSError, ValueError):
            self._secured.unwrap()
        self._secured.close()

    def _send(self, data: Buffer) -> int:
        """Send the record under way, else a new one; how many bytes of the caller's that were."""
        room = _RECORD_BYTES - len(self._held)
        self._record = self._record or self._held + bytes(data[:room])
        try:
            self._secured.send(self._record)
        except WANTS as want:
            raise BlockingIOError from want
        except ssl.SSLError as error:
            raise self._broken(error) from error
        sent = len(self._record) - len(self._held)
        self._record = self._held = b""
        return sent

    def _broken(self, error: ssl.SSLError) -> ConnectionError:
        self._error = error
        return ConnectionAbortedError(error.reason)


def profiled(context: ssl.SSLContext) -> ssl.SSLContext:
    """`context`, made to encrypt as BCP 195 wants (PS3.15 B.12)."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    return context


def handshake(secured: ssl.SSLSocket, until_s: float) -> None:
    """Shake hands until `until_s` (monotonic). Raises TimeoutError, other OSErrors."""
    while True:
        try:
            return secured.do_handshake()
        except WANTS as want:
            wait(secured, want, until_s)


def wait(secured: ssl.SSLSocket, want: ssl.SSLError, until_s: float) -> None:
    """Wait for what OpenSSL wants. Raises TimeoutError."""
    poller = select.poll()
    reading = isinstance(want, ssl.SSLWantReadError)
    poller.register(secured, select.POLLIN if reading else select.POLLOUT)
    if not poller.poll(max(until_s - time.monotonic(), 0) * 1000):
        raise TimeoutError
