"""JPEG, JPEG-LS and JPEG 2000: kept as they are where DICOM has a place for them, or decoded."""

from __future__ import annotations

import struct
from base64 import b64decode
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from appliance.errors import Problem, Transparent, UnknownPhotometric, UnsupportedFormat
from appliance.intake import complete
from appliance.model import BodyKind, Origin
from appliance.settings.schema import Profile, Raw
from tests.builders import pictures
from tests.builders.bitmaps import PNG_RGB, png
from tests.builders.gallery import jpeg2000, jpeg_ls
from tests.builders.pictures import COLUMNS, ROWS, colour, grey, smooth
from tests.builders.reading import NAME, content_of, read, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Values = NDArray[np.generic]

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
US1 = Profile(sop_class="US", modality="US", photometric="MONOCHROME1")


def lossless(bits: int, orientation: int = 1) -> bytes:
    """A lossless JPEG, lying as EXIF says."""
    content = imagecodecs.jpeg8_encode(grey(bits), lossless=True, bitspersample=bits)
    return lying(bytes(content), orientation)


def lying(content: bytes, orientation: int) -> bytes:
    """A JPEG with EXIF in it."""
    exif = Image.Exif()
    exif[274] = orientation
    exif.get_ifd(0x8769)[36867] = "2026:01:02 10:11:12"
    said = exif.tobytes()
    return content[:2] + struct.pack(">HH", 0xFFE1, len(said) + 2) + said + content[2:]


def other_frame(marker: int, precision: int = 8) -> bytes:
    """A JPEG that says it is of another kind."""
    content = pictures.saved(smooth(), "JPEG")
    return content.replace(b"\xff\xc0\0\x0b\x08", bytes([0xFF, marker, 0, 11, precision]), 1)


def extended() -> bytes:
    """A JPEG 2000 that says it is coded by a later part of the standard."""
    content = bytearray(jpeg2000(grey(8)))
    at = content.index(b"\xff\x51") + 4
    content[at] |= 0x40
    return bytes(content)


def of_profile(icc: bytes) -> bytes:
    """A JP2 whose colour box holds a colour profile."""
    content = jpeg2000(colour())
    old = struct.pack(">L4sBBBL", 15, b"colr", 1, 0, 0, 16)
    new = struct.pack(">L4sBBB", 11 + len(icc), b"colr", 2, 0, 0) + icc
    head = content.index(b"jp2h") - 4
    (length,) = struct.unpack_from(">L", content, head)
    assert old in content
    wider = struct.pack(">L", length + len(new) - len(old))
    return content[:head] + wider + content[head + 4 :].replace(old, new)


def spiff_says(space: int, content: bytes) -> bytes:
    """A JPEG-LS whose SPIFF header names a colour space (T.84, table F.2)."""
    at = content.index(b"SPIFF\0") + 18
    return content[:at] + bytes([space]) + content[at + 1 :]


SILENT = [
    jpeg_ls(grey(8)),
    jpeg2000(grey(8), codecformat="j2k"),
    jpeg2000(colour(), codecformat="j2k", mct=False),
    spiff_says(8, jpeg_ls(colour())),
]


@pytest.mark.parametrize("content", SILENT, ids=["jpeg-ls", "j2k", "j2k-rgb", "jpeg-ls-rgb"])
@pytest.mark.parametrize("photometric", ["", "other"])
def test_what_does_not_say_its_white_waits_for_a_person(
    tmp_path: Path, content: bytes, photometric: str
) -> None:
    wrong = "MONOCHROME2" if content in SILENT[2:] else "RGB"
    profile = Profile(photometric=wrong if photometric else "")
    with pytest.raises(UnknownPhotometric, match=NAME):
        read(tmp_path, content, profile)


