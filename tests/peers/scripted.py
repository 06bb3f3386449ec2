"""Owns a DICOM peer that does what a test tells it to, wrong things included.

A script is a function that gets one connection and plays the peer's side of it, step by step:

    def full(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xA700, "no room")

    with peer(full) as scripted:
        ...  # send to scripted.target

It has its own, independent reading of PS3.7 and PS3.8: none of the product's code is used.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.dicom.association import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"


class Gone(Exception):
    """The other side hung up."""


@dataclass(frozen=True)
class Request:
    """One message as it arrived: command elements by (0000,element), and the data set."""

    context_id: int
    command: Mapping[int, bytes]
    data: bytes
    fragment_lengths: tuple[int, ...]

    @property
    def field(self) -> int:
        return int.from_bytes(self.command[0x0100], "little")

    @property
    def uid(self) -> str:
        return self.command[0x1000].rstrip(b"\0").decode()


@dataclass
class Offer:
    """What an A-ASSOCIATE-RQ said."""

    called: str
    calling: str
    contexts: dict[int, tuple[str, list[str]]]


@dataclass
class Call:
    """One connection, seen from the peer's side."""

    line: socket.socket
    closing: threading.Event
    offer: Offer = field(default_factory=lambda: Offer("", "", {}))

    def accept(
        self,
        max_pdu: int = 16384,
        result: Callable[[str, str], int] = lambda _sop_class, _syntax: 0,
    ) -> None:
        """Answer the request for an association: per context the result (0: accepted)."""
        self.offer = self.read_offer()
        answers = [
            (number, result(sop_class, syntaxes[0]), syntaxes[0])
            for number, (sop_class, syntaxes) in self.offer.contexts.items()
        ]
        self.send(ASSOCIATE_AC, associate_ac(answers, max_pdu))

    def read_offer(self) -> Offer:
        kind, body = self.read()
        assert kind == ASSOCIATE_RQ
        contexts = {}
        for item, content in _items(body[68:]):
            if item == 0x20:
                sub = list(_items(content[4:]))
                syntaxes = [value.decode() for kind, value in sub if kind == 0x40]
                contexts[content[0]] = (sub[0][1].decode(), syntaxes)
        return Offer(body[4:20].decode().strip(), body[20:36].decode().strip(), contexts)

    def reject(self, result: int, source: int, reason: int) -> None:
        self.read_offer()
        self.send(ASSOCIATE_RJ, bytes((0, result, source, reason)))

    def requests(self) -> Iterator[Request]:
        """Each message, until the other side releases the association (which is answered)."""
        with suppress(Gone):
            while (request := self.request()) is not None:
                yield request

    def request(self) -> Request | None:
        """The next message; None when the association is over."""
        parts: dict[bool, bytearray] = {True: bytearray(), False: bytearray()}
        lengths: list[int] = []
        command: dict[int, bytes] = {}
        while True:
            kind, body = self.read()
            if kind == RELEASE_RQ:
                self.send(RELEASE_RP, bytes(4))
            if kind != P_DATA:
                return None
            position = 0
            while position < len(body):
                length, context_id, flags = struct.unpack_from(">IBB", body, position)
                is_command, is_last = bool(flags & 1), bool(flags & 2)
                parts[is_command] += body[position + 6 : position + 4 + length]
                lengths.append(length - 2)
                position += 4 + length
                if not is_last:
                    continue
                if is_command:
                    command = elements(parts[True])
                if not is_command or command[0x0800] == b"\1\1":
                    return Request(context_id, command, bytes(parts[False]), tuple(lengths))

    def respond(
        self, request: Request, status: int, comment: str = "", data: bytes = b"", to: int = 0
    ) -> None:
        """Answer a message (or, with `to`, another one by its message ID)."""
        answer = {0x0900: status.to_bytes(2, "little")}
        if to:
            answer[0x0120] = to.to_bytes(2, "little")
        if comment:
            answer[0x0902] = comment.encode() + b" " * (len(comment) % 2)
        self.respond_with(request, answer, data)

    def respond_with(
        self, request: Request, elements: Mapping[int, bytes], data: bytes = b""
    ) -> None:
        """Answer a message with those elements, whatever they say or leave out."""
        answer = {
            0x0002: request.command.get(0x0002) or request.command[0x0003],
            0x0100: (request.field | 0x8000).to_bytes(2, "little"),
            0x0120: request.command[0x0110],
            0x0800: b"\1\0" if data else b"\1\1",
        }
        self.say(
            fragment(request.context_id, 3, command_set({**answer, **elements}))
            + (fragment(request.context_id, 2, data) if data else b"")
        )

    def read(self) -> tuple[int, bytes]:
        """One PDU. Raises Gone."""
        kind, length = struct.unpack(">BxI", self.exactly(6))
        return kind, self.exactly(length)

    def exactly(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            try:
                more = self.line.recv(length - len(content))
            except ConnectionError as error:
                raise Gone from error
            if not more:
                raise Gone
            content += more
        return bytes(content)

    def send(self, kind: int, body: bytes) -> None:
        self.say(pdu(kind, body))

    def say(self, content: bytes) -> None:
        self.line.sendall(content)

    def abort(self) -> None:
        self.send(ABORT, bytes(4))

    def reset(self) -> None:
        """Tear the connection down without a word."""
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.line.close()

    def hang(self) -> None:
        """Do nothing until the test is over."""
        self.closing.wait()


@dataclass
class Peer:
    """One that runs; `calls` counts the connections it had."""

    port: int
    calls: int = 0
    failures: list[BaseException] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, "SCRIPTED", "JEMBATAN")


