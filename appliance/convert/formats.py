"""Owns turning one file into bodies and evidence: sniffs the format, asks its reader, adds claims.

A reader brings pixels (or a data set) as slices, written anew only where DICOM cannot take them
as they lie. Names and sidecars are evidence beside what the format itself says.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from appliance.convert import (
    dicom_file,
    document,
    jpeg2000_image,
    jpeg_image,
    raster,
    raw,
    sidecar,
    tiff,
)
from appliance.convert.claims import claims, moment
from appliance.convert.source import Source
from appliance.errors import EvidenceDisagrees, UnsupportedFormat
from appliance.journal.codec import dump
from appliance.model import Body, BodyKind, Evidence, Origin
from appliance.peek import Format, opened
from appliance.settings.naming import named
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from appliance.convert.source import Found, Produce
    from appliance.model import Claim

_T = TypeVar("_T")

_READERS: Mapping[Format, Callable[[Source], Sequence[Found]]] = {
    Format.DICOM: dicom_file.read,
    Format.TIFF: tiff.read,
    Format.PNG: lambda source: raster.read(source, Format.PNG),
    Format.BMP: lambda source: raster.read(source, Format.BMP),
    Format.JPEG: jpeg_image.read,
    Format.JPEG2000: jpeg2000_image.read,
    Format.RAW: raw.read,
    Format.PDF: lambda source: (document.read(source, Format.PDF),),
    Format.POSTSCRIPT: lambda source: (document.read(source, Format.POSTSCRIPT),),
    Format.PCL: lambda source: (document.read(source, Format.PCL),),
    Format.TEXT: lambda source: (document.read(source, Format.TEXT),),
}


def read(  # noqa: PLR0913 - all that there is to know of a file
    path: Path,
    name: str,
    profile: Profile | None,
    *,
    sidecars: Mapping[str, Path],
    modified_at: datetime | None,
    arrived_at: datetime | None,
    make_body: Callable[[Produce], Path],
    reports: bool = False,
) -> tuple[tuple[Body, ...], Evidence]:
    """The objects in the spool file at `path`, called `name` below its source, and all evidence.

    `sidecars` are files by the names they had beside it. Its own times are None where they are
    not known to be right. With `reports`, or where the profile
    wants PDF, what a printer would print is a report. Raises Held, Quarantined and Ignored.
    """
    profile = profile or Profile()
    form = _kind(path, profile, reports=reports or profile.sop_class == "PDF")
    if form is None:
        raise UnsupportedFormat(name=name, detail="its content is of no known kind")
    found = _READERS[form](Source(path, name, profile, make_body))
    said, notes = _beside(name, profile, sidecars)
    times = [*moment(Origin.MTIME, modified_at), *moment(Origin.ARRIVAL, arrived_at)]
    bodies = tuple(_body(number, each, path) for number, each in enumerate(found, 1))
    return bodies, Evidence(
        (*_once(each.claims for each in found), *said, *times),
        (*_once(each.notes for each in found), *notes),
        _once(each.repairs for each in found),
    )


def _kind(path: Path, profile: Profile, *, reports: bool) -> Format | None:
    """A profile's raw image goes by its size, whatever it begins with."""
    with opened(path) as peek:
        return Format.RAW if profile.raw.fits(peek.size) else peek.kind(reports=reports)


def _once(said: Iterable[Sequence[_T]]) -> tuple[_T, ...]:
    """What the pages of a file say, what several say alike said once."""
    return tuple(dict.fromkeys(each for page in said for each in page))


def _body(number: int, found: Found, path: Path) -> Body:
    digest = _digest(number, found, path)
    syntax = found.transfer_syntax_uid
    return Body(number, found.kind, syntax, digest, found.slices, found.attributes)


def _beside(
    name: str, profile: Profile, sidecars: Mapping[str, Path]
) -> tuple[list[Claim], list[str]]:
    """What the file's name and its sidecars say."""
    found, notes = claims(Origin.FILENAME, named(profile, name))
    beside: list[Claim] = []
    for sidecar_name, path in sorted(sidecars.items()):
        entry = sidecar.read(path, sidecar_name, name, profile.charset)
        more, doubts = claims(Origin.SIDECAR, entry)
        beside += more
        notes += doubts
    _must_agree(name, beside)
    return [*found, *beside], notes


def _must_agree(name: str, beside: list[Claim]) -> None:
    """Several sidecars of one image may add to each other, not contradict. Raises a Held."""
    said: dict[str, str] = {}
    for each in beside:
        if said.setdefault(each.keyword, each.value) != each.value:
            words = f"one sidecar says {said[each.keyword]}, another {each.value}"
            raise EvidenceDisagrees(name=name, keyword=each.keyword, words=words)


_SHAPE = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PixelRepresentation")


def _digest(number: int, found: Found, path: Path) -> str:
    """What stands for the content: a data set's own bytes, pixels and their shape, or a report as
    it came (another version of the box may print it otherwise).

    Not what the profile adds: another profile makes no other picture. Files of the spool are
    named by their SHA-256, so nothing need be read again. Pages of a file that look the same are
    not the same image.
    """
    if found.kind is BodyKind.DATASET:
        return dicom_file.digest(found)
    if found.kind is BodyKind.DOCUMENT:
        return hashlib.sha256(dump([found.kind, path.name]).encode()).hexdigest()
    slices = [[piece.path.name, piece.offset, piece.length] for piece in found.slices]
    shape = [found.attributes.get(keyword) for keyword in _SHAPE]
    more = [found.attributes.get("NumberOfFrames", 1), number]
    # A first body of one frame is what earlier versions made: its digest is what it was.
    content = [found.kind, slices, shape, *([more] if more != [1, 1] else [])]
    return hashlib.sha256(dump(content).encode()).hexdigest()
