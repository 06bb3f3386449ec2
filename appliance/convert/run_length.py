"""Owns DICOM's run length encoding of frames (PS3.5 G), both ways."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from imagecodecs import packbits_decode, packbits_encode

from appliance.peek import Garbled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.convert.frames import Shape

_HEADER = struct.Struct("<16L")
_MOST_SEGMENTS = 15


def unpacked(content: bytes, shape: Shape) -> NDArray[np.generic]:
    """The values of one frame. Raises Garbled; what the codec raises flies."""
    starts = _starts(content)
    if len(starts) - 1 != shape.samples * shape.sample_bytes:
        raise Garbled(detail=f"a frame of it has {len(starts) - 1} runs of bytes")
    size = shape.rows * shape.columns
    planes = [_plane(content[a:b], size) for a, b in pairwise(starts)]
    # Of each sample the most significant byte comes first (G.2).
    each = np.stack(planes, axis=-1).reshape(*shape.array[:2], shape.samples, shape.sample_bytes)
    values = np.ascontiguousarray(each[..., ::-1]).view(f"<u{shape.sample_bytes}")
    return values.reshape(shape.array)


def packed(values: NDArray[np.generic]) -> bytes:
    """A frame: rows, columns and, of colour, samples."""
    samples = values.reshape(*values.shape[:2], -1)
    places = [
        np.ascontiguousarray(samples[..., number]).view(np.uint8).reshape(*values.shape[:2], -1)
        for number in range(samples.shape[2])
    ]
    segments = [
        _even(bytes(packbits_encode(np.ascontiguousarray(place[..., byte]), axis=-1)))
        for place in places
        for byte in reversed(range(place.shape[2]))
    ]
    starts, at = [], _HEADER.size
    for segment in segments:
        starts.append(at)
        at += len(segment)
    rest = [0] * (_MOST_SEGMENTS - len(starts))
    return _HEADER.pack(len(segments), *starts, *rest) + b"".join(segments)


def _starts(content: bytes) -> list[int]:
    """Where each segment begins, and where the last one ends."""
    if len(content) < _HEADER.size:
        raise Garbled(detail="a frame of it has no table of its runs")
    count, *starts = _HEADER.unpack_from(content)
    found = [*starts[:count], len(content)]
    if not 0 < count <= _MOST_SEGMENTS or found != sorted(found) or found[0] < _HEADER.size:
        raise Garbled(detail="the table of runs of a frame makes no sense")
    return found


def _plane(segment: bytes, size: int) -> NDArray[np.uint8]:
    """One byte of each pixel; what fills the segment up to an even length may look like more."""
    plain = packbits_decode(segment)
    if len(plain) < size:
        raise Garbled(detail=f"a frame of it ends after {len(plain)} of {size} pixels")
    return np.frombuffer(plain, np.uint8, size)


def _even(segment: bytes) -> bytes:
    return segment + b"\0" * (len(segment) % 2)
