"""Owns the doors: sockets that peers call, and how many of them may be inside at once.

Whoever has not introduced itself yet sits on a place that the next newcomer may take, so that
silent callers keep nobody out. Each conversation has a thread of its own.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import socket
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from appliance.dicom.acceptor import TOO_MANY
from appliance.dicom.inbound import Inbound, Parted
from appliance.dicom.pdu import Rejection
from appliance.dicom.provider import converse

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.dicom.acceptor import Visitor
    from appliance.dicom.provider import Guest, Host
    from appliance.dicom.secure import Secure, SecureSocket

_log = logging.getLogger(__name__)

_BACKLOG = 64
_NO_MORE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BREATH_S = 0.1
STRANGERS = 16
GUESTS = 32
GUESTS_OF_ONE_HOST = 16


class Door(NamedTuple):
    """A listening socket; `secure` where callers must speak TLS."""

    listening: socket.socket
    secure: Secure | None = None


def door(port: int, secure: Secure | None = None) -> Door:
    """Listen on a port of all addresses, IPv4 and IPv6. Raises OSError."""
    if not socket.has_dualstack_ipv6():
        return Door(socket.create_server(("", port), backlog=_BACKLOG), secure)
    listening = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
    )
    return Door(listening, secure)


class _Call:
    """One connection, from the first byte to the last."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.sock: socket.socket | SecureSocket = sock
        self.address = address
        self.thread: Thread | None = None

    def secure(self, secure: Secure) -> None:
        """Speak TLS from now on. Raises Parted."""
        if isinstance(self.sock, socket.socket):
            self.sock = guarded = secure.guard(self.sock)
            guarded.greet()

    def break_off(self) -> None:
        """Have its thread find the connection closed."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Listener:
    """Answers at the doors, from a thread of its own, until it is closed."""

    def __init__(self, host: Host) -> None:
        """Let `host` decide who comes in; nobody can call before `answer`."""
        self._doors: dict[int, Door] = {}
        self._host = host
        self._lock = Lock()
        self._strangers: dict[_Call, None] = {}
        self._guests: set[_Call] = set()
        self._nudge_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._leaving = False
        self._thread = Thread(target=self._answer, name="doors", daemon=True)
        self._thread.start()

    def answer(self, doors: Collection[Door]) -> None:
        """Answer at these doors from now on; conversations go on."""
        for each in doors:
            each.listening.setblocking(False)
        self._doors = {each.listening.fileno(): each for each in doors}
        os.eventfd_write(self._nudge_fd, 1)

    def is_idle(self) -> bool:
        """Whether nobody is inside."""
        with self._lock:
            return not (self._strangers or self._guests)

    def close(self, patience_s: float) -> None:
        """Close the doors, and end the conversations: all within `patience_s`."""
        self._leaving = True
        os.eventfd_write(self._nudge_fd, 1)
        self._thread.join()
        for each in self._doors.values():
            each.listening.close()
        with self._lock:
            calls = [*self._strangers, *self._guests]
        for call in calls:
            call.break_off()
        until_s = time.monotonic() + patience_s
        for call in calls:
            if call.thread:
                call.thread.join(max(until_s - time.monotonic(), 0))
        os.close(self._nudge_fd)

    # In the thread of the doors

    def _answer(self) -> None:
        while not self._leaving:
            doors = dict(self._doors)
            try:
                ready, _, _ = select.select([self._nudge_fd, *doors], [], [])
            except OSError:  # a door was closed; its successor is about to be named
                time.sleep(_BREATH_S)
                continue
            if self._nudge_fd in ready:
                os.eventfd_read(self._nudge_fd)
                continue
            for fd in ready:
                self._accept(doors[fd])

    def _accept(self, at: Door) -> None:
        try:
            sock, address = at.listening.accept()
        except OSError as error:  # it went away again; or there are no descriptors left just now
            time.sleep(_BREATH_S * (error.errno in _NO_MORE))
            return
        sock.setblocking(False)
        call = _Call(sock, str(address[0]).removeprefix("::ffff:"))
        with self._lock:
            if len(self._strangers) >= STRANGERS:
                next(iter(self._strangers)).break_off()
                self._strangers.pop(next(iter(self._strangers)))
            self._strangers[call] = None
        call.thread = Thread(
            target=self._converse, args=(call, at.secure), name=f"call {call.address}", daemon=True
        )
        try:
            call.thread.start()
        except RuntimeError:  # no more threads just now
            self._gone(call)

    # In the thread of a call

    def _converse(self, call: _Call, secure: Secure | None) -> None:
        try:
            if secure:
                call.secure(secure)
            seating = _Seating(self, call)
            converse(Inbound(call.sock), seating, call.address, over_tls=secure is not None)
        except Parted as parted:
            _log.info("%s: %s", call.address, parted)
        except OSError as error:
            _log.info("%s: %s", call.address, error.strerror or error)
        finally:
            self._gone(call)

    def _gone(self, call: _Call) -> None:
        with self._lock:
            self._strangers.pop(call, None)
            self._guests.discard(call)
        call.sock.close()

    def seat(self, call: _Call, visitor: Visitor) -> Guest | Rejection:
        """What the host says; or that there are too many."""
        answer = self._host.admit(visitor)
        if isinstance(answer, Rejection):
            return answer
        with self._lock:
            beside = sum(guest.address == call.address for guest in self._guests)
            if len(self._guests) < GUESTS and beside < GUESTS_OF_ONE_HOST:
                self._strangers.pop(call, None)
                self._guests.add(call)
                return answer
        answer.leave()
        self._host.lost(visitor, "too many associations are open")
        return TOO_MANY

    def lost(self, visitor: Visitor, why: str) -> None:
        """Tell the host."""
        self._host.lost(visitor, why)


class _Seating:
    """The host, asked about one call."""

    def __init__(self, listener: Listener, call: _Call) -> None:
        self._listener = listener
        self._call = call

    def admit(self, visitor: Visitor) -> Guest | Rejection:
        return self._listener.seat(self._call, visitor)

    def lost(self, visitor: Visitor, why: str) -> None:
        self._listener.lost(visitor, why)
