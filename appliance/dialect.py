"""Owns telling from first bytes how a DICOM data set is written, where nothing else says so. Pure.

Old devices write data sets without a file head, and ACR-NEMA files have none at all.
"""

from __future__ import annotations

import struct
from typing import Literal

Order = Literal["<", ">"]

HEAD_BYTES = 1 << 12
"""As much as is looked at."""

LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_HEADERS = {order: struct.Struct(f"{order}HH2sH") for order in ("<", ">")}
_LENGTHS = {order: struct.Struct(f"{order}L") for order in ("<", ">")}
_SPELLINGS: tuple[tuple[bool, Order], ...] = ((True, "<"), (True, ">"), (False, "<"), (False, ">"))
_HEADER_BYTES, _LONG_HEADER_BYTES = 8, 12
_UNDEFINED = 0xFFFFFFFF
_LONGEST = 1 << 16  # of what stands before the pixels; two bytes more would be a guess

_FIRST_GROUP = {b"\x08\0", b"\0\x08"}
_PREFIX, _META = b"DICM", b"\2\0"
_NUMBERS = frozenset({0x00080000, 0x00080001, 0x00080040})  # of group 0008; the rest is text
_TEXT = bytes({*range(0x20, 0x100), *b"\t\n\f\r\x1b"} - {0x7F})
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd")
_ENOUGH = {True: 2, False: 3}  # elements in a row that no chance brings about; a VR says more


def is_dicom(head: bytes) -> bool:
    """Whether a file of no other kind is DICOM: by DICM, group 0002 or a data set at its start."""
    if head[128:132] == _PREFIX or head.startswith(_PREFIX):
        return True
    return (head[:2] == _META and spelling(head) == (True, "<")) or is_data_set(head)


def is_data_set(head: bytes) -> bool:
    """Whether a data set begins with the first byte, as it does with group 0008."""
    return head[:2] in _FIRST_GROUP and spelling(head) is not None


def spelling(head: bytes) -> tuple[bool, Order] | None:
    """Whether elements have a VR, and in which byte order; None where nothing is certain."""
    for explicit, order in _SPELLINGS:
        if _in_a_row(head, explicit=explicit, order=order) >= _ENOUGH[explicit]:
            return explicit, order
    return None


def _in_a_row(head: bytes, *, explicit: bool, order: Order) -> int:
    """How many elements lead from one to the next, in the order of their tags; 0 for a break."""
    position, before, count = 0, -1, 0
    while count < _ENOUGH[explicit] and position + _LONG_HEADER_BYTES <= len(head):
        group, element, vr, length = _HEADERS[order].unpack_from(head, position)
        tag, value = group << 16 | element, position + _HEADER_BYTES
        if not explicit:
            (length,) = _LENGTHS[order].unpack_from(head, position + 4)
        elif vr in LONG:
            (length,) = _LENGTHS[order].unpack_from(head, value)
            value = position + _LONG_HEADER_BYTES
        elif vr not in SHORT:
            return 0
        if tag <= before or not _is_likely(tag, length, head[value : value + min(length, 64)]):
            return 0
        position, before, count = value + length, tag, count + 1
    return count


def _is_likely(tag: int, length: int, value: bytes) -> bool:
    """Nearly all that stands in group 0008 is text."""
    if length != _UNDEFINED and length > _LONGEST:
        return False
    if tag >> 16 != 8 or tag in _NUMBERS or value.startswith(_ITEMS):  # noqa: PLR2004
        return True
    return not value.rstrip(b"\0").translate(None, _TEXT)
