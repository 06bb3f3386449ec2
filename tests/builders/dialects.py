"""Owns making a small CR image, right in all, and the ways in which devices write it wrongly."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from tests.builders.part10 import (
    CR_IMAGE,
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    element,
    meta,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = tuple[str, bytes | str | int]  # VR and value

UID, STUDY, SERIES = "1.2.826.0.1.3680043.8.498.7", "1.2.826.0.1.7", "1.2.826.0.1.8"
ROWS, COLUMNS = 16, 20
PIXELS = tuple(i * 37 % 4096 for i in range(ROWS * COLUMNS))

CR: Mapping[int, Value] = {
    0x00080008: ("CS", "ORIGINAL\\PRIMARY"),
    0x00080016: ("UI", CR_IMAGE),
    0x00080018: ("UI", UID),
    0x00080020: ("DA", "20260102"),
    0x00080030: ("TM", "112207"),
    0x00080050: ("SH", "A1"),
    0x00080060: ("CS", "CR"),
    0x00080070: ("LO", "ACME"),
    0x00080090: ("PN", ""),
    0x00100010: ("PN", "DOE^JANE"),
    0x00100020: ("LO", "4711"),
    0x00100030: ("DA", "19600229"),
    0x00100040: ("CS", "F"),
    0x00180015: ("CS", "CHEST"),
    0x00185101: ("CS", ""),
    0x0020000D: ("UI", STUDY),
    0x0020000E: ("UI", SERIES),
    0x00200010: ("SH", "1"),
    0x00200011: ("IS", "1"),
    0x00200013: ("IS", "1"),
    0x00200020: ("CS", ""),
    0x00280002: ("US", 1),
    0x00280004: ("CS", "MONOCHROME1"),
    0x00280010: ("US", ROWS),
    0x00280011: ("US", COLUMNS),
    0x00280100: ("US", 16),
    0x00280101: ("US", 12),
    0x00280102: ("US", 11),
    0x00280103: ("US", 0),
}
"""A whole CR image (PS3.3 A.2) but for its pixels."""


def order_of(syntax: str) -> str:
    return ">" if syntax == EXPLICIT_BE else "<"


def native(syntax: str = EXPLICIT_LE) -> bytes:
    """The pixels as they lie in a file of that syntax."""
    return struct.pack(f"{order_of(syntax)}{len(PIXELS)}H", *PIXELS)


def head(changes: Mapping[int, Value | None] | None = None, syntax: str = EXPLICIT_LE) -> bytes:
    """All elements before the pixels; None takes one out. Values are written as they are."""
    values = {**CR, **(changes or {})}
    return b"".join(
        exactly(tag, *value, syntax) for tag, value in sorted(values.items()) if value is not None
    )


def exactly(tag: int, vr: str, value: bytes | str | int, syntax: str = EXPLICIT_LE) -> bytes:
    """An element; bytes are not filled up, text and numbers are written rightly."""
    if isinstance(value, int):
        value = struct.pack(order_of(syntax) + "H", value)
    if isinstance(value, str) or len(value) % 2 == 0:
        return element(tag, vr, value, syntax)
    even = element(tag, vr, value + b"?", syntax)[:-1]
    shorter = len(value)
    at = len(even) - shorter
    if even[at - 4 : at] == struct.pack("<L", shorter + 1) or vr in {"OB", "OW"}:
        return even[: at - 4] + struct.pack(order_of(syntax) + "L", shorter) + even[at:]
    return even[: at - 2] + struct.pack(order_of(syntax) + "H", shorter) + even[at:]


def data_set(
    changes: Mapping[int, Value | None] | None = None,
    syntax: str = EXPLICIT_LE,
    pixels: bytes | None = None,
) -> bytes:
    """Head and pixels."""
    content = native(syntax) if pixels is None else pixels
    return head(changes, syntax) + exactly(0x7FE00010, "OW", content, syntax)


def file(changes: Mapping[int, Value | None] | None = None, syntax: str = EXPLICIT_LE) -> bytes:
    """A Part 10 file whose head says the truth."""
    return meta(UID, syntax) + data_set(changes, syntax)


def deflated(changes: Mapping[int, Value | None] | None = None) -> bytes:
    """A Part 10 file whose data set is compressed as a whole."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(data_set(changes)) + deflate.flush()
    return meta(UID, DEFLATED_LE) + packed + b"\0" * (len(packed) % 2)


def sequence(tag: int, *items: bytes, syntax: str = EXPLICIT_LE, undefined: bool = False) -> bytes:
    """A sequence of items, with lengths or with delimiters."""

    def mark(number: int, length: int) -> bytes:
        return struct.pack(order_of(syntax) + "HHL", 0xFFFE, number, length)

    if not undefined:
        content = b"".join(mark(0xE000, len(item)) + item for item in items)
        return element(tag, "SQ", content, syntax)
    content = b"".join(mark(0xE000, 0xFFFFFFFF) + item + mark(0xE00D, 0) for item in items)
    begin = element(tag, "SQ", b"", syntax)[:-4] + b"\xff\xff\xff\xff"
    return begin + content + mark(0xE0DD, 0)
