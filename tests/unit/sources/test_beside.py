"""Sidecars of a folder with thousands of files: the same answer as the rule for one file."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from appliance.intake.sidecars import sidecars_of
from appliance.sources.beside import Beside

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.dcm", "b.dcm", "c", "d.tif"):
        (tmp_path / name).write_bytes(b"image")
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "a.dcm.csv").write_bytes(b"x")
    (tmp_path / "list.csv").write_bytes(b"b.dcm;4711\nd.tif;4712\n")
    (tmp_path / "other.csv").write_bytes(b"d.tif")
    (tmp_path / "empty.csv").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("name", ["a.dcm", "b.dcm", "c", "d.tif"])
def test_the_answer_is_that_of_the_rule_for_one_file(folder: Path, name: str) -> None:
    found = Beside(folder, None).of(folder / name)
    assert tuple(found) == sidecars_of(folder / name, None)
    assert all(
        digest == hashlib.sha256(path.read_bytes()).hexdigest() for path, digest in found.items()
    )


def test_no_name_is_read_across_two_texts(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"film.")
    (tmp_path / "2.csv").write_bytes(b"dcm")
    assert Beside(tmp_path, None).of(tmp_path / "film.dcm") == {}


def test_what_is_too_large_or_no_file_describes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    os.truncate(tmp_path / "a.csv", (4 << 20) + 1)
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "a.dcm.json").symlink_to("/etc/hostname")
    assert Beside(tmp_path, None).of(tmp_path / "a.dcm") == {}


def test_an_image_waits_for_the_sidecar_of_its_name_that_cannot_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def fail(path: Path, flags: int) -> int:
        if str(path).endswith("a.json"):
            raise OSError(5, "Input/output error")
        return real(path, flags)

    monkeypatch.setattr(os, "open", fail)
    beside = Beside(folder, None)
    with pytest.raises(OSError, match="Input/output"):
        beside.of(folder / "a.dcm")
    assert len(beside.of(folder / "b.dcm")) == 1