@pytest.mark.parametrize("white", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("content", SILENT[:2], ids=["jpeg-ls", "j2k"])
def test_the_profile_says_what_is_white(tmp_path: Path, content: bytes, white: str) -> None:
    body = read(tmp_path, content, Profile(photometric=white)).body
    assert body.attributes["PhotometricInterpretation"] == white
    assert content_of(body) == content


def test_a_jpeg_ls_may_say_what_is_white(tmp_path: Path) -> None:
    body = read(tmp_path, spiff_says(8, jpeg_ls(grey(8)))).body
    assert body.attributes["PhotometricInterpretation"] == "MONOCHROME2"


def test_a_bare_stream_that_mixes_its_colours_says_what_they_are(tmp_path: Path) -> None:
    body = read(tmp_path, jpeg2000(colour(), codecformat="j2k", mct=True)).body
    assert body.attributes["PhotometricInterpretation"] == "YBR_RCT"


@pytest.mark.parametrize(
    "content",
    [pictures.saved(smooth(), "JPEG", quality=95), SILENT[0], SILENT[1], lossless(8)],
    ids=["jpeg", "jpeg-ls", "j2k", "lossless"],
)
def test_ultrasound_with_black_above_white_is_decoded_and_inverted(
    tmp_path: Path, content: bytes
) -> None:
    found = read(tmp_path, content, US1)
    assert found.body.kind is BodyKind.PIXELS
    assert found.body.attributes["PhotometricInterpretation"] == "MONOCHROME2"
    is_lossy = "LossyImageCompression" in found.body.attributes
    values = smooth() if is_lossy else grey(8)
    apart = values_of(found.body).astype(int) - (255 - values.astype(int))
    assert np.abs(apart).max() <= (6 if is_lossy else 0)
    assert any("inverted" in note for note in found.evidence.notes)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_lossless_jpeg_on_its_side_is_turned_and_loses_nothing(
    tmp_path: Path, bits: int, orientation: int
) -> None:
    found = read(tmp_path, lossless(bits, orientation))
    quarters = {3: 2, 6: -1, 8: 1}[orientation]
    assert (values_of(found.body) == np.rot90(grey(bits), quarters)).all()
    assert found.body.attributes["BitsStored"] == bits
    assert "LossyImageCompression" not in found.body.attributes
    assert found.evidence.get("StudyDate", Origin.EXIF) == "20260102"


def test_a_jpeg_of_12_bits_on_its_side_is_decoded(tmp_path: Path) -> None:
    deep = smooth().astype(np.uint16) * 16
    content = bytes(imagecodecs.jpeg8_encode(deep, level=95, bitspersample=12))
    body = read(tmp_path, lying(content, 6)).body
    assert body.kind is BodyKind.PIXELS
    assert body.attributes["BitsStored"] == 12
    assert body.attributes["LossyImageCompression"] == "01"
    assert np.abs(values_of(body).astype(int) - np.rot90(deep, -1)).max() < 100


@pytest.mark.parametrize(
    "content",
    [
        pictures.saved(colour(), "JPEG", icc_profile=SRGB),
        pictures.saved(colour(), "JPEG", icc_profile=SRGB, progressive=True),
        pictures.saved(colour(), "PNG", icc_profile=SRGB),
        pictures.tiff(colour(), iccprofile=SRGB),
        of_profile(SRGB),
    ],
    ids=["jpeg", "progressive", "png", "tiff", "jp2"],
)
def test_a_colour_profile_comes_along(tmp_path: Path, content: bytes) -> None:
    said = read(tmp_path, content).body.attributes["ICCProfile"]
    assert b64decode(str(said)) == SRGB


@pytest.mark.parametrize(
    "content",
    [
        pictures.saved(grey(8), "JPEG", icc_profile=SRGB),
        pictures.saved(colour(), "JPEG", icc_profile=SRGB[:16] + b"CMYK" + SRGB[20:]),
        pictures.saved(colour(), "JPEG", icc_profile=SRGB[:-8]),
        pictures.tiff(colour(), iccprofile=SRGB + bytes(2 << 20)),
        png(colour(), PNG_RGB, 8),
    ],
    ids=["grey", "cmyk", "cut", "huge", "none"],
)
def test_one_that_says_nothing_of_these_colours_does_not(tmp_path: Path, content: bytes) -> None:
    assert "ICCProfile" not in read(tmp_path, content).body.attributes


@pytest.mark.parametrize(
    ("alpha", "problem"), [(255, None), (100, Transparent)], ids=["opaque", "transparent"]
)
def test_a_jpeg_2000_with_alpha_goes_by_what_alpha_says(
    tmp_path: Path, alpha: int, problem: type[Problem] | None
) -> None:
    content = jpeg2000(np.dstack([colour(), np.full((ROWS, COLUMNS), alpha, np.uint8)]))
    if problem:
        with pytest.raises(problem):
            read(tmp_path, content)
    else:
        assert (values_of(read(tmp_path, content).body) == colour()).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (other_frame(0xC9), "arithmetic"),
        (other_frame(0xC5), "hierarchical"),
        (other_frame(0xC0, precision=12), "of 12 bits"),
        (other_frame(0xC1, precision=9), "of 9 bits"),
        (extended(), "extensions"),
        (jpeg2000(np.dstack([grey(8), grey(8)])), "transparent"),
    ],
    ids=["arithmetic", "hierarchical", "baseline-12", "extended-9", "htj2k", "two"],
)
def test_what_nobody_reads_is_said_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(Problem, match=words):
        read(tmp_path, content)


def test_what_a_block_transfer_added_is_found_behind_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    for content in (jpeg2000(grey(16)), SILENT[0], SILENT[1]):
        path.write_bytes(content + b"\x1a" * 77)
        assert complete.length(path) == len(content)


