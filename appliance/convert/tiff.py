"""Owns reading TIFF by tifffile: an uncompressed image stays the slices of the file that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from appliance.convert import pixels
from appliance.convert.claims import exif
from appliance.convert.pixels import Layout
from appliance.convert.source import decoding
from appliance.errors import Incomplete, Unreadable, UnsupportedFormat
from appliance.model import Slice
from appliance.peek import Format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.convert.source import Found, Source
    from appliance.model import Claim

# MINISWHITE: a Pillow reader would invert some depths of it and not others; here the stored values
# stay and the object says MONOCHROME1.
_PHOTOMETRIC = {0: "MONOCHROME1", 1: "MONOCHROME2", 2: "RGB"}
_UNCOMPRESSED = 1
_DECODABLE = frozenset({_UNCOMPRESSED, 8, 32946, 32773})  # deflate by two numbers, PackBits
_CONTIGUOUS, _SEPARATE = 1, 2  # PlanarConfiguration
_WHOLE_BITS = (8, 16)
_PACKED_BITS = 12
_MOST_SLICES = 64
_UPRIGHT = 1
# TIFF 6.0, tag Orientation: what turns the stored rows into the picture that was meant.
_TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def read(source: Source) -> Found:
    """One image of 8, 12 or 16 bits of grey, or 8 bits of RGB. Raises Quarantined and Held."""
    with decoding(source, Format.TIFF), tifffile.TiffFile(source.path) as tiff:
        page = _only_page(source, tiff)
        layout = _layout(source, page)
        simple = (
            page.compression == _UNCOMPRESSED
            and not page.is_tiled
            and page.fillorder == 1
            and _orientation(page) == _UPRIGHT
            and (layout.samples == 1 or page.planarconfig == _CONTIGUOUS)
        )
        found = _uncompressed(source, tiff, page, layout) if simple else _decoded(source, page)
        return replace(found, claims=_dates(page))


def _only_page(source: Source, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    if not len(tiff.pages):
        raise Unreadable(name=source.name, format=Format.TIFF, detail="it has no pages")
    if len(tiff.pages) > 1:
        raise UnsupportedFormat(name=source.name, detail=f"it holds {len(tiff.pages)} pages")
    page = tiff.pages[0]
    if not isinstance(page, tifffile.TiffPage):
        raise UnsupportedFormat(name=source.name, detail="its page is no picture")
    return page


def _layout(source: Source, page: tifffile.TiffPage) -> Layout:
    """How the pixels would lie in a body. Raises UnsupportedFormat."""
    photometric = _PHOTOMETRIC.get(int(page.photometric), "")
    packed = page.bitspersample == _PACKED_BITS
    layout = Layout(
        page.imagelength,
        page.imagewidth,
        bits=16 if packed else page.bitspersample,
        stored=_PACKED_BITS if packed else 0,
        photometric=photometric,
        signed=page.dtype is not None and page.dtype.kind == "i",
    )
    known = (
        photometric
        and page.dtype is not None
        and page.dtype.kind in "ui"
        and page.samplesperpixel == layout.samples
        and (page.bitspersample in _WHOLE_BITS or (packed and layout.samples == 1))
        and (page.bitspersample == _WHOLE_BITS[0] or layout.samples == 1)
        and int(page.compression) in _DECODABLE
    )
    if not known:
        raise UnsupportedFormat(name=source.name, detail=_words(page))
    return layout


# --- what needs no decoder: any size, a megabyte at a time --------------------------------------


def _uncompressed(
    source: Source, tiff: tifffile.TiffFile, page: tifffile.TiffPage, layout: Layout
) -> Found:
    """The strips as they lie in the file, where DICOM would have them lie just so."""
    pixels.must_fit(source, layout, pixels.MAX_NATIVE_BYTES)
    strips = _strips(source, page, layout)
    is_ready = not layout.stored and (layout.bits == _WHOLE_BITS[0] or tiff.byteorder == "<")
    if is_ready and len(joined := _joined(strips)) <= _MOST_SLICES:
        return pixels.native(source, layout, joined)
    row_bytes = _row_bytes(page, layout)
    step = max(1, pixels.CHUNK_BYTES // row_bytes) * row_bytes
    raw = (chunk for strip in strips for chunk in pixels.chunks(strip, step))
    if layout.stored:
        return pixels.written(source, layout, (_unpacked(c, row_bytes, layout) for c in raw))
    kind = layout.kind.newbyteorder(tiff.byteorder)
    swapped = (np.frombuffer(chunk, kind).astype(layout.kind).tobytes() for chunk in raw)
    return pixels.written(source, layout, swapped)


def _strips(source: Source, page: tifffile.TiffPage, layout: Layout) -> list[Slice]:
    """Every strip, without what may be behind its last row. Raises Incomplete."""
    row_bytes = _row_bytes(page, layout)
    per_strip = min(page.rowsperstrip or page.imagelength, page.imagelength)
    found, rows_left = [], page.imagelength
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        needed = min(per_strip, rows_left) * row_bytes
        if length < needed:
            raise Incomplete(name=source.name, detail=f"a strip has {length} of {needed} bytes")
        found.append(Slice(source.path, offset, needed))
        rows_left -= min(per_strip, rows_left)
    if rows_left or not found:
        raise Incomplete(name=source.name, detail=f"its last {rows_left} rows are missing")
    if (end := max(each.offset + each.length for each in found)) > source.path.stat().st_size:
        raise Incomplete(name=source.name, detail=f"its pixels go on to byte {end}")
    return found


def _row_bytes(page: tifffile.TiffPage, layout: Layout) -> int:
    return (page.imagewidth * layout.samples * page.bitspersample + 7) // 8


def _joined(slices: list[Slice]) -> list[Slice]:
    found: list[Slice] = []
    for each in slices:
        if found and found[-1].offset + found[-1].length == each.offset:
            found[-1] = replace(found[-1], length=found[-1].length + each.length)
        elif each.length:
            found.append(each)
    return found


def _unpacked(chunk: bytes, row_bytes: int, layout: Layout) -> bytes:
    """12-bit greyscale: two pixels in three bytes, the first bits first, each row on a byte."""
    rows = np.frombuffer(chunk, np.uint8).reshape(-1, row_bytes)
    triples = np.zeros((len(rows), -(-row_bytes // 3) * 3), np.uint16)
    triples[:, :row_bytes] = rows
    first, second, third = triples[:, 0::3], triples[:, 1::3], triples[:, 2::3]
    values = np.empty((len(rows), first.shape[1] * 2), layout.kind)
    values[:, 0::2] = first << 4 | second >> 4
    values[:, 1::2] = (second & 15) << 8 | third
    return values[:, : layout.columns].tobytes()


# --- what tifffile decodes ----------------------------------------------------------------------


def _decoded(source: Source, page: tifffile.TiffPage) -> Found:
    layout = _layout(source, page)
    if layout.stored:
        raise UnsupportedFormat(name=source.name, detail=_words(page))
    pixels.must_fit(source, layout)
    values: NDArray[np.generic] = page.asarray(maxworkers=1)
    if layout.samples > 1 and page.planarconfig == _SEPARATE:
        values = np.moveaxis(values, 0, -1)
    values = _TURNS.get(_orientation(page), lambda a: a)(values)
    return pixels.body(source, values, photometric=layout.photometric)


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None else _UPRIGHT


def _dates(page: tifffile.TiffPage) -> tuple[Claim, ...]:
    tag = page.tags.get("ExifTag")
    own = tag.value if tag is not None and isinstance(tag.value, dict) else {}
    return tuple(exif((own.get("DateTimeOriginal"), own.get("DateTimeDigitized"))))


def _words(page: tifffile.TiffPage) -> str:
    return (
        f"it is a TIFF of {page.samplesperpixel} x {page.bitspersample} bits, "
        f"photometric {int(page.photometric)}, compression {int(page.compression)}"
    )
