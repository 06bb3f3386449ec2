"""Owns making what compose is given, and looking into what it gives back."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydicom import dcmread

from appliance.model import Body, BodyKind, Claim, Evidence, Identity, Origin, Slice
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.settings.schema import Destination
from tests.builders import part10

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

    from appliance.model import Instance, Piece
    from appliance.settings.schema import Profile

PACS = Destination("pacs", "127.0.0.1", 104, "PACS")
ARRIVED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SITI = {"PatientID": "4711", "PatientName": "SITI", "StudyDate": "20260102", "StudyTime": ""}
PIXEL_DATA = b"\xe0\x7f\x10\x00"


def trusted(values: Mapping[str, str] | None = None, **more: str) -> Identity:
    return Identity({**(SITI if values is None else values), **more}, "trust")


def header_says(values: Mapping[str, str]) -> Evidence:
    """The evidence of a DICOM file that says this."""
    return Evidence(tuple(Claim(Origin.HEADER, k, v) for k, v in values.items() if v))


def made(
    body: Body,
    identity: Identity | None = None,
    profile: Profile | None = None,
    evidence: Evidence | None = None,
    source: str = "cr-export",
    *,
    destination: Destination = PACS,
    objects: int = 1,
) -> Instance:
    case = Case(
        evidence or Evidence(), identity or trusted(), profile, source, ARRIVED_AT, objects
    )
    return compose(body, case, destination)


def image(  # noqa: PLR0913 - these are what images differ in
    path: Path,
    *,
    rows: int = 4,
    columns: int = 6,
    bits: int = 16,
    stored: int = 0,
    colour: bool = False,
    sop_class: str = part10.CR_IMAGE,
    digest: str = "d1",
) -> Body:
    """Native pixels, which lie behind some other bytes of a file."""
    samples = 3 if colour else 1
    content = bytes(i * 7 % 251 for i in range(rows * columns * samples * bits // 8))
    path.write_bytes(b"before" + content + b"behind")
    attributes: dict[str, object] = {
        "SOPClassUID": sop_class,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": stored or bits,
        "HighBit": (stored or bits) - 1,
        "PixelRepresentation": 0,
        **({"PlanarConfiguration": 0} if colour else {}),
    }
    where = Slice(path, 6, len(content))
    return Body(1, BodyKind.PIXELS, part10.EXPLICIT_LE, digest, (where,), attributes)


def stream(path: Path, content: bytes, **attributes: object) -> Body:
    """A compressed stream of 8-bit grey."""
    path.write_bytes(content)
    shape = image(path.with_name("shape"), bits=8, sop_class=part10.SC_IMAGE).attributes
    where = Slice(path, 0, len(content))
    said = {**shape, **attributes}
    return Body(1, BodyKind.STREAM, part10.JPEG_BASELINE, "d2", (where,), said)


def data_set(path: Path, head: bytes, rest: bytes, syntax: str = part10.EXPLICIT_LE) -> Body:
    """A data set that came, cut before its pixels (if it has any)."""
    start = len(part10.meta("1.2.3", syntax))
    path.write_bytes(bytes(start) + head + rest)
    slices = [Slice(path, start, len(head))]
    if rest:
        slices.append(Slice(path, start + len(head), len(rest)))
    attributes = {
        "SOPClassUID": part10.CR_IMAGE,
        "SOPInstanceUID": "1.2.3",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "Modality": "CR",
    }
    return Body(1, BodyKind.DATASET, syntax, "d3", tuple(slices), attributes)


def content(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.length)


def encoding(instance: Instance) -> bytes:
    """The data set as it goes over the line."""
    return b"".join(map(content, instance.pieces))


def as_file(instance: Instance) -> bytes:
    """The object as a Part 10 file."""
    meta = part10.meta(
        instance.sop_instance_uid, instance.transfer_syntax_uid, instance.sop_class_uid
    )
    return meta + encoding(instance)


def read(instance: Instance) -> Dataset:
    """The object as another toolkit's user sees it."""
    return dcmread(io.BytesIO(as_file(instance)))
