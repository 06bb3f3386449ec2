"""ACR-NEMA becomes pixels and claims, as a picture does; what it does not say is not made up."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from appliance.errors import (
    BitsContradict,
    Incomplete,
    UnencodableName,
    UnknownPhotometric,
    UnsupportedFormat,
)
from appliance.intake.complete import Wholeness, check
from appliance.model import BodyKind
from appliance.settings.schema import Profile
from tests.builders import acr_nema
from tests.builders.acr_nema import BYTES, COLUMNS, GREYS, ROWS, Order
from tests.builders.dialect_reader import read
from tests.builders.part10 import CR_IMAGE, EXPLICIT_LE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.errors import Problem

CR = Profile(sop_class="CR", photometric="MONOCHROME1")
WORDS = struct.pack(f"<{len(GREYS)}H", *GREYS)
ORDERS: list[Order] = ["<", ">"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("values", "allocated", "stored", "expected"),
    [(GREYS, 16, 12, WORDS), (GREYS, 12, 12, WORDS), (BYTES, 8, 8, bytes(BYTES))],
    ids=["16", "12 packed", "8"],
)
def test_pixels_become_words_or_bytes_of_dicom(
    tmp_path: Path,
    order: Order,
    values: tuple[int, ...],
    allocated: int,
    stored: int,
    expected: bytes,
) -> None:
    file = acr_nema.file(values, allocated=allocated, stored=stored, order=order)
    found = read(tmp_path, file, CR)
    assert found.encoding == expected
    assert found.body.kind is BodyKind.PIXELS
    assert found.body.transfer_syntax_uid == EXPLICIT_LE
    said = found.body.attributes
    assert (said["SOPClassUID"], said["Modality"]) == (CR_IMAGE, "CR")
    assert (said["Rows"], said["Columns"], said["SamplesPerPixel"]) == (ROWS, COLUMNS, 1)
    assert (said["BitsAllocated"], said["BitsStored"]) == (8 if allocated == 8 else 16, stored)
    assert said["PhotometricInterpretation"] == "MONOCHROME1"
    assert said["PixelSpacing"] == [0.2, 0.2]
    is_a_slice = found.body.slices[0].path.read_bytes() == file
    assert is_a_slice == (order == "<" and allocated != 12)


@pytest.mark.parametrize("order", ORDERS)
def test_what_it_says_is_evidence(tmp_path: Path, order: Order) -> None:
    found = read(tmp_path, acr_nema.file(order=order), CR)
    assert found.says("PatientName") == "DOE^JANE"
    assert found.says("PatientID") == "4711"
    assert (found.says("StudyDate"), found.says("StudyTime")) == ("19950720", "112207")
    assert (found.says("StudyID"), found.says("InstanceNumber")) == ("12", "4")
    assert found.rules == ["acr-nema"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("allocated", [16, 12])
def test_signed_values_keep_their_sign(tmp_path: Path, order: Order, allocated: int) -> None:
    values = [(value - 2048) & ((1 << allocated) - 1) for value in GREYS]
    file = acr_nema.file(values, allocated=allocated, order=order, changes={0x00280103: 1})
    found = read(tmp_path, file, CR)
    assert found.encoding == struct.pack(f"<{len(GREYS)}h", *(value - 2048 for value in GREYS))
    assert found.body.attributes["PixelRepresentation"] == 1


def test_its_own_window_and_rescale_count(tmp_path: Path) -> None:
    shown: Mapping[int, str | int | None] = {
        0x00281050: "40",
        0x00281051: "400",
        0x00281052: "-1024",
        0x00281053: "1",
    }
    said = read(tmp_path, acr_nema.file(changes=shown), CR).body.attributes
    assert (said["WindowCenter"], said["WindowWidth"]) == (40, 400)
    assert (said["RescaleIntercept"], said["RescaleSlope"]) == (-1024, 1)


def test_a_window_made_here_is_of_the_rescaled_values(tmp_path: Path) -> None:
    """0 to 3977 are -1024 to 6930 by this rescale: C.11.2.1.2 of that range."""
    shown: Mapping[int, str | int | None] = {0x00281052: "-1024", 0x00281053: "2"}
    said = read(tmp_path, acr_nema.file(changes=shown), CR).body.attributes
    assert (said["WindowCenter"], said["WindowWidth"]) == (2953.5, 7955)


def test_where_greys_are_turned_their_window_goes(tmp_path: Path) -> None:
    shown: Mapping[int, str | int | None] = {0x00281050: "40", 0x00281051: "400"}
    photographic = Profile(sop_class="VL", photometric="MONOCHROME1")
    file = acr_nema.file(BYTES, allocated=8, stored=8, changes=shown)
    found = read(tmp_path, file, photographic)
    assert found.encoding == bytes(255 - value for value in BYTES)
    assert found.body.attributes["PhotometricInterpretation"] == "MONOCHROME2"
    assert "WindowCenter" not in found.body.attributes


def test_version_1_says_little_of_itself(tmp_path: Path) -> None:
    file = acr_nema.file(changes={0x00080010: None, 0x00080041: None})
    found = read(tmp_path, file, CR)
    assert found.encoding == WORDS
    assert "it does not name its version" in found.sentence("acr-nema")


def test_a_name_in_other_letters_is_read_as_the_profile_says(tmp_path: Path) -> None:
    name: dict[int, str | int | None] = {0x00100010: "王^小明".encode("gbk").decode("latin-1")}
    chinese = Profile(sop_class="CR", photometric="MONOCHROME1", charset="gbk")
    assert read(tmp_path, acr_nema.file(changes=name), chinese).says("PatientName") == "王^小明"
    with pytest.raises(UnencodableName, match="PatientName"):
        read(tmp_path, acr_nema.file(changes=name), CR)


@pytest.mark.parametrize(
    ("content", "profile", "problem"),
    [
        (acr_nema.file(), Profile(), UnknownPhotometric),
        (acr_nema.file()[:-1], CR, Incomplete),
        (acr_nema.file(GREYS[:-1]), CR, Incomplete),
        (acr_nema.file(changes={0x00280060: "RLE"}), CR, UnsupportedFormat),
        (acr_nema.file(changes={0x00280008: "2"}), CR, UnsupportedFormat),
        (acr_nema.file(changes={0x00280002: 3}), CR, UnsupportedFormat),
        (acr_nema.file(changes={0x00280102: 15}), CR, UnsupportedFormat),
        (acr_nema.file(changes={0x00280100: 10}), CR, UnsupportedFormat),
        (acr_nema.file(stored=8), CR, BitsContradict),
    ],
    ids=[
        "nobody knows which grey is white",
        "cut off",
        "too few pixels",
        "compressed",
        "frames",
        "colours",
        "in the high bits",
        "10 bits",
        "more than it says",
    ],
)
def test_what_cannot_be_told_is_said(
    tmp_path: Path, content: bytes, profile: Profile, problem: type[Problem]
) -> None:
    with pytest.raises(problem, match=r"exam/a\.dcm"):
        read(tmp_path, content, profile)


def test_its_own_word_on_greys_goes_before_the_profile(tmp_path: Path) -> None:
    file = acr_nema.file(changes={0x00280004: "MONOCHROME2"})
    said = read(tmp_path, file, CR).body.attributes
    assert said["PhotometricInterpretation"] == "MONOCHROME2"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("allocated", [16, 12])
def test_it_is_whole_when_its_pixels_are(tmp_path: Path, order: Order, allocated: int) -> None:
    file = acr_nema.file(allocated=allocated, order=order)
    path = tmp_path / "image"
    path.write_bytes(file)
    assert check(path).wholeness is Wholeness.WHOLE
    path.write_bytes(file[:-2])
    assert check(path).wholeness is Wholeness.GROWING
    path.write_bytes(acr_nema.file(GREYS[:-4], allocated=allocated, order=order))
    assert check(path).wholeness is Wholeness.GROWING
