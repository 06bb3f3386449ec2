"""Owns reading TIFF: which of its pages are pictures, and which of them are frames of one object.

Pages are looked at one after the other; what is kept of each is where its pixels lie.
"""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import tifffile

from appliance.convert import pixels, streams, target, tiff_page
from appliance.convert.claims import exif
from appliance.convert.colour import icc
from appliance.convert.source import decoding
from appliance.errors import Unreadable, UnsupportedFormat
from appliance.peek import Format

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from appliance.convert.pixels import Layout
    from appliance.convert.source import Found, Source
    from appliance.convert.tiff_page import Page
    from appliance.model import Claim

_MOST_SLICES = 4_096
_MOST_DECODED_BYTES, _MOST_SWELL = 1 << 30, 64  # or this many times the file
_REDUCED, _MASK = 1, 4  # NewSubfileType
_SMALL_COPY = "A small copy of the picture, which the file holds beside it, was left out."


def read(source: Source) -> tuple[Found, ...]:
    """Its pages: frames of one object where they are alike and the SOP class has frames, else one
    object each. Raises Quarantined and Held.
    """
    with decoding(source, Format.TIFF), tifffile.TiffFile(source.path) as tiff:
        pages = _pictures(source, tiff)
        _must_not_swell(source, pages)
        found = [_object(source, tiff, group) for group in _groups(source, pages)]
        notes = (_SMALL_COPY,) if len(pages) < len(tiff.pages) else ()
        first = replace(found[0], claims=_dates(_page(source, tiff, pages[0].number)))
        return (replace(first, notes=(*first.notes, *notes)), *found[1:])


def _pictures(source: Source, tiff: tifffile.TiffFile) -> list[Page]:
    if not len(tiff.pages):
        raise Unreadable(name=source.name, format=Format.TIFF, detail="it has no pages")
    found: list[Page] = []
    seen = set()
    for number in range(len(tiff.pages)):
        page = _page(source, tiff, number)
        seen.add(page.offset)
        if page.subfiletype & _MASK:
            raise UnsupportedFormat(name=source.name, detail="it has a mask beside its picture")
        # The first is the picture itself, whatever it says.
        if not found or not page.subfiletype & _REDUCED:
            found.append(tiff_page.described(source, page, number))
        if number == len(tiff.pages) - 1 and _following(tiff, page) not in {0, *seen}:
            # tifffile stops there without a word.
            raise Unreadable(name=source.name, format=Format.TIFF, detail="a page is not there")
    return found


def _following(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> int:
    """Where the directory of the next page is said to be; 0 behind the last one."""
    form, file = tiff.tiff, tiff.filehandle
    file.seek(page.offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    file.seek(count * form.tagsize, os.SEEK_CUR)
    (offset,) = struct.unpack(form.offsetformat, file.read(form.offsetsize))
    return int(offset)


def _page(source: Source, tiff: tifffile.TiffFile, number: int) -> tifffile.TiffPage:
    page = tiff.pages[number]
    if not isinstance(page, tifffile.TiffPage):
        raise UnsupportedFormat(name=source.name, detail="its page is no picture")
    return page


def _groups(source: Source, pages: Sequence[Page]) -> list[list[Page]]:
    """Pages that are frames of one object together, in the order in which they begin."""
    found: dict[object, list[Page]] = {}
    for page in pages:
        key = page.layout if _takes_frames(source, page.layout) else page.number
        found.setdefault((key, bool(page.packed_bytes)), []).append(page)
    return list(found.values())


def _takes_frames(source: Source, layout: Layout) -> bool:
    return target.takes_frames(
        source.profile, colour=layout.samples > 1, bits=layout.bits, signed=layout.signed
    )


def _object(source: Source, tiff: tifffile.TiffFile, group: list[Page]) -> Found:
    """One object: the pages as they lie in the file where DICOM would have them lie just so."""
    layout = replace(group[0].layout, frames=len(group))
    extra = _extra(_page(source, tiff, group[0].number), layout, group)
    slices = tiff_page.joined(each for page in group for each in page.slices)
    if all(page.slices for page in group) and len(slices) <= _MOST_SLICES:
        return pixels.native(source, layout, slices, extra)
    return pixels.written(source, layout, _parts(source, tiff, group), extra)


def _parts(source: Source, tiff: tifffile.TiffFile, group: list[Page]) -> Iterator[bytes]:
    for each in group:
        yield from tiff_page.parts(source, _page(source, tiff, each.number), each.layout)


def _extra(page: tifffile.TiffPage, layout: Layout, group: Sequence[Page]) -> Mapping[str, object]:
    profile = icc(page.iccprofile) if layout.samples > 1 else {}
    packed_bytes = sum(each.packed_bytes for each in group)
    lossy = streams.lossy(layout.size_bytes, packed_bytes, "ISO_10918_1") if packed_bytes else {}
    return {**profile, **lossy}


def _must_not_swell(source: Source, pages: Sequence[Page]) -> None:
    """A small file that fills the card is none that a modality wrote. Raises UnsupportedFormat."""
    size = sum(page.layout.size_bytes for page in pages if not page.slices)
    most = max(_MOST_DECODED_BYTES, _MOST_SWELL * source.path.stat().st_size)
    if size > most:
        detail = f"unpacked it has {size >> 20} MB, more than {most >> 20}"
        raise UnsupportedFormat(name=source.name, detail=detail)


def _dates(page: tifffile.TiffPage) -> tuple[Claim, ...]:
    tag = page.tags.get("ExifTag")
    own = tag.value if tag is not None and isinstance(tag.value, dict) else {}
    return tuple(exif((own.get("DateTimeOriginal"), own.get("DateTimeDigitized"))))
