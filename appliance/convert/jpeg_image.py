"""Owns reading JPEG: the compressed stream is kept byte for byte wherever DICOM can carry it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance import jpeg
from appliance.convert import pixels, raster
from appliance.convert.pixels import Layout
from appliance.convert.source import Found, decoding
from appliance.errors import UnsupportedFormat
from appliance.model import BodyKind, Slice
from appliance.peek import Format, opened

if TYPE_CHECKING:
    from appliance.convert.source import Source
    from appliance.peek import Peek

_PROGRESSIVE = 0xC2
_SYNTAXES = {
    jpeg.BASELINE: "1.2.840.10008.1.2.4.50",
    jpeg.EXTENDED: "1.2.840.10008.1.2.4.51",
}
_METHOD = "ISO_10918_1"
_GREY, _COLOUR = 1, 3
_UPRIGHT = 1
_BYTE_BITS = 8


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a stream's own markers say (ITU-T T.81 B.2.2, and Adobe's APP14)."""

    marker: int
    precision: int
    rows: int
    columns: int
    components: tuple[tuple[int, int], ...]  # identifier, sampling factors
    adobe_transform: int | None
    has_jfif: bool
    end: int

    @property
    def photometric(self) -> str:
        """How the three components are to be understood; "" for grey."""
        if len(self.components) == _GREY:
            return ""
        identifiers = bytes(identifier for identifier, _ in self.components)
        untold = self.adobe_transform is None and not self.has_jfif
        if self.adobe_transform == 0 or (untold and identifiers == b"RGB"):
            return "RGB"
        whole = len({sampling for _, sampling in self.components}) == 1
        return "YBR_FULL" if whole else "YBR_FULL_422"

    @property
    def layout(self) -> Layout:
        """How the pixels would lie, were they decoded."""
        bits = _BYTE_BITS if self.precision == _BYTE_BITS else 2 * _BYTE_BITS
        return Layout(self.rows, self.columns, bits, self.precision, self.photometric)


def read(source: Source) -> Found:
    """One JPEG image. Raises Quarantined."""
    with decoding(source, Format.JPEG), opened(source.path) as peek:
        frame = _frame(source, peek)
    if len(frame.components) not in {_GREY, _COLOUR} or not frame.rows:
        raise UnsupportedFormat(name=source.name, detail="it is a JPEG of an unusual kind")
    if frame.precision > _BYTE_BITS:
        return _stream(source, frame)
    with raster.opened(source, Format.JPEG) as image:
        claims = tuple(raster.dates(image))
        upright = raster.orientation(image) == _UPRIGHT
        if frame.marker in _SYNTAXES and upright:
            return replace(_stream(source, frame), claims=claims)
        if frame.marker in _SYNTAXES or frame.marker == _PROGRESSIVE:
            pixels.must_fit(source, frame.layout)
            return replace(raster.decoded(source, image, _lossy(frame)), claims=claims)
    raise UnsupportedFormat(name=source.name, detail="it is a JPEG of an unusual kind")


def _stream(source: Source, frame: _Frame) -> Found:
    if frame.marker not in _SYNTAXES:
        raise UnsupportedFormat(name=source.name, detail="it is a JPEG of an unusual kind")
    pixels.must_fit(source, frame.layout, pixels.MAX_NATIVE_BYTES)
    attributes, notes = pixels.shape(source, frame.layout)
    piece = Slice(source.path, 0, frame.end)
    syntax = _SYNTAXES[frame.marker]
    return Found(BodyKind.STREAM, syntax, (piece,), {**attributes, **_lossy(frame)}, (), notes)


def _lossy(frame: _Frame) -> dict[str, object]:
    """What must be said of an image that lost something (PS3.3 C.7.6.1.1.5)."""
    samples = frame.rows * frame.columns * len(frame.components) * frame.precision
    return {
        "ImageType": ["DERIVED", "PRIMARY"],
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": round(samples / _BYTE_BITS / frame.end, 2),
        "LossyImageCompressionMethod": _METHOD,
    }


def _frame(source: Source, peek: Peek) -> _Frame:
    header: tuple[int, int, int, int] | None = None
    components: tuple[tuple[int, int], ...] = ()
    adobe: int | None = None
    has_jfif, end = False, 0
    for segment in jpeg.segments(peek):
        content = peek.at(segment.value, min(segment.length, 64)) if segment.length else b""
        if segment.marker in jpeg.SOF and header is None:
            header = (segment.marker, content[0], _word(content, 1), _word(content, 3))
            components = tuple(
                (content[at], content[at + 1]) for at in range(6, 6 + 3 * content[5], 3)
            )
        elif segment.marker == jpeg.APP14 and content.startswith(b"Adobe"):
            adobe = content[11]
        elif segment.marker == jpeg.APP0:
            has_jfif = has_jfif or content.startswith(b"JFIF")
        end = segment.end
    if header is None:
        raise UnsupportedFormat(name=source.name, detail="it holds no image")
    return _Frame(*header, components, adobe, has_jfif, end)


def _word(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 2], "big")
