"""Owns reading one frame thinly: every so many rows and columns, so that a huge one fits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from pydicom.encaps import get_frame

from appliance import elements
from appliance.convert import frames
from appliance.errors import UnsupportedFormat
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from appliance.convert.frames import Shape
    from appliance.convert.negative import Negative

_BYTE_BITS = 8
_COLOUR = 3
_DEPTHS = frozenset({1, 8, 16, 32, 64})
_HALVED = "YBR_FULL_422"
_BASELINE = "1.2.840.10008.1.2.4.50"


class Sample(NamedTuple):
    """Values of one frame, greyscale (rows, columns) or colour (rows, columns, 3)."""

    values: NDArray[np.generic]
    photometric: str


def sampled(negative: Negative, frame: int, most: int) -> Sample:
    """Frame number `frame`, from 1 on, with at most `most` rows and columns.

    Raises Misfit, and Quarantined where nothing here can decode it; what a codec raises flies.
    """
    if not 0 < frame <= negative.frames:
        raise Garbled(detail=f"it has {negative.frames} frames")
    shape = negative.shape
    step = max(1, -(-max(shape.rows, shape.columns) // most))
    if not _is_compressed(negative):
        return _Native(negative, shape, step).sample(frame - 1)
    content = _stream(negative, frame)
    if _can_be_scaled(negative, shape):
        return _scaled(content, shape, most)
    if not frames.known(negative.transfer_syntax_uid):
        detail = f"nothing here can decode it (transfer syntax {negative.transfer_syntax_uid})"
        raise UnsupportedFormat(name="it", detail=detail)
    found = frames.decoded(content, negative.transfer_syntax_uid, shape)
    return Sample(found.values[::step, ::step], found.photometric)


# --- compressed ----------------------------------------------------------------------------------


def _is_compressed(negative: Negative) -> bool:
    return negative.is_bare or negative.transfer_syntax_uid not in elements.NATIVE


def _stream(negative: Negative, frame: int) -> bytes:
    start, end = negative.start, negative.end
    if negative.is_bare:
        return negative.stretch.read(start, end - start)
    file = negative.stretch.file(start, end)
    found: bytes = get_frame(file, frame - 1, number_of_frames=negative.frames)
    return found


def _can_be_scaled(negative: Negative, shape: Shape) -> bool:
    """Whether libjpeg can decode it as small as it is wanted: where it would take colours for
    mixed that the header says are not, it cannot.
    """
    is_understood = shape.samples == 1 or negative.is_bare or shape.photometric.startswith("YBR")
    return negative.transfer_syntax_uid == _BASELINE and is_understood and not shape.signed


def _scaled(content: bytes, shape: Shape, most: int) -> Sample:
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        image.draft(None, (most // 2, most // 2))
        is_colour = shape.samples > 1
        values = np.asarray(image.convert("RGB" if is_colour else "L"))
    return Sample(values, "RGB" if is_colour else shape.photometric)


# --- native --------------------------------------------------------------------------------------


class _Native:
    """Pixels that lie there as they are (PS3.5 8.1.1)."""

    def __init__(self, negative: Negative, shape: Shape, step: int) -> None:
        if shape.allocated not in _DEPTHS or (shape.samples not in {1, _COLOUR}):
            raise Garbled(detail="its header does not say how its pixels lie")
        self._negative = negative
        self._shape = shape
        self._step = step
        self._halved = shape.photometric == _HALVED and shape.samples == _COLOUR
        self._by_plane = shape.samples > 1 and negative.whole("PlanarConfiguration") == 1
        letter = "f" if negative.is_float else "i" if shape.signed else "u"
        self._kind = np.dtype(f"<{letter}{max(shape.allocated // _BYTE_BITS, 1)}")

    def sample(self, index: int) -> Sample:
        shape, samples = self._shape, 1 if self._by_plane else self._shape.samples
        planes = shape.samples // samples
        samples = 2 if self._halved else samples  # two pixels have one pair of colours
        row_bits = shape.columns * samples * shape.allocated
        plane_bits = shape.rows * row_bits
        values = [
            self._plane((index * planes + plane) * plane_bits, row_bits) for plane in range(planes)
        ]
        photometric = "YBR_FULL" if self._halved else shape.photometric
        return Sample(np.stack(values, axis=-1) if planes > 1 else values[0], photometric)

    def _plane(self, start_bits: int, row_bits: int) -> NDArray[np.generic]:
        return np.stack(list(self._rows(start_bits, row_bits)))

    def _rows(self, start_bits: int, row_bits: int) -> Iterator[NDArray[np.generic]]:
        for row in range(0, self._shape.rows, self._step):
            values = self._row(start_bits + row * row_bits, row_bits)
            yield self._masked(values)[:: self._step].copy()

    def _row(self, start_bits: int, bits: int) -> NDArray[np.generic]:
        start = start_bits // _BYTE_BITS
        content = self._bytes(start, -(-(start_bits + bits) // _BYTE_BITS) - start)
        if self._shape.allocated == 1:
            skip = start_bits % _BYTE_BITS
            packed = np.frombuffer(content, np.uint8)
            return np.unpackbits(packed, bitorder="little")[skip : skip + bits]
        values: NDArray[np.generic] = np.frombuffer(content, self._kind)
        if self._halved:
            return _whole(values)
        return values if values.size == self._shape.columns else values.reshape(-1, _COLOUR)

    def _bytes(self, start: int, length: int) -> bytes:
        """A part of the pixels, in little endian order."""
        negative = self._negative
        if start + length > negative.end - negative.start:
            raise Garbled(detail="it has fewer pixels than its header says")
        if not negative.swaps_words:
            return negative.stretch.read(negative.start + start, length)
        width = max(self._kind.itemsize, 2)
        begin, end = start - start % width, -(-(start + length) // width) * width
        content = negative.stretch.read(negative.start + begin, end - begin)
        words = np.frombuffer(content, f"u{width}").byteswap().tobytes()
        return words[start - begin :][:length]

    def _masked(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Without what lies beside the meaningful bits: old overlays, mostly (PS3.5 8.1.2)."""
        stored = self._negative.whole("BitsStored")
        high = self._negative.whole("HighBit") or stored - 1
        above, beside = self._shape.allocated - 1 - high, self._shape.allocated - stored
        is_said = 0 <= above <= beside < self._shape.allocated
        if not (is_said and beside) or values.dtype.kind == "f":
            return values
        found: NDArray[np.generic] = np.right_shift(np.left_shift(values, above), beside)
        return found


def _whole(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Pairs of pixels with their colours (PS3.3 C.7.6.3.1.2), each pixel with its own."""
    pairs = values.reshape(-1, 4)
    light = pairs[:, :2].reshape(-1)
    colours = np.repeat(pairs[:, 2:], 2, axis=0)
    return np.column_stack([light, colours])
