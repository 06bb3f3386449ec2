"""The exact bytes of an object that is made: what is written around its content."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.errors import BadValue, CannotEdit
from appliance.model import Identity
from appliance.settings.schema import Profile
from tests.builders import objects, part10
from tests.builders.objects import PIXEL_DATA, made, trusted

if TYPE_CHECKING:
    from pathlib import Path


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


def test_each_frame_of_a_stream_is_a_fragment(tmp_path: Path) -> None:
    body = objects.stream(tmp_path / "a.jpg", bytes(range(13)), NumberOfFrames=2)
    (whole,) = body.slices
    frames = (replace(whole, length=5), replace(whole, offset=5, length=8))
    _, one, mark, other, end = made(replace(body, slices=frames)).pieces
    assert (one, other) == frames
    assert mark == b"\0" + b"\xfe\xff\x00\xe0" + struct.pack("<I", 8)
    assert end == b"\xfe\xff\xdd\xe0\0\0\0\0"


def test_the_parts_of_one_frame_are_one_fragment(tmp_path: Path) -> None:
    body = objects.stream(tmp_path / "a.jpg", bytes(range(14)))
    (whole,) = body.slices
    parts = (replace(whole, length=4), replace(whole, offset=8, length=6))
    head, one, other, _ = made(replace(body, slices=parts)).pieces
    assert (one, other) == parts
    assert isinstance(head, bytes)
    assert head.endswith(b"\xfe\xff\x00\xe0" + struct.pack("<I", 10))


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
