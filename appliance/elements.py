"""Owns the walk along DICOM data elements by their lengths (PS3.5 7.1), values left unread."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.peek import Order, Peek

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"

PIXEL_DATA = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

_UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_EXPLICIT_HEADER = {order: struct.Struct(f"{order}HH2sH") for order in "<>"}
_IMPLICIT_LENGTH = {order: struct.Struct(f"{order}L") for order in "<>"}
_HEADER_BYTES = 8  # at least; those that the VR makes longer have 12
_DELIMITER_BYTES = 8
_PREAMBLE_BYTES = 132
_SOP_CLASS_UID, _TRANSFER_SYNTAX_UID = 0x00020002, 0x00020010
_MAX_UID_BYTES = 64
_MAX_STEPS = 300_000
_MAX_DEPTH = 200
_MAX_PADDING = 1 << 17


@dataclass(frozen=True, slots=True)
class Coding:
    """How elements are written: with or without VR, in which byte order."""

    explicit: bool
    order: Order


class Element(NamedTuple):
    """Where one data element lies; `vr` is "" where the coding does not say it."""

    tag: int
    vr: str
    start: int
    value: int
    end: int


def coding_of(transfer_syntax_uid: str) -> Coding:
    """Every encapsulated syntax has its data set in Explicit VR Little Endian (PS3.5 A.4)."""
    if transfer_syntax_uid == IMPLICIT_LE:
        return Coding(explicit=False, order="<")
    return Coding(explicit=True, order=">" if transfer_syntax_uid == EXPLICIT_BE else "<")


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the file meta information (PS3.10 7.1) says, and where the data set begins."""

    sop_class_uid: str
    transfer_syntax_uid: str
    data_set: int


def file_head(peek: Peek) -> FileHead:
    """Read group 0002 of a Part 10 file. Raises EndsEarly and Garbled."""
    found: dict[int, str] = {}
    position = _PREAMBLE_BYTES
    while peek.at(position, min(2, peek.size - position)) == b"\2\0":
        tag, _, value, length = _header(peek, position, coding_of(EXPLICIT_LE))
        position = value + length
        peek.need(position)
        if length <= _MAX_UID_BYTES:
            found[tag] = peek.at(value, length).decode("latin-1").rstrip("\0 ")
    if not found.get(_TRANSFER_SYNTAX_UID):
        peek.need_written(position)
        raise Garbled(detail="it does not say how it is encoded")
    return FileHead(found.get(_SOP_CLASS_UID, ""), found[_TRANSFER_SYNTAX_UID], position)


def walk(peek: Peek, start: int, coding: Coding) -> Iterator[Element]:
    """The top-level elements from `start` to the end, each complete.

    Stops at uniform padding behind the pixel data, which block transfers leave. Raises EndsEarly
    and Garbled; a hostile file costs a bounded number of steps.
    """
    steps = _Steps()
    position, behind_pixels = start, False
    while position < peek.size and not (behind_pixels and _is_padding(peek, position)):
        tag, vr, value, length = _header(peek, position, coding)
        if length == _UNDEFINED:
            end = _end_of_undefined(peek, value, coding if vr != "UN" else _IMPLICIT, steps)
        else:
            end = value + length
        steps.take(end)
        peek.need(end)
        yield Element(tag, vr, position, value, end)
        behind_pixels = behind_pixels or tag in PIXEL_DATA
        position = end


_IMPLICIT = Coding(explicit=False, order="<")


def items(peek: Peek, sequence: Element, coding: Coding) -> Iterator[tuple[int, int]]:
    """Where the data set of each item of a sequence begins and ends. Raises as walk does."""
    steps = _Steps()
    position = sequence.value
    while position < sequence.end:
        steps.take(position)
        tag, _, value, length = _header(peek, position, coding)
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM:
            raise Garbled(detail=f"there is no item at byte {position}")
        if length != _UNDEFINED:
            position = value + length
            peek.need(position)
            yield value, position
        else:
            position = _end_of_undefined(peek, value, coding, steps, is_sequence=False)
            yield value, position - _DELIMITER_BYTES


class _Steps:
    """A budget; what exceeds it is nothing an imaging device writes."""

    def __init__(self) -> None:
        self._left = _MAX_STEPS

    def take(self, position: int) -> None:
        self._left -= 1
        if not self._left:
            raise Garbled(detail=f"it has more than {_MAX_STEPS} elements before byte {position}")


def _header(peek: Peek, at: int, coding: Coding) -> tuple[int, str, int, int]:
    """Tag, VR, offset of the value and its length."""
    head = peek.at(at, _HEADER_BYTES)
    group, element, vr, length = _EXPLICIT_HEADER[coding.order].unpack(head)
    tag = group << 16 | element
    if not tag:
        peek.need_written(at)
    if group == _DELIMITERS or not coding.explicit:
        (length,) = _IMPLICIT_LENGTH[coding.order].unpack_from(head, 4)
        return tag, "", at + _HEADER_BYTES, length
    if vr in _SHORT:
        return tag, vr.decode(), at + _HEADER_BYTES, length
    if vr in _LONG:
        return tag, vr.decode(), at + 12, peek.number(coding.order + "L", at + 8)
    raise Garbled(detail=f"there is no data element at byte {at}")


def _end_of_undefined(
    peek: Peek, position: int, coding: Coding, steps: _Steps, *, is_sequence: bool = True
) -> int:
    """Where a sequence (or encapsulated pixel data, or an item) of undefined length ends.

    A sequence of VR UN is Implicit VR Little Endian inside (PS3.5 6.2.2 note 4).
    """
    inside: list[tuple[bool, Coding]] = [(is_sequence, coding)]  # (is a sequence, its coding)
    while inside:
        is_sequence, coding = inside[-1]
        steps.take(position)
        tag, vr, value, length = _header(peek, position, coding)
        if tag == (_SEQUENCE_END if is_sequence else _ITEM_END):
            inside.pop()
            position = value
        elif is_sequence != (tag == _ITEM) or len(inside) > _MAX_DEPTH:
            raise Garbled(detail=f"a sequence makes no sense at byte {position}")
        elif length == _UNDEFINED:
            inside.append((not is_sequence, coding if vr != "UN" else _IMPLICIT))
            position = value
        else:
            position = value + length
    return position


def _is_padding(peek: Peek, position: int) -> bool:
    length = peek.size - position
    rest = peek.at(position, length) if length <= _MAX_PADDING else b""
    return rest in {b"\0" * length, b"\x1a" * length}
