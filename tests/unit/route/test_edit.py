"""What is told of a change, whose edits they are, and in which letters they are written."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance import elements
from appliance.errors import BadValue, CannotSay, Held
from appliance.model import Identity
from appliance.peek import within
from appliance.settings.schema import Profile
from tests.builders import objects, part10
from tests.builders.headers import HEADER, LATIN_1, REST, SYNTAXES, came, head, sent
from tests.builders.objects import header_says, made

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Instance


# --- what is told of a change ------------------------------------------------------------------


def before(instance: Instance) -> dict[str, str]:
    """What an object says that it said before, by keyword."""
    told = objects.read(instance).get("OriginalAttributesSequence", [])
    return {e.keyword: str(e.value) for item in told for e in item.ModifiedAttributesSequence[0]}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_a_profile_replaces_is_kept_among_the_originals(tmp_path: Path, syntax: str) -> None:
    profile = Profile(set={"SeriesNumber": "7", "InstitutionName": "RSUD"})
    instance = sent(came(tmp_path, syntax=syntax), {}, profile)
    assert before(instance) == {"SeriesNumber": "2"}
    (item,) = objects.read(instance).OriginalAttributesSequence
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert item.AttributeModificationDateTime == "20260102030405+0000"
    assert (item.ModifyingSystem, item.SourceOfPreviousValues) == ("Jembatan", "cr-export")
    assert "ContributingEquipmentSequence" not in objects.read(instance)


def test_a_person_is_told_of(tmp_path: Path) -> None:
    instance = sent(came(tmp_path), {"PatientName": "DOE^JANET"}, proof="person")
    ds = objects.read(instance)
    assert before(instance) == {"PatientName": "DOE^JANE", "SOPInstanceUID": "1.2.3"}
    assert ds.OriginalAttributesSequence[0].ReasonForTheAttributeModification == "CORRECT"
    (equipment,) = ds.ContributingEquipmentSequence
    (purpose,) = equipment.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109103", "DCM")
    assert purpose.CodeMeaning == "Modifying Equipment"
    assert equipment.Manufacturer == "Jembatan"


def test_a_person_who_confirms_changes_nothing(tmp_path: Path) -> None:
    assert objects.encoding(sent(came(tmp_path), {}, proof="person")) == head() + REST


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_was_told_before_stays_told(tmp_path: Path, syntax: str) -> None:
    first = sent(came(tmp_path, syntax=syntax), {"PatientName": "DOE^J"}, proof="person")
    again = objects.data_set(
        tmp_path / "b.dcm", objects.encoding(first)[: -len(REST)], REST, syntax
    )
    identity = Identity({**HEADER, "PatientName": "DOE"}, "person")
    second = made(again, identity, evidence=header_says({**HEADER, "PatientName": "DOE^J"}))
    ds = objects.read(second)
    names = [
        str(item.ModifiedAttributesSequence[0].PatientName)
        for item in ds.OriginalAttributesSequence
    ]
    assert names == ["DOE^JANE", "DOE^J"]
    assert len(ds.ContributingEquipmentSequence) == 2


def test_a_replaced_sequence_is_kept_whole(tmp_path: Path) -> None:
    item = part10.element(0x00401001, "SH", "OLD-RP")
    mark = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00400275, "SQ", mark)))
    order = {"RequestAttributesSequence": [{"RequestedProcedureID": "RP1"}]}
    identity = Identity(HEADER, "worklist", order)
    ds = objects.read(made(body, identity, evidence=header_says(HEADER)))
    assert ds.RequestAttributesSequence[0].RequestedProcedureID == "RP1"
    was = ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert was.RequestAttributesSequence[0].RequestedProcedureID == "OLD-RP"


CODE = {"CodeValue": "CX", "CodingSchemeDesignator": "99RS", "CodeMeaning": "Thorax, 王"}
ORDER = {
    "RequestAttributesSequence": (
        {"RequestedProcedureID": "RP1", "ScheduledProtocolCodeSequence": (CODE,)},
    ),
    "ProcedureCodeSequence": (CODE,),
}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_order_is_written_as_sequences(tmp_path: Path, syntax: str) -> None:
    identity = Identity({**HEADER, "AccessionNumber": "A1"}, "worklist", ORDER)
    ds = objects.read(made(came(tmp_path, syntax=syntax), identity, evidence=header_says(HEADER)))
    (request,) = ds.RequestAttributesSequence
    assert request.RequestedProcedureID == "RP1"
    for code in (*request.ScheduledProtocolCodeSequence, *ds.ProcedureCodeSequence):
        assert {keyword: code[keyword].value for keyword in CODE} == CODE
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.AccessionNumber == "A1"
    assert "OriginalAttributesSequence" not in ds  # nothing was there before


# --- UIDs that are missing -------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_missing_uid_is_derived(tmp_path: Path, missing: str) -> None:
    tag = {"SOPInstanceUID": 0x00080018, "StudyInstanceUID": 0x0020000D}.get(missing, 0x0020000E)
    value = {"SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2.3.1"}.get(missing, "1.2.3.2")
    body = came(tmp_path, head().replace(part10.element(tag, "UI", value), b""))
    body = replace(body, attributes={**body.attributes, missing: ""})
    instance, again = sent(body, {}), sent(body, {})
    ds = objects.read(instance)
    assert instance == again
    assert ds[missing].value.startswith("2.25.")
    uids = (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID)
    assert uids == (
        instance.sop_instance_uid,
        instance.study_instance_uid,
        instance.series_instance_uid,
    )
    assert sum(uid.startswith("2.25.") for uid in uids) == 1


# --- tag edits -------------------------------------------------------------------------------


def test_a_removed_value_is_gone_and_told(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00081010, "SH", b"CT99")))
    said = {**HEADER, "StationName": "CT99"}
    profile = Profile(remove=("StationName",))
    instance = made(body, Identity(said, "trust"), profile, header_says(said))
    assert "StationName" not in objects.read(instance)
    assert before(instance) == {"StationName": "CT99"}


def test_a_removed_value_that_must_be_there_is_empty(tmp_path: Path) -> None:
    instance = sent(came(tmp_path), {}, Profile(remove=("SeriesNumber",)))
    assert objects.read(instance)["SeriesNumber"].is_empty
    assert before(instance) == {"SeriesNumber": "2"}


def test_a_value_that_an_image_must_have_is_not_removed(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="Modality"):
        sent(came(tmp_path), {}, Profile(remove=("Modality",)))


def test_each_destination_gets_its_own(tmp_path: Path) -> None:
    body = came(tmp_path)
    profile = Profile(set={"InstitutionName": "RSUD"})
    cloud = replace(objects.PACS, template={"StudyID": "{InstitutionName}-{SeriesNumber}"})
    plain, edited = sent(body, {}, profile), sent(body, {}, profile, destination=cloud)
    assert "StudyID" not in objects.read(plain)
    assert objects.read(edited).StudyID == "RSUD-2"
    assert edited.sop_instance_uid == plain.sop_instance_uid
    assert edited.digest != plain.digest


def test_edits_see_nothing_of_a_patient_whose_image_it_is_not(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00101010, "AS", b"042Y")))
    evidence = header_says({**HEADER, "PatientAge": "042Y"})
    somebody = Identity({**HEADER, "PatientID": "4712", "PatientName": "SITI"}, "person")
    profile = Profile(copy={"StudyComments": "PatientAge"})
    assert "StudyComments" not in objects.read(made(body, somebody, profile, evidence))
    same = Identity({**HEADER, "PatientAge": "042Y"}, "trust")
    assert objects.read(made(body, same, profile, evidence)).StudyComments == "042Y"


@pytest.mark.parametrize(
    "edits",
    [
        {"set": {"StudyDate": "2026-01-02"}},
        {"set": {"PatientID": "4711\\4712"}},
        {"template": {"AccessionNumber": "{PatientName}-{PatientName}-{PatientName}"}},
        {"map": {"Modality": {"CR": "computed"}}},
        {"copy": {"StudyDate": "PatientName"}},
    ],
)
def test_an_edit_to_what_dicom_cannot_hold_waits_for_a_person(
    tmp_path: Path, edits: dict[str, Any]
) -> None:
    for profile, destination in (
        (Profile(**edits), objects.PACS),
        (None, replace(objects.PACS, **edits)),
    ):
        with pytest.raises(BadValue):
            sent(came(tmp_path), {}, profile, destination=destination)


# --- the letters of a destination --------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_destination_gets_its_own_character_set(tmp_path: Path, syntax: str) -> None:
    body = came(tmp_path, head(syntax, *LATIN_1), syntax)
    unicode = replace(objects.PACS, charset="ISO_IR 192")
    instance = sent(body, {}, destination=unicode)
    ds = objects.read(instance)
    assert (ds.SpecificCharacterSet, ds.StudyDescription) == ("ISO_IR 192", "Schädel")
    assert "Schädel".encode() in objects.encoding(instance)
    assert "OriginalAttributesSequence" not in ds  # it says the same
    assert (0x0008, 0x0000) not in ds  # a group's length, which is another now
    assert instance.pieces[1:] == body.slices[1:]
    assert instance.sop_instance_uid == "1.2.3"


def test_a_destination_without_a_wish_gets_what_came(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, *LATIN_1))
    assert objects.encoding(sent(body, {})) == head(part10.EXPLICIT_LE, *LATIN_1) + REST


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO_IR 100", "ISO_IR 6"])
def test_plain_letters_go_as_they_came_to_everybody(tmp_path: Path, charset: str) -> None:
    there = replace(objects.PACS, charset=charset)
    assert objects.encoding(sent(came(tmp_path), {}, destination=there)) == head() + REST


def test_a_plain_order_declares_no_letters(tmp_path: Path) -> None:
    order = {"RequestAttributesSequence": [{"RequestedProcedureID": "RP1"}]}
    there = replace(objects.PACS, charset="ISO_IR 192")
    identity = Identity(HEADER, "worklist", order)
    ds = objects.read(
        made(came(tmp_path), identity, evidence=header_says(HEADER), destination=there)
    )
    assert ds.RequestAttributesSequence[0].RequestedProcedureID == "RP1"
    assert "SpecificCharacterSet" not in ds


def test_letters_that_a_destination_has_not_wait_for_a_person(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, *LATIN_1))
    ascii_only = replace(objects.PACS, charset="ISO_IR 6")
    with pytest.raises(CannotSay, match="Schädel") as caught:
        sent(body, {}, destination=ascii_only)
    assert caught.value.code == "unencodable-name"
    allowed = replace(ascii_only, transliterate=True)
    ds = objects.read(sent(body, {}, destination=allowed))
    assert ds.StudyDescription == "Schadel"
    assert "SpecificCharacterSet" not in ds


def test_what_grows_too_long_in_plain_letters_waits_for_a_person(tmp_path: Path) -> None:
    long = (0x00081030, "LO", ("ß" * 40).encode("latin-1"))
    body = came(tmp_path, head(part10.EXPLICIT_LE, LATIN_1[0], long))
    plain = replace(objects.PACS, charset="ISO_IR 6", transliterate=True)
    with pytest.raises(BadValue, match="64"):
        sent(body, {}, destination=plain)


# --- hostile headers -----------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_damaged_header_is_held_or_stays_one_that_can_be_walked(
    tmp_path: Path, syntax: str
) -> None:
    chance = random.Random(4711)
    there = replace(objects.PACS, charset="ISO_IR 192")
    good = head(syntax, *LATIN_1)
    held = 0
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 2, 4))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        body = came(tmp_path, bytes(damaged), syntax)
        try:
            instance = sent(body, {"PatientName": "SITI"}, proof="person", destination=there)
        except Held:
            held += 1
            continue
        new = objects.encoding(instance)[: -len(REST)]
        assert list(elements.walk(within(new), 0, elements.coding_of(syntax)))
    assert 0 < held < 300
