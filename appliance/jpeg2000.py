"""Owns the walk through JPEG 2000: JP2 boxes and codestream markers (ITU-T T.800), undecoded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from appliance.peek import EndsEarly, Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.peek import Peek

SRGB, GREYSCALE, SYCC = 16, 17, 18
"""Enumerated colour spaces (I.5.3.3)."""

_SOC, _CAP, _SIZ, _COD, _COC = 0xFF4F, 0xFF50, 0xFF51, 0xFF52, 0xFF53
_SOT, _SOD, _EOC = 0xFF90, 0xFF93, 0xFFD9
_BARE = b"\xff\x4f\xff\x51"
_END = b"\xff\xd9"
_MAX_COMPONENTS = 256
_MAX_BOXES = 4_096
_MAX_MARKERS = 200_000
_MAX_ICC_BYTES = 1 << 20
_SHORTEST_TILE_PART = 14
_LAST_BYTES = 1 << 12  # what a block transfer may have added lies here
_BOX_HEAD, _LONG_BOX_HEAD = 8, 16
_ENUMERATED, _PROFILES = 1, frozenset({2, 3})  # how a colour box says it (I.5.3.3)


@dataclass(frozen=True, slots=True)
class Stream:
    """What a codestream's own markers say; `depths` are bits and signedness of each component."""

    start: int
    end: int
    columns: int
    rows: int
    depths: tuple[tuple[int, bool], ...]
    is_subsampled: bool
    is_extended: bool  # of a later part of the standard
    mixes_components: bool  # a multiple component transform
    is_reversible: bool


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What the boxes around a codestream say; of a bare one, nothing."""

    colour_space: int = 0
    icc: bytes = b""
    has_palette: bool = False
    channels: tuple[tuple[int, int, int], ...] = ()  # channel, type, association (I.5.3.6)

    @property
    def is_plain(self) -> bool:
        """Whether each component is one colour, in order."""
        return not self.has_palette and all(
            kind == 0 and beside == channel + 1 for channel, kind, beside in self.channels
        )


def read(peek: Peek) -> tuple[Stream, Wrapper]:
    """The codestream of a JP2 file, or that a file is. Raises EndsEarly and Garbled."""
    if peek.at(0, 4) == _BARE:
        return _stream(peek, 0, peek.size), Wrapper()
    wrapper = Wrapper()
    for box in _boxes(peek, 0, peek.size):
        if box.kind == b"jp2h":
            wrapper = _wrapper(peek, box)
        elif box.kind == b"jp2c":
            return _stream(peek, box.value, box.end), wrapper
    raise EndsEarly(detail="it holds no picture")


def file_end(peek: Peek) -> int:
    """Where the codestream ends; what is told behind it is not needed here."""
    return read(peek)[0].end


# Boxes


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    value: int
    end: int


def _boxes(peek: Peek, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_BOXES):
        if start >= end:
            return
        box = _box(peek, start, end)
        yield box
        start = box.end
    raise Garbled(detail=f"it has more than {_MAX_BOXES} boxes")


def _box(peek: Peek, start: int, end: int) -> _Box:
    length, kind = peek.number(">L", start), peek.at(start + 4, 4)
    head = _BOX_HEAD
    if length == 1:
        length, head = peek.number(">Q", start + _BOX_HEAD), _LONG_BOX_HEAD
    elif length == 0:
        length = end - start
    if length < head or not kind.strip(b"\0"):
        peek.need_written(start)
        raise Garbled(detail=f"there is no JP2 box at byte {start}")
    peek.need(start + length)
    return _Box(kind, start + head, start + length)


def _wrapper(peek: Peek, header: _Box) -> Wrapper:
    found = Wrapper()
    for box in _boxes(peek, header.value, header.end):
        if box.kind == b"colr" and not (found.colour_space or found.icc):
            found = _coloured(peek, box, found)
        elif box.kind == b"pclr":
            found = replace(found, has_palette=True)
        elif box.kind == b"cdef":
            found = replace(found, channels=_channels(peek, box))
    return found


def _coloured(peek: Peek, box: _Box, found: Wrapper) -> Wrapper:
    method = peek.number(">B", box.value)
    if method == _ENUMERATED:
        return replace(found, colour_space=peek.number(">L", box.value + 3))
    length = box.end - box.value - 3
    if method in _PROFILES and 0 < length <= _MAX_ICC_BYTES:
        return replace(found, icc=peek.at(box.value + 3, length))
    return found


def _channels(peek: Peek, box: _Box) -> tuple[tuple[int, int, int], ...]:
    count = min(peek.number(">H", box.value), _MAX_COMPONENTS)
    values = [peek.number(">H", box.value + 2 + 2 * n) for n in range(3 * count)]
    return tuple(zip(values[0::3], values[1::3], values[2::3], strict=True))


# The codestream


@dataclass(slots=True)
class _Coding:
    """What coding markers say, in the main header and in those of tiles."""

    mixes_components: bool = False
    transforms: set[int] = field(default_factory=set)
    size: int = 0  # offset of SIZ
    is_extended: bool = False

    def learn(self, peek: Peek, marker: int, value: int, components: int) -> None:
        if marker == _SIZ:
            self.size = value
        elif marker == _CAP:
            self.is_extended = True
        elif marker == _COD:
            self.mixes_components |= peek.number(">B", value + 4) != 0
            self.transforms.add(peek.number(">B", value + 9))
        elif marker == _COC:
            wide = 1 if components < _MAX_COMPONENTS + 1 else 2
            self.transforms.add(peek.number(">B", value + wide + 5))


def _stream(peek: Peek, start: int, limit: int) -> Stream:
    if peek.number(">H", start) != _SOC:
        peek.need_written(start)
        raise Garbled(detail="its JPEG 2000 codestream does not begin as one")
    coding = _Coding()
    first_tile = _header(peek, start + 2, coding, _SOT)
    if not coding.size or not coding.transforms:
        raise Garbled(detail="its JPEG 2000 header says no size, or no coding")
    end = _tiles_end(peek, first_tile, limit, coding)
    return _described(peek, start, end, coding)


def _described(peek: Peek, start: int, end: int, coding: _Coding) -> Stream:
    """SIZ (A.5.1): capabilities, then the grid, its origin, tiles, and each component."""
    at = coding.size
    columns, rows, left, top = (peek.number(">L", at + 2 + 4 * n) for n in range(4))
    count = peek.number(">H", at + 34)
    parts = [peek.at(at + 36 + 3 * n, 3) for n in range(min(count, _MAX_COMPONENTS))]
    return Stream(
        start,
        end,
        columns - left,
        rows - top,
        tuple(((depth & 0x7F) + 1, depth > 0x7F) for depth, _, _ in parts),  # noqa: PLR2004
        is_subsampled=any(across != 1 or down != 1 for _, across, down in parts),
        is_extended=coding.is_extended or peek.number(">H", at) & 0xC000 != 0,
        mixes_components=coding.mixes_components,
        is_reversible=coding.transforms == {1},
    )


def _header(peek: Peek, position: int, coding: _Coding, last: int) -> int:
    """Learn from the markers up to `last`; where that one is."""
    for _ in range(_MAX_MARKERS):
        marker = peek.number(">H", position)
        if marker == last:
            return position
        length = peek.number(">H", position + 2)
        if marker <= _SOC or length < 2:  # noqa: PLR2004
            peek.need_written(position)
            raise Garbled(detail=f"there is no JPEG 2000 marker at byte {position}")
        peek.need(position + 2 + length)
        components = peek.number(">H", coding.size + 34) if coding.size else 0
        coding.learn(peek, marker, position + 4, components)
        position += 2 + length
    raise Garbled(detail=f"it has more than {_MAX_MARKERS} JPEG 2000 markers")


def _tiles_end(peek: Peek, position: int, limit: int, coding: _Coding) -> int:
    """Behind the end marker that follows the last tile-part; each says how long it is."""
    for _ in range(_MAX_MARKERS):
        marker = peek.number(">H", position)
        if marker == _EOC:
            return position + 2
        if marker != _SOT:
            peek.need_written(position)
            raise Garbled(detail=f"there is no JPEG 2000 tile at byte {position}")
        length = peek.number(">L", position + 6)
        _header(peek, position + 12, coding, _SOD)
        if length == 0:  # up to the end marker, which then is the last one
            return _last_end(peek, position, limit)
        if length < _SHORTEST_TILE_PART:
            raise Garbled(detail=f"the JPEG 2000 tile at byte {position} has no room")
        position += length
        peek.need(position)
    raise Garbled(detail=f"it has more than {_MAX_MARKERS} JPEG 2000 tiles")


def _last_end(peek: Peek, position: int, limit: int) -> int:
    start = max(position, limit - _LAST_BYTES)
    found = peek.at(start, limit - start).rfind(_END)
    if found < 0:
        raise EndsEarly(detail="its end marker is missing")
    return start + found + len(_END)
