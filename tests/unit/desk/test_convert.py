"""One-off conversion: DICOM files and a report, by the same rules as the road, and no traces."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from appliance.convert import formats
from appliance.desk.convert import convert
from appliance.errors import BadSettings, NotThere
from appliance.peek import Format
from tests.builders import part10, pictures

if TYPE_CHECKING:
    from pathlib import Path

UID = "1.2.826.0.1.3680043.8.498.1"
GREY = pictures.grey(8)
SETTINGS = """
[[profile]]
name = "cr"
sop_class = "CR"
modality = "CR"
identity = "trust"
filename = '(?P<PatientID>[^_/]+)_(?P<StudyDate>[0-9]{8})'
date = ["filename", "sidecar"]
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    folder = tmp_path / "export"
    folder.mkdir()
    return folder


def png(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pictures.saved(GREY, "PNG"))


def test_every_file_of_a_folder_becomes_an_object_or_a_reason(export: Path) -> None:
    out, config = export.with_name("out"), export.with_name("settings.toml")
    png(export / "monday" / "4711_20260102.png")
    png(export / "nobody.png")
    (export / "cut_20260102.png").write_bytes(pictures.saved(GREY, "PNG")[:-5])
    (export / "letter.txt").write_text("Dear colleague")
    (export / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")

    report = convert([export], out, "cr", config)

    document = json.loads(json.dumps(report.document()))
    (made,) = document["objects"]
    ds = dcmread(made["path"])
    assert made["source"] == str(export / "monday" / "4711_20260102.png")
    assert (made["uid"], made["sop_class"]) == (ds.SOPInstanceUID, part10.CR_IMAGE)
    assert (ds.PatientID, ds.StudyDate, ds.Modality) == ("4711", "20260102", "CR")
    assert (ds.pixel_array == GREY).all()
    codes = {held["source"]: held["code"] for held in document["held"]}
    assert codes == {
        str(export / "cut_20260102.png"): "incomplete",
        str(export / "letter.txt"): "unsupported-format",
        str(export / "nobody.png"): "no-identity",
    }
    assert [each.name for each in out.iterdir()] == [f"{ds.SOPInstanceUID}.dcm"]


def test_a_sidecar_speaks_and_is_no_image(export: Path) -> None:
    png(export / "film.png")
    (export / "film.json").write_text('{"PatientID": "4711", "StudyDate": "2026-01-02"}')
    config = export.with_name("settings.toml")
    report = convert([export], export.with_name("out"), "cr", config)
    assert not report.held
    assert dcmread(report.objects[0].path).StudyDate == "20260102"


def test_every_file_that_is_done_is_told(export: Path) -> None:
    png(export / "4711_20260102.png")
    png(export / "nobody.png")
    (export / "list.csv").write_text("file,PatientName\n4711_20260102.png,SITI\n")
    told: list[tuple[int, ...]] = []
    config = export.with_name("settings.toml")
    convert([export], export.with_name("out"), "cr", config, told.append)
    assert told == [(1, 2, 1, 0), (2, 2, 1, 1)]


def test_exports_stay_as_they_are_and_nothing_else_is_left(export: Path) -> None:
    png(export / "4711_20260102.png")
    (export / "4711_20260102.xml").write_text("<r><PatientName>SITI</PatientName></r>")
    before = {path: path.read_bytes() for path in export.iterdir()}
    out = export.with_name("out")
    report = convert([export], out, "cr", export.with_name("settings.toml"))
    assert {path: path.read_bytes() for path in export.iterdir()} == before
    assert all(path.stat().st_nlink == 1 for path in before)
    assert [*out.iterdir()] == [report.objects[0].path]
    assert dcmread(report.objects[0].path).PatientName == "SITI"


def test_a_file_that_its_reader_dies_of_is_one_of_those_held(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(formats._READERS, Format.BMP, lambda _: os.abort())  # noqa: SLF001
    (export / "3999_20260102.bmp").write_bytes(pictures.saved(GREY, "BMP"))
    png(export / "4711_20260102.png")
    report = convert([export], export.with_name("out"), "cr", export.with_name("settings.toml"))
    assert [problem.code for problem in report.problems] == ["crashed"]
    assert len(report.objects) == 1


def test_a_dicom_file_that_names_its_patient_keeps_its_data_set(export: Path) -> None:
    original = export / "a.dcm"
    dated = part10.data_set(UID).replace(
        part10.element(0x00080060, "CS", "CR"),
        part10.element(0x00080020, "DA", "20260102") + part10.element(0x00080060, "CS", "CR"),
    )
    original.write_bytes(part10.meta(UID) + dated)
    report = convert([original], export.with_name("out"))
    (made,) = report.objects
    assert made.uid == UID
    assert made.path.read_bytes().endswith(dated)


def test_the_same_export_is_the_same_object_again(export: Path) -> None:
    config = export.with_name("settings.toml")
    png(export / "4711_20260102.png")
    first, second = (
        convert([export], export.with_name(name), "cr", config) for name in ("one", "two")
    )
    assert first.objects[0].uid == second.objects[0].uid


def test_what_cannot_be_done_is_said_before_anything_is_written(export: Path) -> None:
    out, config = export.with_name("out"), export.with_name("settings.toml")
    png(export / "4711_20260102.png")
    with pytest.raises(NotThere, match="dx"):
        convert([export], out, "dx", config)
    config.write_text("[[profile]]\nnmae = 'cr'")
    with pytest.raises(BadSettings):
        convert([export], out, "cr", config)
    assert not out.exists()


def test_a_file_that_is_not_there_is_a_reason(export: Path) -> None:
    report = convert([export / "gone.png"], export.with_name("out"))
    assert [problem.code for problem in report.problems] == ["not-there"]
