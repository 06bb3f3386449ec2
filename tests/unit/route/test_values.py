"""What rules may ask of an object: what was said, what was decided, what its data set has."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.model import Claim, Evidence, Identity, Origin
from appliance.route.case import Case
from appliance.route.values import asked_for, values
from appliance.settings import conditions
from appliance.settings.schema import Profile, Route, Settings
from tests.builders import objects, part10
from tests.builders.objects import ARRIVED_AT, trusted
from tests.builders.part10 import element

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.model import Body


def case(identity: Identity | None = None, profile: Profile | None = None, **claims: str) -> Case:
    said = tuple(Claim(Origin.HEADER, k, v) for k, v in claims.items())
    return Case(Evidence(said), identity or trusted(), profile, "cr-export", ARRIVED_AT)


def data_set(folder: Path, content: bytes, syntax: str = part10.EXPLICIT_LE) -> Body:
    body = objects.data_set(folder / "a.dcm", content, b"pixels")
    return replace(body, transfer_syntax_uid=syntax)


def looked_up(folder: Path, content: bytes, syntax: str, *wanted: str) -> Mapping[str, str]:
    found = values(data_set(folder, content, syntax), case(), wanted)
    return {keyword: found[keyword] for keyword in wanted if keyword in found}


def test_what_was_decided_stands_above_what_was_said(tmp_path: Path) -> None:
    identity = Identity({"PatientID": "4711", "AccessionNumber": ""}, "worklist")
    said = case(identity, PatientID="0815", AccessionNumber="A7", StationName="ROOM2")
    found = values(objects.image(tmp_path / "a"), said, ())
    assert (found["PatientID"], found["AccessionNumber"]) == ("4711", "")
    assert (found["StationName"], found["Rows"]) == ("ROOM2", "4")


def test_and_the_profiles_edits_above_both(tmp_path: Path) -> None:
    profile = Profile(map={"StationName": {"ROOM2": "CR2"}}, set={"PatientID": "X"})
    found = values(objects.image(tmp_path / "a"), case(profile=profile, StationName="ROOM2"), ())
    assert (found["StationName"], found["PatientID"]) == ("CR2", "X")


def test_the_first_that_says_something_is_asked(tmp_path: Path) -> None:
    claims = (
        Claim(Origin.HEADER, "StationName", ""),
        Claim(Origin.SIDECAR, "StationName", "ROOM2"),
        Claim(Origin.FILENAME, "StationName", "ROOM3"),
    )
    told = replace(case(), evidence=Evidence(claims))
    assert values(objects.image(tmp_path / "a"), told, ())["StationName"] == "ROOM2"


def test_whence_and_when_it_came(tmp_path: Path) -> None:
    found = values(objects.image(tmp_path / "a"), case(), ())
    assert [found[k] for k in ("source", "time", "weekday")] == ["cr-export", "03:04", "fri"]


def test_how_soon_it_was_ordered(tmp_path: Path) -> None:
    urgent = replace(trusted(), priority="STAT")
    found = values(objects.image(tmp_path / "a"), case(urgent), ())
    assert found["RequestedProcedurePriority"] == "STAT"


@pytest.mark.parametrize(
    "syntax", [part10.EXPLICIT_LE, part10.IMPLICIT_LE, part10.EXPLICIT_BE, part10.JPEG_BASELINE]
)
def test_what_nobody_said_is_looked_up_in_the_data_set(tmp_path: Path, syntax: str) -> None:
    plain = part10.EXPLICIT_LE if syntax == part10.JPEG_BASELINE else syntax
    order = ">" if syntax == part10.EXPLICIT_BE else "<"
    content = b"".join(
        element(tag, vr, value, plain)
        for tag, vr, value in (
            (0x00080005, "CS", b"ISO_IR 192"),
            (0x00081048, "PN", "SÁRI^DEWI".encode()),
            (0x00280010, "US", struct.pack(order + "H", 2140)),
            (0x00281052, "DS", b"0.5 "),
        )
    )
    wanted = ("PhysiciansOfRecord", "Rows", "RescaleIntercept", "Columns")
    found = looked_up(tmp_path, content, syntax, *wanted)
    assert found["Rows"] == "2140"
    assert found["PhysiciansOfRecord"] == "SÁRI^DEWI"
    assert found["RescaleIntercept"] == "0.5"
    assert "Columns" not in found


def test_several_numbers_have_a_backslash_between_them(tmp_path: Path) -> None:
    content = element(0x00189319, "FD", struct.pack("<dd", 0.25, 3))
    keyword = "ReconstructionAngle"
    assert looked_up(tmp_path, content, part10.EXPLICIT_LE, keyword) == {keyword: "0.25\\3"}
    cut = element(0x00280010, "US", b"\1\2\3\4")
    assert looked_up(tmp_path, cut, part10.EXPLICIT_LE, "Rows") == {"Rows": "513\\1027"}


def test_what_cannot_be_read_is_not_said(tmp_path: Path) -> None:
    damaged = element(0x00081048, "PN", b"S\xc1RI")
    syntax = part10.EXPLICIT_LE
    assert looked_up(tmp_path, damaged, syntax, "PhysiciansOfRecord") == {"PhysiciansOfRecord": ""}
    assert looked_up(tmp_path, b"no data set at all", syntax, "Rows") == {}
    assert looked_up(tmp_path, b"deflated", part10.DEFLATED_LE, "Rows") == {}


def test_nothing_is_read_that_no_rule_asks_for(tmp_path: Path) -> None:
    body = data_set(tmp_path, b"")
    body.slices[0].path.unlink()
    assert values(body, case(Modality="CR"), ("Modality", "source", "time", "weekday"))
    with pytest.raises(FileNotFoundError):
        values(body, case(), ("Rows",))


def test_rules_ask_for_what_stands_in_their_conditions() -> None:
    routes = [Route(("pacs",), {k: conditions.read("*")}) for k in ("Rows", "source")]
    assert asked_for(Settings(routes=tuple(routes))) == {"Rows", "source"}
