"""The one entry of a sidecar that speaks of an image, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.convert.sidecar import read
from appliance.errors import SidecarUnclear

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

P1 = {"PatientID": "P1", "PatientName": "SITI"}
P1_XML = "<PatientID>P1</PatientID><PatientName>SITI</PatientName>"


def said(
    tmp_path: Path, name: str, content: str | bytes, image: str = "exam/a.tif", charset: str = ""
) -> Mapping[str, str]:
    path = tmp_path / "spooled"
    path.write_bytes(
        content.encode(errors="surrogateescape") if isinstance(content, str) else content
    )
    return read(path, name, image, charset)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"PatientID": "P1", "PatientName": "SITI"}'),
        ("list.json", '{"a.tif": {"PatientID": "P1", "PatientName": "SITI"}}'),
        ("list.json", '[{"file": "A.TIF", "PatientID": "P1", "PatientName": "SITI"}]'),
        ("a.csv", "PatientID,PatientName\nP1,SITI\n"),
        ("a.csv", "\ufeffPatientID;PatientName\r\nP1;SITI\r\n"),
        ("list.csv", "file,PatientID,PatientName\nb.tif,P2,BUDI\nexam/a.tif,P1,SITI\n"),
        ("list.csv", "filename\tPatientID\tPatientName\nexam\\a.tif\tP1\tSITI\n"),
        ("a.xml", "<r><PatientID>P1</PatientID><x><PatientName> SITI </PatientName></x></r>"),
        ("a.XML", '<r xmlns="urn:x"><Patient PatientID="P1" PatientName="SITI"/></r>'),
        (
            "a.xml",
            '<r><f name="PatientID">P1</f><f name="PatientName">SITI</f></r>',
        ),
        ("list.xml", f'<all><i file="b.tif"/><i file="a.tif">{P1_XML}</i></all>'),
        ("a.xml", "\ufeff<r><PatientID>P1</PatientID><PatientName>SITI</PatientName></r>"),
        ("a.ini", "PatientID=P1\r\nPatientName=SITI\r\n"),
        ("a.ini", '; who\n[Patient]\nPatientID = "P1"\n[Exam]\nPatientName: SITI\n'),
        ("list.ini", "[b.tif]\nPatientID=P2\n[A.TIF]\nPatientID=P1\nPatientName=SITI\n"),
    ],
)
def test_the_entry_of_the_image_is_found(tmp_path: Path, name: str, content: str) -> None:
    assert said(tmp_path, name, content) == P1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.csv", "PatientID,PatientName\nP1,SITI\n"),
        ("list.csv", "file,PatientID\nb.tif,P2\n"),
        ("a.csv", "file,PatientID\nb.tif,P2\n"),
        ("list.json", '{"b.tif": {"PatientID": "P2"}}'),
        ("a.json", "{}"),
        ("a.csv", "PatientID,PatientName\n"),
        ("list.xml", "<r><PatientID>P1</PatientID></r>"),
        ("a.xml", '<r><i file="b.tif" PatientID="P2"/></r>'),
        ("list.ini", "[b.tif]\nPatientID=P2\n"),
        ("a.ini", "[b.tif]\nPatientID=P2\n"),
        ("list.ini", "[Patient]\nPatientID=P1\n"),
    ],
)
def test_what_speaks_of_others_says_nothing(tmp_path: Path, name: str, content: str) -> None:
    assert said(tmp_path, name, content) == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "PatientID,PatientName\nP1,SITI\nP2,BUDI\n"),
        ("list.csv", "file,PatientID\na.tif,P1\na.tif,P2\n"),
        ("a.json", "{"),
        ("a.json", b"\xff\xfe"),
        ("a.csv", b"PatientID,PatientName\nP1,\xff\n"),
        ("a.csv", b"PatientID,PatientName\nP1," + b"x" * (4 << 20)),
        ("a.xml", "<r><PatientID>P1</PatientID>"),
        ("a.xml", "<r><a><PatientID>P1</PatientID></a><b><PatientID>P2</PatientID></b></r>"),
        ("a.xml", '<!DOCTYPE r [<!ENTITY e "P1">]><r><PatientID>&e;</PatientID></r>'),
        ("a.xml", '<?xml version="1.0" encoding="klingon"?><r><PatientID>\udcff</PatientID></r>'),
        ("a.xml", "<a>" * 100_000),
        ("a.ini", "[Patient]\nPatientID=P1\n[Other]\nPatientID=P2\n"),
        ("a.ini", "PatientID=P1\nPatientID=P2\n"),
        ("a.ini", "who knows\n"),
    ],
)
def test_what_is_not_clear_is_not_guessed(tmp_path: Path, name: str, content: str | bytes) -> None:
    with pytest.raises(SidecarUnclear) as caught:
        said(tmp_path, name, content)
    assert caught.value.code == "no-identity"


def test_the_profiles_character_set_helps_where_it_is_not_utf_8(tmp_path: Path) -> None:
    content = "PatientID,PatientName\nP1,山田\n".encode("shift_jis")
    assert said(tmp_path, "a.csv", content, charset="shift_jis")["PatientName"] == "山田"


@pytest.mark.parametrize("encoding", ["shift_jis", "utf-16", "iso-8859-1"])
def test_xml_says_its_character_set_itself(tmp_path: Path, encoding: str) -> None:
    name = "Müller" if encoding == "iso-8859-1" else "山田"
    text = f'<?xml version="1.0" encoding="{encoding}"?><r><PatientName>{name}</PatientName></r>'
    assert said(tmp_path, "a.xml", text.encode(encoding)) == {"PatientName": name}
