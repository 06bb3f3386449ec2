"""Owns reading TIFF by tifffile: an uncompressed image stays the slice of the file that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

from appliance.convert import pixels
from appliance.convert.claims import exif
from appliance.convert.source import Found
from appliance.errors import Unreadable, UnsupportedFormat
from appliance.model import BodyKind, Slice
from appliance.peek import Format

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.convert.source import Source

# MINISWHITE: a Pillow reader would invert some depths of it and not others; here the stored values
# stay and the object says MONOCHROME1.
_GREY = {0: "MONOCHROME1", 1: "MONOCHROME2"}
_RGB, _PALETTE = 2, 3
_PACKED_BITS = 12
_COLOUR_NDIM = 3
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
    try:
        with tifffile.TiffFile(source.path) as tiff:
            page = _only_page(source, tiff)
            found = _slice(source, tiff, page) or _decoded(source, tiff, page)
            return _dated(found, page)
    except (tifffile.TiffFileError, ValueError, IndexError, RuntimeError, OSError) as error:
        raise Unreadable(name=source.name, format=Format.TIFF, detail=error) from error


def _only_page(source: Source, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    if not len(tiff.pages):
        raise Unreadable(name=source.name, format=Format.TIFF, detail="it has no pages")
    if len(tiff.pages) > 1:
        raise UnsupportedFormat(name=source.name, detail=f"it holds {len(tiff.pages)} pages")
    page = tiff.pages[0]
    if (
        not isinstance(page, tifffile.TiffPage)
        or page.dtype is None
        or page.dtype.kind not in "ui"
    ):
        raise UnsupportedFormat(name=source.name, detail="its pixels are not whole numbers")
    return page


def _slice(source: Source, tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Found | None:
    """The image as it lies in the file, where DICOM would have it lie just so."""
    wide = page.bitspersample > 8  # noqa: PLR2004
    fits = (
        int(page.photometric) in {*_GREY, _RGB}
        and page.bitspersample in {8, 16}
        and _orientation(page) == _UPRIGHT
        and page.is_contiguous
        and page.fillorder == 1
        and not (wide and (tiff.byteorder == ">" or int(page.photometric) == _RGB))
        and page.dtype is not None
        and page.nbytes == sum(page.databytecounts)
    )
    colour = int(page.photometric) == _RGB
    if (
        not fits
        or page.samplesperpixel != (_COLOUR_NDIM if colour else 1)
        or page.planarconfig != 1
    ):
        return None
    piece = Slice(source.path, page.dataoffsets[0], page.nbytes)
    attributes, notes = pixels.shape(
        source,
        page.imagelength,
        page.imagewidth,
        bits=page.bitspersample,
        photometric="RGB" if colour else _GREY[int(page.photometric)],
        signed=page.dtype is not None and page.dtype.kind == "i",
    )
    if wide:
        kind = "<i2" if attributes["PixelRepresentation"] else "<u2"
        values = pixels.whole(source.path, page.imagelength, page.imagewidth, kind, piece.offset)
        attributes |= pixels.depth(source, values)
    return Found(BodyKind.PIXELS, pixels.EXPLICIT_LE, (piece,), attributes, (), notes)


def _decoded(source: Source, tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Found:
    photometric = int(page.photometric)
    values, stored = _values(source, tiff, page)
    values = _TURNS.get(_orientation(page), lambda a: a)(values)
    if photometric in _GREY and values.ndim == _COLOUR_NDIM - 1:
        return pixels.body(source, values, photometric=_GREY[photometric], stored=stored)
    colour = (
        photometric == _RGB and values.ndim == _COLOUR_NDIM and values.shape[2] == _COLOUR_NDIM
    )
    if colour and values.dtype == np.uint8:
        return pixels.body(source, values)
    raise UnsupportedFormat(name=source.name, detail=_kind(page))


def _values(
    source: Source, tiff: tifffile.TiffFile, page: tifffile.TiffPage
) -> tuple[NDArray[np.generic], int]:
    """The decoded pixels, and how many of their bits count where the file packs them (else 0)."""
    if page.bitspersample == _PACKED_BITS and page.compression == 1:
        return _unpacked(source, tiff, page), _PACKED_BITS
    if page.bitspersample not in {8, 16}:
        raise UnsupportedFormat(name=source.name, detail=_kind(page))
    values = page.asarray()
    if int(page.photometric) == _PALETTE and page.colormap is not None:
        raise UnsupportedFormat(name=source.name, detail="its colours come from a palette")
    planes_first = values.ndim == _COLOUR_NDIM and page.planarconfig == 2  # noqa: PLR2004
    return (np.moveaxis(values, 0, -1) if planes_first else values), 0


def _unpacked(
    source: Source, tiff: tifffile.TiffFile, page: tifffile.TiffPage
) -> NDArray[np.generic]:
    """12-bit greyscale: two pixels in three bytes, the first bits first, each row on a byte."""
    if page.samplesperpixel != 1 or page.is_tiled or page.fillorder != 1:
        raise UnsupportedFormat(name=source.name, detail=_kind(page))
    row_bytes = (page.imagewidth * _PACKED_BITS + 7) // 8
    segments = zip(page.dataoffsets, page.databytecounts, strict=True)
    packed = np.frombuffer(b"".join(_segment(tiff, *each) for each in segments), np.uint8)
    rows = packed[: page.imagelength * row_bytes].reshape(page.imagelength, row_bytes)
    triples = np.zeros((page.imagelength, -(-row_bytes // 3) * 3), np.uint16)
    triples[:, :row_bytes] = rows
    first, second, third = triples[:, 0::3], triples[:, 1::3], triples[:, 2::3]
    values = np.empty((page.imagelength, first.shape[1] * 2), np.uint16)
    values[:, 0::2] = first << 4 | second >> 4
    values[:, 1::2] = (second & 15) << 8 | third
    return values[:, : page.imagewidth]


def _segment(tiff: tifffile.TiffFile, offset: int, length: int) -> bytes:
    tiff.filehandle.seek(offset)
    return bytes(tiff.filehandle.read(length))


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None else _UPRIGHT


def _dated(found: Found, page: tifffile.TiffPage) -> Found:
    tag = page.tags.get("ExifTag")
    own = tag.value if tag is not None and isinstance(tag.value, dict) else {}
    texts = (own.get("DateTimeOriginal"), own.get("DateTimeDigitized"))
    return Found(
        found.kind,
        found.transfer_syntax_uid,
        found.slices,
        found.attributes,
        (*found.claims, *exif(texts)),
        found.notes,
    )


def _kind(page: tifffile.TiffPage) -> str:
    return (
        f"it is a TIFF of {page.samplesperpixel} x {page.bitspersample} bits, "
        f"photometric {int(page.photometric)}, compression {int(page.compression)}"
    )
