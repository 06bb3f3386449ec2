"""Owns what a JPEG or JPEG-LS stream's own markers say (ITU-T T.81 B.2, T.87, Adobe's APP14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from appliance import jpeg
from appliance.convert.colour import MAX_ICC_BYTES
from appliance.convert.pixels import Layout
from appliance.peek import Garbled

if TYPE_CHECKING:
    from appliance.jpeg import Segment
    from appliance.peek import Peek

GREY, COLOUR = 1, 3
_BYTE_BITS = 8
_HEAD_BYTES = 64
_PALETTES = frozenset({2, 3})  # kinds of LSE (T.87 C.2.4.1)
_SPIFF = {3: "YBR_FULL", 8: "MONOCHROME2", 10: "RGB"}  # T.84 F.2.3, table F.2
_SPIFF_SPACE_AT = 18
_ICC, _ICC_HEAD_BYTES = b"ICC_PROFILE\0", 14
_EXIF = b"Exif\0\0"
_FIRST_COMPONENT = 6
_ADOBE_BYTES = 12  # libjpeg takes no notice of a shorter one


@dataclass(slots=True)
class Frame:
    """A picture as its markers describe it."""

    marker: int = 0
    precision: int = 0
    rows: int = 0
    columns: int = 0
    components: bytes = b""  # their identifiers
    adobe_transform: int | None = None
    has_jfif: bool = False
    spiff: str = ""  # photometric
    has_own_transform: bool = False
    has_palette: bool = False
    selections: set[int] = field(default_factory=set)  # Ss of the scans: predictors, or NEAR
    exif: bytes = b""
    icc: bytes = b""
    end: int = 0

    @property
    def is_lossless(self) -> bool:
        """Whether every value is as it was."""
        if self.marker == jpeg.JPEG_LS:
            return self.selections == {0}
        return self.marker == jpeg.LOSSLESS

    @property
    def photometric(self) -> str:
        """How the components are to be understood; "" for grey, and where it is not said."""
        is_grey = len(self.components) == GREY
        if is_grey or self.marker == jpeg.JPEG_LS:
            is_said = (self.spiff == "MONOCHROME2") is is_grey
            return "RGB" if self._is_called_rgb else self.spiff if is_said else ""
        # libjpeg takes three lossless components that nothing is said of for RGB as well.
        if self.adobe_transform == 0 or (self._untold and self._is_rgb):
            return "RGB"
        # PS3.5 8.2.1 knows no other word, however the colours are sampled.
        return "YBR_FULL" if self.is_lossless else "YBR_FULL_422"

    @property
    def layout(self) -> Layout:
        """How the pixels would lie, were they decoded."""
        bits = _BYTE_BITS if self.precision <= _BYTE_BITS else 2 * _BYTE_BITS
        return Layout(self.rows, self.columns, bits, self.precision, self.photometric)

    @property
    def said(self) -> Image.Exif:
        """What EXIF says."""
        said = Image.Exif()
        if self.exif:
            said.load(self.exif)
        return said

    @property
    def _untold(self) -> bool:
        return self.adobe_transform is None and not self.has_jfif

    @property
    def _is_rgb(self) -> bool:
        return self._is_called_rgb or self.marker == jpeg.LOSSLESS

    @property
    def _is_called_rgb(self) -> bool:
        return self.components == b"RGB"


def frame_of(peek: Peek) -> Frame:
    """Read the markers from end to end. Raises EndsEarly and Garbled."""
    found = Frame()
    for segment in jpeg.segments(peek):
        content = peek.at(segment.value, min(segment.length, _HEAD_BYTES))
        if segment.marker in jpeg.SOF and not found.marker:
            _take_frame(found, segment.marker, content)
        elif segment.marker == jpeg.SOS:
            found.selections.add(content[1 + 2 * content[0]])
        else:
            _take_other(found, peek, segment, content)
        found.end = segment.end
    if not found.marker:
        raise Garbled(detail="it holds no image")
    return found


def _take_frame(found: Frame, marker: int, content: bytes) -> None:
    found.marker, found.precision = marker, content[0]
    found.rows, found.columns = _word(content, 1), _word(content, 3)
    found.components = content[_FIRST_COMPONENT : _FIRST_COMPONENT + 3 * content[5] : 3]


def _take_other(found: Frame, peek: Peek, segment: Segment, content: bytes) -> None:
    match segment.marker:
        case jpeg.APP0 if content.startswith(b"JFIF"):
            found.has_jfif = True
        case jpeg.APP14 if content.startswith(b"Adobe") and len(content) >= _ADOBE_BYTES:
            found.adobe_transform = content[11]
        case jpeg.APP8 if content.startswith(b"SPIFF\0"):
            found.spiff = _SPIFF.get(content[_SPIFF_SPACE_AT], "")
        case jpeg.APP8 if content.startswith(b"mrfx"):
            found.has_own_transform = content[4] != 0
        case jpeg.LSE:
            found.has_palette = found.has_palette or content[0] in _PALETTES
        case jpeg.APP1 if content.startswith(_EXIF) and not found.exif:
            found.exif = peek.at(segment.value, segment.length)
        case jpeg.APP2 if content.startswith(_ICC) and len(found.icc) <= MAX_ICC_BYTES:
            found.icc += peek.at(segment.value, segment.length)[_ICC_HEAD_BYTES:]
        case _:
            pass


def _word(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 2], "big")
