"""Owns a DICOM peer that takes small objects and answers at once: as fast as Python reads a PDU.

It keeps nothing; at the end of an association it says how many objects that had. It answers in
one segment, or, as DCMTK does, in two with Nagle's algorithm on: the second then leaves only when
the first was acknowledged, and a sender that acknowledges late waits 40 ms for it.

Run as a program (`python -m tests.peers.fast [--in-two]`), it prints its port first.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.peers.orthanc import bound_to_us, stop
from tests.peers.scripted import P_DATA, RELEASE_RP, Call, command_set, elements, fragment, pdu

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_HEADER = struct.Struct(">BxI")
_VALUE = struct.Struct(">IBB")
_COMMAND, _LAST = 1, 2
_PDU_HEADER_BYTES = 6


@dataclass(frozen=True)
class Fast:
    """One that runs."""

    port: int
    pid: int
    said: IO[bytes]

    def count(self) -> int:
        """How many objects the next association to end had."""
        return int(self.said.readline())


@contextmanager
def fast(*options: str) -> Iterator[Fast]:
    """Run one until the end of the block."""
    command = bound_to_us(sys.executable, "-m", "tests.peers.fast", *options)
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    try:
        yield Fast(int(process.stdout.readline()), process.pid, process.stdout)
    finally:
        stop(process)
        process.stdout.close()


def main() -> None:
    in_two = "--in-two" in sys.argv
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            line, _ = listening.accept()
            if not os.fork():
                print(_serve(line, in_two=in_two), flush=True)
                os._exit(0)
            line.close()


def _serve(line: socket.socket, *, in_two: bool) -> int:
    """Answer everything on one association; how many objects it had."""
    if not in_two:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    call = Call(line, None)  # type: ignore[arg-type]  # nothing hangs here
    call.accept()
    count = 0
    for context_id, message_id in _objects(line):
        answer = _answer(context_id, message_id)
        if in_two:
            line.sendall(answer[:_PDU_HEADER_BYTES])
            line.sendall(answer[_PDU_HEADER_BYTES:])
        else:
            line.sendall(answer)
        count += 1
    line.sendall(pdu(RELEASE_RP, bytes(4)))
    return count


def _objects(line: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The context ID and message ID of each object, once it is whole; until another PDU comes."""
    inbox = bytearray()
    message_id = b""
    while True:
        while (body := _taken(inbox)) is None:
            inbox += line.recv(1 << 16)
        if not body:
            return
        _, context_id, flags = _VALUE.unpack_from(body)
        if flags & _COMMAND:
            message_id = elements(body[_VALUE.size :])[0x0110]
        elif flags & _LAST:
            yield context_id, message_id


def _taken(inbox: bytearray) -> bytes | None:
    """The body of the first P-DATA-TF, cut off; None while it is not whole, empty for others."""
    if len(inbox) < _HEADER.size:
        return None
    kind, length = _HEADER.unpack_from(inbox)
    end = _HEADER.size + length
    if len(inbox) < end:
        return None
    body = bytes(inbox[_HEADER.size : end]) if kind == P_DATA else b""
    del inbox[:end]
    return body


def _answer(context_id: int, message_id: bytes) -> bytes:
    content = {0x0100: b"\1\x80", 0x0120: message_id, 0x0800: b"\1\1", 0x0900: b"\0\0"}
    return fragment(context_id, _COMMAND | _LAST, command_set(content))


if __name__ == "__main__":
    main()
