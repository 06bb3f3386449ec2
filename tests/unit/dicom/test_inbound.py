"""What a peer sends comes out as it was sent, however it is cut into PDUs and reads."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from appliance.dicom import pdu
from appliance.dicom.inbound import Ending, Inbound, Parted

if TYPE_CHECKING:
    from collections.abc import Iterator

BUFFER_BYTES = 1 << 13
EMPTY = struct.pack(">BxI", pdu.Kind.P_DATA_TF, 0)


class Line:
    """A connection over which everything has come already; `at_most` of it is read at a time."""

    def __init__(self, content: bytes, at_most: int = 1 << 20) -> None:
        self._rest = content
        self._at_most = at_most
        self._fd = os.open(os.devnull, os.O_RDONLY)

    def fileno(self) -> int:
        return self._fd

    def recv_into(self, buffer: memoryview) -> int:
        taken = self._rest[: min(len(buffer), self._at_most)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)

    def send(self, data: bytes | memoryview) -> int:
        return len(data)

    def setsockopt(self, level: int, name: int, value: int) -> None:
        pass

    def shutdown(self, how: int) -> None:
        pass

    def close(self) -> None:
        os.close(self._fd)


def said(content: bytes, *, is_last: bool = True) -> bytes:
    header = pdu.fragment_header(1, len(content), is_command=False, is_last=is_last)
    return header + content


def heard(line: Line) -> bytes:
    inbound = Inbound(line)
    try:
        return b"".join(pieces(inbound))
    finally:
        inbound.close()


def pieces(inbound: Inbound) -> Iterator[bytes]:
    is_last = False
    while not is_last:
        context_id, is_command, chunks, is_last = inbound.stretch()
        assert (context_id, is_command) == (1, False)
        yield b"".join(chunks)


@pytest.mark.parametrize("at_most", [1, 7, 100, 1 << 20])
def test_a_data_set_in_several_pdus_of_several_values(at_most: int) -> None:
    content = os.urandom(20_000)
    values = b"".join(
        struct.pack(">IBB", 500 + 2, 1, 0) + content[at : at + 500]
        for at in range(10_000, 19_500, 500)
    )
    sent = said(content[:10_000], is_last=False)
    sent += struct.pack(">BxI", pdu.Kind.P_DATA_TF, len(values)) + values
    sent += EMPTY + said(content[19_500:])
    assert heard(Line(sent, at_most)) == content


def test_an_empty_pdu_at_the_end_of_the_buffer_spoils_nothing_before_it() -> None:
    """The header of the PDU behind it, of 0x0104 bytes, reads like one of a value."""
    first = os.urandom(BUFFER_BYTES - 12 - 2 * len(EMPTY))
    second = os.urandom(0x0104 - pdu.FRAGMENT_OVERHEAD_BYTES)
    sent = said(first, is_last=False) + EMPTY + said(second)
    assert heard(Line(sent)) == first + second


def test_a_line_that_breaks_is_no_end_of_a_data_set() -> None:
    with pytest.raises(Parted) as parted:
        heard(Line(said(b"half", is_last=False)))
    assert parted.value.ending is Ending.CLOSED
