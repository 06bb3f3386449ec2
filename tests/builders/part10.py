"""Owns making DICOM Part 10 files byte by byte, right ones and wrong ones; uses no library."""

from __future__ import annotations

import struct
import zlib

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
SC_IMAGE = "1.2.840.10008.5.1.4.1.1.7"

_LONG = {"OB", "OF", "OW", "SQ", "UN", "UT"}
_PADDING = {"UI": b"\0", "OB": b"\0", "OW": b"\0", "SQ": b"", "UL": b""}


def element(tag: int, vr: str, value: bytes | str, syntax: str = EXPLICIT_LE) -> bytes:
    """One data element, padded to even length."""
    content = value.encode() if isinstance(value, str) else value
    content += _PADDING.get(vr, b" ") * (len(content) % 2)
    order = ">" if syntax == EXPLICIT_BE else "<"
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT_LE:
        return head + struct.pack("<I", len(content)) + content
    if vr in _LONG:
        return head + vr.encode() + struct.pack(order + "HI", 0, len(content)) + content
    return head + vr.encode() + struct.pack(order + "H", len(content)) + content


def data_set(
    uid: str, pixels: bytes = bytes(64), syntax: str = EXPLICIT_LE, sop_class: str = CR_IMAGE
) -> bytes:
    """A small image; who only carries it does not mind what is missing."""
    plain = EXPLICIT_LE if syntax == DEFLATED_LE else syntax
    content = b"".join(
        element(tag, vr, value, plain)
        for tag, vr, value in (
            (0x00080008, "CS", "ORIGINAL\\PRIMARY"),
            (0x00080016, "UI", sop_class),
            (0x00080018, "UI", uid),
            (0x00080060, "CS", "CR"),
            (0x00100010, "PN", "DOE^JANE"),
            (0x00100020, "LO", "4711"),
            (0x0020000D, "UI", "1.2.3.1"),
            (0x0020000E, "UI", "1.2.3.2"),
            (0x7FE00010, "OW", pixels),
        )
    )
    if syntax != DEFLATED_LE:
        return content
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(content) + deflate.flush()
    return packed + b"\0" * (len(packed) % 2)


def meta(uid: str, syntax: str = EXPLICIT_LE, sop_class: str = CR_IMAGE) -> bytes:
    """Preamble, prefix and group 0002."""
    content = b"".join(
        element(tag, vr, value)
        for tag, vr, value in (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", sop_class),
            (0x00020003, "UI", uid),
            (0x00020010, "UI", syntax),
            (0x00020012, "UI", "1.2.3.4"),
        )
        if value
    )
    return headed(element(0x00020000, "UL", struct.pack("<I", len(content))) + content)


def headed(group_2: bytes) -> bytes:
    return bytes(128) + b"DICM" + group_2


def part10(
    uid: str, pixels: bytes = bytes(64), syntax: str = EXPLICIT_LE, sop_class: str = CR_IMAGE
) -> bytes:
    """A whole file."""
    return meta(uid, syntax, sop_class) + data_set(uid, pixels, syntax, sop_class)


def film(uid: str, rows: int = 16, columns: int = 20, syntax: str = EXPLICIT_LE) -> bytes:
    """A whole file of 16-bit noise with all that a toolkit needs to look at it."""
    order = ">" if syntax == EXPLICIT_BE else "<"
    pixels = struct.pack(
        f"{order}{rows * columns}H", *(i * 37 % 4096 for i in range(rows * columns))
    )
    content = b"".join(
        element(
            tag, vr, value if isinstance(value, str) else struct.pack(order + "H", value), syntax
        )
        for tag, vr, value in (
            (0x00080016, "UI", CR_IMAGE),
            (0x00080018, "UI", uid),
            (0x00080020, "DA", "20260102"),
            (0x00080060, "CS", "CR"),
            (0x00100010, "PN", "DOE^JANE"),
            (0x00100020, "LO", "4711"),
            (0x0020000D, "UI", "1.2.3.1"),
            (0x0020000E, "UI", "1.2.3.2"),
            (0x00200013, "IS", "1"),
            (0x00280002, "US", 1),
            (0x00280004, "CS", "MONOCHROME2"),
            (0x00280010, "US", rows),
            (0x00280011, "US", columns),
            (0x00280100, "US", 16),
            (0x00280101, "US", 12),
            (0x00280102, "US", 11),
            (0x00280103, "US", 0),
        )
    )
    return meta(uid, syntax) + content + element(0x7FE00010, "OW", pixels, syntax)
