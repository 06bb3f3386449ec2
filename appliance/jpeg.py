"""Owns the walk along the markers of a JPEG stream (ITU-T T.81 B.1), nothing decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.peek import EndsEarly, Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.peek import Peek

EOI, SOS = 0xD9, 0xDA
APP0, APP1, APP2, APP8, APP14 = 0xE0, 0xE1, 0xE2, 0xE8, 0xEE
LSE = 0xF8  # of JPEG-LS (ITU-T T.87)
BASELINE, EXTENDED, PROGRESSIVE, LOSSLESS, JPEG_LS = 0xC0, 0xC1, 0xC2, 0xC3, 0xF7
SOF = frozenset({*range(0xC0, 0xD0), JPEG_LS}) - {0xC4, 0xC8, 0xCC}

_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_IN_LS_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # it stuffs a bit, not a byte
_LEAD = 0xFF
_NEVER = frozenset({0x00, 0xFF})
_LENGTH_BYTES = 2
_CHUNK = 1 << 18
_MAX_FILL = 1 << 10
_MAX_SEGMENTS = 100_000


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker and the bytes it announces, its two length bytes not counted."""

    marker: int
    value: int
    length: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.value + self.length


def segments(peek: Peek) -> Iterator[Segment]:
    """The markers from SOI to EOI; thumbnails inside a segment are skipped with it.

    Raises EndsEarly where there is no EOI, Garbled where a marker should be and is not.
    """
    if peek.at(0, 2) != b"\xff\xd8":
        raise Garbled(detail="it does not begin with a JPEG marker")
    position, in_scan = 2, _IN_SCAN
    for _ in range(_MAX_SEGMENTS):
        found = _segment(peek, position)
        yield found
        if found.marker == EOI:
            return
        in_scan = _IN_LS_SCAN if found.marker == JPEG_LS else in_scan
        is_scan = found.marker == SOS
        position = _scan_end(peek, found.end, in_scan) if is_scan else found.end
    raise Garbled(detail=f"it has more than {_MAX_SEGMENTS} JPEG markers")


def _segment(peek: Peek, position: int) -> Segment:
    lead = peek.at(position, min(_MAX_FILL, peek.size - position))
    # Any number of fill bytes may stand before a marker's second byte (B.1.1.2).
    position += max(len(lead) - len(lead.lstrip(b"\xff")) - 1, 0)
    first, marker = peek.at(position, 2)
    if first != _LEAD or marker in _NEVER:
        peek.need_written(position)
        raise Garbled(detail=f"there is no JPEG marker at byte {position}")
    if marker == EOI or marker in _BARE:
        return Segment(marker, position + 2, 0)
    length = peek.number(">H", position + 2)
    if length < _LENGTH_BYTES:
        raise Garbled(detail=f"a JPEG marker has an impossible length at byte {position}")
    peek.need(position + 2 + length)
    return Segment(marker, position + 4, length - _LENGTH_BYTES)


def _scan_end(peek: Peek, position: int, in_scan: re.Pattern[bytes]) -> int:
    """Where the next marker is that is neither a stuffed byte nor a restart."""
    while peek.size - position > 1:
        chunk = peek.at(position, min(_CHUNK, peek.size - position))
        if found := in_scan.search(chunk):
            return position + found.start()
        position += len(chunk) - 1  # a marker may lie across the border
    raise EndsEarly(detail="its end marker is missing")
