"""Owns writing data elements in another coding: with VRs or without, in the other byte order.

Values keep their bytes but for the order; groups lose their lengths (retired, PS3.5 7.2), and
sequences get lengths instead of delimiters.
"""

from __future__ import annotations

import struct
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR

from appliance import elements
from appliance.dialect import LONG
from appliance.peek import Garbled, within
from appliance.revise import header_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.elements import Coding, Element

_ITEM = 0xFFFEE000
_LENGTH_TO_END = 0x00080001
_MAX_SHORT_BYTES = 0xFFFE
_MAX_DEPTH = 32
_WIDTHS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), "H"),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), "I"),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), "Q"),
}
"""How wide the numbers of a VR are, as `array` calls it (PS3.5 7.3)."""

_CREATORS = range(0x10, 0x100)  # elements that reserve a private block (PS3.5 7.8.1)


def respelt(content: bytes, before: Coding, after: Coding, *, signed: bool) -> dict[int, bytes]:
    """The elements of `content`, each as it is in the other coding, by its tag.

    `signed` is what PixelRepresentation says: the VR of some values hangs on it. Raises Misfit.
    """
    return dict(_Speller(content, after, signed=signed).elements(0, len(content), before))


class _Speller:
    def __init__(self, content: bytes, after: Coding, *, signed: bool) -> None:
        self._content = content
        self._peek = within(content)
        self._after = after
        self._signed = signed
        self._steps = elements.Steps()

    def elements(
        self, start: int, stop: int, coding: Coding, depth: int = 0
    ) -> Iterator[tuple[int, bytes]]:
        if depth > _MAX_DEPTH:
            raise Garbled(detail="its sequences are too deep")
        for each in elements.walk(self._peek, start, coding, stop, self._steps):
            if each.tag & 0xFFFF and each.tag != _LENGTH_TO_END:
                yield each.tag, self._element(each, coding, depth)

    def _element(self, each: Element, coding: Coding, depth: int) -> bytes:
        is_open = (
            elements.is_undefined(self._peek, each, coding) if _is_long(each, coding) else False
        )
        vr = each.vr or _vr(each.tag, signed=self._signed)
        if is_open and each.tag in elements.PIXEL_DATA:
            raise Garbled(detail="a picture inside it is compressed too")
        if vr == "SQ" or is_open:
            vr, value = "SQ", self._items(each, coding, depth)
        else:
            value = _turned(self._content[each.value : each.end], vr, coding, self._after)
        if self._after.explicit and len(value) > _MAX_SHORT_BYTES and vr.encode() not in LONG:
            vr = "UN"  # PS3.5 6.2.2
        return header_of(each.tag, vr, len(value), self._after) + value

    def _items(self, each: Element, coding: Coding, depth: int) -> bytes:
        inner = elements.inside(each, coding)
        found = b""
        for start, stop in elements.items(self._peek, each, inner, self._steps):
            item = b"".join(text for _, text in self.elements(start, stop, inner, depth + 1))
            order = self._after.order
            found += struct.pack(f"{order}HHL", _ITEM >> 16, _ITEM & 0xFFFF, len(item)) + item
        return found


def _is_long(each: Element, coding: Coding) -> bool:
    """Whether its length has four bytes, and so may be undefined."""
    return not coding.explicit or each.vr.encode() in LONG


def _turned(value: bytes, vr: str, before: Coding, after: Coding) -> bytes:
    width = _WIDTHS.get(vr, "")
    if before.order == after.order or not width:
        return value
    numbers = array(width)
    if len(value) % numbers.itemsize:
        raise Garbled(detail=f"a value of {len(value)} bytes is no list of {vr}")
    numbers.frombytes(value)
    numbers.byteswap()
    return numbers.tobytes()


@lru_cache(1 << 12)
def _vr(tag: int, *, signed: bool) -> str:
    """By the dictionary (PS3.6); UN where it does not say it (PS3.5 6.2.2)."""
    if tag >> 16 & 1:
        return "LO" if tag & 0xFFFF in _CREATORS else "UN"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    if vr.startswith("US or SS"):
        return "SS" if signed else "US"
    return "OW" if " or " in vr else vr
