"""Owns making a data set that came, with a header that says something, and sending it on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from appliance.model import Identity
from tests.builders import objects, part10
from tests.builders.objects import PIXEL_DATA, header_says, made

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Body, Instance
    from appliance.settings.schema import Destination, Profile

SYNTAXES = [part10.EXPLICIT_LE, part10.IMPLICIT_LE, part10.EXPLICIT_BE]


HEADER = {
    "PatientID": "4711",
    "PatientName": "DOE^JANE",
    "StudyDate": "20260102",
    "StudyTime": "101112",
    "Modality": "CR",
    "SeriesNumber": "2",
}
REST = PIXEL_DATA + b"OW\0\0" + struct.pack("<I", 4) + b"\1\2\3\4"


def head(syntax: str = part10.EXPLICIT_LE, *more: tuple[int, str, bytes]) -> bytes:
    """A header that says HEADER, a sequence, something private, and group lengths."""
    item = b"\xfe\xff\x00\xe0" + bytes(4)
    if syntax == part10.EXPLICIT_BE:
        item = b"\xff\xfe\xe0\x00" + bytes(4)
    elements = [
        (0x00080000, "UL", bytes(4)),
        (0x00080016, "UI", part10.CR_IMAGE.encode()),
        (0x00080018, "UI", b"1.2.3"),
        (0x00080020, "DA", b"20260102"),
        (0x00080030, "TM", b"101112"),
        (0x00080060, "CS", b"CR"),
        (0x00081140, "SQ", item),
        (0x00090010, "LO", b"ACME 1.0  "),
        (0x00091001, "UN", b"\xff\xfe\0\1"),
        (0x00100010, "PN", b"DOE^JANE"),
        (0x00100020, "LO", b"4711"),
        (0x00100040, "CS", b""),
        (0x0020000D, "UI", b"1.2.3.1"),
        (0x0020000E, "UI", b"1.2.3.2"),
        (0x00200011, "IS", b"2"),
        *more,
    ]
    return b"".join(part10.element(t, vr, v, syntax) for t, vr, v in sorted(elements))


def came(tmp_path: Path, head_bytes: bytes = b"", syntax: str = part10.EXPLICIT_LE) -> Body:
    return objects.data_set(tmp_path / "a.dcm", head_bytes or head(syntax), REST, syntax)


LATIN_1 = (
    (0x00080005, "CS", b"ISO_IR 100"),
    (0x00081030, "LO", "Schädel".encode("latin-1")),
)


def sent(
    body: Body,
    changes: dict[str, str],
    profile: Profile | None = None,
    proof: str = "trust",
    destination: Destination = objects.PACS,
) -> Instance:
    identity = Identity({**HEADER, **changes}, proof)
    evidence = header_says(HEADER)
    return made(body, identity, profile, evidence, destination=destination)
