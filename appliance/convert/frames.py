"""Owns the frames of encapsulated pixel data: decoding each to values that its header describes.

Colours that a lossy JPEG or a JPEG 2000 has mixed are RGB again, as every viewer would show them;
no other value is changed. A frame that does not decode to what the header says is no frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from imagecodecs import jpeg2k_decode, jpeg8_decode, jpegls_decode

from appliance import jpeg, jpeg2000
from appliance.convert import run_length
from appliance.convert.jpeg_frame import COLOUR, frame_of
from appliance.peek import Garbled, within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from appliance.convert.jpeg_frame import Frame

_BYTE_BITS = 8
_EOI_BYTES = 2
_FILLER = b"\x55\xaa" * 128
_MIXED = frozenset({"YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header says of each frame (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    allocated: int
    signed: bool
    photometric: str

    @property
    def sample_bytes(self) -> int:
        """Length of one value."""
        return self.allocated // _BYTE_BITS

    @property
    def array(self) -> tuple[int, ...]:
        """A frame as an array."""
        return (self.rows, self.columns, *([self.samples] * (self.samples > 1)))

    @property
    def frame_bytes(self) -> int:
        """Length of a frame that is not compressed."""
        return self.rows * self.columns * self.samples * self.sample_bytes


class Decoded(NamedTuple):
    """One frame."""

    values: NDArray[np.generic]
    photometric: str
    method: str  # PS3.3 C.7.6.1.1.5.2, of what has lost something; else ""


def decoded(content: bytes, syntax: str, shape: Shape) -> Decoded:
    """A frame in that transfer syntax.

    Raises Misfit where it is not what the header says; whatever a codec raises flies.
    """
    found = _DECODERS[syntax](content, shape)
    values = _fitting(found.values, shape)
    return found._replace(values=values)


def known(syntax: str) -> bool:
    """Whether frames in that transfer syntax can be decoded here."""
    return syntax in _DECODERS


def _fitting(values: NDArray[np.generic], shape: Shape) -> NDArray[np.generic]:
    if values.shape != shape.array:
        raise Garbled(detail=f"a frame of it is {_size(values.shape)}, not {_size(shape.array)}")
    kind = np.dtype(f"<{'i' if shape.signed else 'u'}{shape.sample_bytes}")
    if not np.can_cast(values.dtype, kind):
        raise Garbled(detail=f"a frame of it has values of {values.dtype}, not of {kind}")
    return values.astype(kind)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


# --- JPEG ----------------------------------------------------------------------------------------


def _jpeg(content: bytes, shape: Shape) -> Decoded:
    frame = frame_of(within(content))
    is_mixed = len(frame.components) == COLOUR and not frame.is_lossless and _mixes(frame, shape)
    coloured = len(frame.components) == COLOUR
    before, after = ("YCBCR" if is_mixed else "RGB", "RGB") if coloured else (None, None)

    def decode(stream: bytes) -> NDArray[np.generic]:
        return jpeg8_decode(stream, colorspace=before, outcolorspace=after)

    values = _to_its_end(content, frame, decode)
    photometric = "RGB" if coloured and not frame.is_lossless else _unmixed(shape)
    method = "" if frame.is_lossless else "ISO_10918_1"
    return Decoded(_signed(values, frame.precision, shape), photometric, method)


def _mixes(frame: Frame, shape: Shape) -> bool:
    """Whether colours are YCbCr: by Adobe's marker, else by the header, as viewers have it."""
    if frame.adobe_transform is not None:
        return frame.adobe_transform != 0
    return shape.photometric != "RGB"


def _to_its_end(
    content: bytes, frame: Frame, decode: Callable[[bytes], NDArray[np.generic]]
) -> NDArray[np.generic]:
    """Decode; where libjpeg lacks data it makes up the rest, and tells nobody.

    So it is done again with more data before the end: a whole stream does not need them.
    """
    end = frame.end - _EOI_BYTES
    values = decode(content[: frame.end])
    # Any number of FF may stand before a marker (T.81 B.1.1.2).
    longer = content[:end].rstrip(b"\xff") + _FILLER + content[end : frame.end]
    if not np.array_equal(values, decode(longer)):
        raise Garbled(detail="a frame of it ends early")
    return values


def _jpeg_ls(content: bytes, shape: Shape) -> Decoded:
    frame = frame_of(within(content))
    if frame.marker != jpeg.JPEG_LS:
        raise Garbled(detail="a frame of it is no JPEG-LS")
    values = jpegls_decode(content[: frame.end])
    photometric = "RGB" if frame.has_own_transform else _unmixed(shape)
    method = "" if frame.is_lossless else "ISO_14495_1"
    return Decoded(_signed(values, frame.precision, shape), photometric, method)


# --- JPEG 2000 -----------------------------------------------------------------------------------


def _jpeg_2000(content: bytes, shape: Shape) -> Decoded:
    stream, _ = jpeg2000.read(within(content))
    if stream.is_subsampled or len(set(stream.depths)) != 1:
        raise Garbled(detail="the colours of a frame of it differ in size or depth")
    bits, is_signed = stream.depths[0]
    if is_signed and not shape.signed:
        raise Garbled(detail="a frame of it has values below zero, which its header rules out")
    values = jpeg2k_decode(content[: stream.end], numthreads=1)
    photometric = "RGB" if stream.mixes_components else _unmixed(shape)
    method = "" if stream.is_reversible else "ISO_15444_1"
    return Decoded(_signed(values, bits, shape), photometric, method)


# --- what they have in common --------------------------------------------------------------------


def _rle(content: bytes, shape: Shape) -> Decoded:
    values = run_length.unpacked(content, shape)
    # Its planes are all of one size, so no colours are halved, whatever the header calls it.
    photometric = "YBR_FULL" if shape.photometric == "YBR_FULL_422" else shape.photometric
    if shape.signed:
        values = values.view(f"<i{shape.sample_bytes}")
    return Decoded(values, photometric, "")


def _unmixed(shape: Shape) -> str:
    """What the values mean that a codec gives as they are."""
    if shape.photometric in _MIXED:
        return "RGB"
    return "YBR_FULL" if shape.photometric == "YBR_FULL_422" else shape.photometric


def _signed(values: NDArray[np.generic], bits: int, shape: Shape) -> NDArray[np.generic]:
    """Values below zero, which JPEG carries as the bits that they are, get their sign back."""
    if not shape.signed or values.dtype.kind == "i" or values.dtype.itemsize > shape.sample_bytes:
        return values
    beyond = shape.allocated - bits
    whole = values.astype(f"<u{shape.sample_bytes}").view(f"<i{shape.sample_bytes}")
    return (whole << beyond) >> beyond


_JPEG = "1.2.840.10008.1.2.4."
_DECODERS: Mapping[str, Callable[[bytes, Shape], Decoded]] = {
    **dict.fromkeys((_JPEG + each for each in ("50", "51", "53", "55", "57", "70")), _jpeg),
    **dict.fromkeys((_JPEG + each for each in ("80", "81")), _jpeg_ls),
    **dict.fromkeys((_JPEG + each for each in ("90", "91", "201", "202", "203")), _jpeg_2000),
    "1.2.840.10008.1.2.5": _rle,
}
