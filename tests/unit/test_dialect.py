"""What begins like DICOM without a file head is known, and nothing else is taken for it."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from appliance import dialect, elements
from appliance.peek import Format, Garbled, Peek, within
from tests.builders import acr_nema, dialects, part10
from tests.builders.part10 import element

if TYPE_CHECKING:
    from collections.abc import Callable

SYNTAXES = {
    part10.IMPLICIT_LE: (False, "<"),
    part10.EXPLICIT_LE: (True, "<"),
    part10.EXPLICIT_BE: (True, ">"),
}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_data_set_shows_how_it_is_written(syntax: str) -> None:
    assert dialect.spelling(dialects.head(syntax=syntax)) == SYNTAXES[syntax]
    assert dialect.is_data_set(dialects.head(syntax=syntax))


@pytest.mark.parametrize("order", ["<", ">"])
def test_so_does_acr_nema(order: acr_nema.Order) -> None:
    assert dialect.spelling(acr_nema.file(order=order)) == (False, order)


def test_a_sequence_may_be_among_the_first_elements() -> None:
    inner = element(0x00080100, "SH", "id", part10.IMPLICIT_LE)
    language = dialects.sequence(0x00080006, inner, syntax=part10.IMPLICIT_LE)
    content = element(0x00080005, "CS", "ISO_IR 100", part10.IMPLICIT_LE) + language
    assert dialect.spelling(content + dialects.head(syntax=part10.IMPLICIT_LE)) == (False, "<")


def counted(step: int) -> bytes:
    return struct.pack("<4096L", *(8 + i * step for i in range(4096)))


NO_DICOM: dict[str, bytes] = {
    "zeros": b"\x08\0" + bytes(4000),
    "ones": b"\x08\0" + b"\xff" * 4000,
    "a table of numbers": counted(1),
    "a table of larger numbers": counted(0x10000),
    "numbers and lengths": struct.pack(
        "<600L", *(n for i in range(300) for n in (8 + i << 16, 4))
    ),
    "16-bit pixels": struct.pack("<2048H", *(8 + i for i in range(2048))),
    "text": b"\x08\0report of the day\r\n" * 100,
    "records": struct.pack("<HHL", 8, 1, 4) * 400,
    "short": b"\x08\0\x05\0\x0a\0\0\0",
    "only a group": b"\x08\0",
    "nothing": b"",
}


@pytest.mark.parametrize("name", NO_DICOM)
def test_what_only_begins_so_is_no_dicom(name: str) -> None:
    assert within(NO_DICOM[name]).format() is None


@pytest.mark.parametrize("start", [b"\x08\0", b"\0\x08", b"\2\0", b"\x08\0\0\0\4\0\0\0"])
def test_no_random_file_is_dicom(start: bytes) -> None:
    source = random.Random(20260102)
    for _ in range(20_000):
        assert not dialect.is_dicom(start + source.randbytes(64))


def test_one_look_at_the_first_bytes_is_enough() -> None:
    content = dialects.head(syntax=part10.IMPLICIT_LE) + bytes(10_000_000)
    looks: list[tuple[int, int]] = []

    def pread(length: int, offset: int) -> bytes:
        looks.append((length, offset))
        return content[offset : offset + length]

    peek = Peek(pread, len(content))
    assert peek.format() is Format.DICOM
    assert looks == [(1 << 14, 0)]


def without_preamble(file: bytes) -> bytes:
    return file[128:]


def without_prefix(file: bytes) -> bytes:
    return file[132:]


def with_implicit_group_2(_: bytes) -> bytes:
    syntax = element(0x00020010, "UI", part10.EXPLICIT_LE, part10.IMPLICIT_LE)
    return part10.headed(syntax) + dialects.data_set()


@pytest.mark.parametrize("change", [without_preamble, without_prefix, with_implicit_group_2])
def test_the_head_is_read_wherever_it_begins(change: Callable[[bytes], bytes]) -> None:
    file = change(dialects.file())
    head = elements.file_head(within(file))
    assert within(file).format() is Format.DICOM
    assert file[head.data_set :] == dialects.data_set()
    assert head.has_meta
    assert (head.stated, head.transfer_syntax_uid) == (part10.EXPLICIT_LE, part10.EXPLICIT_LE)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_prefix_may_stand_in_the_data_of_a_file_without_head(syntax: str) -> None:
    name = element(0x00080008, "CS", "DICM" * 4, syntax)
    before = len(name) - 16 + len(element(0x00080005, "CS", "", syntax))
    charset = element(0x00080005, "CS", b" " * (128 - before), syntax)
    content = charset + name + dialects.data_set({0x00080008: None}, syntax)
    assert content[128:132] == b"DICM"
    head = elements.file_head(within(content))
    assert (head.data_set, head.transfer_syntax_uid, head.has_meta) == (0, syntax, False)


def test_a_head_that_says_nothing_of_a_garbled_data_set_is_refused() -> None:
    with pytest.raises(Garbled, match="does not say how it is encoded"):
        elements.file_head(within(part10.meta(dialects.UID, syntax="") + b"\xab" * 500))
