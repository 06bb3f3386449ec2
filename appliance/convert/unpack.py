"""Owns making the pixels of an object anew for another transfer syntax; its header is route's.

Frame by frame, so that however many there are only one is in memory.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom.encaps import generate_frames

from appliance import elements
from appliance.convert import dicom_file, frames, run_length
from appliance.convert.frames import Shape
from appliance.convert.source import decoding
from appliance.elements import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE
from appliance.errors import UnsupportedFormat
from appliance.model import Body, BodyKind, Slice
from appliance.peek import Format, Garbled
from appliance.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from appliance.convert.source import Source
    from appliance.elements import Coding, Element
    from appliance.model import Instance

RLE_LOSSLESS = "1.2.840.10008.1.2.5"

_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_ROWS, _COLUMNS, _ALLOCATED, _SIGNED = 0x00280010, 0x00280011, 0x00280100, 0x00280103
_PLANAR, _LOSSY = 0x00280006, 0x00282110
_OFFSETS, _LENGTHS = 0x7FE00001, 0x7FE00002
_WANTED = frozenset(
    {_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS, _ALLOCATED, _SIGNED, _PLANAR, _LOSSY}
    | {_OFFSETS, _LENGTHS}
)
_MAX_VALUE_BYTES = 1 << 22
_MAX_NATIVE_BYTES = (1 << 32) - 2
_WORTH = 0.95
"""Compressed, it must be shorter than this part of it; else it is not worth anybody's while."""

_DEPTHS = frozenset({8, 16, 32})
_PLAIN_COLOURS = frozenset({"RGB", "YBR_FULL"})
_WORD = 2
_MOST_BITS = 16  # of a value that is one word
_CHUNK_BYTES = 1 << 20
_NOTHING = np.empty(0, np.uint8)


def unpacked(source: Source, instance: Instance, transfer_syntax_uid: str) -> tuple[Body, ...]:
    """The body for `instance` in that transfer syntax; nothing where its pixels may stay.

    Raises Quarantined, for it cannot be made of what came, or Held.
    """
    with decoding(source, Format.DICOM):
        if instance.transfer_syntax_uid == DEFLATED_LE:
            return (_inflated(source, instance),)
        _must_be_known(source, instance.transfer_syntax_uid)
        image = _image(instance)
        if image is None:
            return ()
        if image.syntax not in elements.NATIVE:
            return (_decoded(source, image),)
        if transfer_syntax_uid == RLE_LOSSLESS:
            return _compressed(source, image)
        return (_turned(source, image),)


def _inflated(source: Source, instance: Instance) -> Body:
    peek = Stretch(instance.pieces).peek()
    path = source.make_body(lambda write: dicom_file.unpack(peek, 0, write))
    whole = Slice(path, 0, path.stat().st_size)
    return Body(1, BodyKind.DATASET, EXPLICIT_LE, path.name, (whole,))


# --- what there is -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Image:
    """An object with pixels."""

    stretch: Stretch
    syntax: str
    coding: Coding
    values: Mapping[int, bytes]
    pixels: Element

    def number(self, tag: int, default: int = 0) -> int:
        value = self.values.get(tag, b"")
        if len(value) < _WORD:
            return default
        found: int = struct.unpack_from(f"{self.coding.order}H", value)[0]
        return found

    def text(self, tag: int) -> str:
        return self.values.get(tag, b"").decode("latin-1").strip("\0 ")

    @property
    def frames(self) -> int:
        return int(self.text(_FRAMES) or 1)

    @property
    def shape(self) -> Shape:
        """Raises Garbled where it cannot be so."""
        found = Shape(
            self.number(_ROWS),
            self.number(_COLUMNS),
            self.number(_SAMPLES, 1),
            self.number(_ALLOCATED),
            bool(self.number(_SIGNED)),
            self.text(_PHOTOMETRIC),
        )
        if found.allocated not in _DEPTHS or not found.frame_bytes * self.frames > 0:
            raise Garbled(detail="its header does not say how its pixels lie")
        if found.frame_bytes * self.frames > _MAX_NATIVE_BYTES:
            raise Garbled(detail="uncompressed it would be too long for one object")
        return found


def _image(instance: Instance) -> _Image | None:
    stretch, syntax = Stretch(instance.pieces), instance.transfer_syntax_uid
    peek, coding = stretch.peek(), elements.coding_of(syntax)
    values: dict[int, bytes] = {}
    for each in elements.walk(peek, 0, coding):
        if each.tag in elements.PIXEL_DATA:
            return _Image(stretch, syntax, coding, values, each)
        if each.tag in _WANTED and each.end - each.value <= _MAX_VALUE_BYTES:
            values[each.tag] = peek.at(each.value, each.end - each.value)
    return None


# --- from compressed -----------------------------------------------------------------------------


def _must_be_known(source: Source, syntax: str) -> None:
    """Films (MPEG) are not, nor are pixels that lie elsewhere (JPIP). Raises Quarantined."""
    if syntax not in elements.NATIVE and not frames.known(syntax):
        detail = f"nothing here can decode it (transfer syntax {syntax})"
        raise UnsupportedFormat(name=source.name, detail=detail)


