"""Composed objects in front of other people's toolkits: valid, and their pixels untouched."""

from __future__ import annotations

import io
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from pydicom import dcmread

from appliance.convert import formats
from appliance.identify import rules
from appliance.journal.spool import Spool
from appliance.model import Identity
from appliance.settings.schema import Profile, Trust
from tests.builders import objects, part10

if TYPE_CHECKING:
    from appliance.model import Body, Evidence, Instance

SAMPLES = Path(__file__).parents[1] / "data" / "dicom"
WHOLE = ("US1_J2KI.dcm", "US1_UNCI.dcm", "gdcm-US-ALOKA-16.dcm", "SC_rgb_2frame.dcm")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def tool(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")


def errors_in(path: Path) -> list[str]:
    """What dciodvfy, David Clunie's validator, calls an error."""
    said = tool("dciodvfy", path)
    return [line for line in (said.stdout + said.stderr).splitlines() if "Error" in line]


def fragments(path: Path, into: Path) -> list[bytes]:
    """The pixel data as dcmtk takes it out: native as one piece, else each fragment."""
    into.mkdir()
    assert tool("dcmdump", "+W", into, path).returncode == 0
    return [each.read_bytes() for each in sorted(into.iterdir())]


def stored(instance: Instance, folder: Path) -> Path:
    path = folder / f"{instance.sop_instance_uid}.dcm"
    path.write_bytes(objects.as_file(instance))
    return path


def converted(path: Path, spool: Spool, profile: Profile | None) -> tuple[Body, Evidence]:
    """What the box makes of a file."""
    with spool.custody():
        with path.open("rb") as file:
            kept = spool.keep(file)
        bodies, evidence = formats.read(
            kept.path,
            path.name,
            profile,
            sidecars={},
            modified_at=NOW,
            arrived_at=NOW,
            make_body=lambda produce: spool.make(produce).path,
        )
    return bodies[0], evidence


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.mark.parametrize(
    ("sop_class", "bits", "stored_bits", "colour"),
    [
        (part10.CR_IMAGE, 16, 12, False),
        (part10.CR_IMAGE, 16, 16, False),
        (part10.CR_IMAGE, 8, 8, False),
        (part10.SC_IMAGE, 16, 16, False),
        (part10.SC_IMAGE, 8, 8, False),
        (part10.SC_IMAGE, 8, 8, True),
    ],
)
@pytest.mark.parametrize(
    "profile",
    [
        None,
        Profile(
            modality="CR",
            imager_pixel_spacing=(0.1, 0.1),
            window=(2048.0, 4096.0),
            set={"InstitutionName": "Klinik Ümit", "BodyPartExamined": "CHEST"},
        ),
    ],
    ids=["no-profile", "profile"],
)
def test_an_image_is_valid_and_holds_just_its_pixels(
    tmp_path: Path,
    sop_class: str,
    bits: int,
    stored_bits: int,
    colour: bool,
    profile: Profile | None,
) -> None:
    body = objects.image(
        tmp_path / "a",
        rows=3,
        columns=5,
        bits=bits,
        stored=stored_bits,
        colour=colour,
        sop_class=sop_class,
    )
    path = stored(made := objects.made(body, profile=profile), tmp_path)
    assert errors_in(path) == []
    pixels = objects.content(body.slices[0])
    padded = pixels + b"\0" * (len(pixels) % 2)
    raw = tmp_path / "raw"
    assert tool("gdcmraw", "-i", path, "-o", raw).returncode == 0
    assert raw.read_bytes() == padded
    assert dcmread(path).PixelData == padded
    assert made.sop_class_uid == sop_class


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
def test_a_jpeg_stays_the_stream_it_was(tmp_path: Path, spool: Spool, colour: bool) -> None:
    picture = Image.linear_gradient("L").resize((32, 24)).convert("RGB" if colour else "L")
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    original = tmp_path / "a.jpg"
    original.write_bytes(encoded.getvalue())
    body, _ = converted(original, spool, Profile(sop_class="SC"))
    path = stored(objects.made(body), tmp_path)
    assert errors_in(path) == []
    offset_table, fragment = fragments(path, tmp_path / "raw")
    assert offset_table == b""
    assert fragment.removesuffix(b"\0") == original.read_bytes().removesuffix(b"\0")
    assert dcmread(path).pixel_array.shape[:2] == (24, 32)
    shown = tmp_path / "shown.ppm"
    assert tool("dcmj2pnm", path, shown).returncode == 0


@pytest.mark.parametrize("name", WHOLE)
def test_a_dicom_file_that_names_its_patient_goes_byte_for_byte(
    tmp_path: Path, spool: Spool, name: str
) -> None:
    body, evidence = converted(SAMPLES / name, spool, None)
    instance = objects.made(body, rules.decide(name, evidence, None), evidence=evidence)
    original = dcmread(SAMPLES / name, stop_before_pixels=True)
    assert (SAMPLES / name).read_bytes().endswith(objects.encoding(instance))
    assert instance.sop_instance_uid == original.SOPInstanceUID
    assert instance.study_instance_uid == original.StudyInstanceUID
    assert instance.series_instance_uid == original.SeriesInstanceUID


@pytest.mark.parametrize("name", WHOLE)
def test_an_edited_head_leaves_everything_else_as_it_was(
    tmp_path: Path, spool: Spool, name: str
) -> None:
    profile = Profile(identity=Trust.TRUST, set={"InstitutionName": "RSUD", "StationName": "US 1"})
    body, evidence = converted(SAMPLES / name, spool, profile)
    identity = rules.decide(name, evidence, profile)
    path = stored(objects.made(body, identity, profile, evidence), tmp_path)
    assert fragments(path, tmp_path / "new") == fragments(SAMPLES / name, tmp_path / "old")
    before, after = dcmread(SAMPLES / name), dcmread(path)
    assert (after.InstitutionName, after.StationName) == ("RSUD", "US 1")
    for ds in (before, after):
        del ds[0x7FE00010:]
        for keyword in ("InstitutionName", "StationName"):
            ds.pop(keyword, None)
        for group_length in [each.tag for each in ds if each.tag.element == 0]:
            del ds[group_length]
    assert after == before


@pytest.mark.parametrize("name", WHOLE)
def test_an_image_given_to_somebody_else_is_no_less_valid(
    tmp_path: Path, spool: Spool, name: str
) -> None:
    body, evidence = converted(SAMPLES / name, spool, None)
    somebody = Identity(
        {**rules.claimed(evidence), "PatientID": "4711", "PatientName": "SITI"}, "person"
    )
    instance = objects.made(body, somebody, evidence=evidence)
    path = stored(instance, tmp_path)
    original = dcmread(SAMPLES / name)
    ds = dcmread(path)
    assert (ds.PatientID, ds.PatientName) == ("4711", "SITI")
    assert ds.PixelData == original.PixelData
    assert instance.sop_instance_uid != original.SOPInstanceUID
    assert instance.study_instance_uid != original.StudyInstanceUID
    assert set(errors_in(path)) <= set(errors_in(SAMPLES / name))


@pytest.mark.parametrize("name", ["a.png", "b.bmp", "c.tif"])
def test_a_picture_of_any_format_becomes_a_valid_object(
    tmp_path: Path, spool: Spool, name: str
) -> None:
    Image.linear_gradient("L").resize((33, 17)).save(tmp_path / name)
    for wanted in ("CR", "SC"):
        body, _ = converted(tmp_path / name, spool, Profile(sop_class=wanted))
        assert errors_in(stored(objects.made(body), tmp_path)) == []


def test_the_same_file_makes_the_same_object_on_any_box(tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "a.png")
    boxes = [Spool(tmp_path / "one"), Spool(tmp_path / "two")]
    made = [
        objects.made(converted(tmp_path / "a.png", spool, Profile(sop_class="CR"))[0])
        for spool in boxes
    ]
    assert made[0].sop_instance_uid == made[1].sop_instance_uid
    assert objects.encoding(made[0]) == objects.encoding(made[1])


@pytest.mark.parametrize("text", [b"a report\r\nof two lines\r\n", b"a report\r\nof two line\r\n"])
def test_a_report_is_a_valid_encapsulated_pdf(tmp_path: Path, spool: Spool, text: bytes) -> None:
    (tmp_path / "report.txt").write_bytes(text)
    profile = Profile("pdf", sop_class="PDF")
    body, evidence = converted(tmp_path / "report.txt", spool, profile)
    said = {"PatientID": "4711", "PatientName": "SITI^A", "StudyDate": "20260102"}
    # An element that belongs behind the document (PS3.5 7.1).
    whose = Identity({**said, "DeviceDescription": "ROOM 2"}, "trust")
    instance = objects.made(body, whose, profile, evidence)
    behind = objects.encoding(instance).rpartition(b"application/pdf")[2]
    assert b"ROOM 2" in behind
    path = stored(instance, tmp_path)
    assert errors_in(path) == []
    ds = dcmread(path)
    (piece,) = body.slices
    assert ds.EncapsulatedDocumentLength == piece.length
    assert len(ds.EncapsulatedDocument) == piece.length + piece.length % 2
    assert (ds.Modality, ds.BurnedInAnnotation, ds.PatientID) == ("DOC", "YES", "4711")
    assert tool("dcm2pdf", path, tmp_path / "out.pdf").returncode == 0
    assert (tmp_path / "out.pdf").read_bytes().rstrip(b"\0") == piece.path.read_bytes()
