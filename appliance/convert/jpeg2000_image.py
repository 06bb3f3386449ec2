"""Owns reading JPEG 2000: the codestream is kept byte for byte wherever DICOM can carry it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagecodecs import jpeg2k_decode

from appliance import jpeg2000
from appliance.convert import pixels, raster, streams
from appliance.convert.colour import icc
from appliance.convert.pixels import Layout
from appliance.convert.source import decoding
from appliance.errors import UnsupportedFormat
from appliance.model import Slice
from appliance.peek import Format, opened
from appliance.settings import sop_classes as sop
from appliance.settings import transfer_syntaxes as syntaxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from appliance.convert.source import Found, Source
    from appliance.jpeg2000 import Stream, Wrapper

_GREY, _COLOUR = 1, 3
_BYTE_BITS, _MOST_BITS = 8, 16
# PS3.3 C.8.5.6.1.2, C.8.12.1.1.1.
_MIXED_ONLY = frozenset({sop.US_IMAGE, sop.US_MULTI_FRAME, sop.VL_ENDOSCOPIC, sop.VL_PHOTOGRAPHIC})
_ICC_SPACE = slice(16, 20)
_DECODED = "Its pixels were decoded, since DICOM has no place for this kind of JPEG 2000 as it is."


def read(source: Source) -> tuple[Found, ...]:
    """One JPEG 2000 image. Raises Quarantined, and Held where nobody says what is white."""
    with decoding(source, Format.JPEG2000), opened(source.path) as peek:
        stream, wrapper = jpeg2000.read(peek)
        if reason := _unusual(stream):
            raise UnsupportedFormat(name=source.name, detail=reason)
        channels = len(stream.depths)
        if wrapper.is_plain and channels in {_GREY, _COLOUR} and not stream.is_subsampled:
            layout = _layout(stream, _photometric(source, stream, wrapper))
            if not (_must_be_native(source, layout) or pixels.must_turn(source, layout)):
                return (_kept(source, stream, wrapper, layout),)
        return (_pixels(source, stream, wrapper),)


def _unusual(stream: Stream) -> str:
    """Why nothing here can read it; "" where something can."""
    if stream.is_extended:
        return "it is JPEG 2000 with extensions, such as HTJ2K"
    bits, signed = stream.depths[0] if stream.depths else (0, False)
    if len(set(stream.depths)) != 1 or not 1 < bits <= _MOST_BITS:
        return "it is JPEG 2000 of an unusual depth"
    if signed and len(stream.depths) > 1:
        return "it is JPEG 2000 with signed colours"
    return ""


def _must_be_native(source: Source, layout: Layout) -> bool:
    """Ultrasound and visible light know a JPEG 2000 only of colours that it has mixed."""
    attributes, _ = pixels.shape(source, layout)
    return layout.photometric == "RGB" and attributes["SOPClassUID"] in _MIXED_ONLY


def _layout(stream: Stream, photometric: str) -> Layout:
    bits, signed = stream.depths[0]
    allocated = _BYTE_BITS if bits <= _BYTE_BITS else _MOST_BITS
    return Layout(stream.rows, stream.columns, allocated, bits, photometric, signed)


def _photometric(source: Source, stream: Stream, wrapper: Wrapper) -> str:
    """By the colour box; a bare codestream says it only where it mixes its components."""
    space = wrapper.colour_space
    if len(stream.depths) == _GREY:
        is_said = space == jpeg2000.GREYSCALE or wrapper.icc[_ICC_SPACE] == b"GRAY"
        return "MONOCHROME2" if is_said else pixels.told(source)
    if stream.mixes_components:
        return "YBR_RCT" if stream.is_reversible else "YBR_ICT"
    if space == jpeg2000.SYCC:
        return "YBR_FULL"
    is_rgb = space == jpeg2000.SRGB or wrapper.icc[_ICC_SPACE] == b"RGB "
    return "RGB" if is_rgb else pixels.told(source, colour=True)


def _kept(source: Source, stream: Stream, wrapper: Wrapper, layout: Layout) -> Found:
    piece = Slice(source.path, stream.start, stream.end - stream.start)
    syntax = syntaxes.JPEG_2000_REVERSIBLE if stream.is_reversible else syntaxes.JPEG_2000
    extra = _extra(stream, wrapper if layout.samples > 1 else None)
    return streams.kept(source, layout, piece, syntax, _decode, extra)


def _extra(stream: Stream, coloured: Wrapper | None) -> Mapping[str, object]:
    profile = icc(coloured.icc) if coloured else {}
    if stream.is_reversible:
        return profile
    size_bits = stream.rows * stream.columns * sum(bits for bits, _ in stream.depths)
    packed_bytes = stream.end - stream.start
    return {**profile, **streams.lossy(size_bits / _BYTE_BITS, packed_bytes, "ISO_15444_1")}


def _pixels(source: Source, stream: Stream, wrapper: Wrapper) -> Found:
    """What is not one component a colour: palettes, alpha, halved colours."""
    channels = len(stream.depths)
    whole = Slice(source.path, 0, stream.end)
    worst = replace(_layout(stream, ""), columns=stream.columns * max(channels, _COLOUR))
    values = raster.opaque(source, streams.decoded(source, worst, whole, _decode))
    is_colour = values.ndim == _COLOUR
    photometric = "RGB" if is_colour else _photometric(source, stream, wrapper)
    layout = replace(_layout(stream, photometric), rows=values.shape[0], columns=values.shape[1])
    extra = _extra(stream, wrapper if is_colour else None)
    found = pixels.written(source, layout, pixels.bands(values, layout), extra)
    return replace(found, notes=(*found.notes, _DECODED))


def _decode(content: bytes) -> NDArray[np.generic]:
    return jpeg2k_decode(content, numthreads=1)
