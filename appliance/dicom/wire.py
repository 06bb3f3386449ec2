"""Owns one TCP connection to a DICOM peer: bytes and slices of files out, whole PDUs in."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import select
import socket
import struct
import sys
import termios
import time
from collections import deque
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from appliance.dicom import pdu
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.dicom.guarded import Guarded
    from appliance.dicom.pace import Pace

Buffer = bytes | memoryview

_RECEIVE_BYTES = 1 << 16
_MOST_UNSENT_BYTES = 1 << 16
_MAX_UNREAD_PDUS = 256
_NETWORK_ERRORS = frozenset(
    {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT, errno.EHOSTDOWN}
)


class Loss(StrEnum):
    """How a connection was lost, so that what was under way has no known outcome; in words."""

    ABORTED = "it aborted the association"
    RELEASED = "it ended the association"
    CLOSED = "the connection broke"
    SILENT = "it did not answer in time"
    GARBLED = "what it answered is not DICOM"


_ENDINGS = {pdu.Kind.ABORT: Loss.ABORTED, pdu.Kind.RELEASE_RQ: Loss.RELEASED}


class Lost(Exception):
    """The connection is of no further use."""

    def __init__(self, loss: Loss) -> None:
        """Say how."""
        self.loss = loss
        super().__init__(loss.value)


class Wire:
    """A connection, used by one thread at a time. Whatever raises Lost leaves it to be closed."""

    def __init__(
        self,
        sock: socket.socket | Guarded,
        stall_s: float,
        whole_s: float = math.inf,
        pace: Pace | None = None,
    ) -> None:
        """Take over a connected socket; sending may make no progress for `stall_s` seconds.

        After `whole_s` seconds it is Lost, however busy: a peer may send a byte now and then.
        `pace` says how fast bytes may go out.
        """
        # Without NODELAY the last short segment of each object waits for a delayed ACK: 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Megabytes that wait in the kernel have left the caches when their turn comes: with few,
        # storescp needs a quarter less processor time to receive them (over loopback). What is
        # on its way does not count, so a long line is filled all the same.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT_BYTES)
        sock.setblocking(False)
        self.is_open = True
        self._sock = sock
        self._fd = sock.fileno()
        self._send_file: Callable[[int, int, int], int] = (
            partial(os.sendfile, self._fd) if isinstance(sock, socket.socket) else sock.send_file
        )
        self._stall_s = stall_s
        self._until_s = time.monotonic() + whole_s
        self._pace = pace
        self._granted_bytes = 0  # by the pace, and not sent yet
        self._inbox = bytearray()
        self._pdus: deque[pdu.Pdu] = deque()
        self._fragments: deque[pdu.Fragment] = deque()
        self._incoming = select.poll()
        self._incoming.register(sock, select.POLLIN)
        self._both = select.poll()
        self._both.register(sock, select.POLLIN | select.POLLOUT)

    def push(self, data: Buffer, *, more: bool = False) -> None:
        """Send all of `data`; with `more` the kernel waits for what follows to fill a packet."""
        flags = socket.MSG_MORE if more else 0
        while data:
            now = data[: self._granted(len(data))] if self._pace else data
            try:
                sent = self._sock.send(now, flags)
            except OSError as error:
                self._blocked(error)
                continue
            self._granted_bytes -= sent
            data = data[sent:]

    def push_all(self, buffers: list[Buffer]) -> None:
        """Send buffers, at most IOV_MAX of them, in one go."""
        while buffers:
            now = _first(buffers, self._granted(_size(buffers))) if self._pace else buffers
            try:
                sent = self._sock.sendmsg(now)
            except OSError as error:
                self._blocked(error)
                continue
            self._granted_bytes -= sent
            buffers = _unsent(buffers, sent)

    def push_file(self, fd: int, offset: int, count: int) -> int:
        """Send up to `count` bytes of an open file; how many.

        Without TLS they never enter this process. 0 where the file has no more; its own OSErrors
        fly.
        """
        while True:
            now = self._granted(count) if self._pace else count
            try:
                sent = self._send_file(fd, offset, now)
            except OSError as error:
                self._blocked(error)
                continue
            self._granted_bytes -= sent
            return sent

    def read(self, timeout_s: float) -> pdu.Pdu:
        """The next PDU; at most `timeout_s` pass without a byte of it, or a byte taken of ours."""
        while not self._pdus:
            # Quick ACKs are not a lasting mode: peers that send a response in two segments hold
            # the second one back until the first is acknowledged, by default 40 ms later.
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            self._wait(self._incoming, timeout_s)
            self._receive()
        return self._pdus.popleft()

    def fragment(self, timeout_s: float) -> pdu.Fragment:
        """The next fragment of a message, of which a PDU may hold several."""
        while not self._fragments:
            kind, body = self.read(timeout_s)
            if kind is not pdu.Kind.P_DATA_TF:
                raise Lost(_ENDINGS.get(kind, Loss.GARBLED))
            with _losses():
                self._fragments.extend(pdu.fragments(body))
        return self._fragments.popleft()

    def fileno(self) -> int:
        """For select(): readable when the peer says something."""
        return self._fd

    def has_news(self) -> bool:
        """Whether the peer said something, or hung up, though nothing was asked."""
        return bool(self._fragments or self._pdus) or bool(self._incoming.poll(0))

    def close(self) -> None:
        """Hang up; what was sent still goes out."""
        self.is_open = False
        self._sock.close()

    def farewell(self, last: bytes) -> None:
        """Hang up with a last PDU, if the peer still listens."""
        with suppress(OSError):
            self._sock.send(last)
        self.close()

    def reset(self) -> None:
        """Hang up in the middle of a PDU: the peer must not take the rest for one."""
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def _blocked(self, error: OSError) -> None:
        """Wait until the peer takes more, unless the error is another one.

        What it says meanwhile is kept; an abort or a release ends the sending.
        """
        if not isinstance(error, BlockingIOError):
            with _losses():
                raise error
        self._heed()
        if self._wait(self._both, self._stall_s) & ~select.POLLOUT:
            self._overhear()

    def _granted(self, wanted_bytes: int) -> int:
        """How many of so many bytes the pace lets go now; waits until it lets any go."""
        if self._pace and self._granted_bytes <= 0:
            self._granted_bytes, wait_s = self._pace.take(wanted_bytes)
            self._pause(wait_s)
        return min(wanted_bytes, self._granted_bytes)

    def _pause(self, wait_s: float) -> None:
        """Send nothing for a while; what the peer says meanwhile is kept, as by `_blocked`."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0:
            if self._incoming.poll(math.ceil(left_s * 1000)):
                self._overhear()

    def _overhear(self) -> None:
        self._receive()
        if len(self._pdus) > _MAX_UNREAD_PDUS:  # it talks on and on, and does not listen
            raise Lost(Loss.GARBLED)
        self._heed()

    def _heed(self) -> None:
        for each in self._pdus:
            if each.kind in _ENDINGS:
                raise Lost(_ENDINGS[each.kind])

    def _wait(self, poller: select.poll, timeout_s: float) -> int:
        """Wait until the socket is ready; returns for what.

        On a slow line the kernel still holds megabytes when the last byte has been handed to it:
        time counts from the last one that the other side took.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise Lost(Loss.SILENT)
        timeout_s = min(timeout_s, left_s)
        waiting_bytes = self._waiting_bytes()
        while not (ready := poller.poll(timeout_s * 1000)):
            before, waiting_bytes = waiting_bytes, self._waiting_bytes()
            if waiting_bytes >= before:
                raise Lost(Loss.SILENT)
        return ready[0][1]

    def _waiting_bytes(self) -> int:
        """What was sent but not yet acknowledged (tcp(7), SIOCOUTQ)."""
        return int.from_bytes(fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)

    def _receive(self) -> None:
        try:
            with _losses():
                data = self._sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:  # poll may promise what a bad checksum then takes back
            return
        if not data:
            raise Lost(Loss.CLOSED)
        self._inbox += data
        with _losses():
            while (whole := pdu.take(self._inbox)) is not None:
                self._pdus.append(whole)


def _unsent(buffers: list[Buffer], sent: int) -> list[Buffer]:
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [buffer[sent:], *buffers[index + 1 :]]
        sent -= len(buffer)
    return []


def _size(buffers: list[Buffer]) -> int:
    return sum(map(len, buffers))


def _first(buffers: list[Buffer], count: int) -> list[Buffer]:
    """So many bytes from the front."""
    taken: list[Buffer] = []
    for buffer in buffers:
        taken.append(buffer[:count])
        count -= len(buffer)
        if count <= 0:
            break
    return taken


@contextmanager
def _losses() -> Iterator[None]:
    """Errors of the network and of the protocol are Lost; others, a disk's among them, fly."""
    try:
        yield
    except Garbled as error:
        raise Lost(Loss.GARBLED) from error
    except ConnectionError as error:
        raise Lost(Loss.CLOSED) from error
    except OSError as error:
        if error.errno in _NETWORK_ERRORS:
            raise Lost(Loss.CLOSED) from error
        raise
