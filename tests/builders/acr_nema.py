"""Owns making ACR-NEMA 1.0 and 2.0 files byte by byte: no VRs, no UIDs, in either byte order."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Order = Literal["<", ">"]

ORDERS: Mapping[Order, str] = {"<": "", ">": ", big-endian"}

ROWS, COLUMNS = 6, 7
GREYS = tuple(i * 97 % 4096 for i in range(ROWS * COLUMNS))
BYTES = tuple(i * 5 % 256 for i in range(ROWS * COLUMNS))

SAID: Mapping[int, str | int] = {
    0x00080010: "ACR-NEMA 2.0",
    0x00080020: "1995.07.20",
    0x00080030: "11:22:07",
    0x00080040: 0,  # data set type: an image
    0x00080041: "IMA NONE",
    0x00080060: "CR",
    0x00080070: "ACME",
    0x00100010: "DOE^JANE",
    0x00100020: "4711",
    0x00200010: "12",
    0x00200011: "3",
    0x00200013: "4",
    0x00280005: 2,  # image dimensions
    0x00280010: ROWS,
    0x00280011: COLUMNS,
    0x00280030: "0.2\\0.2",
    0x00280060: "NONE",
    0x00280103: 0,
    0x00280200: 0x7FE0,
}


def words(values: Sequence[int], allocated: int, order: Order = "<") -> bytes:
    """Values in 16-bit words, the first in the lowest bits (ACR-NEMA 300-1988, 6)."""
    stream = sum(value << index * allocated for index, value in enumerate(values))
    count = (len(values) * allocated + 15) // 16
    each = [stream >> 16 * index & 0xFFFF for index in range(count)]
    return struct.pack(f"{order}{count}H", *each)


def element(tag: int, value: bytes | str | int, order: Order = "<") -> bytes:
    """One data element, filled up with a space."""
    if isinstance(value, int):
        value = struct.pack(order + "H", value)
    content = value.encode("latin-1") if isinstance(value, str) else value
    content += b" " * (len(content) % 2)
    return struct.pack(order + "HHL", tag >> 16, tag & 0xFFFF, len(content)) + content


def file(
    values: Sequence[int] = GREYS,
    *,
    allocated: int = 16,
    stored: int = 12,
    order: Order = "<",
    changes: Mapping[int, str | int | None] | None = None,
) -> bytes:
    """A whole file: group lengths and the length to the end are right."""
    bits = {0x00280100: allocated, 0x00280101: stored, 0x00280102: stored - 1}
    said = {**SAID, **bits, **(changes or {})}
    groups: dict[int, bytes] = {}
    for tag, value in sorted(said.items()):
        if value is not None:
            groups[tag >> 16] = groups.get(tag >> 16, b"") + element(tag, value, order)
    groups[0x7FE0] = element(0x7FE00010, words(values, allocated, order), order)
    rest = b"".join(
        _headed(group, content, order) for group, content in groups.items() if group > 8
    )
    identifying = groups[8]
    to_end = len(identifying) + len(rest)
    first = element(0x00080001, struct.pack(order + "L", to_end), order)
    return _headed(8, first + identifying, order) + rest


def _headed(group: int, content: bytes, order: Order) -> bytes:
    length = struct.pack(order + "L", len(content))
    return element(group << 16, length, order) + content
