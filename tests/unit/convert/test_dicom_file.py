"""A data set that came is not changed, and what its header says is read rightly or not at all."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from appliance.convert import formats
from appliance.errors import Incomplete, UnencodableName, Unreadable
from appliance.journal.spool import Spool
from appliance.model import Origin
from appliance.settings.schema import Profile
from tests.builders import objects, part10
from tests.builders.part10 import element

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Body, Evidence

UID = "1.2.826.0.1.3680043.8.498.1"
SYNTAXES = [part10.IMPLICIT_LE, part10.EXPLICIT_LE, part10.EXPLICIT_BE, part10.DEFLATED_LE]
NAME = element(0x00100010, "PN", "DOE^JANE")
UMIT = "Ümit^Öz".encode("latin-1")


def read(tmp_path: Path, content: bytes, profile: Profile | None = None) -> tuple[Body, Evidence]:
    spool = Spool(tmp_path / "spool")
    (body,), evidence = formats.read(
        spool.keep(BytesIO(content)).path,
        "exam/a.dcm",
        profile,
        sidecars={},
        modified_at=objects.ARRIVED_AT,
        arrived_at=objects.ARRIVED_AT,
        make_body=lambda produce: spool.make(produce).path,
    )
    return body, evidence


def named(content: bytes, charset: str = "") -> bytes:
    """A file whose patient's name is these bytes."""
    declared = element(0x00080005, "CS", charset) if charset else b""
    ours = part10.data_set(UID).replace(NAME, element(0x00100010, "PN", content))
    return part10.meta(UID) + declared + ours


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_byte_behind_group_2_is_the_body(tmp_path: Path, syntax: str) -> None:
    body, evidence = read(tmp_path, part10.part10(UID, syntax=syntax))
    encoding = b"".join(map(objects.content, body.slices))
    assert encoding == part10.data_set(UID, syntax=syntax)
    assert body.transfer_syntax_uid == syntax
    assert body.attributes["SOPInstanceUID"] == UID
    assert evidence.get("PatientID", Origin.HEADER) == "4711"
    assert evidence.get("PatientName", Origin.HEADER) == "DOE^JANE"


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
def test_head_and_pixels_are_two_slices_and_padding_is_none(tmp_path: Path, syntax: str) -> None:
    content = part10.part10(UID, syntax=syntax)
    body, _ = read(tmp_path, content + b"\x1a" * 60)
    _, pixels = body.slices
    assert objects.content(pixels) == element(0x7FE00010, "OW", bytes(64), syntax)
    assert pixels.offset + pixels.length == len(content)


def test_the_data_set_is_right_where_group_2_is_not(tmp_path: Path) -> None:
    body, _ = read(tmp_path, part10.meta("1.2.3.4") + part10.data_set(UID))
    assert body.attributes["SOPInstanceUID"] == UID


@pytest.mark.parametrize(
    ("content", "charset", "profile"),
    [
        (UMIT, "ISO_IR 100", ""),
        ("Ümit^Öz".encode(), "ISO_IR 192", ""),
        (UMIT, "", "latin-1"),
        (UMIT, "ISO_IR 192", "latin-1"),  # declared, and untrue
    ],
)
def test_a_name_is_read_in_its_character_set(
    tmp_path: Path, content: bytes, charset: str, profile: str
) -> None:
    _, evidence = read(tmp_path, named(content, charset), Profile(charset=profile))
    assert evidence.get("PatientName", Origin.HEADER) == "Ümit^Öz"


@pytest.mark.parametrize("charset", ["", "ISO_IR 192"])
def test_a_name_that_cannot_be_read_is_held_and_no_question_mark(
    tmp_path: Path, charset: str
) -> None:
    with pytest.raises(UnencodableName, match=r"PatientName of exam/a\.dcm"):
        read(tmp_path, named(UMIT, charset))


def test_a_remark_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    station = element(0x00081010, "SH", UMIT)
    content = part10.part10(UID).replace(NAME, station + NAME)
    _, evidence = read(tmp_path, content)
    assert evidence.get("StationName", Origin.HEADER) == ""
    assert evidence.notes == ("The header's StationName cannot be read in its character set.",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (part10.part10(UID)[:-1], Incomplete),
        (part10.meta(UID, part10.DEFLATED_LE) + b"not deflated", Unreadable),
    ],
)
def test_what_cannot_be_an_object_is_refused(
    tmp_path: Path, content: bytes, problem: type[Exception]
) -> None:
    with pytest.raises(problem, match=r"exam/a\.dcm"):
        read(tmp_path, content)


def test_a_data_set_that_unpacks_to_very_much_costs_little(tmp_path: Path) -> None:
    bomb = part10.part10(UID, bytes(100_000_000), part10.DEFLATED_LE)
    tracemalloc.start()
    try:
        body, evidence = read(tmp_path, bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000
    assert body.slices[0].length == len(bomb) - len(part10.meta(UID, part10.DEFLATED_LE))
    assert evidence.get("PatientID", Origin.HEADER) == "4711"
