"""Which file describes which: never one patient's list for every image around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.intake.sidecars import described_by, is_sidecar, sidecars_of
from appliance.settings.schema import Profile

if TYPE_CHECKING:
    from pathlib import Path


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)


@pytest.mark.parametrize(
    ("mode", "found"),
    [("auto", {".csv", ".json"}), ("csv", {".csv"}), ("json", {".json"}), ("none", set())],
)
def test_a_profile_says_what_counts_as_a_sidecar(
    tmp_path: Path, mode: str, found: set[str]
) -> None:
    profile = Profile("cr", sidecar=mode)
    suffixes = {".csv", ".json", ".tif", ".xml"}
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


def test_a_sidecar_has_no_sidecars(tmp_path: Path) -> None:
    put(tmp_path, film_json="{}", film_csv="")
    assert sidecars_of(tmp_path / "film.json", None) == ()


def test_another_folder_has_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "exam").mkdir()
    put(tmp_path, film_json="{}")
    put(tmp_path / "exam", film_tif="")
    assert sidecars_of(tmp_path / "exam" / "film.tif", None) == ()
