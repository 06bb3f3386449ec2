"""Owns the end of a TIFF or BigTIFF: all its directories and what they point at, in any order."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from appliance.peek import EndsEarly, Garbled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.dialect import Order
    from appliance.peek import Peek

_TYPE_BYTES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
    16: 8, 17: 8, 18: 8,
}  # fmt: skip
_NUMBERS = {1: "B", 3: "H", 4: "L", 13: "L", 16: "Q", 18: "Q"}

_COLUMNS, _ROWS, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_PIXELS = ((273, 279), (324, 325), (513, 514))  # offsets and byte counts
_DIRECTORIES = (330, 34665)  # SubIFDs, EXIF
_READ = frozenset(
    {_COLUMNS, _ROWS, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, *_DIRECTORIES}
).union(*_PIXELS)
_UNCOMPRESSED, _YCBCR = 1, 6
_BIG = 43
_MAX_DIRECTORIES = 10_000
_MAX_ENTRIES = 4_096
_MAX_VALUES = 4_000_000

_Tags = dict[int, tuple[int, ...]]


def tiff_end(peek: Peek) -> int:
    """Where the last thing that is pointed at ends. Raises EndsEarly and Garbled."""
    peek.reached = 0  # what was looked at to tell its kind is not what it points at
    _Tiff(peek).check()
    return peek.reached


class _Tiff:
    def __init__(self, peek: Peek) -> None:
        self._peek = peek
        self._order: Order = "<" if peek.at(0, 1) == b"I" else ">"
        self._is_big = self._number("H", 2) == _BIG
        self._offset, self._offset_bytes = ("Q", 8) if self._is_big else ("L", 4)
        self._values_left = _MAX_VALUES

    def check(self) -> None:
        waiting = [self._number(self._offset, 8 if self._is_big else 4)]
        if waiting == [0]:
            raise EndsEarly(detail="its directory is not written yet")
        seen = {0}
        has_pixels = False
        while waiting:
            at = waiting.pop()
            if at in seen:  # a loop, or the end of a chain
                continue
            seen.add(at)
            if len(seen) > _MAX_DIRECTORIES:
                raise Garbled(detail=f"it has more than {_MAX_DIRECTORIES} directories")
            tags, following = self._directory(at)
            has_pixels = self._pixels_fit(tags) or has_pixels
            waiting += [following, *(inner for tag in _DIRECTORIES for inner in tags.get(tag, ()))]
        if not has_pixels:
            raise Garbled(detail="it holds no pixels")

    def _number(self, code: str, at: int) -> int:
        return self._peek.number(self._order + code, at)

    def _directory(self, at: int) -> tuple[_Tags, int]:
        """The tags that matter, and where the next directory is; every value lies in the file."""
        count = self._number("Q" if self._is_big else "H", at)
        if count == 0:
            raise EndsEarly(detail=f"the directory at byte {at} is not written yet")
        if count > _MAX_ENTRIES:
            raise Garbled(detail=f"the directory at byte {at} makes no sense")
        first = at + (8 if self._is_big else 2)
        entry_bytes = 4 + 2 * self._offset_bytes
        tags = dict(self._entry(first + n * entry_bytes) for n in range(count))
        return tags, self._number(self._offset, first + count * entry_bytes)

    def _entry(self, at: int) -> tuple[int, tuple[int, ...]]:
        """One tag and its values, where they are numbers that matter."""
        tag, kind = struct.unpack(self._order + "HH", self._peek.at(at, 4))
        count = self._number(self._offset, at + 4)
        length = count * _TYPE_BYTES.get(kind, 1)
        value = at + 4 + self._offset_bytes
        if length > self._offset_bytes:
            value = self._number(self._offset, value)
        self._peek.need(value + length)
        if tag not in _READ or kind not in _NUMBERS:
            return tag, ()
        self._values_left -= count
        if self._values_left < 0:
            raise Garbled(detail=f"its directories hold more than {_MAX_VALUES} values")
        form = f"{self._order}{count}{_NUMBERS[kind]}"
        return tag, struct.unpack(form, self._peek.at(value, length))

    def _pixels_fit(self, tags: _Tags) -> bool:
        """Whether there are pixels; they lie in the file and are as many as they must be."""
        wanted = _wanted_bytes(tags)
        found = [(o, c) for o, c in _PIXELS if tags.get(o)]
        for offsets, counts in ((tags[o], tags.get(c) or (wanted,)) for o, c in found):
            if 0 in offsets or 0 in counts:
                raise EndsEarly(detail="some of its pixels are not written yet")
            for offset, length in zip(offsets, counts, strict=False):
                self._peek.need(offset + length)
            _enough(counts, wanted)
        return bool(found)


def _enough(lengths: Sequence[int], wanted: int) -> None:
    if sum(lengths) < wanted:
        raise EndsEarly(detail=f"it has {sum(lengths)} of {wanted} bytes of pixels")


def _wanted_bytes(tags: _Tags) -> int:
    """How many bytes of pixels there must be; 0 where only decoding could tell."""

    def first(tag: int, default: int) -> int:
        return (tags.get(tag) or (default,))[0]

    if first(_COMPRESSION, _UNCOMPRESSED) != _UNCOMPRESSED or first(_PHOTOMETRIC, 0) == _YCBCR:
        return 0
    row_bits = first(_COLUMNS, 0) * first(_BITS, 1) * first(_SAMPLES, 1)
    return (row_bits + 7) // 8 * first(_ROWS, 0)
