"""Each format becomes pixels as they were, described as DICOM wants it, with its evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from PIL import Image

from appliance.convert import formats
from appliance.errors import (
    BitsContradict,
    Incomplete,
    MediaDirectory,
    Problem,
    Transparent,
    Unreadable,
    UnsupportedFormat,
)
from appliance.journal.spool import Spool
from appliance.model import Body, BodyKind, Evidence, Origin
from appliance.settings.schema import Profile
from appliance.settings.sop_classes import CR_IMAGE, SC_IMAGE
from tests.builders import pictures
from tests.builders.pictures import COLUMNS, ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "data"
CR = Profile("cr", sop_class="CR", modality="CR")
NOON = datetime(2026, 5, 6, 12, 0, 0, tzinfo=UTC)


class Read(NamedTuple):
    body: Body
    evidence: Evidence
    is_the_file_itself: bool

    def pixels(self, kind: str) -> NDArray[np.generic]:
        content = b"".join(
            s.path.read_bytes()[s.offset : s.offset + s.length] for s in self.body.slices
        )
        return np.frombuffer(content, kind)


def read(
    tmp_path: Path, content: bytes, name: str = "a.tif", profile: Profile | None = CR
) -> Read:
    spool = Spool(tmp_path / "spool")
    stored = spool.keep(BytesIO(content))
    (body,), evidence = formats.read(
        stored.path,
        name,
        profile,
        sidecars={},
        modified_at=NOON,
        arrived_at=NOON,
        make_body=lambda produce: spool.make(produce).path,
    )
    return Read(body, evidence, body.slices[0].path == stored.path)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("bits", [8, 16])
def test_an_uncompressed_tiff_stays_the_slice_that_it_is(
    tmp_path: Path, bits: int, photometric: str
) -> None:
    values = pictures.grey(bits)
    found = read(tmp_path, pictures.tiff(values, photometric=photometric))
    assert found.is_the_file_itself
    assert (found.pixels(f"<u{bits // 8}").reshape(ROWS, COLUMNS) == values).all()
    expected = "MONOCHROME1" if photometric == "miniswhite" else "MONOCHROME2"
    assert found.body.attributes["PhotometricInterpretation"] == expected
    assert found.body.attributes["SOPClassUID"] == CR_IMAGE


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"photometric": "miniswhite", "byteorder": ">"},
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_of_any_layout_gives_the_same_pixels(
    tmp_path: Path, bits: int, options: dict[str, object]
) -> None:
    values = pictures.grey(bits)
    found = read(tmp_path, pictures.tiff(values, **options))
    assert (found.pixels(f"<u{bits // 8}").reshape(ROWS, COLUMNS) == values).all()


@pytest.mark.parametrize(("photometric", "name"), [(0, "MONOCHROME1"), (1, "MONOCHROME2")])
def test_a_packed_12_bit_tiff_is_unpacked(tmp_path: Path, photometric: int, name: str) -> None:
    values = pictures.grey(12)
    found = read(tmp_path, pictures.tiff_packed(values, photometric))
    assert (found.pixels("<u2").reshape(ROWS, COLUMNS) == values).all()
    described = found.body.attributes
    assert (described["BitsAllocated"], described["BitsStored"], described["HighBit"]) == (
        16,
        12,
        11,
    )
    assert described["PhotometricInterpretation"] == name


def test_a_signed_tiff_says_so(tmp_path: Path) -> None:
    values = pictures.grey(16, signed=True)
    found = read(tmp_path, pictures.tiff(values))
    assert (found.pixels("<i2").reshape(ROWS, COLUMNS) == values).all()
    assert found.body.attributes["PixelRepresentation"] == 1


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_colour_tiff_becomes_secondary_capture(tmp_path: Path, planar: str) -> None:
    values = pictures.colour()
    planes = values if planar == "contig" else np.moveaxis(values, -1, 0)
    found = read(tmp_path, pictures.tiff(planes, photometric="rgb", planarconfig=planar))
    assert (found.pixels("u1").reshape(ROWS, COLUMNS, 3) == values).all()
    assert found.body.attributes["SOPClassUID"] == SC_IMAGE
    assert "colour" in found.evidence.notes[0]


def test_12_bits_in_16_get_a_window_and_the_profiles_bits(tmp_path: Path) -> None:
    values = pictures.grey(12)
    plain = read(tmp_path, pictures.tiff(values)).body.attributes
    assert (plain["BitsStored"], plain["WindowWidth"]) == (16, int(values.max()) + 1)
    profile = Profile("cr", sop_class="CR", bits_stored=12)
    told = read(tmp_path, pictures.tiff(values), profile=profile).body.attributes
    assert (told["BitsStored"], told["HighBit"]) == (12, 11)


def test_a_profile_that_counts_too_few_bits_is_contradicted(tmp_path: Path) -> None:
    profile = Profile("cr", sop_class="CR", bits_stored=10)
    with pytest.raises(BitsContradict, match="10 bits"):
        read(tmp_path, pictures.tiff(pictures.grey(12)), profile=profile)


@pytest.mark.parametrize(
    ("form", "values", "kind"),
    [
        ("PNG", pictures.grey(8), "u1"),
        ("PNG", pictures.grey(16), "<u2"),
        ("PNG", pictures.colour(), "u1"),
        ("BMP", pictures.grey(8), "u1"),
        ("BMP", pictures.colour(), "u1"),
    ],
)
def test_png_and_bmp_give_their_pixels_top_down(
    tmp_path: Path, form: str, values: NDArray[np.generic], kind: str
) -> None:
    found = read(tmp_path, pictures.saved(values, form), f"a.{form.lower()}")
    assert (found.pixels(kind).reshape(values.shape) == values).all()


def test_an_opaque_alpha_channel_is_dropped_and_another_is_refused(tmp_path: Path) -> None:
    opaque = np.dstack([pictures.colour(), np.full((ROWS, COLUMNS), 255, np.uint8)])
    found = read(tmp_path, pictures.saved(opaque, "PNG"), "a.png")
    assert (found.pixels("u1").reshape(ROWS, COLUMNS, 3) == pictures.colour()).all()
    with pytest.raises(Transparent):
        read(tmp_path, pictures.saved(np.dstack([pictures.colour(), pictures.grey(8)]), "PNG"))


@pytest.mark.parametrize(
    ("values", "photometric", "sop_class"),
    [
        (pictures.grey(8), "MONOCHROME2", CR_IMAGE),
        (pictures.colour(), "YBR_FULL_422", SC_IMAGE),
    ],
)
def test_a_baseline_jpeg_keeps_its_compressed_bytes(
    tmp_path: Path, values: NDArray[np.generic], photometric: str, sop_class: str
) -> None:
    content = pictures.jpeg(values, subsampling="4:2:0")
    found = read(tmp_path, content, "a.jpg")
    assert found.body.kind is BodyKind.STREAM
    assert found.is_the_file_itself
    assert found.pixels("u1").tobytes() == content
    described = found.body.attributes
    assert described["PhotometricInterpretation"] == photometric
    assert described["SOPClassUID"] == sop_class
    assert described["LossyImageCompression"] == "01"
    assert found.body.transfer_syntax_uid == "1.2.840.10008.1.2.4.50"


def test_a_jpeg_of_rgb_components_is_called_rgb(tmp_path: Path) -> None:
    content = pictures.saved(pictures.colour(), "JPEG", keep_rgb=True, subsampling="4:4:4")
    assert read(tmp_path, content).body.attributes["PhotometricInterpretation"] == "RGB"


def test_a_jpeg_without_subsampling_has_the_only_name_there_is(tmp_path: Path) -> None:
    content = pictures.jpeg(pictures.colour(), subsampling="4:4:4")
    assert read(tmp_path, content).body.attributes["PhotometricInterpretation"] == "YBR_FULL_422"


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_jpeg_on_its_side_is_turned(tmp_path: Path, orientation: int) -> None:
    content = pictures.jpeg(pictures.grey(8), orientation=orientation, quality=95)
    found = read(tmp_path, content, "a.jpg")
    upright = np.asarray(
        Image.open(BytesIO(pictures.jpeg(pictures.grey(8), quality=95))).convert("L")
    )
    turned = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright, -1),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright),
    }[orientation]
    assert (found.pixels("u1").reshape(turned.shape) == turned).all()
    assert found.body.kind is BodyKind.PIXELS
    assert found.body.attributes["LossyImageCompression"] == "01"


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_tiff_on_its_side_is_turned(tmp_path: Path, orientation: int) -> None:
    values = pictures.grey(8)
    content = pictures.tiff(values, extratags=[(274, 3, 1, orientation, True)])
    turned = {
        2: values[:, ::-1],
        3: values[::-1, ::-1],
        4: values[::-1],
        5: values.T,
        6: np.rot90(values, -1),
        7: np.rot90(values, 2).T,
        8: np.rot90(values),
    }[orientation]
    assert (read(tmp_path, content).pixels("u1").reshape(turned.shape) == turned).all()


def test_a_progressive_jpeg_is_decoded_and_says_that_it_lost_something(tmp_path: Path) -> None:
    found = read(tmp_path, pictures.jpeg(pictures.grey(8), progressive=True), "a.jpg")
    assert found.body.kind is BodyKind.PIXELS
    assert found.body.attributes["LossyImageCompression"] == "01"
    assert found.body.attributes["ImageType"] == ["DERIVED", "PRIMARY"]


def test_a_jpeg_says_when_it_was_taken(tmp_path: Path) -> None:
    evidence = read(tmp_path, pictures.jpeg(pictures.grey(8)), "a.jpg").evidence
    assert evidence.get("StudyDate", Origin.EXIF) == "20260102"
    assert evidence.get("StudyTime", Origin.EXIF) == "101112"


@pytest.mark.parametrize("name", ["SC_rgb.dcm", "US1_J2KI.dcm", "gdcm-US-ALOKA-16.dcm"])
def test_a_dicom_file_stays_as_it_is_behind_group_2(tmp_path: Path, name: str) -> None:
    content = (DATA / "dicom" / name).read_bytes()
    found = read(tmp_path, content, name, None)
    assert found.is_the_file_itself
    data_set = found.pixels("u1").tobytes()
    assert content.endswith(data_set)
    assert data_set.startswith(b"\x08\0")
    assert found.evidence.get("PatientID", Origin.HEADER)
    assert found.body.attributes["StudyInstanceUID"]


def test_the_same_data_set_behind_another_preamble_is_the_same_content(tmp_path: Path) -> None:
    content = (DATA / "dicom" / "SC_rgb.dcm").read_bytes()
    other = b"another preamble".ljust(128, b"\0") + content[128:]
    one, two = (read(tmp_path, c, "a.dcm", None).body for c in (content, other))
    assert one.digest == two.digest
    changed = content[:-1] + bytes([content[-1] ^ 1])
    assert read(tmp_path, changed, "a.dcm", None).body.digest != one.digest


def test_another_profile_makes_no_other_picture(tmp_path: Path) -> None:
    content = pictures.tiff(pictures.grey(16))
    sc = Profile("sc", sop_class="SC", window=(100.0, 50.0))
    assert read(tmp_path, content).body.digest == read(tmp_path, content, profile=sc).body.digest


def test_names_sidecars_and_times_are_evidence(tmp_path: Path) -> None:
    pattern = r"(?P<PatientID>[^_]+)_(?P<StudyDate>[^_]+)_(?P<StudyTime>[^_]+)"
    profile = Profile("cr", filename=pattern)
    content = pictures.tiff(pictures.grey(8))
    evidence = read(tmp_path, content, "P1_02.01.2026_1011.tif", profile).evidence
    assert evidence.get("PatientID", Origin.FILENAME) == "P1"
    assert evidence.get("StudyTime", Origin.FILENAME) == "1011"
    assert evidence.get("StudyDate", Origin.FILENAME) == ""
    assert "02.01.2026" in evidence.notes[0]
    assert evidence.get("StudyDate", Origin.MTIME) == "20260506"


WRONG: list[tuple[bytes, type[Problem]]] = [
    (b"hello", UnsupportedFormat),
    (pictures.tiff(pictures.grey(16))[:-100], Incomplete),
    (pictures.tiff(pictures.grey(8).astype(np.float32)), UnsupportedFormat),
    (pictures.saved(pictures.grey(8), "PNG")[:-40], Unreadable),
    (pictures.jpeg(pictures.grey(8))[:-40], Incomplete),
    ((DATA / "images" / "reallybig.bmp").read_bytes(), UnsupportedFormat),
    ((DATA / "images" / "shortfile.bmp").read_bytes(), Unreadable),
    ((DATA / "dicom" / "SC_rgb.dcm").read_bytes()[:700], Incomplete),
    (b"II*\0\xff\xff\xff\xff", Unreadable),
]


@pytest.mark.parametrize(("content", "problem"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_said_in_one_sentence(
    tmp_path: Path, content: bytes, problem: type[Problem]
) -> None:
    with pytest.raises(problem) as caught:
        read(tmp_path, content, "exam/a.xyz", None)
    assert "exam/a.xyz" in caught.value.sentence
    assert "/spool/" not in caught.value.sentence


def test_a_film_of_png_is_not_taken_for_its_first_picture(tmp_path: Path) -> None:
    target = BytesIO()
    first, second = (Image.fromarray(pictures.grey(8, film=n)) for n in range(2))
    first.save(target, "PNG", save_all=True, append_images=[second])
    with pytest.raises(UnsupportedFormat, match="film"):
        read(tmp_path, target.getvalue(), "a.png")


def test_a_dicomdir_is_no_image(tmp_path: Path) -> None:
    content = (DATA / "dicom" / "SC_rgb.dcm").read_bytes()
    sc, directory = b"1.2.840.10008.5.1.4.1.1.7", b"1.2.840.10008.1.3.10"
    with pytest.raises(MediaDirectory):
        read(tmp_path, content.replace(sc, directory.ljust(len(sc), b"\0")), "DICOMDIR", None)
