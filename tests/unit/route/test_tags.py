"""Tag edits: what a table makes of values, in which order, and what it must not touch."""

from __future__ import annotations

import pytest

from appliance.errors import BadValue
from appliance.route.tags import changes
from appliance.settings.schema import Destination, Profile

SAID = {
    "PatientID": "4711",
    "AccessionNumber": "A1",
    "PatientName": "SITI^^",
    "PatientSex": "W ",
    "StationName": "ROOM2",
    "InstitutionName": "",
}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (Profile(), {}),
        (Profile(set={"StationName": "CR1"}), {"StationName": "CR1"}),
        (Profile(set={"StationName": "ROOM2"}), {}),
        (Profile(remove=("StationName",)), {"StationName": ""}),
        (Profile(remove=("StudyID", "InstitutionName")), {}),
        (Profile(copy={"StudyID": "AccessionNumber"}), {"StudyID": "A1"}),
        (Profile(copy={"StudyID": "InstitutionName"}), {}),
        (Profile(copy={"StationName": "StudyID"}), {}),
        (
            Profile(template={"StudyID": "{PatientID}-{AccessionNumber}"}),
            {"StudyID": "4711-A1"},
        ),
        (Profile(template={"StudyID": "{PatientID}-{InstitutionName}"}), {}),
        (Profile(template={"StudyID": "{PatientID}-{SeriesNumber}"}), {}),
        (Profile(map={"PatientSex": {"W": "F"}}), {"PatientSex": "F"}),
        (Profile(map={"PatientName": {"SITI": "SITI^AMINAH"}}), {"PatientName": "SITI^AMINAH"}),
        (Profile(map={"PatientSex": {"M": "F"}}), {}),
        (Profile(map={"PatientSex": {"w": "F"}}), {}),
        (Profile(map={"StudyID": {"": "1"}}), {"StudyID": "1"}),
        # Values are moved and exchanged by what was there before.
        (
            Profile(remove=("StationName",), copy={"InstitutionName": "StationName"}),
            {"StationName": "", "InstitutionName": "ROOM2"},
        ),
        (
            Profile(copy={"PatientID": "AccessionNumber", "AccessionNumber": "PatientID"}),
            {"PatientID": "A1", "AccessionNumber": "4711"},
        ),
        (
            Profile(remove=("PatientID",), template={"PatientID": "RS-{PatientID}"}),
            {"PatientID": "RS-4711"},
        ),
        # A table looks up what the others wrote; what is set wins over all.
        (
            Profile(copy={"StudyID": "StationName"}, map={"StudyID": {"ROOM2": "2"}}),
            {"StudyID": "2"},
        ),
        (
            Profile(
                remove=("StationName",),
                copy={"StationName": "PatientID"},
                template={"StationName": "{AccessionNumber}"},
                map={"StationName": {"A1": "MAPPED"}},
                set={"StationName": "SET"},
            ),
            {"StationName": "SET"},
        ),
    ],
)
def test_a_table_of_edits_changes(edits: Profile, expected: dict[str, str]) -> None:
    assert changes(SAID, edits) == expected


def test_a_destination_has_the_same_edits() -> None:
    there = Destination("pacs", "h", 104, "PACS", template={"StudyID": "{PatientID}/x"})
    assert changes(SAID, there) == {"StudyID": "4711/x"}


def test_braces_in_a_value_are_no_template() -> None:
    said = {"PatientComments": "{PatientID}", "PatientID": "4711"}
    edits = Profile(template={"StudyComments": "see {PatientComments}"})
    assert changes(said, edits) == {"StudyComments": "see {PatientID}"}


@pytest.mark.parametrize(
    "edits",
    [
        Profile(set={"SOPInstanceUID": "1.2"}),
        Profile(copy={"StudyInstanceUID": "PatientID"}),
        Profile(template={"SeriesInstanceUID": "{PatientID}"}),
        Profile(remove=("SOPClassUID",)),
    ],
)
def test_uids_are_not_edited(edits: Profile) -> None:
    with pytest.raises(BadValue, match="UID"):
        changes(SAID, edits)
