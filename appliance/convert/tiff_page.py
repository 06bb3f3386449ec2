"""Owns one page of a TIFF: where its pixels lie, and what its values become."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from appliance.convert import pixels, raster, upright
from appliance.convert.pixels import Layout
from appliance.errors import Incomplete, UnsupportedFormat
from appliance.model import Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import tifffile
    from numpy.typing import NDArray

    from appliance.convert.source import Source

    Values = NDArray[np.generic]

# MINISWHITE: a Pillow reader would invert some depths of it and not others; here the stored values
# stay and the object says MONOCHROME1.
_GREY = {0: "MONOCHROME1", 1: "MONOCHROME2"}
_RGB, _PALETTE, _YCBCR = 2, 3, 6
_UNCOMPRESSED, _JPEG = 1, 7
# Those that lose nothing: CCITT (three kinds), LZW, deflate (two numbers), PackBits, Zstandard.
_DECODABLE = frozenset({_UNCOMPRESSED, 2, 3, 4, 5, _JPEG, 8, 32946, 32773, 50000})
_CHUNKY, _SEPARATE = 1, 2  # PlanarConfiguration
_BYTE, _WORD, _PACKED = 8, 16, 12
_SMALL, _BETWEEN = frozenset({1, 2, 4}), frozenset({10, 12, 14})
_COLOURS, _ALPHAS = 3, ((1,), (2,))
# An image's slices decide its digest, by which it is known again: their limit never changes.
_MOST_SLICES = 64
_READ_BYTES = 1 << 22
_LAST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Page:
    """A page, by its number in the file; no slices where it must be written anew."""

    number: int
    layout: Layout
    slices: tuple[Slice, ...] = ()
    packed_bytes: int = 0  # of a lossy compression


def described(source: Source, page: tifffile.TiffPage, number: int) -> Page:
    """How the page's pixels will lie. Raises UnsupportedFormat and Incomplete."""
    layout = _layout(source, page)
    if not _lies_as_it_is(page):
        _must_fit(source, page, layout)
        _must_be_whole(source, page)
        packed_bytes = sum(page.databytecounts) if page.compression == _JPEG else 0
        return Page(number, layout, (), packed_bytes)
    pixels.must_fit(source, layout, pixels.MAX_NATIVE_BYTES)
    strips = joined(_strips(source, page))
    in_order = page.bitspersample == _BYTE or (not layout.stored and page.parent.byteorder == "<")
    is_ready = in_order and len(strips) <= _MOST_SLICES
    return Page(number, layout, tuple(strips) if is_ready else ())


def joined(slices: Iterable[Slice]) -> list[Slice]:
    """As few slices as there can be."""
    found: list[Slice] = []
    for each in slices:
        if found and found[-1].offset + found[-1].length == each.offset:
            found[-1] = replace(found[-1], length=found[-1].length + each.length)
        elif each.length:
            found.append(each)
    return found