@pytest.mark.parametrize(("sop_class", "is_kept"), [("SC", True), ("US", False), ("VL", False)])
def test_unmixed_colours_of_jpeg_2000_are_decoded_where_the_class_has_no_word_for_them(
    tmp_path: Path, sop_class: str, *, is_kept: bool
) -> None:
    profile = Profile(sop_class=sop_class)
    body = read(tmp_path, jpeg2000(colour(), mct=False), profile).body
    assert body.attributes["PhotometricInterpretation"] == "RGB"
    assert (body.kind is BodyKind.STREAM) is is_kept
    assert is_kept or (values_of(body) == colour()).all()
    mixed = read(tmp_path, jpeg2000(colour(), mct=True), profile).body
    assert mixed.kind is BodyKind.STREAM


FOREIGN = [
    "GDCMJ2K_TextGBR.dcm",
    "JPEG2000.dcm",
    "JPEGLSNearLossless_08.dcm",
    "JPEGLSNearLossless_16.dcm",
    "JPGExtended.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "examples_jpeg2k.dcm",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_streams_of_other_makers_are_described_as_they_describe_them(
    tmp_path: Path, name: str
) -> None:
    ds = dcmread(str(get_testdata_file(name, read=False)))
    content = next(generate_frames(ds.PixelData, number_of_frames=1)).removesuffix(b"\0")
    white = "RGB" if ds.SamplesPerPixel == 3 else "MONOCHROME2"
    body = read(tmp_path, content, Profile(photometric=white)).body
    assert body.kind is BodyKind.STREAM
    assert body.transfer_syntax_uid == ds.file_meta.TransferSyntaxUID
    keywords = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored")
    assert [body.attributes[each] for each in keywords] == [ds[each].value for each in keywords]
    said = str(body.attributes["PhotometricInterpretation"])
    assert said.removesuffix("_422") == ds.PhotometricInterpretation.removesuffix("_422")


def test_a_marker_of_adobe_that_is_cut_short_says_nothing(tmp_path: Path) -> None:
    content = pictures.saved(colour(), "JPEG")
    short = content[:2] + b"\xff\xee\0\x0cAdobe\0\0\0\0\0" + content[2:]
    body = read(tmp_path, short).body
    assert body.attributes["PhotometricInterpretation"] == "YBR_FULL_422"
    assert content_of(body) == short


# Raw pixels

RAW = Raw(ROWS, COLUMNS, 100, "big")
CONTENT = bytes(100) + grey(12).astype(">u2").tobytes()


def test_raw_pixels_wait_until_somebody_says_what_is_white(tmp_path: Path) -> None:
    with pytest.raises(UnknownPhotometric):
        read(tmp_path, CONTENT, Profile(raw=RAW))


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"\0"])
def test_raw_pixels_of_another_size_are_none(tmp_path: Path, content: bytes) -> None:
    profile = Profile(raw=RAW, photometric="MONOCHROME1")
    with pytest.raises(UnsupportedFormat):
        read(tmp_path, content, profile)
    path = tmp_path / "a.img"
    path.write_bytes(content)
    problem = complete.check_export(path, profile).problem("a.img")
    assert problem is not None
    assert f"it has {len(content)} bytes" in problem.sentence
    assert f"has {len(CONTENT)}" in problem.sentence


def test_raw_pixels_that_begin_like_a_bitmap_are_pixels_still(tmp_path: Path) -> None:
    content = b"BM" + CONTENT[2:]
    body = read(tmp_path, content, Profile(raw=RAW, photometric="MONOCHROME1")).body
    assert (values_of(body) == grey(12)).all()


def test_other_files_of_a_raw_profile_are_what_they_are(tmp_path: Path) -> None:
    body = read(tmp_path, pictures.tiff(grey(8)), Profile(raw=RAW)).body
    assert (values_of(body) == grey(8)).all()


def test_signed_raw_pixels_of_little_end_first_stay_where_they_lie(tmp_path: Path) -> None:
    raw = Raw(ROWS, COLUMNS, signed=True)
    content = grey(12, signed=True).astype("<i2").tobytes()
    body = read(tmp_path, content, Profile(raw=raw, photometric="MONOCHROME2")).body
    assert body.attributes["PixelRepresentation"] == 1
    assert content_of(body) == content


_TURNS: Mapping[int, Callable[[Values], Values]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.rot90(np.fliplr(a)),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.fliplr(a), -1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_colour_of_png_is_turned_too(tmp_path: Path, orientation: int) -> None:
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation]) + bytes(7)
    content = png(colour(bits=16), PNG_RGB, 16, {b"eXIf": exif})
    shallow = png(colour(), PNG_RGB, 8, {b"eXIf": exif})
    turned = _TURNS[orientation]
    assert (values_of(read(tmp_path, content).body) == turned(colour(bits=16))).all()
    assert (values_of(read(tmp_path, shallow).body) == turned(colour())).all()
