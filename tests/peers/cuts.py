"""Owns a DICOM peer that is well until a chosen byte of a chosen PDU, and then is gone.

    with peer(cut(Cut(Heard.COMMAND, Place.BODY), CLOSES)) as scripted: ...

It plays one object's whole association otherwise; which PDU is which is known by counting.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, NoReturn

from tests.peers.scripted import ABORT, RELEASE_RP, RELEASE_RQ, Call, Gone, Request, pdu

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PDU = 1024  # so that a small image has fragments in the middle, too
_HEADER_BYTES = 6


class Heard(Enum):
    """The PDUs of one object's association that come from the other side, by their number."""

    REQUEST = 0
    COMMAND = 1
    FIRST_DATA = 2
    MIDDLE_DATA = 3
    LAST_DATA = -2
    RELEASE = -1


class Said(Enum):
    """Those that the peer says."""

    ACCEPTANCE = 0
    RESPONSE = 1
    RELEASED = 2


class Found(Enum):
    """What it says where it is asked for one image (C-FIND), and has it."""

    ACCEPTANCE = 0
    MATCH = 1
    END = 2


class Place(StrEnum):
    """Up to where the PDU passes."""

    HEADER = "in its header"
    BODY = "in its body"
    LAST_BYTE = "before its last byte"
    AFTER = "after it"

    def of(self, length: int) -> int:
        """How many bytes pass of a PDU with that many, header included."""
        return {
            Place.HEADER: _HEADER_BYTES // 2,
            Place.BODY: _HEADER_BYTES + (length - _HEADER_BYTES) // 2,
            Place.LAST_BYTE: length - 1,
            Place.AFTER: length,
        }[self]


@dataclass(frozen=True)
class Cut:
    """Where a connection is cut."""

    pdu: Heard | Said | Found
    place: Place

    def __str__(self) -> str:
        """How it is called in a test's title."""
        return f"{type(self.pdu).__name__.lower()} {self.pdu.name.lower()}, {self.place}"


def resets(call: Call) -> None:
    """As a machine that lost its power and came back, or a firewall that forgot."""
    call.reset()


def closes(call: Call) -> None:
    """As a program that ended in good order: what comes is still taken, nothing is said."""
    call.line.shutdown(socket.SHUT_WR)


def aborts(call: Call) -> None:
    """A-ABORT, in the midst of what the other side says."""
    call.line.sendall(pdu(ABORT, bytes(4)))


def leaves(call: Call) -> None:
    """A-RELEASE-RQ where none is due, and the answer to the one that may cross it."""
    call.line.sendall(pdu(RELEASE_RQ, bytes(4)) + pdu(RELEASE_RP, bytes(4)))


def falls_silent(call: Call) -> None:
    """As a pulled cable: nothing is taken, nothing is said."""
    call.hang()


def drain(call: Call) -> None:
    """Take what still comes, as who closed in good order does."""
    with suppress(Gone, OSError):
        while True:
            call.exactly(1)


def stored(call: Call, request: Request) -> None:
    """The answer to a C-STORE."""
    call.respond(request, 0x0000)


def cut(
    where: Cut,
    end: Callable[[Call], None],
    fragments: int,
    answer: Callable[[Call, Request], None] = stored,
) -> Callable[[Call], None]:
    """The script of a peer that is gone at that byte; `fragments`: how many the data set makes."""

    def script(call: Call) -> None:
        cutting = _Cutting(call.line, call.closing, where=where, end=end, fragments=fragments)
        cutting.accept(MAX_PDU)
        for request in cutting.requests():
            answer(cutting, request)

    return script


@dataclass
class _Cutting(Call):
    where: Cut = field(kw_only=True)
    end: Callable[[Call], None] = field(kw_only=True)
    fragments: int = field(kw_only=True)
    heard: int = 0
    said: int = 0

    def read(self) -> tuple[int, bytes]:
        number, self.heard = self.heard, self.heard + 1
        if isinstance(self.where.pdu, Heard) and number == self._wanted(self.where.pdu):
            self._take_some(self.where.place)
            self._over()
        return super().read()

    def _take_some(self, place: Place) -> None:
        if place is Place.HEADER:
            self.exactly(place.of(0))
            return
        header = self.exactly(_HEADER_BYTES)
        length = _HEADER_BYTES + struct.unpack(">BxI", header)[1]
        self.exactly(place.of(length) - _HEADER_BYTES)

    def say(self, content: bytes) -> None:
        number, self.said = self.said, self.said + 1
        if isinstance(self.where.pdu, Heard) or number != self.where.pdu.value:
            super().say(content)
            return
        super().say(content[: self.where.place.of(len(content))])
        self._over()

    def _wanted(self, which: Heard) -> int:
        number: int = which.value
        return number if number >= 0 else number + 3 + self.fragments

    def _over(self) -> NoReturn:
        self.end(self)
        drain(self)
        raise Gone
