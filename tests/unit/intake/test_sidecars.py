"""Which file describes which: never one patient's list for every image around it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from appliance.intake.sidecars import Beside, described_by, is_sidecar, sidecars_of
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from pathlib import Path


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("auto", {".csv", ".json", ".xml", ".ini"}),
        ("csv", {".csv"}),
        ("json", {".json"}),
        ("xml", {".xml"}),
        ("ini", {".ini"}),
        ("none", set()),
    ],
)
def test_a_profile_says_what_counts_as_a_sidecar(
    tmp_path: Path, mode: str, found: set[str]
) -> None:
    profile = Profile("cr", sidecar=mode)
    suffixes = {".csv", ".ini", ".json", ".tif", ".xml"}
    assert {s for s in suffixes if is_sidecar(tmp_path / f"a{s}", profile)} == found


def test_sidecars_of_the_same_name_belong_to_the_image(tmp_path: Path) -> None:
    put(tmp_path, film_tif="", film_json="{}", film_tif_csv="", other_json="{}")
    names = [path.name for path in sidecars_of(tmp_path / "film.tif", None)]
    assert names == ["film.json", "film.tif.csv"]


def test_a_list_counts_only_for_the_files_it_mentions(tmp_path: Path) -> None:
    put(tmp_path, film_tif="", other_tif="", list_csv="file,PatientID\nfilm.tif,P1\n")
    assert [p.name for p in sidecars_of(tmp_path / "film.tif", None)] == ["list.csv"]
    assert sidecars_of(tmp_path / "other.tif", None) == ()
    assert [p.name for p in described_by(tmp_path / "list.csv", None)] == ["film.tif"]


def test_a_list_of_one_patient_is_not_everybodys(tmp_path: Path) -> None:
    put(tmp_path, film_tif="", patient_csv="PatientID,PatientName\nP1,DOE\n")
    assert sidecars_of(tmp_path / "film.tif", None) == ()


HL7 = "MSH|^~\\&|CR|||| 20240314||ORU^R01|1|P|2.3\rPID|1||4711\rOBX|1|RP|||{}\r"
MANY = 1 << 20


@pytest.mark.parametrize("remembered_bytes", [0, MANY])
@pytest.mark.parametrize("sidecar", ["m.hl7", "m.astm", "m.csv", "m.ini"])
@pytest.mark.parametrize(
    ("said", "image", "is_mentioned"),
    [
        ("11.png", "11.png", True),
        ("11.png", "1.png", False),
        ("a-1.png", "1.png", False),
        ("a_1.png", "1.png", False),
        ("v.1.png", "1.png", False),
        ("ü1.png", "1.png", False),
        ("1.png.bak", "1.png", False),
        ("1.png2", "1.png", False),
        ("1.png-2", "1.png", False),
        ("11.png^1.png", "1.png", True),
        (r"\\cr\export\1.png^CR", "1.png", True),
        ("exam/1.png", "1.png", True),
        ('"1.png"', "1.png", True),
    ],
)
def test_a_mention_is_the_whole_name_of_a_file(
    tmp_path: Path,
    said: str,
    image: str,
    sidecar: str,
    remembered_bytes: int,
    *,
    is_mentioned: bool,
) -> None:
    """Half of another image's name names another image's patient."""
    (tmp_path / image).write_bytes(b"image")
    (tmp_path / sidecar).write_text(HL7.format(said))
    found = (tmp_path / sidecar,) if is_mentioned else ()
    assert Beside(tmp_path, None, remembered_bytes).of(tmp_path / image) == found
    described = (tmp_path / image,) if is_mentioned else ()
    assert described_by(tmp_path / sidecar, None) == described


@pytest.mark.parametrize("remembered_bytes", [0, MANY])
@pytest.mark.parametrize("name", ["1", "4711", "RP", "2.3"])
def test_a_number_or_a_word_of_a_message_is_no_name_of_a_file(
    tmp_path: Path, name: str, remembered_bytes: int
) -> None:
    (tmp_path / name).write_bytes(b"image")
    (tmp_path / "m.hl7").write_text(HL7.format("11.png"))
    assert Beside(tmp_path, None, remembered_bytes).of(tmp_path / name) == ()
    assert described_by(tmp_path / "m.hl7", None) == ()
    (tmp_path / f"{name}.hl7").write_text(HL7.format("11.png"))
    assert sidecars_of(tmp_path / name, None) == (tmp_path / f"{name}.hl7",)


def test_a_list_may_name_images_that_are_called_by_a_number(tmp_path: Path) -> None:
    """It says in a column of its own which image it means."""
    (tmp_path / "0001").write_bytes(b"image")
    (tmp_path / "list.csv").write_text("file,PatientID\n0001,4711\n")
    assert sidecars_of(tmp_path / "0001", None) == (tmp_path / "list.csv",)


def test_a_sidecar_has_no_sidecars(tmp_path: Path) -> None:
    put(tmp_path, film_json="{}", film_csv="")
    assert sidecars_of(tmp_path / "film.json", None) == ()


def test_another_folder_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    put(tmp_path, film_json="{}")
    put(tmp_path / "exam", film_tif="")
    assert sidecars_of(tmp_path / "exam" / "film.tif", None) == ()


def test_how_windows_shows_a_folder_describes_no_image(tmp_path: Path) -> None:
    (tmp_path / "film.tif").write_bytes(b"")
    (tmp_path / "desktop.ini").write_bytes(b"[LocalizedFileNames]\nfilm.tif=film\n")
    assert sidecars_of(tmp_path / "film.tif", None) == ()
    assert not is_sidecar(tmp_path / "desktop.ini", None)


# What nobody vouches for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.dcm", "b.dcm", "E00", "d.tif"):
        (tmp_path / name).write_bytes(b"image")
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "a.dcm.csv").write_bytes(b"x")
    (tmp_path / "list.csv").write_bytes(b"b.dcm;4711\nd.tif;4712\n")
    (tmp_path / "other.csv").write_bytes(b"d.tif")
    (tmp_path / "empty.csv").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("remembered_bytes", [0, 10, 1 << 20])
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.dcm", ["a.dcm.csv", "a.json"]),
        ("b.dcm", ["list.csv"]),
        ("E00", []),
        ("d.tif", ["list.csv", "other.csv"]),
    ],
)
def test_the_answer_is_the_same_however_much_is_remembered(
    folder: Path, name: str, found: list[str], remembered_bytes: int
) -> None:
    beside = Beside(folder, None, remembered_bytes)
    sidecars = beside.of(folder / name)
    assert [path.name for path in sidecars] == found
    for path in sidecars:
        assert beside.digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_name_is_read_across_two_texts(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"film.")
    (tmp_path / "2.csv").write_bytes(b"dcm")
    assert Beside(tmp_path, None).of(tmp_path / "film.dcm") == ()


def test_what_is_too_long_lists_nothing(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"a.dcm")
    os.truncate(tmp_path / "list.csv", (4 << 20) + 1)
    assert sidecars_of(tmp_path / "a.dcm", None) == ()


def test_links_and_pipes_describe_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"image")
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (tmp_path / "a.csv").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "a.json")
    assert sidecars_of(tmp_path / "a.dcm", None) == ()


def test_a_name_that_is_no_text_may_be_mentioned(tmp_path: Path) -> None:
    image = tmp_path / os.fsdecode(b"f\xfclm.tif")
    image.write_bytes(b"image")
    (tmp_path / "list.csv").write_bytes(b"f\xfclm.tif;4711")
    assert sidecars_of(image, None) == (tmp_path / "list.csv",)
    assert described_by(tmp_path / "list.csv", None) == (image,)


class Unreadable:
    """Files of some names cannot be opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self._open, self._names = os.open, names
        monkeypatch.setattr(os, "open", self._fail)

    def _fail(self, path: Path, flags: int) -> int:
        if str(path).endswith(self._names):
            raise OSError(5, "Input/output error")
        return self._open(path, flags)


def test_no_image_goes_without_a_list_that_may_speak_of_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Unreadable(monkeypatch, "other.csv")
    for name in ("b.dcm", "E00", "d.tif"):
        with pytest.raises(OSError, match="Input/output"):
            Beside(folder, None).of(folder / name)


def test_an_image_waits_for_its_own_sidecar_but_not_for_anothers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Unreadable(monkeypatch, "a.json")
    beside = Beside(folder, None)
    assert len(beside.of(folder / "b.dcm")) == 1
    own = beside.of(folder / "a.dcm")
    assert folder / "a.json" in own
    with pytest.raises(OSError, match="Input/output"):
        [beside.digest(each) for each in own]
