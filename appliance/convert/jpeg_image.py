"""Owns reading JPEG and JPEG-LS: the compressed stream is kept byte for byte wherever DICOM can
carry it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagecodecs import jpeg8_decode, jpegls_decode

from appliance import jpeg
from appliance.convert import pixels, raster, streams, upright
from appliance.convert.colour import icc
from appliance.convert.jpeg_frame import COLOUR, GREY, Frame, frame_of
from appliance.convert.source import decoding
from appliance.errors import UnsupportedFormat
from appliance.model import Slice
from appliance.peek import Format, opened
from appliance.settings import transfer_syntaxes as syntaxes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from appliance.convert.pixels import Layout
    from appliance.convert.source import Found, Source

_FIRST_PREDICTOR = 1
_KEPT = {jpeg.BASELINE: syntaxes.JPEG_BASELINE, jpeg.EXTENDED: syntaxes.JPEG_EXTENDED}
_DCT = frozenset({*_KEPT, jpeg.PROGRESSIVE})
_DEPTHS: Mapping[int, Collection[int]] = {
    jpeg.BASELINE: (8,),
    jpeg.EXTENDED: (8, 12),
    jpeg.PROGRESSIVE: (8, 12),
    jpeg.LOSSLESS: range(2, 17),
    jpeg.JPEG_LS: range(2, 17),
}
"""What can be read, and the bits it may have (T.81 B.2.2, T.87 C.2.2)."""

_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7})
_PRINTED = 4  # cyan, magenta, yellow and black
_BYTE_BITS = 8
_DECODED = "Its pixels were decoded, since DICOM has no place for this kind of JPEG as it is."
_MIXED = "Its four printing colours were made red, green and blue by the simple formula."


def read(source: Source) -> tuple[Found, ...]:
    """One JPEG image. Raises Quarantined, and Held where nobody says what is white."""
    with decoding(source, Format.JPEG), opened(source.path) as peek:
        frame = frame_of(peek)
        if reason := _unusual(frame):
            raise UnsupportedFormat(name=source.name, detail=reason)
        layout = _layout(source, frame)
        must_decode = _must_be_decoded(frame) or pixels.must_turn(source, layout)
        found = (_pixels if must_decode else _kept)(source, frame, layout)
        return (replace(found, claims=tuple(raster.dates(frame.said))),)


def _unusual(frame: Frame) -> str:
    """Why nothing here can read it; "" where something can."""
    if frame.marker in _HIERARCHICAL:
        return "it is a hierarchical JPEG, of several sizes in one"
    if frame.marker not in _DEPTHS:
        return "it is an arithmetic coded JPEG, which PACS viewers do not read"
    if frame.has_own_transform or frame.has_palette:
        return "it is a JPEG-LS with colours of its own"
    if frame.precision not in _DEPTHS[frame.marker]:
        return f"it is a JPEG of {frame.precision} bits, which that kind of JPEG does not have"
    may_be_printed = frame.marker in _DCT and frame.precision == _BYTE_BITS
    many = {GREY, COLOUR, _PRINTED} if may_be_printed else {GREY, COLOUR}
    known = len(frame.components) in many and frame.rows and frame.columns
    return "" if known else "it is a JPEG of an unusual kind"


def _layout(source: Source, frame: Frame) -> Layout:
    """How the pixels would lie; a JPEG-LS seldom says what they mean. Raises Held."""
    if frame.marker != jpeg.JPEG_LS or frame.photometric:
        return frame.layout
    is_colour = len(frame.components) == COLOUR
    return replace(frame.layout, photometric=pixels.told(source, colour=is_colour))


def _must_be_decoded(frame: Frame) -> bool:
    return (
        frame.marker == jpeg.PROGRESSIVE
        or len(frame.components) == _PRINTED
        or raster.orientation(frame.said) != upright.UPRIGHT
    )


def _kept(source: Source, frame: Frame, layout: Layout) -> Found:
    piece = Slice(source.path, 0, frame.end)
    decode = jpegls_decode if frame.marker == jpeg.JPEG_LS else _decode
    return streams.kept(source, layout, piece, _syntax(frame), decode, _extra(frame))


def _syntax(frame: Frame) -> str:
    if frame.marker == jpeg.JPEG_LS:
        return syntaxes.JPEG_LS_LOSSLESS if frame.is_lossless else syntaxes.JPEG_LS_NEAR
    if frame.marker == jpeg.LOSSLESS:
        is_first = frame.selections == {_FIRST_PREDICTOR}
        return syntaxes.JPEG_LOSSLESS_FIRST if is_first else syntaxes.JPEG_LOSSLESS
    return _KEPT[frame.marker]


def _extra(frame: Frame) -> Mapping[str, object]:
    profile = icc(frame.icc) if len(frame.components) == COLOUR else {}
    if frame.is_lossless:
        return profile
    method = "ISO_14495_1" if frame.marker == jpeg.JPEG_LS else "ISO_10918_1"
    samples = frame.rows * frame.columns * len(frame.components) * frame.precision
    return {**profile, **streams.lossy(samples / _BYTE_BITS, frame.end, method)}


# --- what DICOM has no place for -----------------------------------------------------------------


def _pixels(source: Source, frame: Frame, layout: Layout) -> Found:
    note = _MIXED if len(frame.components) == _PRINTED else _DECODED
    if frame.marker == jpeg.PROGRESSIVE:  # libjpeg keeps all its coefficients until the end
        pixels.must_fit(source, layout, pixels.MAX_DECODED_BYTES // 2)
    if frame.marker in _DCT and frame.precision == _BYTE_BITS:
        with raster.opened(source, Format.JPEG) as image:
            found = raster.decoded(source, image, _extra(frame))
    else:
        found = _by_codec(source, frame, layout)
    return replace(found, notes=(*found.notes, note))


def _by_codec(source: Source, frame: Frame, layout: Layout) -> Found:
    is_ls = frame.marker == jpeg.JPEG_LS
    piece = Slice(source.path, 0, frame.end)
    values = streams.decoded(source, layout, piece, jpegls_decode if is_ls else _decode)
    values = upright.turned(values, raster.orientation(frame.said))
    layout = replace(layout, rows=values.shape[0], columns=values.shape[1])
    if layout.samples > 1 and not is_ls:
        layout = replace(layout, photometric="RGB")  # libjpeg makes it so
    return pixels.written(source, layout, pixels.bands(values, layout), _extra(frame))


def _decode(content: bytes) -> NDArray[np.generic]:
    return jpeg8_decode(content)