def _decoded(source: Source, image: _Image) -> Body:
    shape, seen, packed_bytes = image.shape, list[frames.Decoded](), 0

    def produce(write: Callable[[bytes], object]) -> None:
        nonlocal packed_bytes
        for content in _encapsulated(image):
            packed_bytes += len(content)
            frame = frames.decoded(content, image.syntax, shape)
            write(frame.values.tobytes())
            seen.append(frame._replace(values=_NOTHING))
        _must_be_alike(seen, image)

    path = source.make_body(produce)
    whole = Slice(path, 0, shape.frame_bytes * image.frames)
    said = _said(image, seen[0], whole.length / packed_bytes)
    return Body(1, BodyKind.PIXELS, EXPLICIT_LE, path.name, (whole,), said)


def _must_be_alike(seen: list[frames.Decoded], image: _Image) -> None:
    if len(seen) != image.frames:
        raise Garbled(detail=f"it has {len(seen)} frames, not {image.frames}")
    if len({(each.photometric, each.method) for each in seen}) > 1:
        raise Garbled(detail="its frames are of several kinds")


def _said(image: _Image, frame: frames.Decoded, ratio: float) -> dict[str, object]:
    """What must be said otherwise of it now."""
    shape = image.shape
    said: dict[str, object] = {"BitsAllocated": shape.allocated}
    if frame.photometric != shape.photometric:
        said["PhotometricInterpretation"] = frame.photometric
    if shape.samples > 1 and image.number(_PLANAR):
        said["PlanarConfiguration"] = 0
    if frame.method and image.text(_LOSSY) != "01":  # and for ever (PS3.3 C.7.6.1.1.5)
        said |= {
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": round(ratio, 2),
            "LossyImageCompressionMethod": frame.method,
        }
    return said


def _encapsulated(image: _Image) -> Iterator[bytes]:
    """The frames as they are compressed (PS3.5 A.4)."""
    if not elements.is_undefined(image.stretch.peek(), image.pixels, image.coding):
        raise Garbled(detail="its pixels are not compressed, though it says so")
    tables = image.values.get(_OFFSETS, b""), image.values.get(_LENGTHS, b"")
    return generate_frames(
        image.stretch.file(image.pixels.value, image.pixels.end),
        number_of_frames=image.frames,
        extended_offsets=tables if all(tables) else None,
    )


# --- from uncompressed ---------------------------------------------------------------------------


class _NotWorthIt(Exception):
    """It would hardly be shorter."""


def _compressed(source: Source, image: _Image) -> tuple[Body, ...]:
    """Run length encoded (PS3.5 G), one fragment a frame; nothing where that is hardly shorter."""
    shape, sizes = image.shape, list[int]()
    if shape.samples > 1 and shape.photometric not in _PLAIN_COLOURS:
        return ()
    most = int(shape.frame_bytes * image.frames * _WORTH)

    def produce(write: Callable[[bytes], object]) -> None:
        for values in _native(image, shape):
            frame = run_length.packed(values)
            sizes.append(len(frame))
            if sum(sizes) > most:
                raise _NotWorthIt
            write(frame)

    try:
        path = source.make_body(produce)
    except _NotWorthIt:
        return ()
    slices = tuple(Slice(path, sum(sizes[:n]), size) for n, size in enumerate(sizes))
    said = {"NumberOfFrames": image.frames}
    return (Body(1, BodyKind.STREAM, RLE_LOSSLESS, path.name, slices, said),)


def _native(image: _Image, shape: Shape) -> Iterator[NDArray[np.generic]]:
    """The frames of pixels that lie there as they are."""
    if image.pixels.end - image.pixels.value < shape.frame_bytes * image.frames:
        raise Garbled(detail="it has fewer pixels than its header says")
    is_by_plane = shape.samples > 1 and image.number(_PLANAR) == 1
    kind = np.dtype(f"<u{shape.sample_bytes}")
    lies = (shape.samples, *shape.array[:2]) if is_by_plane else shape.array
    for number in range(image.frames):
        at = image.pixels.value + number * shape.frame_bytes
        values = np.frombuffer(image.stretch.read(at, shape.frame_bytes), kind).reshape(lies)
        yield np.moveaxis(values, 0, -1) if is_by_plane else values


def _turned(source: Source, image: _Image) -> Body:
    """From big endian: each word of the pixels turned round (PS3.5 7.3)."""
    if image.syntax != EXPLICIT_BE or image.shape.allocated > _MOST_BITS:
        raise Garbled(detail="its pixels lie in an unusual way")
    size = image.pixels.end - image.pixels.value
    is_words = image.pixels.vr == "OW"

    def produce(write: Callable[[bytes], object]) -> None:
        for at in range(image.pixels.value, image.pixels.end, _CHUNK_BYTES):
            content = image.stretch.read(at, min(_CHUNK_BYTES, image.pixels.end - at))
            write(np.frombuffer(content, ">u2").astype("<u2").tobytes() if is_words else content)

    path = source.make_body(produce)
    said = {"BitsAllocated": image.shape.allocated}
    return Body(1, BodyKind.PIXELS, EXPLICIT_LE, path.name, (Slice(path, 0, size),), said)
