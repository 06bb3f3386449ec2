"""Owns what is fuzzed: for every kind of input its samples, and where it can be spoilt well."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.peek import Format
from appliance.settings.schema import Profile
from tests.builders import acr_nema, dialects, pictures
from tests.builders.gallery import PICTURES
from tests.builders.part10 import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, meta
from tests.prove.mutants import Way, png_checksums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DATA = Path(__file__).parents[1] / "data"
_MOST_SAMPLE_BYTES = 300_000
_PLAIN = (EXPLICIT_LE, IMPLICIT_LE)
_GREY_OR_NOT = (Profile(photometric="MONOCHROME2"), Profile())  # where the format cannot say

IMAGE = pictures.saved(pictures.grey(8), "PNG")
"""What sidecars lie beside."""


@dataclass(frozen=True)
class Kind:
    """One kind of input: a file by itself, or with `sidecar` one that lies beside an image."""

    name: str
    samples: Sequence[bytes]
    way: Way
    form: Format | None = None  # whose reader decodes it
    sidecar: str = ""  # its suffix
    reports: bool = False
    profiles: Sequence[Profile] = field(default=(Profile(),))


def _sampled(*beginnings: bytes, most_bytes: int = _MOST_SAMPLE_BYTES) -> list[bytes]:
    """Pictures of the gallery and files from outside that begin like that."""
    outside = [path.read_bytes() for path in sorted(_DATA.glob("*/*")) if path.is_file()]
    files = [*(picture.content for picture in PICTURES), *outside]
    return [file for file in files if file.startswith(beginnings) and len(file) <= most_bytes]


def _kinds() -> Iterable[Kind]:
    yield from _reports()  # PostScript takes longest: first, for the others go on beside it
    yield from _pictures()
    yield from _dicom()
    yield from _sidecars()


def _pictures() -> Iterable[Kind]:
    directory = re.compile(rb"[\xfe\xff\0\1]{2}[\1\3\4\5].{1,2}\0", re.DOTALL)
    markers = re.compile(rb"\xff[\x4f-\x9f\xc0-\xfe]")
    head = re.compile(rb"\A|(?<=\A.{14})|(?<=\A.{30})|(?<=\A.{46})", re.DOTALL)
    yield Kind("TIFF", _sampled(b"II*\0", b"MM\0*", b"II+\0"), Way(directory), Format.TIFF)
    chunks = Way(re.compile(rb"IHDR|PLTE|IDAT|tRNS|gAMA|eXIf|IEND"), mend=png_checksums)
    yield Kind("PNG", _sampled(b"\x89PNG"), chunks, Format.PNG)
    yield Kind("BMP", _sampled(b"BM"), Way(head), Format.BMP)
    jpegs = [file for file in _sampled(b"\xff\xd8\xff") if b"\xff\xf7" not in file]
    yield Kind("JPEG", jpegs, Way(markers), Format.JPEG)
    jpeg_ls = [file for file in _sampled(b"\xff\xd8\xff") if b"\xff\xf7" in file]
    yield Kind("JPEG-LS", jpeg_ls, Way(markers), Format.JPEG, profiles=_GREY_OR_NOT)
    boxes = re.compile(rb"jP  |ftyp|jp2h|ihdr|colr|pclr|cmap|jp2c|\xff[\x4f-\x9f]")
    jpeg2000 = _sampled(b"\xff\x4f\xff", b"\0\0\0\x0cjP  ")
    yield Kind("JPEG 2000", jpeg2000, Way(boxes), Format.JPEG2000, profiles=_GREY_OR_NOT)
    raws = [picture for picture in PICTURES if picture.name.startswith("raw")]
    for picture in raws[:1]:
        same = [p.content for p in raws if len(p.content) == len(picture.content)]
        way = Way(re.compile(rb"\A"), keeps_size=True)
        yield Kind("raw", same, way, Format.RAW, profiles=(picture.settings,))


def _dicom() -> Iterable[Kind]:
    elements = Way(re.compile(rb"[A-Z]{2}.[\0\1]|[\x08\x10\x20\x28\xe0]\0.\0", re.DOTALL))
    outside = [(_DATA / "dicom" / name).read_bytes() for name in ("SC_rgb.dcm", "US1_J2KI.dcm")]
    part10 = [meta(dialects.UID, syntax) + _film(syntax=syntax) for syntax in _PLAIN]
    part10 += [dialects.deflated(), *outside]
    yield Kind("DICOM", part10, elements, Format.DICOM)
    bare = [
        _film(),
        _film(syntax=IMPLICIT_LE),
        _film(syntax=EXPLICIT_BE),
        meta(dialects.UID)[132:] + _film(),
        meta(dialects.UID, EXPLICIT_BE) + _film(syntax=EXPLICIT_BE),
        _film({0x00080020: ("DA", "2026.01.02"), 0x00100010: ("PN", b"M\xfcller")}),
        dialects.sequence(0x00081140, dialects.head(), dialects.head(), undefined=True) + _film(),
    ]
    yield Kind("DICOM dialects", bare, elements, Format.DICOM)
    size: dict[int, str | int | None] = {0x00280010: 60, 0x00280011: 70}
    greys, octets = acr_nema.GREYS * 100, acr_nema.BYTES * 100
    old = [acr_nema.file(greys, order=order, changes=size) for order in ("<", ">")]
    old.append(acr_nema.file(greys, allocated=12, changes=size))
    old.append(acr_nema.file(octets, allocated=8, stored=8, changes=size))
    yield Kind("ACR-NEMA", old, elements, Format.DICOM, profiles=_GREY_OR_NOT)


def _film(
    changes: Mapping[int, dialects.Value | None] | None = None, syntax: str = EXPLICIT_LE
) -> bytes:
    """A data set most of which is pixels, as films are."""
    size: dict[int, dialects.Value | None] = {0x00280010: ("US", 128), 0x00280011: ("US", 160)}
    return dialects.data_set({**size, **(changes or {})}, syntax, dialects.native(syntax) * 64)


_PDF = b"""%PDF-1.4
1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj
2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj
3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>\nendobj
xref\n0 4\ntrailer\n<</Size 4/Root 1 0 R>>\nstartxref\n180\n%%EOF
"""
_TEXT = "REPORT 4711\r\nName: SITI\r\n\tNormal findings \xb5g\r\n\fpage two\b_\r\n".encode(
    "cp1252"
)
_PCL = (
    b"\x1bE\x1b&l0O\x1b(10U\x1b(s0p10h12v0s0b3TName: SITI\r\n\x1b&a5R\x1b&a10CNormal\r\n"
    b"\x1b*p300x400Yfindings\x1b&d0Dof today\x1b&d@\r\n\fpage two\r\n\x1bE"
)
_PICTURE = b"\x1b*t75R\x1b*r1A\x1b*b4W\xff\0\xff\0\x1b*rB"
_POSTSCRIPT = b"""%!PS-Adobe-3.0
%%Pages: 1
/Courier findfont 12 scalefont setfont
72 720 moveto (REPORT 4711) show
10 10 100 50 rectfill 1 1 10 { 20 mul 100 moveto (x) show } for
showpage
%%EOF
"""
_JOB = b"\x1b%-12345X@PJL ENTER LANGUAGE=POSTSCRIPT\r\n" + _POSTSCRIPT + b"\x1b%-12345X"


def _reports() -> Iterable[Kind]:
    words = re.compile(rb"\b\w")
    way = Way(words, is_text=True)
    yield Kind("PostScript", [_POSTSCRIPT, _JOB], way, Format.POSTSCRIPT, reports=True)
    yield Kind("PDF", [_PDF], Way(words), Format.PDF)
    yield Kind("text", [_TEXT], Way(words, is_text=True), Format.TEXT, reports=True)
    yield Kind(
        "PCL", [_PCL, _PCL, _PCL + _PICTURE], Way(re.compile(rb"\x1b")), Format.PCL, reports=True
    )


_HL7 = (
    b"MSH|^~\\&|US|ROOM2|BOX|RS|20260506120000||ORU^R01|M1|P|2.3||||||8859/1\r"
    b"PID|1||4711^^^RS^MR||SITI^AMINAH^^JR^DR||19800102|F\r"
    b"OBR|1|P1|F1||||20260506103000|||||||||||A123\r"
)
_ASTM = b"H|\\^&|||US\rP|1|4711|LAB9||SITI^AMINAH||19800102|F\rL|1|N\r"
_LONG = b"said of the image, " * 30
_SAID = {
    ".csv": b"file,PatientID,PatientName,StudyDate\r\nfilm.png,4711,SITI,2026-01-02\r\n",
    ".json": b'[{"file": "film.png", "PatientID": "4711", "PatientComments": "%b"}]' % _LONG,
    ".xml": b"""<?xml version="1.0"?>
<all><i file="film.png"><PatientID>4711</PatientID><PatientComments>%b</PatientComments></i></all>
"""
    % _LONG,
    ".ini": b"[film.png]\r\nPatientID=4711\r\nStudyDate=2026-01-02\r\n",
    ".hl7": _HL7,
    ".astm": _ASTM,
}


def _sidecars() -> Iterable[Kind]:
    way = Way(re.compile(rb"\W"), is_text=True)
    for suffix, sample in _SAID.items():
        yield Kind(suffix[1:].upper(), [sample], way, sidecar=suffix)


def known(name: str) -> Kind:
    """The kind of that name, however its letters are. Raises StopIteration."""
    return next(kind for kind in KINDS if kind.name.lower() == name.lower())


KINDS: tuple[Kind, ...] = tuple(_kinds())
"""All of them."""
