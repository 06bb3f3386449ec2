"""Owns the judgement whether a file is whole, by its own format's lengths; it decodes nothing.

A file is looked at where its format says that something must be: directories, chunk and element
headers, the end. The one thing read through is what has no lengths: a JPEG's scans and a deflated
DICOM data set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance import jpeg, jpeg2000
from appliance.errors import (
    EmptyFile,
    EndUnwritten,
    Incomplete,
    Unreadable,
    UnsupportedFormat,
)
from appliance.intake.dicom_end import dicom_end
from appliance.intake.report_end import pdf_end, postscript_end, print_end, text_end
from appliance.intake.tiff_end import tiff_end
from appliance.peek import EndsEarly, Format, Garbled, Misfit, ends_in_hole, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.errors import Quarantined
    from appliance.peek import Peek
    from appliance.settings.schema import Profile, Raw

_MAX_SIDECAR_BYTES = 1 << 20
_HEAD_BYTES = 512


class Wholeness(StrEnum):
    """What a file's own format says about its end."""

    WHOLE = "whole"
    GROWING = "growing"  # ends early: still being written, or cut off
    HOLLOW = "hollow"  # has its size, but not its end: still being written, or left like that
    BROKEN = "broken"  # contradicts itself; more bytes would not help
    UNKNOWN = "unknown"  # not a kind of file that is known here
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; `format` and `detail` are words for people.

    Of what is not known, `format` is what it would be if somebody said so.
    """

    wholeness: Wholeness
    format: str = ""
    detail: str = ""

    def problem(self, name: str) -> Quarantined | None:
        """Why a file that stays like this cannot be used; None where it is whole."""
        match self.wholeness:
            case Wholeness.WHOLE:
                return None
            case Wholeness.EMPTY:
                return EmptyFile(name=name)
            case Wholeness.GROWING:
                return Incomplete(name=name, detail=self.detail)
            case Wholeness.HOLLOW:
                return EndUnwritten(name=name)
            case Wholeness.BROKEN:
                return Unreadable(name=name, format=self.format, detail=self.detail)
            case Wholeness.UNKNOWN:
                return UnsupportedFormat(name=name, detail=self.detail)


def check(path: Path, *, reports: bool = False, raw: Raw | None = None) -> Verdict:
    """Look whether the file at `path` is whole; OSErrors fly, links are not followed.

    With `reports` what a printer would print (text, PCL, PostScript) is a kind of file too; with
    `raw` so is a file of the size it asks for, whatever it begins with.
    """
    try:
        with opened(path) as peek:
            if raw and raw.fits(peek.size):
                return Verdict(Wholeness.WHOLE, Format.RAW)
            return _looked_into(peek, path.suffix.lower(), reports=reports, raw=raw)
    except Garbled as error:
        return Verdict(Wholeness.UNKNOWN, detail=error.detail)


def check_export(path: Path, profile: Profile | None) -> Verdict:
    """`check`, with the kinds of files that the profile of a source expects beside the others."""
    if profile is None:
        return check(path)
    raw = profile.raw if profile.raw.pixel_bytes else None
    return check(path, reports=profile.sop_class == "PDF", raw=raw)


def check_in_place(path: Path, profile: Profile | None) -> Verdict:
    """`check_export`, for a file that lies where its writer writes it.

    A writer may set the full size first (Windows does, over SMB), and a format that only counts
    bytes is then content before they are written. What was not written yet is a hole, and one that
    reaches the end is how a writer leaves it that goes on, or died. A hole with something behind
    it says nothing: whoever copies a sparse file leaves those out on purpose.
    """
    verdict = check_export(path, profile)
    if verdict.wholeness is Wholeness.WHOLE and ends_in_hole(path):
        return Verdict(Wholeness.HOLLOW, verdict.format, "its end was never written")
    return verdict


def length(path: Path) -> int | None:
    """Where the file at `path` ends by its own format; None where the format cannot say, or it is
    not whole. What a block transfer added to fill its last block lies behind.
    """
    try:
        with opened(path) as peek:
            form = peek.kind(reports=True)
            return _ENDS[form](peek) if form else None
    except Misfit:
        return None


def _looked_into(peek: Peek, suffix: str, *, reports: bool, raw: Raw | None) -> Verdict:
    if not peek.size:
        return Verdict(Wholeness.EMPTY, detail="it is empty")
    sidecar_end = _SIDECAR_ENDS.get(suffix)
    if form := peek.kind(reports=reports and sidecar_end is None):
        return _judged(form, _ENDS[form], peek)
    if sidecar_end:
        return _judged(suffix[1:].upper(), sidecar_end, peek)
    return _raw_misfit(peek, raw) if raw else _unknown(peek)


def _judged(form: str, end: Callable[[Peek], object], peek: Peek) -> Verdict:
    try:
        end(peek)
    except EndsEarly as error:
        return Verdict(Wholeness.GROWING, form, error.detail)
    except Garbled as error:
        return Verdict(Wholeness.BROKEN, form, error.detail)
    return Verdict(Wholeness.WHOLE, form)


def _raw_misfit(peek: Peek, raw: Raw) -> Verdict:
    wanted = raw.header_bytes + raw.pixel_bytes
    detail = f"it has {peek.size} bytes, and the profile's raw image has {wanted}"
    return Verdict(Wholeness.UNKNOWN, Format.RAW, detail)


def _unknown(peek: Peek) -> Verdict:
    if not peek.at(0, min(_HEAD_BYTES, peek.size)).strip(b"\0"):
        return Verdict(Wholeness.GROWING, detail="nothing is written where it begins")
    if peek.at(0, min(2, peek.size)) in {b"\x08\0", b"\0\x08", b"\x02\0"}:
        detail = "it may be DICOM, but its first elements make no sense"
        return Verdict(Wholeness.UNKNOWN, Format.DICOM, detail)
    if (form := peek.report()) in {Format.POSTSCRIPT, Format.PCL}:
        detail = (
            f'it is a {form} report, and nothing says so: set sop_class = "PDF" in its profile'
        )
        return Verdict(Wholeness.UNKNOWN, form or "", detail)
    detail = "it does not begin like DICOM, TIFF, PNG, BMP, JPEG, JPEG 2000 or PDF"
    return Verdict(Wholeness.UNKNOWN, detail=detail)


def _png_end(peek: Peek) -> int:
    """Chunks up to IEND (ISO/IEC 15948, 5.3)."""
    position, kind, has_pixels = 8, b"", False
    while kind != b"IEND":
        kind = peek.at(position + 4, 4)
        peek.need_written(position + 4)
        if not (kind.isascii() and kind.isalpha()):
            raise Garbled(detail=f"there is no PNG chunk at byte {position}")
        has_pixels = has_pixels or kind == b"IDAT"
        position += 12 + peek.number(">L", position)
        peek.need(position)
    peek.need_written(position - 1)  # the checksum of IEND never ends in zero
    if not has_pixels:
        raise Garbled(detail="it holds no pixels")
    return position


_BMP_CORE_HEADER_BYTES = 12
_BMP_RUN_LENGTHS = frozenset({1, 2})
_BMP_UNCOMPRESSED = frozenset({0, 3, 6})


def _bmp_end(peek: Peek) -> int:
    """Rows as large as the header makes them; its file size only where rows are compressed."""
    pixels, header_bytes = peek.number("<L", 10), peek.number("<L", 14)
    if header_bytes == _BMP_CORE_HEADER_BYTES:
        columns, rows, bits = (peek.number("<H", at) for at in (18, 20, 24))
        compression = 0
    else:
        columns, rows = peek.number("<l", 18), abs(peek.number("<l", 22))
        bits, compression = peek.number("<H", 28), peek.number("<L", 30)
    if compression in _BMP_RUN_LENGTHS:
        end = max(peek.number("<L", 2), pixels + 2)
        peek.need(end)
        return end
    if compression not in _BMP_UNCOMPRESSED or columns <= 0 or rows == 0 or not bits:
        raise Garbled(detail="its header makes no sense")
    end = pixels + (columns * bits + 31) // 32 * 4 * rows
    peek.need(end)
    return end


def _jpeg_end(peek: Peek) -> int:
    has_frame, end = False, 0
    for segment in jpeg.segments(peek):
        end = segment.end
        has_frame = has_frame or segment.marker in jpeg.SOF
    if not has_frame:
        raise Garbled(detail="it holds no image")
    return end


def _json_end(peek: Peek) -> None:
    if peek.size > _MAX_SIDECAR_BYTES:
        raise Garbled(detail="it is too long for a description of an image")
    try:
        json.loads(peek.at(0, peek.size))
    except (ValueError, RecursionError):
        raise EndsEarly(detail="it is not a finished JSON text") from None


def _xml_end(peek: Peek) -> None:
    """Finished where its last element is; what else is wrong with it is for who reads it."""
    if peek.size > _MAX_SIDECAR_BYTES:
        raise Garbled(detail="it is too long for a description of an image")
    last = peek.at(0, peek.size).replace(b"\0", b"").rstrip()
    if not last.endswith(b">"):
        raise EndsEarly(detail="it is not a finished XML text")


def _list_end(peek: Peek) -> None:
    """A list does not say where it ends; that it is there is all there is to know."""


def _message_end(peek: Peek) -> None:
    """Nor does a message that lies in a file."""
    if peek.size > _MAX_SIDECAR_BYTES:
        raise Garbled(detail="it is too long for a message about an image")


_ENDS: dict[Format, Callable[[Peek], int]] = {
    Format.DICOM: dicom_end,
    Format.TIFF: tiff_end,
    Format.PNG: _png_end,
    Format.BMP: _bmp_end,
    Format.JPEG: _jpeg_end,
    Format.JPEG2000: jpeg2000.file_end,
    Format.PDF: pdf_end,
    Format.POSTSCRIPT: postscript_end,
    Format.PCL: print_end,
    Format.TEXT: text_end,
}

_SIDECAR_ENDS: dict[str, Callable[[Peek], object]] = {
    ".json": _json_end,
    ".csv": _list_end,
    ".ini": _list_end,
    ".xml": _xml_end,
    ".hl7": _message_end,
    ".astm": _message_end,
}