@contextmanager
def peer(*scripts: Callable[[Call], None]) -> Iterator[Peer]:
    """Play the scripts, one for each connection, the last one for all that follow.

    What goes wrong in a script is raised at the end of the block.
    """
    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Peer(listener.getsockname()[1])
        threads: list[threading.Thread] = []
        lines: list[socket.socket] = []

        def listen() -> None:
            while True:
                line, _ = listener.accept()
                if closing.is_set():
                    line.close()
                    return
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                script = scripts[min(running.calls, len(scripts) - 1)]
                running.calls += 1
                lines.append(line)
                threads.append(threading.Thread(target=play, args=(script, line)))
                threads[-1].start()

        def play(script: Callable[[Call], None], line: socket.socket) -> None:
            with line:
                try:
                    script(Call(line, closing))
                except (Gone, ConnectionError):
                    pass
                except BaseException as error:  # noqa: BLE001 - raised by the test's own thread
                    running.failures.append(error)

        main = threading.Thread(target=listen)
        main.start()
        try:
            yield running
        finally:
            closing.set()
            socket.create_connection(("127.0.0.1", running.port)).close()
            main.join()
            for line in lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
    if running.failures:
        raise running.failures[0]


def stores(call: Call) -> None:
    """The script of a peer that takes everything."""
    call.accept()
    for request in call.requests():
        call.respond(request, 0x0000)


def answers(status: int, comment: str = "") -> Callable[[Call], None]:
    """The script of a peer that gives one answer to everything."""

    def script(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, status, comment)

    return script


def rejects(result: int, source: int, reason: int) -> Callable[[Call], None]:
    """The script of a peer that rejects every association."""
    return lambda call: call.reject(result, source, reason)


def hangs(call: Call) -> None:
    """The script of a peer that agrees to an association and then never answers."""
    call.accept()
    call.hang()


def named(uid: str) -> bytes:
    """A match for C-FIND: the SOP Instance UID in Implicit VR LE."""
    value = uid.encode() + b"\0" * (len(uid) % 2)
    return struct.pack("<HHI", 0x0008, 0x0018, len(value)) + value


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def fragment(context_id: int, flags: int, data: bytes) -> bytes:
    """A P-DATA-TF of one value; flags 1: command, 2: last."""
    return pdu(P_DATA, struct.pack(">IBB", len(data) + 2, context_id, flags) + data)


def associate_ac(answers: list[tuple[int, int, str]], max_pdu: int) -> bytes:
    """The body of an A-ASSOCIATE-AC: (context ID, result, transfer syntax) each, and the limit."""
    contexts = (
        _item(0x21, bytes((number, 0, result, 0)) + _item(0x40, syntax.encode()))
        for number, result, syntax in answers
    )
    user = _item(0x51, struct.pack(">I", max_pdu)) + _item(0x52, b"1.2.3")
    head = struct.pack(">H66x", 1) + _item(0x10, _APPLICATION_CONTEXT)
    return head + b"".join(contexts) + _item(0x50, user)


def command_set(content: Mapping[int, bytes]) -> bytes:
    """A command set, its group length included."""
    body = b"".join(
        struct.pack("<HHI", 0, element, len(value)) + value for element, value in content.items()
    )
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def elements(content: bytes | bytearray) -> dict[int, bytes]:
    """The values of a command set by the element numbers of group 0000."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(content):
        group, element, length = struct.unpack_from("<HHI", content, position)
        assert not group
        found[element] = bytes(content[position + 8 : position + 8 + length])
        position += 8 + length
    return found


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(content):
        kind, length = struct.unpack_from(">BxH", content, position)
        yield kind, content[position + 4 : position + 4 + length]
        position += 4 + length
