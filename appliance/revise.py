"""Owns writing the elements of a data set anew where values change; all else keeps its bytes.

Nothing is decoded here, and what does not change is not read: it stays a slice of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance import elements
from appliance.dialect import LONG
from appliance.letters import CHARSET, TEXT_VRS, is_plain, vr_of
from appliance.model import Slice, size_of
from appliance.peek import Garbled, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.elements import Coding, Element
    from appliance.model import Piece
    from appliance.peek import Peek

Anew = Callable[[bytes, str, str], bytes]

_ASKED = TEXT_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
_ITEM = 0xFFFEE000
_LENGTH_TO_END = 0x00080001
_FUNCTIONAL_GROUPS = 0x5200  # thousands of items, and no words of a person in them
_MAX_TEXT_BYTES = 4 << 20
_MAX_SHORT_BYTES = 0xFFFE
_MAX_STEPS = 600_000
_MAX_DEPTH = 32


class Leaf(NamedTuple):
    """One text value, at the top or inside a sequence; `charset` is what its data set declares."""

    tag: int
    vr: str
    value: bytes
    charset: str
    is_nested: bool


class Change(Protocol):
    """What becomes of values."""

    def text(self, leaf: Leaf) -> bytes | None:
        """The value as it should be, itself where it is right; None takes the element out."""

    def odd(self, tag: int) -> bool:
        """Whether a value that is no text, and of an odd length, gets a byte more."""


@dataclass(frozen=True, slots=True)
class Part:
    """One element as it will be written."""

    tag: int
    pieces: tuple[Piece, ...]
    is_new: bool = False


class Reviser:
    """Goes through a data set, sequences included, and asks of each text value what it becomes."""

    def __init__(
        self, path: Path, peek: Peek, coding: Coding, change: Change, *, thorough: bool = False
    ) -> None:
        """`peek` looks into the file at `path`; `thorough` leaves no text out, however much."""
        self._path = path
        self._peek = peek
        self._coding = coding
        self._change = change
        self._thorough = thorough
        self._steps = elements.Steps(_MAX_STEPS)

    def parts(self, start: int, stop: int) -> list[Part]:
        """The elements from `start` to `stop`. Raises EndsEarly and Garbled."""
        return list(self._parts(start, stop, self._coding, "", depth=0))

    def _parts(
        self, start: int, stop: int, coding: Coding, charset: str, *, depth: int
    ) -> Iterator[Part]:
        for each in elements.walk(self._peek, start, coding, stop, self._steps):
            vr = self._vr(each)
            if self._is_sequence(each, vr, coding):
                yield self._sequence(each, coding, charset, depth=depth + 1)
            elif vr in _ASKED and each.end - each.value <= _MAX_TEXT_BYTES:
                leaf = Leaf(each.tag, vr, self._value(each), charset, depth > 0)
                yield self._text(each, leaf, coding)
                if each.tag == CHARSET:
                    charset = leaf.value.decode("latin-1").strip("\0 ")
            elif self._thorough and vr in TEXT_VRS:
                raise Garbled(detail=f"the text at byte {each.start} is too long")
            else:
                yield self._other(each, vr, coding)

    def _is_sequence(self, each: Element, vr: str, coding: Coding) -> bool:
        if each.tag in elements.PIXEL_DATA:
            return False
        if each.tag >> 16 == _FUNCTIONAL_GROUPS and not self._thorough:
            return False
        is_unknown = each.vr in {"UN", ""} and elements.is_undefined(self._peek, each, coding)
        return (vr == "SQ" or is_unknown) and each.end > each.value

    def _sequence(self, each: Element, coding: Coding, charset: str, *, depth: int) -> Part:
        """A sequence in which nothing changes stays as it is; others get lengths."""
        if depth > _MAX_DEPTH:
            raise Garbled(detail="its sequences are too deep")
        inner = elements.inside(each, coding)
        pieces: list[Piece] = []
        is_new = False
        for start, stop in elements.items(self._peek, each, inner, self._steps):
            parts = list(self._parts(start, stop, inner, charset, depth=depth))
            is_new = is_new or any(part.is_new for part in parts)
            item = pieces_of(parts)
            pieces += _item(sum(map(size_of, item)), inner), *item
        if not is_new:
            return self._as_it_is(each)
        header = header_of(each.tag, each.vr, sum(map(size_of, pieces)), coding)
        return Part(each.tag, (header, *pieces), is_new=True)

    def _text(self, each: Element, leaf: Leaf, coding: Coding) -> Part:
        new = self._change.text(leaf)
        if new is None:
            return Part(each.tag, (), is_new=True)
        if new == leaf.value:
            return self._as_it_is(each)
        return made(each.tag, leaf.vr, new, coding)

    def _other(self, each: Element, vr: str, coding: Coding) -> Part:
        if (each.end - each.value) % 2 == 0 or not self._change.odd(each.tag):
            return self._as_it_is(each)
        header = header_of(each.tag, vr, each.end - each.value + 1, coding)
        return Part(each.tag, (header, self._slice(each.value, each.end), b"\0"), is_new=True)

    def _vr(self, each: Element) -> str:
        """By the dictionary where the file does not say it."""
        is_open = not each.vr or (each.vr == "UN" and self._thorough)
        return (vr_of(each.tag) or each.vr) if is_open else each.vr

    def _value(self, each: Element) -> bytes:
        return self._peek.at(each.value, each.end - each.value)

    def _as_it_is(self, each: Element) -> Part:
        return Part(each.tag, (self._slice(each.start, each.end),))

    def _slice(self, start: int, stop: int) -> Slice:
        return Slice(self._path, start, stop - start)


def relettered(head: bytes, coding: Coding, anew: Anew) -> bytes:
    """Elements with every text that is not plain as `anew(value, vr, declared set)` gives it.

    All other bytes stay, but for each SpecificCharacterSet, of items too (PS3.3 C.12.1.1.2): it
    is taken out, and who calls declares the new one. Raises Misfit, and what `anew` raises.
    """
    reviser = Reviser(Path(), within(head), coding, _Letters(anew), thorough=True)
    pieces = (piece for part in reviser.parts(0, len(head)) for piece in part.pieces)
    return b"".join(
        head[piece.offset : piece.offset + piece.length] if isinstance(piece, Slice) else piece
        for piece in pieces
    )


class _Letters:
    """A change of letters and of nothing else."""

    def __init__(self, anew: Anew) -> None:
        self._anew = anew

    def text(self, leaf: Leaf) -> bytes | None:
        if leaf.tag == CHARSET:
            return None
        if leaf.vr not in TEXT_VRS or is_plain(leaf.value):
            return leaf.value
        return self._anew(leaf.value.rstrip(b"\0 "), leaf.vr, leaf.charset)

    def odd(self, _: int) -> bool:
        return False


def made(tag: int, vr: str, value: bytes, coding: Coding) -> Part:
    """A new element. Raises Garbled where it would be longer than its VR allows."""
    content = padded(vr, value)
    return Part(tag, (header_of(tag, vr, len(content), coding) + content,), is_new=True)


def pieces_of(parts: Iterable[Part]) -> tuple[Piece, ...]:
    """Elements in a row, without the lengths (retired) that would be wrong now (PS3.5 7.2)."""
    kept = (part for part in parts if part.tag & 0xFFFF and part.tag != _LENGTH_TO_END)
    return tuple(piece for part in kept for piece in part.pieces)


def header_of(tag: int, vr: str, length: int, coding: Coding) -> bytes:
    """What stands before a value (PS3.5 7.1). Raises Garbled."""
    group = struct.pack(f"{coding.order}HH", tag >> 16, tag & 0xFFFF)
    if not coding.explicit:
        return group + struct.pack(f"{coding.order}L", length)
    if vr.encode() in LONG:
        return group + struct.pack(f"{coding.order}2sHL", vr.encode(), 0, length)
    if length > _MAX_SHORT_BYTES:
        raise Garbled(detail=f"its ({tag >> 16:04x},{tag & 0xFFFF:04x}) is too long")
    return group + struct.pack(f"{coding.order}2sH", vr.encode(), length)


def padded(vr: str, value: bytes) -> bytes:
    """A value of even length (PS3.5 7.1.1); text is filled up with a space, all else with zero."""
    filler = b" " if vr in _ASKED and vr != "UI" else b"\0"
    return value + filler * (len(value) % 2)


def _item(length: int, coding: Coding) -> bytes:
    return struct.pack(f"{coding.order}HHL", _ITEM >> 16, _ITEM & 0xFFFF, length)
