"""A data set that came: what of it is changed, and that all else stays."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.errors import CannotEdit
from appliance.model import Evidence, Identity
from appliance.settings.schema import Profile
from tests.builders import objects, part10
from tests.builders.headers import HEADER, REST, SYNTAXES, came, head, sent
from tests.builders.objects import header_says, made, trusted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("syntax", [*SYNTAXES, part10.DEFLATED_LE, part10.JPEG_BASELINE])
def test_a_data_set_with_its_patient_goes_as_it_came(tmp_path: Path, syntax: str) -> None:
    body = came(tmp_path, b"whatever stands here", syntax)
    instance = sent(body, {})
    assert not any(isinstance(piece, bytes) for piece in instance.pieces)
    assert objects.encoding(instance) == b"whatever stands here" + REST
    assert instance.sop_instance_uid == "1.2.3"
    assert instance.study_instance_uid == "1.2.3.1"
    assert instance.series_instance_uid == "1.2.3.2"
    assert instance.transfer_syntax_uid == syntax


def test_an_exam_date_from_elsewhere_in_the_header_changes_nothing(tmp_path: Path) -> None:
    evidence = header_says({"PatientID": "4711", "AcquisitionDate": "20260102"})
    identity = Identity({"PatientID": "4711", "StudyDate": "20260102", "StudyTime": ""}, "trust")
    instance = made(came(tmp_path), identity, evidence=evidence)
    assert instance.sop_instance_uid == "1.2.3"
    assert objects.encoding(instance) == head() + REST


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_profiles_edit_changes_nothing_else(tmp_path: Path, syntax: str) -> None:
    instance = sent(came(tmp_path, syntax=syntax), {}, Profile(set={"InstitutionName": "RSUD"}))
    added = part10.element(0x00080080, "LO", "RSUD", syntax)
    group_8 = head(syntax)[len(part10.element(0x00080000, "UL", bytes(4), syntax)) :]
    assert objects.encoding(instance).replace(added, b"") == group_8 + REST
    assert objects.read(instance).InstitutionName == "RSUD"


def test_valid_uids_are_kept_by_an_edit(tmp_path: Path) -> None:
    instance = sent(came(tmp_path), {}, Profile(set={"InstitutionName": "RSUD"}))
    assert instance.sop_instance_uid == "1.2.3" == objects.read(instance).SOPInstanceUID
    assert instance.study_instance_uid == "1.2.3.1"


def test_an_edit_that_is_there_already_changes_nothing(tmp_path: Path) -> None:
    instance = sent(came(tmp_path), {}, Profile(set={"PatientID": "4711"}))
    assert objects.encoding(instance) == head() + REST


def test_pixels_are_not_rewritten_by_an_edit(tmp_path: Path) -> None:
    body = came(tmp_path)
    instance = sent(body, {}, Profile(set={"InstitutionName": "RSUD"}))
    assert instance.pieces[1:] == body.slices[1:]
    assert instance.digest not in {body.digest, hashlib.sha256(body.digest.encode()).hexdigest()}


def test_a_data_set_without_pixels_can_be_edited(tmp_path: Path) -> None:
    body = objects.data_set(tmp_path / "a.dcm", head(), b"")
    instance = sent(body, {}, Profile(set={"InstitutionName": "RSUD"}))
    assert objects.read(instance).InstitutionName == "RSUD"
    assert objects.read(sent(body, {})).PatientID == "4711"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_the_header_lacks_is_added(tmp_path: Path, syntax: str) -> None:
    ds = objects.read(sent(came(tmp_path, syntax=syntax), {"AccessionNumber": "A1"}))
    assert ds.AccessionNumber == "A1"
    assert ds.PatientName == "DOE^JANE"
    assert ds[0x0009, 0x1001].value == b"\xff\xfe\0\1"
    assert len(ds[0x0008, 0x1140].value) == 1


def test_what_a_person_corrects_is_another_object_of_the_same_study(tmp_path: Path) -> None:
    instance = sent(came(tmp_path), {"PatientName": "DOE^JANET"}, proof="person")
    ds = objects.read(instance)
    assert ds.PatientName == "DOE^JANET"
    assert ds.SOPInstanceUID == instance.sop_instance_uid != "1.2.3"
    assert ds.StudyInstanceUID == instance.study_instance_uid == "1.2.3.1"


def test_a_persons_date_wins_over_every_date_in_the_header(tmp_path: Path) -> None:
    said = {**HEADER, "AcquisitionDate": "20260103"}
    identity = Identity({**said, "StudyDate": "20260103"}, "person")
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00080022, "DA", b"20260103")))
    assert objects.read(made(body, identity, evidence=header_says(said))).StudyDate == "20260103"


LEFTOVERS = [
    (0x00080050, "SH", b"OLD1"),
    (0x00101000, "LO", b"OLD2"),
    (0x00104000, "LT", b"OLD3"),
    (0x00321060, "LO", b"OLD4"),
    (0x00380010, "LO", b"OLD5"),
    (0x00401001, "SH", b"OLD6"),
]


def test_an_image_of_somebody_else_keeps_the_first_only_among_what_was(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, *LEFTOVERS))
    changes = {"PatientID": "4712", "PatientName": "SITI", "AccessionNumber": ""}
    instance = sent(body, changes, proof="person")
    ds = objects.read(instance)
    assert (ds.PatientID, ds.PatientName, ds.StudyDate) == ("4712", "SITI", "20260102")
    assert ds.SOPInstanceUID == instance.sop_instance_uid != "1.2.3"
    assert ds.StudyInstanceUID == instance.study_instance_uid != "1.2.3.1"
    assert ds.SeriesInstanceUID == instance.series_instance_uid != "1.2.3.2"
    assert ds["PatientSex"].is_empty
    (was,) = ds.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert (was.PatientID, was.PatientName, was.AccessionNumber) == ("4711", "DOE^JANE", "OLD1")
    assert (was.SOPInstanceUID, was.StudyInstanceUID) == ("1.2.3", "1.2.3.1")
    assert was[0x0032, 0x1060].value == "OLD4"
    del ds.OriginalAttributesSequence
    assert "OLD" not in str(ds)
    assert "DOE" not in str(ds)


def test_what_goes_apart_has_no_uid_of_the_study_it_came_in(tmp_path: Path) -> None:
    said = {"PatientName": "DOE^JANE", "StudyDate": "20260102"}
    identity = Identity({"PatientID": "4712", "PatientName": "SITI"}, "person", apart=True)
    body = came(tmp_path, head().replace(part10.element(0x00100020, "LO", "4711"), b""))
    instance = made(body, identity, evidence=header_says(said))
    assert instance.study_instance_uid != "1.2.3.1"
    assert instance.series_instance_uid != "1.2.3.2"
    assert instance.sop_instance_uid != "1.2.3"
    assert objects.read(instance).StudyInstanceUID == instance.study_instance_uid


def test_what_two_patients_have_in_common_is_kept(tmp_path: Path) -> None:
    said = {**HEADER, "PatientSex": "F"}
    identity = Identity({**said, "PatientID": "4712", "PatientName": "SITI"}, "person")
    unknown, female = (part10.element(0x00100040, "CS", sex) for sex in ("", "F"))
    body = came(tmp_path, head().replace(unknown, female))
    ds = objects.read(made(body, identity, evidence=header_says(said)))
    assert (ds.PatientID, ds.PatientSex) == ("4712", "F")


def test_two_series_of_somebody_else_stay_two(tmp_path: Path) -> None:
    body = came(tmp_path)
    moved = {"PatientID": "4712", "PatientName": "SITI"}
    one = sent(body, moved, proof="person")
    other = sent(body, {**moved, "SeriesNumber": "3"}, proof="person")
    assert one.study_instance_uid == other.study_instance_uid
    assert one.series_instance_uid != other.series_instance_uid


def test_what_is_deflated_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(CannotEdit, match="deflated"):
        sent(came(tmp_path, b"deflated", part10.DEFLATED_LE), {"AccessionNumber": "A1"})


def test_an_endless_header_is_not_read_to_be_changed(tmp_path: Path) -> None:
    body = came(tmp_path)
    endless = replace(body, slices=(replace(body.slices[0], length=1 << 40), body.slices[1]))
    assert sent(endless, {}).sop_instance_uid == "1.2.3"
    with pytest.raises(CannotEdit, match="too long"):
        sent(endless, {"AccessionNumber": "A1"})


def test_a_garbled_header_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(CannotEdit):
        sent(came(tmp_path, head()[:-1]), {"AccessionNumber": "A1"})


@pytest.mark.parametrize(
    ("declared", "expected"), [(b"", "ISO_IR 192"), (b"ISO_IR 100", "ISO_IR 100")]
)
def test_a_new_name_is_written_in_letters_the_data_set_declares(
    tmp_path: Path, declared: bytes, expected: str
) -> None:
    charset = [(0x00080005, "CS", declared)] if declared else []
    body = came(tmp_path, head(part10.EXPLICIT_LE, *charset))
    ds = objects.read(sent(body, {"ReferringPhysicianName": "Öz^Ümit"}))
    assert ds.SpecificCharacterSet == expected
    assert str(ds.ReferringPhysicianName) == "Öz^Ümit"


def test_a_name_beyond_the_declared_letters_makes_all_of_it_unicode(tmp_path: Path) -> None:
    old = (0x00081030, "LO", "Schädel".encode("latin-1"))
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00080005, "CS", b"ISO_IR 100"), old))
    ds = objects.read(sent(body, {"ReferringPhysicianName": "王^小东"}))
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert (ds.ReferringPhysicianName, ds.StudyDescription) == ("王^小东", "Schädel")


@pytest.mark.parametrize("declared", [b"GBK", b"ISO 2022 IR 6\\ISO 2022 IR 87"])
def test_plain_text_fits_any_declared_letters(tmp_path: Path, declared: bytes) -> None:
    charset = (0x00080005, "CS", declared)
    body = came(tmp_path, head(part10.EXPLICIT_LE, charset))
    instance = sent(body, {"AccessionNumber": "A1"})
    assert part10.element(*charset) in objects.encoding(instance)
    assert part10.element(0x00080050, "SH", "A1") in objects.encoding(instance)


def test_undeclared_letters_are_not_declared_to_be_others(tmp_path: Path) -> None:
    gbk = (0x00081030, "LO", "胸部".encode("gbk"))
    body = came(tmp_path, head(part10.EXPLICIT_LE, gbk))
    with pytest.raises(CannotEdit, match="not of ASCII"):
        sent(body, {"ReferringPhysicianName": "王^小东"})


def test_an_edit_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    body = came(tmp_path)
    profile = Profile(set={"InstitutionName": "RSUD"})
    assert sent(body, {}, profile) == sent(body, {}, profile)


def test_evidence_of_others_is_not_what_the_header_says(tmp_path: Path) -> None:
    """A header without a patient gets the one that the file name brought."""
    body = came(tmp_path)
    ds = objects.read(made(body, trusted(PatientSex="F"), evidence=Evidence()))
    assert (ds.PatientID, ds.PatientName, ds.PatientSex) == ("4711", "SITI", "F")
