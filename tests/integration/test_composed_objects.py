"""Composed objects in front of other people's toolkits: valid, and their pixels untouched."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from pydicom import dcmread

from appliance.convert import formats
from appliance.identify import rules
from appliance.journal.spool import Spool
from appliance.model import Identity, Slice
from appliance.settings import sop_classes as sop
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
CODE = {"CodeValue": "CX", "CodingSchemeDesignator": "99RS", "CodeMeaning": "Thorax"}
ORDER = {
    "RequestAttributesSequence": [
        {
            "RequestedProcedureID": "RP1",
            "ScheduledProcedureStepID": "S1",
            "ScheduledProtocolCodeSequence": [CODE],
        }
    ],
    "ProcedureCodeSequence": [CODE],
}
GREY_8, GREY_12, GREY_16, COLOUR_8 = (8, 8, False), (16, 12, False), (16, 16, False), (8, 8, True)
TARGETS = [
    *((sop.CR_IMAGE, 1, shape) for shape in (GREY_8, GREY_12, GREY_16)),
    *((sop.DX_FOR_PRESENTATION, 1, shape) for shape in (GREY_8, GREY_12, GREY_16)),
    *((sop.DX_FOR_PROCESSING, 1, shape) for shape in (GREY_12,)),
    *((sop.US_IMAGE, 1, shape) for shape in (GREY_8, COLOUR_8)),
    *((sop.US_MULTI_FRAME, 3, shape) for shape in (GREY_8, COLOUR_8)),
    *((sop.SC_IMAGE, 1, shape) for shape in (GREY_8, GREY_12, GREY_16, COLOUR_8)),
    (sop.SC_IMAGE, 1, (16, 16, True)),
    (sop.SC_BYTE_FRAMES, 3, GREY_8),
    *((sop.SC_WORD_FRAMES, 3, shape) for shape in (GREY_12, GREY_16)),
    (sop.SC_COLOUR_FRAMES, 3, COLOUR_8),
    *((sop.VL_PHOTOGRAPHIC, 1, shape) for shape in (GREY_8, COLOUR_8)),
    *((sop.VL_ENDOSCOPIC, 1, shape) for shape in (GREY_8, COLOUR_8)),
]


def profile_for(sop_class: str, **more: str) -> Profile:
    """What a hospital says that knows all a class needs."""
    dx = dict(DX_VALUES) if "DX" in sop_class_name(sop_class) else {}
    if sop_class == sop.DX_FOR_PROCESSING:
        dx["PresentationIntentType"] = "FOR PROCESSING"
    return Profile(
        sop_class=sop_class_name(sop_class),
        modality={sop.VL_ENDOSCOPIC: "ES"}.get(sop_class, ""),
        imager_pixel_spacing=(0.1, 0.1),
        set={"InstitutionName": "Klinik Ümit", **dx, **more},
    )


def sop_class_name(uid: str) -> str:
    """How settings call a SOP class."""
    names = {
        sop.CR_IMAGE: "CR",
        sop.DX_FOR_PRESENTATION: "DX",
        sop.DX_FOR_PROCESSING: "DX",
        sop.US_IMAGE: "US",
        sop.US_MULTI_FRAME: "US",
        sop.VL_PHOTOGRAPHIC: "VL",
        sop.VL_ENDOSCOPIC: "VL",
    }
    return names.get(uid, "SC")


@pytest.mark.parametrize(
    ("sop_class", "frames", "shape"), TARGETS, ids=lambda value: str(value).replace(" ", "")
)
@pytest.mark.parametrize("known", ["little", "all"])
def test_an_image_is_valid_and_holds_just_its_pixels(
    tmp_path: Path, sop_class: str, frames: int, shape: tuple[int, int, bool], known: str
) -> None:
    bits, stored_bits, colour = shape
    plain = objects.image(
        tmp_path / "a",
        rows=3 * frames,
        columns=5,
        bits=bits,
        stored=stored_bits,
        colour=colour,
        sop_class=sop_class,
    )
    several = {"Rows": 3, "NumberOfFrames": frames} if frames > 1 else {}
    spaced = {"PixelSpacing": [0.2, 0.2]} if known == "all" else {}
    body = replace(plain, attributes={**plain.attributes, **several, **spaced})
    needy = known == "all" or sop_class_name(sop_class) == "DX"
    whose = Identity(objects.SITI, "worklist", ORDER) if known == "all" else None
    made = objects.made(body, whose, profile_for(sop_class) if needy else None)
    path = stored(made, tmp_path)
    assert errors_in(path) == []
    pixels = objects.content(body.slices[0])
    padded = pixels + b"\0" * (len(pixels) % 2)
    raw = tmp_path / "raw"
    assert tool("gdcmraw", "-i", path, "-o", raw).returncode == 0
    assert raw.read_bytes() == padded
    assert dcmread(path).PixelData == padded
    assert made.sop_class_uid == sop_class


STREAMS = [
    (sop.CR_IMAGE, False),
    (sop.DX_FOR_PRESENTATION, False),
    *((sop.US_IMAGE, colour) for colour in (False, True)),
    *((sop.SC_IMAGE, colour) for colour in (False, True)),
    *((sop.VL_PHOTOGRAPHIC, colour) for colour in (False, True)),
    *((sop.VL_ENDOSCOPIC, colour) for colour in (False, True)),
]


@pytest.mark.parametrize(("sop_class", "colour"), STREAMS)
def test_a_stream_is_valid_as_any_class(
    tmp_path: Path, spool: Spool, sop_class: str, colour: bool
) -> None:
    picture = Image.linear_gradient("L").resize((32, 24)).convert("RGB" if colour else "L")
    original = tmp_path / "a.jpg"
    picture.save(original, "JPEG", quality=90)
    profile = profile_for(sop_class, LossyImageCompression="01", ImageType="DERIVED\\PRIMARY")
    profile = replace(profile, set={} if sop_class_name(sop_class) != "DX" else profile.set)
    body, evidence = converted(original, spool, profile)
    instance = objects.made(body, profile=profile, evidence=evidence)
    path = stored(instance, tmp_path)
    assert instance.sop_class_uid == sop_class
    assert errors_in(path) == []
    _, fragment = fragments(path, tmp_path / "raw")
    assert fragment.removesuffix(b"\0") == original.read_bytes().removesuffix(b"\0")


def frame(number: int) -> bytes:
    encoded = io.BytesIO()
    shade = Image.linear_gradient("L").resize((32, 24)).point(lambda value: value // number)
    shade.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


@pytest.mark.parametrize("sop_class", [sop.US_MULTI_FRAME, sop.SC_BYTE_FRAMES])
def test_frames_of_streams_are_valid_and_apart(
    tmp_path: Path, spool: Spool, sop_class: str
) -> None:
    frames = [frame(number) for number in (1, 2, 3)]
    first = tmp_path / "first.jpg"
    first.write_bytes(frames[0])
    body, _ = converted(first, spool, Profile(sop_class="SC"))
    slices = []
    for number, content in enumerate(frames):
        (tmp_path / f"{number}.jpg").write_bytes(content)
        slices.append(Slice(tmp_path / f"{number}.jpg", 0, len(content)))
    said = {**body.attributes, "SOPClassUID": sop_class, "NumberOfFrames": 3, "Modality": ""}
    path = stored(objects.made(replace(body, slices=tuple(slices), attributes=said)), tmp_path)
    assert errors_in(path) == []
    offset_table, *found = fragments(path, tmp_path / "raw")
    assert offset_table == b""
    padded = [content + b"\0" * (len(content) % 2) for content in frames]
    assert found == padded
    shown = tmp_path / "shown.pgm"
    assert tool("dcmj2pnm", "+F", "3", path, shown).returncode == 0


SYNTAXES = [part10.EXPLICIT_LE, part10.IMPLICIT_LE, part10.EXPLICIT_BE]


def film(folder: Path, syntax: str) -> tuple[Body, Evidence]:
    """A CR image that came, in a transfer syntax, and what its header says."""
    path = folder / "film.dcm"
    path.write_bytes(part10.film("1.2.3", syntax=syntax))
    spool = Spool(folder / "spool")
    return converted(path, spool, None)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_sequence_that_is_written_can_be_read(tmp_path: Path, syntax: str) -> None:
    body, evidence = film(tmp_path, syntax)
    said = {**rules.claimed(evidence), "PatientID": "4711", "PatientName": "SITI", "StudyTime": ""}
    somebody = Identity({**said, "AccessionNumber": "A1"}, "person", ORDER)
    edits = Profile(set={"StationName": "Zürich"})
    path = stored(objects.made(body, somebody, edits, evidence), tmp_path)
    said_by_dcmtk = tool("dcmdump", "+U8", path)
    assert said_by_dcmtk.returncode == 0
    assert said_by_dcmtk.stderr == ""
    read = re.findall(r"^( *)\((.{9})\) (\S\S) (?:\[(.*?)\]|)", said_by_dcmtk.stdout, re.MULTILINE)
    told = {(len(depth) // 4, tag): value for depth, tag, _, value in read}
    assert told[0, "0010,0010"] == "SITI"
    assert told[2, "0010,0010"].startswith("DOE^JANE")
    assert told[2, "0008,0018"] == "1.2.3"
    assert told[1, "0400,0565"] == "CORRECT"
    assert told[2, "0008,0100"] in {"109103", "CX"}
    assert told[1, "0040,1001"] == "RP1"
    assert told[2, "0008,0104"] in {"Modifying Equipment", "Thorax"}
    assert told[0, "0008,1010"] == "Zürich"
    assert set(errors_in(path)) <= set(errors_in(tmp_path / "film.dcm"))


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
    told = after.get("OriginalAttributesSequence", [])
    was = {e.keyword: e.value for item in told for e in item.ModifiedAttributesSequence[0]}
    edited = {k: before[k].value for k in profile.set if before.get(k)}
    assert was == edited
    for ds in (before, after):
        del ds[0x7FE00010:]
        for keyword in ("InstitutionName", "StationName", "OriginalAttributesSequence"):
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
