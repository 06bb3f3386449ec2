"""The hint that a DICOMDIR is: references are looked up as loosely as they are kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.sources.media.dicomdir import is_dicomdir, missing, references
from tests.builders.part10 import element, headed

if TYPE_CHECKING:
    from pathlib import Path


def dicomdir(root: Path, *files: str) -> Path:
    """Just enough of one: the elements that name files, after the start of any Part 10 file."""
    named = b"".join(element(0x00041500, "CS", file) for file in files)
    (root / "DICOMDIR").write_bytes(headed(b"") + named)
    return root / "DICOMDIR"


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir", "DICOMDIR;1", "DICOMDIR."])
def test_it_is_known_by_its_name(name: str) -> None:
    assert is_dicomdir(name)
    assert not is_dicomdir(f"{name}x")


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ("IMAGES/IM1", r"IMAGES\IM1"),
        ("images/im1", r"IMAGES\IM1"),
        ("IMAGES/IM1.", r"IMAGES\IM1"),
        ("IMAGES/IM1.;1", r"IMAGES\IM1"),
        ("IMAGES/IM1;1", r"IMAGES\IM1."),
        ("images/IM1.DCM", r"images\im1.dcm"),
    ],
)
def test_what_is_there_under_any_spelling_is_there(tmp_path: Path, there: str, named: str) -> None:
    put(tmp_path, there)
    assert missing(dicomdir(tmp_path, named)).number == 0


def test_what_is_not_there_is_counted_and_named(tmp_path: Path) -> None:
    put(tmp_path, "A/IM1")
    lost = missing(dicomdir(tmp_path, r"A\IM1", r"A\IM2", r"B\IM1", r"A\IM1\X"))
    assert lost.number == 3
    assert lost.example in {"A/IM2", "B/IM1", "A/IM1/X"}


@pytest.mark.parametrize(
    "named", [r"..\secret", r"A\..\..\secret", "../secret", r"\etc\passwd", "", "."]
)
def test_a_reference_never_leads_out_of_the_medium(tmp_path: Path, named: str) -> None:
    root = tmp_path / "medium"
    put(tmp_path, "secret")
    put(root, "A/IM1")
    (root / "LINK").symlink_to(tmp_path)
    assert missing(dicomdir(root, named)).number == bool(named)


def test_a_reference_through_a_link_reads_nothing_outside(tmp_path: Path) -> None:
    """Where the medium is mounted links are not followed at all; this is a folder of a test."""
    root = tmp_path / "medium"
    put(root, "A/IM1")
    (root / "LINK").symlink_to("/nowhere")
    with pytest.raises(FileNotFoundError):
        missing(dicomdir(root, r"LINK\x"))


def test_a_file_of_nonsense_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(os.urandom(1 << 16))
    assert missing(tmp_path / "DICOMDIR").number == 0


def test_a_reference_cut_off_by_the_end_is_harmless(tmp_path: Path) -> None:
    file = dicomdir(tmp_path, r"A\IM1")
    file.write_bytes(file.read_bytes()[:-3])
    assert references(file) == {("A", "IM")} or references(file) == {("A", "I")}