def parts(source: Source, page: tifffile.TiffPage, layout: Layout) -> Iterator[bytes]:
    """The pixels as a body has them, some rows at a time."""
    if _lies_as_it_is(page):
        yield from _reordered(source, page, layout)
        return
    step = max(1, pixels.CHUNK_BYTES // layout.row_bytes)
    for band in _decoded(source, page):
        for at in range(0, len(band), step):
            yield from pixels.bands(_meant(page, band[at : at + step]), layout)


def _layout(source: Source, page: tifffile.TiffPage) -> Layout:
    """How the pixels would lie in a body. Raises UnsupportedFormat."""
    bits = page.bitspersample
    if not _is_known(page):
        raise UnsupportedFormat(name=source.name, detail=_words(page))
    rows, columns = page.imagelength, page.imagewidth
    return Layout(
        *((columns, rows) if upright.is_on_its_side(_orientation(page)) else (rows, columns)),
        bits=_BYTE if bits <= _BYTE else _WORD,
        stored=bits if bits in _BETWEEN else 0,
        photometric=_photometric(page),
        signed=page.sampleformat == 2,  # noqa: PLR2004 - two's complement
    )


def _is_known(page: tifffile.TiffPage) -> bool:
    bits, colours = page.bitspersample, _colours(page)
    depths = {
        1: {_BYTE, _WORD, *_SMALL, *_BETWEEN},
        _COLOURS: {_BYTE, _WORD},
    }.get(colours, set())
    return (
        page.dtype is not None
        and page.dtype.kind in "uib"
        and page.imagedepth == 1
        and bits in (depths if page.photometric != _PALETTE else {_BYTE, *_SMALL})
        and int(page.compression) in _DECODABLE
        and (page.photometric != _YCBCR or page.compression == _JPEG)
        and page.samplesperpixel == colours + len(page.extrasamples)
        and (page.samplesperpixel == 1 or page.planarconfig in {_CHUNKY, _SEPARATE})
        and (not page.extrasamples or page.extrasamples in _ALPHAS)
    )


def _colours(page: tifffile.TiffPage) -> int:
    """Values of a pixel as it is stored, alpha aside; 0 where nobody here knows them."""
    if page.photometric in {*_GREY, _PALETTE}:
        return 1
    return _COLOURS if page.photometric in {_RGB, _YCBCR} else 0


def _photometric(page: tifffile.TiffPage) -> str:
    if page.photometric == _PALETTE:
        return "MONOCHROME2" if _palette(page).ndim == 1 else "RGB"
    return _GREY.get(int(page.photometric), "RGB")


def _must_fit(source: Source, page: tifffile.TiffPage, layout: Layout) -> None:
    """What is decoded at a time must fit into memory, twice. Raises UnsupportedFormat."""
    pixels.must_fit(source, layout, pixels.MAX_NATIVE_BYTES)
    rows = _band_rows(page) if _is_upright(page) and not _is_separate(page) else page.imagelength
    bits = page.dtype.itemsize * _BYTE if page.dtype else _WORD
    decoded = Layout(
        min(rows, page.imagelength), page.imagewidth, bits, frames=page.samplesperpixel
    )
    pixels.must_fit(source, decoded, pixels.MAX_DECODED_BYTES // 2)


def _must_be_whole(source: Source, page: tifffile.TiffPage) -> None:
    """What is missing would be decoded as black, or as grey. Raises Incomplete."""
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    end = source.path.stat().st_size
    is_there = len(segments) >= math.prod(page.chunked) and all(
        offset > 0 and length > 0 and offset + length <= end for offset, length in segments
    )
    if not is_there:
        raise Incomplete(name=source.name, detail="some of its pixels are not there")
    if page.compression == _JPEG and not all(_has_ended(page, *each) for each in segments):
        raise Incomplete(name=source.name, detail="a JPEG inside it has no end")


def _has_ended(page: tifffile.TiffPage, offset: int, length: int) -> bool:
    last = min(length, _LAST_BYTES)
    page.parent.filehandle.seek(offset + length - last)
    return page.parent.filehandle.read(last).rstrip(b"\0").endswith(b"\xff\xd9")


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None else upright.UPRIGHT


def _words(page: tifffile.TiffPage) -> str:
    return (
        f"it is a TIFF of {page.samplesperpixel} x {page.bitspersample} bits, "
        f"photometric {int(page.photometric)}, compression {int(page.compression)}"
    )


# --- what needs no decoder: any size, a megabyte at a time --------------------------------------


def _lies_as_it_is(page: tifffile.TiffPage) -> bool:
    return (
        page.compression == _UNCOMPRESSED
        and not page.is_tiled
        and page.fillorder == 1
        and page.photometric != _PALETTE
        and page.bitspersample in {_BYTE, _PACKED, _WORD}
        and (page.bitspersample != _PACKED or page.samplesperpixel == 1)
        and not page.extrasamples
        and not _is_separate(page)
        and _is_upright(page)
    )


def _is_upright(page: tifffile.TiffPage) -> bool:
    return _orientation(page) == upright.UPRIGHT


def _is_separate(page: tifffile.TiffPage) -> bool:
    """Whether each colour lies by itself."""
    return page.samplesperpixel > 1 and page.planarconfig == _SEPARATE


def _strips(source: Source, page: tifffile.TiffPage) -> Iterator[Slice]:
    """Every strip, without what may be behind its last row. Raises Incomplete."""
    row_bytes = _row_bytes(page)
    per_strip = min(page.rowsperstrip or page.imagelength, page.imagelength)
    rows_left, size_bytes = page.imagelength, source.path.stat().st_size
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        needed = min(per_strip, rows_left) * row_bytes
        if length < needed:
            raise Incomplete(name=source.name, detail=f"a strip has {length} of {needed} bytes")
        if offset <= 0 or offset + needed > size_bytes:
            detail = f"its pixels lie from byte {offset} to {offset + needed}"
            raise Incomplete(name=source.name, detail=detail)
        yield Slice(source.path, offset, needed)
        rows_left -= min(per_strip, rows_left)
    if rows_left:
        raise Incomplete(name=source.name, detail=f"its last {rows_left} rows are missing")


def _row_bytes(page: tifffile.TiffPage) -> int:
    return (page.imagewidth * page.samplesperpixel * page.bitspersample + 7) // 8


def _reordered(source: Source, page: tifffile.TiffPage, layout: Layout) -> Iterator[bytes]:
    row_bytes = _row_bytes(page)
    step = max(1, pixels.CHUNK_BYTES // row_bytes) * row_bytes
    kind = layout.kind.newbyteorder(page.parent.byteorder)
    for chunk in (c for strip in _strips(source, page) for c in pixels.chunks(strip, step)):
        if layout.stored:
            yield _unpacked(chunk, row_bytes, layout)
        else:
            yield np.frombuffer(chunk, kind).astype(layout.kind).tobytes()


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


def _decoded(source: Source, page: tifffile.TiffPage) -> Iterator[Values]:
    """Some rows at a time, alpha left out; as a whole where it lies on its side, or in planes."""
    if _is_upright(page) and not _is_separate(page):
        bands = _bands(page)
    else:
        values: Values = page.asarray(maxworkers=1, buffersize=_READ_BYTES)
        whole = np.moveaxis(values, 0, -1) if _is_separate(page) else values
        bands = iter([upright.turned(whole, _orientation(page))])
    for band in bands:
        yield raster.opaque(source, band) if page.extrasamples else band


def _bands(page: tifffile.TiffPage) -> Iterator[Values]:
    """One strip, or row of tiles, after the other, without what it has beyond the edges."""
    across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
    rows, rows_left = _band_rows(page), page.imagelength
    beside: list[Values] = []
    for segment, _, _ in page.segments(maxworkers=1, buffersize=_READ_BYTES):
        values: Values = np.asarray(segment)[0]
        beside.append(values[..., 0] if page.samplesperpixel == 1 else values)
        if len(beside) == across and rows_left > 0:
            band = np.concatenate(beside, axis=1) if across > 1 else beside[0]
            yield band[: min(rows, rows_left), : page.imagewidth]
            rows_left -= rows
            beside.clear()


def _band_rows(page: tifffile.TiffPage) -> int:
    rows = page.tilelength if page.is_tiled else page.rowsperstrip
    return int(rows or page.imagelength)


def _meant(page: tifffile.TiffPage, band: Values) -> Values:
    """Values that DICOM has a word for: of few bits stretched to 8, of a palette looked up."""
    if page.photometric == _PALETTE:
        return _palette(page)[band.astype(np.uint8)]
    bits = page.bitspersample
    return band.astype(np.uint8) * np.uint8(0xFF // ((1 << bits) - 1)) if bits < _BYTE else band


def _palette(page: tifffile.TiffPage) -> NDArray[np.uint8]:
    """The colour of each value, or its grey where all are greys."""
    wide = np.asarray(page.colormap).T
    # Some old writers give 8 bits of each colour, which in 16 would all be black.
    colours = (wide >> 8 if wide.max() >> 8 else wide).astype(np.uint8)
    is_grey = (colours == colours[:, :1]).all()
    return colours[:, 0] if is_grey else colours
