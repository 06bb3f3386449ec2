"""The exact bytes of an object: what is written around pixels, and what a data set keeps."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadValue, CannotEdit
from appliance.model import Evidence, Identity
from appliance.settings.schema import Profile
from tests.builders import objects, part10
from tests.builders.objects import PIXEL_DATA, header_says, made, trusted

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Body, Instance

SYNTAXES = [part10.EXPLICIT_LE, part10.IMPLICIT_LE, part10.EXPLICIT_BE]


# --- native pixels ---------------------------------------------------------------------------


def test_the_pixels_are_sent_from_where_they_lie(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    head, pixels = made(body).pieces
    assert pixels is body.slices[0]
    assert isinstance(head, bytes)
    assert head.endswith(PIXEL_DATA + b"OW\0\0" + struct.pack("<I", 48))


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a", rows=3, columns=3, bits=8)
    head, pixels, padding = made(body).pieces
    assert (pixels, padding) == (body.slices[0], b"\0")
    assert isinstance(head, bytes)
    assert head.endswith(PIXEL_DATA + b"OB\0\0" + struct.pack("<I", 10))


def test_an_instance_says_what_its_data_set_says(tmp_path: Path) -> None:
    instance = made(objects.image(tmp_path / "a"))
    ds = objects.read(instance)
    assert ds.SOPClassUID == instance.sop_class_uid == part10.CR_IMAGE
    assert ds.SOPInstanceUID == instance.sop_instance_uid
    assert ds.StudyInstanceUID == instance.study_instance_uid
    assert ds.SeriesInstanceUID == instance.series_instance_uid
    assert instance.transfer_syntax_uid == part10.EXPLICIT_LE
    assert instance.size_bytes == len(objects.encoding(instance))


def test_nothing_is_made_up(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    ds = objects.read(made(body))
    values = {e.keyword: e.value for e in ds if e.value not in ("", None, [])}
    for keyword in {*body.attributes, *objects.SITI, "PixelData"}:
        values.pop(keyword, None)
    derived = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}
    assert {k for k in values if k not in derived} <= {
        "Modality",
        "InstanceCreationDate",
        "InstanceCreationTime",
    }


UNKNOWN = [
    "PatientBirthDate",
    "PatientSex",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesNumber",
    "InstanceNumber",
    "Manufacturer",
    "Laterality",
    "PatientOrientation",
]


@pytest.mark.parametrize("sop_class", [part10.CR_IMAGE, part10.SC_IMAGE])
@pytest.mark.parametrize("keyword", UNKNOWN)
def test_what_nobody_knows_is_there_and_empty(
    tmp_path: Path, sop_class: str, keyword: str
) -> None:
    ds = objects.read(made(objects.image(tmp_path / "a", sop_class=sop_class)))
    assert ds[keyword].is_empty


@pytest.mark.parametrize("part", ["CHEST", "ABDOMEN", "SKULL", "LSPINE"])
def test_a_part_that_has_no_side_has_no_empty_one(tmp_path: Path, part: str) -> None:
    """Present and empty would say that there is a side which nobody knows (PS3.3 C.7.3.1)."""
    body = objects.image(tmp_path / "a")
    assert "Laterality" not in objects.read(made(body, trusted(BodyPartExamined=part)))
    assert objects.read(made(body, trusted(BodyPartExamined=part, Laterality="L"))).Laterality


@pytest.mark.parametrize("part", ["HAND", "KNEE", "THORAX", "STUMP"])
def test_a_part_that_may_have_two_sides_has_an_empty_one(tmp_path: Path, part: str) -> None:
    ds = objects.read(made(objects.image(tmp_path / "a"), trusted(BodyPartExamined=part)))
    assert ds["Laterality"].is_empty


@pytest.mark.parametrize("sop_class", [part10.CR_IMAGE, part10.SC_IMAGE])
def test_the_modality_is_the_profiles_or_the_class_s(tmp_path: Path, sop_class: str) -> None:
    body = objects.image(tmp_path / "a", sop_class=sop_class)
    default = "CR" if sop_class == part10.CR_IMAGE else "OT"
    unsaid = replace(body, attributes={**body.attributes, "Modality": ""})
    assert objects.read(made(body)).Modality == default
    assert objects.read(made(unsaid)).Modality == default
    assert objects.read(made(body, profile=Profile(modality="DX"))).Modality == "DX"


def test_identity_and_numbers_come_from_the_evidence_that_was_decided(tmp_path: Path) -> None:
    said = trusted(AccessionNumber="A1", PatientSex="F", InstanceNumber="3", SeriesNumber="2")
    ds = objects.read(made(objects.image(tmp_path / "a"), said))
    assert (ds.PatientID, ds.PatientName, ds.StudyDate) == ("4711", "SITI", "20260102")
    assert (ds.AccessionNumber, ds.PatientSex) == ("A1", "F")
    assert (ds.InstanceNumber, ds.SeriesNumber) == (3, 2)


def test_the_profile_says_what_the_hospital_measured_and_wants(tmp_path: Path) -> None:
    profile = Profile(
        imager_pixel_spacing=(0.1, 0.15),
        window=(2048.0, 4096.0),
        set={"InstitutionName": "RSUD", "StudyDescription": "Thorax"},
    )
    ds = objects.read(made(objects.image(tmp_path / "a"), profile=profile))
    assert [str(v) for v in ds.ImagerPixelSpacing] == ["0.1", "0.15"]
    assert (ds.WindowCenter, ds.WindowWidth) == (2048, 4096)
    assert (ds.InstitutionName, ds.StudyDescription) == ("RSUD", "Thorax")


def test_colours_have_no_window(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a", bits=8, colour=True, sop_class=part10.SC_IMAGE)
    ds = objects.read(made(body, profile=Profile(window=(2048.0, 4096.0))))
    assert "WindowCenter" not in ds


def test_a_file_name_does_not_choose_the_class_or_the_instance(tmp_path: Path) -> None:
    said = trusted(SOPClassUID="1.2.9", SOPInstanceUID="1.2.8")
    instance = made(objects.image(tmp_path / "a"), said)
    assert objects.read(instance).SOPClassUID == instance.sop_class_uid == part10.CR_IMAGE
    assert instance.sop_instance_uid.startswith("2.25.")


def test_plain_text_declares_no_character_set(tmp_path: Path) -> None:
    assert "SpecificCharacterSet" not in objects.read(made(objects.image(tmp_path / "a")))


@pytest.mark.parametrize("name", ["Ümit^Öz", "山田^太郎", "Wang^XiaoDong=王^小东"])
def test_other_letters_are_sent_as_unicode(tmp_path: Path, name: str) -> None:
    ds = objects.read(made(objects.image(tmp_path / "a"), trusted(PatientName=name)))
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert str(ds.PatientName) == name


BAD = [
    ("PatientID", "4" * 65),
    ("PatientID", "47\\11"),
    ("PatientID", "47\n11"),
    ("PatientName", "A" * 65),
    ("PatientName", "A=B=C=D"),
    ("PatientName", "A^B^C^D^E^F"),
    ("AccessionNumber", "A" * 17),
    ("StudyDate", "2026-01-02"),
    ("StudyDate", "20261301"),
    ("StudyTime", "25"),
    ("PatientSex", "female"),
    ("PatientBirthDate", "1.1.1970"),
    ("InstanceNumber", "three"),
    ("SeriesNumber", "9" * 13),
]


@pytest.mark.parametrize(("keyword", "value"), BAD)
def test_a_value_that_dicom_cannot_hold_waits_for_a_person(
    tmp_path: Path, keyword: str, value: str
) -> None:
    with pytest.raises(BadValue, match=keyword) as caught:
        made(objects.image(tmp_path / "a"), trusted({**objects.SITI, keyword: value}))
    assert caught.value.code == "bad-value"
    assert "http" not in caught.value.sentence


def test_the_longest_values_are_not_cut(tmp_path: Path) -> None:
    said = trusted(PatientID="4" * 64, AccessionNumber="A" * 16, PatientName="ü" * 64)
    ds = objects.read(made(objects.image(tmp_path / "a"), said))
    assert (ds.PatientID, ds.AccessionNumber) == ("4" * 64, "A" * 16)
    assert str(ds.PatientName) == "ü" * 64


def test_a_long_text_may_hold_a_backslash(tmp_path: Path) -> None:
    said = trusted(PatientComments=r"left\right")
    assert objects.read(made(objects.image(tmp_path / "a"), said)).PatientComments == r"left\right"


def test_uids_are_not_set_by_a_profile(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="StudyInstanceUID"):
        made(objects.image(tmp_path / "a"), profile=Profile(set={"StudyInstanceUID": "1.2"}))


def test_the_same_input_gives_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    one = made(objects.image(tmp_path / "a"))
    two = made(
        objects.image(tmp_path / "elsewhere" / "b"),
        Identity(dict(reversed(objects.SITI.items())), "trust"),
    )
    assert objects.encoding(one) == objects.encoding(two)
    assert replace(one, pieces=()) == replace(two, pieces=())


def test_the_digest_stands_for_header_and_content(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    digests = {
        made(body).digest,
        made(replace(body, digest="other")).digest,
        made(body, profile=Profile(set={"InstitutionName": "RSUD"})).digest,
    }
    assert len(digests) == 3


def test_four_films_of_one_exam_are_one_study_and_four_objects(tmp_path: Path) -> None:
    films = [
        made(objects.image(tmp_path / "a", digest=f"d{n}"), trusted(InstanceNumber=str(n)))
        for n in range(4)
    ]
    assert len({film.study_instance_uid for film in films}) == 1
    assert len({film.series_instance_uid for film in films}) == 1
    assert len({film.sop_instance_uid for film in films}) == 4


def test_another_patient_makes_another_object_of_another_study(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    one, other = made(body), made(body, trusted(PatientID="4712"))
    assert one.sop_instance_uid != other.sop_instance_uid
    assert one.study_instance_uid != other.study_instance_uid


def test_more_pixels_than_an_element_can_hold_are_not_sent(tmp_path: Path) -> None:
    body = objects.image(tmp_path / "a")
    endless = replace(body.slices[0], length=1 << 32)
    with pytest.raises(CannotEdit, match="4294967296 bytes"):
        made(replace(body, slices=(endless,)))


# --- a compressed stream -----------------------------------------------------------------------


@pytest.mark.parametrize("length", [10, 11])
def test_a_stream_becomes_one_fragment_behind_an_empty_offset_table(
    tmp_path: Path, length: int
) -> None:
    body = objects.stream(tmp_path / "a.jpg", b"\xff\xd8" + bytes(length - 4) + b"\xff\xd9")
    instance = made(body)
    head, fragment, end = instance.pieces
    assert fragment is body.slices[0]
    assert isinstance(head, bytes)
    assert head.endswith(
        PIXEL_DATA
        + b"OB\0\0\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\0\0\0\0"
        + b"\xfe\xff\x00\xe0"
        + struct.pack("<I", length + length % 2)
    )
    assert end == b"\0" * (length % 2) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert instance.transfer_syntax_uid == part10.JPEG_BASELINE


def test_lists_and_numbers_become_what_their_attribute_needs(tmp_path: Path) -> None:
    body = objects.stream(
        tmp_path / "a.jpg",
        b"\xff\xd8\xff\xd9",
        ImageType=["DERIVED", "PRIMARY"],
        LossyImageCompression="01",
        LossyImageCompressionRatio=1 / 3,
        LossyImageCompressionMethod="ISO_10918_1",
        WindowCenter=127.5,
        WindowWidth=255,
    )
    ds = objects.read(made(body))
    assert list(ds.ImageType) == ["DERIVED", "PRIMARY"]
    assert str(ds.LossyImageCompressionRatio).startswith("0.333333")
    assert (ds.WindowCenter, ds.WindowWidth) == (127.5, 255)


# --- a data set that came ------------------------------------------------------------------------

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


def sent(
    body: Body, changes: dict[str, str], profile: Profile | None = None, proof: str = "trust"
) -> Instance:
    identity = Identity({**HEADER, **changes}, proof)
    return made(body, identity, profile, evidence=header_says(HEADER))


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


def test_an_image_of_somebody_else_keeps_nothing_of_the_first(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, *LEFTOVERS))
    changes = {"PatientID": "4712", "PatientName": "SITI", "AccessionNumber": ""}
    instance = sent(body, changes, proof="person")
    ds = objects.read(instance)
    assert (ds.PatientID, ds.PatientName, ds.StudyDate) == ("4712", "SITI", "20260102")
    assert ds.SOPInstanceUID == instance.sop_instance_uid != "1.2.3"
    assert ds.StudyInstanceUID == instance.study_instance_uid != "1.2.3.1"
    assert ds.SeriesInstanceUID == instance.series_instance_uid != "1.2.3.2"
    assert ds["PatientSex"].is_empty
    assert b"OLD" not in objects.encoding(instance)
    assert b"DOE" not in objects.encoding(instance)


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


def test_a_name_beyond_the_declared_letters_waits_for_a_person(tmp_path: Path) -> None:
    body = came(tmp_path, head(part10.EXPLICIT_LE, (0x00080005, "CS", b"ISO_IR 100")))
    with pytest.raises(BadValue, match="ReferringPhysicianName"):
        sent(body, {"ReferringPhysicianName": "王^小东"})


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
    with pytest.raises((CannotEdit, BadValue)):
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
