"""What each SOP class needs around its pixels: from facts, from who knows it, or not at all."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.errors import BadValue, CannotSay, ValuesUnknown
from appliance.model import Identity
from appliance.settings import sop_classes as sop
from appliance.settings.schema import Profile
from tests.builders import objects
from tests.builders.objects import made, trusted

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from appliance.model import Body

DX_VALUES = {
    "PresentationIntentType": "FOR PRESENTATION",
    "ImageType": "ORIGINAL\\PRIMARY\\",
    "PatientOrientation": "L\\F",
    "ImageLaterality": "U",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": "-1",
    "LossyImageCompression": "00",
    "BurnedInAnnotation": "NO",
}
DX = Profile(sop_class="DX", imager_pixel_spacing=(0.1, 0.1), set=DX_VALUES)


def image(path: Path, sop_class: str, **attributes: object) -> Body:
    """An 8-bit image of a class, with more attributes."""
    body = objects.image(path / "a", bits=8, sop_class=sop_class)
    return replace(body, attributes={**body.attributes, **attributes})


def read(path: Path, sop_class: str, profile: Profile | None = None, **said: Any) -> Dataset:
    return objects.read(made(image(path, sop_class, **said), profile=profile))


# --- DX --------------------------------------------------------------------------------------


def test_dx_is_made_where_everything_is_known(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.DX_FOR_PRESENTATION, DX)
    assert (ds.Modality, ds.ImageLaterality, ds.PixelIntensityRelationshipSign) == ("DX", "U", -1)
    assert (ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType) == (0, 1, "US")
    assert (ds.PresentationLUTShape, ds.WindowCenter, ds.WindowWidth) == ("IDENTITY", 128, 256)
    assert "Laterality" not in ds


def test_dx_with_black_as_highest_value_is_inverse(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.DX_FOR_PRESENTATION, DX, PhotometricInterpretation="MONOCHROME1")
    assert ds.PresentationLUTShape == "INVERSE"


@pytest.mark.parametrize("missing", sorted(DX_VALUES))
def test_dx_is_never_made_of_guesses(tmp_path: Path, missing: str) -> None:
    values = {k: v for k, v in DX_VALUES.items() if k != missing}
    with pytest.raises(ValuesUnknown, match=f"says its {missing}\\.") as caught:
        made(image(tmp_path, sop.DX_FOR_PRESENTATION), profile=replace(DX, set=values))
    assert caught.value.code == "values-unknown"


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValuesUnknown) as caught:
        made(image(tmp_path, sop.DX_FOR_PRESENTATION), profile=Profile(sop_class="DX"))
    for keyword in (*DX_VALUES, "ImagerPixelSpacing"):
        assert keyword in caught.value.sentence


# --- several frames ----------------------------------------------------------------------------


@pytest.mark.parametrize("sop_class", [sop.SC_BYTE_FRAMES, sop.US_MULTI_FRAME])
def test_frames_are_pages_where_no_time_is_known(tmp_path: Path, sop_class: str) -> None:
    ds = read(tmp_path, sop_class, Rows=2, NumberOfFrames=2)
    assert ds.NumberOfFrames == 2
    assert ds.FrameIncrementPointer == 0x00182001
    assert ds.PageNumberVector == [1, 2]
    assert "FrameTime" not in ds


def test_pages_that_cannot_be_numbered_are_not_sent(tmp_path: Path) -> None:
    read(tmp_path, sop.SC_BYTE_FRAMES, Rows=1, NumberOfFrames=10_000)
    with pytest.raises(BadValue, match="10000 pages"):
        made(image(tmp_path, sop.SC_BYTE_FRAMES, Rows=1, NumberOfFrames=10_001))


def test_frames_have_their_time_where_it_is_known(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.US_MULTI_FRAME, Rows=2, NumberOfFrames=2, FrameTime=33.3)
    assert (ds.FrameIncrementPointer, ds.FrameTime) == (0x00181063, 33.3)
    ds = read(tmp_path, sop.US_MULTI_FRAME, Rows=2, NumberOfFrames=2, FrameTimeVector=[0, 40])
    assert (ds.FrameIncrementPointer, ds.FrameTimeVector) == (0x00181065, [0, 40])
    assert "PageNumberVector" not in ds


def test_grey_frames_say_how_they_are_shown(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.SC_BYTE_FRAMES, Rows=2, NumberOfFrames=2)
    assert (ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType) == (0, 1, "US")
    assert (ds.PresentationLUTShape, ds.BurnedInAnnotation) == ("IDENTITY", "YES")
    colours = objects.image(
        tmp_path / "c", rows=2, bits=8, colour=True, sop_class=sop.SC_COLOUR_FRAMES
    )
    body = replace(colours, attributes={**colours.attributes, "Rows": 1, "NumberOfFrames": 2})
    assert "RescaleSlope" not in objects.read(made(body))


# --- spacing -----------------------------------------------------------------------------------

SPACED: dict[str, Any] = {"PixelSpacing": [0.2, 0.3]}


@pytest.mark.parametrize("sop_class", [sop.CR_IMAGE, sop.SC_IMAGE])
def test_a_proved_spacing_stays(tmp_path: Path, sop_class: str) -> None:
    assert read(tmp_path, sop_class, **SPACED).PixelSpacing == [0.2, 0.3]


def test_what_the_hospital_measured_at_the_detector_wins(tmp_path: Path) -> None:
    profile = Profile(imager_pixel_spacing=(0.1, 0.15))
    ds = read(tmp_path, sop.CR_IMAGE, profile, **SPACED)
    assert ds.ImagerPixelSpacing == [0.1, 0.15]
    assert "PixelSpacing" not in ds


def test_ultrasound_has_its_spacing_in_a_region(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.US_IMAGE, **SPACED)
    (region,) = ds.SequenceOfUltrasoundRegions
    # 4 rows of 0.2 mm and 6 columns of 0.3 mm; a region counts in centimetres (3).
    assert (region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection) == (3, 3)
    assert region.PhysicalDeltaX == pytest.approx(0.03)
    assert region.PhysicalDeltaY == pytest.approx(0.02)
    assert (region.RegionLocationMaxX1, region.RegionLocationMaxY1) == (5, 3)
    assert "PixelSpacing" not in ds


@pytest.mark.parametrize("sop_class", [sop.VL_PHOTOGRAPHIC, sop.US_IMAGE, sop.SC_IMAGE])
def test_a_spacing_of_the_detector_is_of_a_detector(tmp_path: Path, sop_class: str) -> None:
    profile = Profile(imager_pixel_spacing=(0.1, 0.1))
    ds = read(tmp_path, sop_class, profile, ImagerPixelSpacing=[0.1, 0.1])
    assert "ImagerPixelSpacing" not in ds
    assert "SequenceOfUltrasoundRegions" not in ds


def test_photographs_have_no_spacing(tmp_path: Path) -> None:
    assert "PixelSpacing" not in read(tmp_path, sop.VL_PHOTOGRAPHIC, **SPACED)


def test_a_sidecar_may_say_the_spacing(tmp_path: Path) -> None:
    said = trusted(PixelSpacing="0.2\\0.3")
    ds = objects.read(made(image(tmp_path, sop.US_IMAGE), said))
    assert ds.SequenceOfUltrasoundRegions[0].PhysicalDeltaX == pytest.approx(0.03)
    assert "PixelSpacing" not in ds
    assert objects.read(made(image(tmp_path, sop.SC_IMAGE), said)).PixelSpacing == [0.2, 0.3]


@pytest.mark.parametrize("spacing", ["0.2", "0.2\\0.3\\0.4", "0,2\\0,2", "wide"])
def test_half_a_spacing_is_none(tmp_path: Path, spacing: str) -> None:
    with pytest.raises(BadValue, match="PixelSpacing"):
        made(image(tmp_path, sop.SC_IMAGE), trusted(PixelSpacing=spacing))


def test_a_long_number_is_shortened_to_what_fits(tmp_path: Path) -> None:
    ds = read(tmp_path, sop.SC_IMAGE, PixelSpacing=[1 / 3, 0.1])
    assert str(ds.PixelSpacing[0]) == "0.3333333333"


# --- sides, colours, numbers -------------------------------------------------------------------


def test_a_side_of_the_image_needs_no_empty_one_of_the_series(tmp_path: Path) -> None:
    ds = objects.read(made(image(tmp_path, sop.CR_IMAGE), trusted(ImageLaterality="L")))
    assert "Laterality" not in ds


@pytest.mark.parametrize("length", [6, 7])
def test_a_colour_profile_goes_along_as_bytes(tmp_path: Path, length: int) -> None:
    profile = bytes(range(length))
    body = objects.image(tmp_path / "a", bits=8, colour=True, sop_class=sop.SC_IMAGE)
    told = {**body.attributes, "ICCProfile": base64.b64encode(profile).decode()}
    ds = objects.read(made(replace(body, attributes=told)))
    assert ds.ICCProfile == profile + b"\0" * (length % 2)


def test_grey_has_no_colour_profile(tmp_path: Path) -> None:
    assert "ICCProfile" not in read(tmp_path, sop.SC_IMAGE, ICCProfile="AAAA")


def test_several_objects_of_an_item_are_numbered(tmp_path: Path) -> None:
    body = image(tmp_path, sop.CR_IMAGE)
    pages = [made(replace(body, number=n), objects=3) for n in (1, 2, 3)]
    assert [objects.read(page).InstanceNumber for page in pages] == [1, 2, 3]
    assert len({page.series_instance_uid for page in pages}) == 1
    assert len({page.sop_instance_uid for page in pages}) == 3
    assert objects.read(made(body))["InstanceNumber"].is_empty


def test_a_page_that_knows_its_number_keeps_it(tmp_path: Path) -> None:
    body = image(tmp_path, sop.CR_IMAGE, InstanceNumber="7")
    said = trusted(InstanceNumber="3")
    assert objects.read(made(body, said, objects=2)).InstanceNumber == 7
    plain = image(tmp_path, sop.CR_IMAGE)
    assert objects.read(made(replace(plain, number=2), said, objects=2)).InstanceNumber == 2
    assert objects.read(made(plain, said)).InstanceNumber == 3


def test_an_order_is_written_as_sequences(tmp_path: Path) -> None:
    code = {"CodeValue": "CX", "CodingSchemeDesignator": "99RS", "CodeMeaning": "胸部"}
    order = {
        "RequestAttributesSequence": [
            {"RequestedProcedureID": "RP1", "ScheduledProtocolCodeSequence": [code]}
        ],
        "ProcedureCodeSequence": [code],
    }
    ds = objects.read(
        made(image(tmp_path, sop.CR_IMAGE), Identity(objects.SITI, "worklist", order))
    )
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.ProcedureCodeSequence[0].CodeMeaning == "胸部"
    (request,) = ds.RequestAttributesSequence
    assert request.RequestedProcedureID == "RP1"
    assert request.ScheduledProtocolCodeSequence[0].CodeValue == "CX"


# --- tag edits ---------------------------------------------------------------------------------


def test_edits_see_what_was_found(tmp_path: Path) -> None:
    profile = Profile(
        template={"StudyID": "{PatientID}/{Modality}"},
        copy={"InstitutionName": "PatientName"},
        map={"Modality": {"CR": "DX"}},
    )
    ds = read(tmp_path, sop.CR_IMAGE, profile)
    assert (ds.StudyID, ds.InstitutionName, ds.Modality) == ("4711/CR", "SITI", "DX")
    assert "OriginalAttributesSequence" not in ds  # nothing of it was in DICOM before


@pytest.mark.parametrize("keyword", ["Manufacturer", "Laterality", "BodyPartExamined"])
def test_what_must_be_there_is_emptied(tmp_path: Path, keyword: str) -> None:
    body = image(tmp_path, sop.CR_IMAGE)
    said = trusted({**objects.SITI, keyword: "L"})
    ds = objects.read(made(body, said, Profile(remove=(keyword,))))
    assert ds[keyword].is_empty


def test_what_need_not_be_there_is_gone(tmp_path: Path) -> None:
    body = image(tmp_path, sop.CR_IMAGE)
    ds = objects.read(made(body, trusted(StationName="X"), Profile(remove=("StationName",))))
    assert "StationName" not in ds


@pytest.mark.parametrize(
    ("sop_class", "keyword"),
    [
        (sop.CR_IMAGE, "Modality"),
        (sop.SC_IMAGE, "ConversionType"),
        (sop.SC_BYTE_FRAMES, "BurnedInAnnotation"),
        (sop.VL_PHOTOGRAPHIC, "ImageType"),
    ],
)
def test_what_an_image_must_say_is_not_taken_away(
    tmp_path: Path, sop_class: str, keyword: str
) -> None:
    for profile in (Profile(remove=(keyword,)), Profile(set={keyword: ""})):
        with pytest.raises(BadValue, match=keyword):
            made(image(tmp_path, sop_class), profile=profile)


def test_a_destination_s_edits_make_no_other_object(tmp_path: Path) -> None:
    body = image(tmp_path, sop.CR_IMAGE)
    profile = Profile(set={"SeriesDescription": "ONE"})
    there = replace(objects.PACS, set={"SeriesDescription": "TWO"}, remove=("PatientSex",))
    one, two = made(body, profile=profile), made(body, profile=profile, destination=there)
    assert objects.read(two).SeriesDescription == "TWO"
    assert one.sop_instance_uid == two.sop_instance_uid
    assert one.series_instance_uid == two.series_instance_uid
    assert one.digest != two.digest


# --- letters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "name", "declared"),
    [
        ("", "SITI", None),
        ("", "Ümit", "ISO_IR 192"),
        ("ISO_IR 192", "SITI", None),
        ("ISO_IR 100", "Ümit", "ISO_IR 100"),
        ("ISO_IR 100", "SITI", None),
        ("ISO_IR 6", "SITI", None),
    ],
)
def test_an_object_declares_what_its_letters_need(
    tmp_path: Path, charset: str, name: str, declared: str | None
) -> None:
    there = replace(objects.PACS, charset=charset)
    said = trusted(PatientName=name)
    ds = objects.read(made(image(tmp_path, sop.CR_IMAGE), said, destination=there))
    assert ds.get("SpecificCharacterSet") == declared
    assert ds.PatientName == name


@pytest.mark.parametrize(("charset", "name"), [("ISO_IR 6", "Ümit"), ("ISO_IR 100", "Łukasz")])
def test_letters_beyond_the_destination_wait_for_leave(
    tmp_path: Path, charset: str, name: str
) -> None:
    there = replace(objects.PACS, charset=charset)
    body, said = image(tmp_path, sop.CR_IMAGE), trusted(PatientName=name)
    with pytest.raises(CannotSay, match=name):
        made(body, said, destination=there)
    ds = objects.read(made(body, said, destination=replace(there, transliterate=True)))
    assert ds.PatientName == {"Ümit": "Umit", "Łukasz": "Lukasz"}[name]
    assert "SpecificCharacterSet" not in ds
