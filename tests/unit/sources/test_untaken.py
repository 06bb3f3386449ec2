from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.intake.accept import Intake, fingerprint
from appliance.model import Arrival
from appliance.sources.untaken import files_below, untaken
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def test_what_was_taken_in_is_not_carried_and_what_changed_since_is(box: Box) -> None:
    top = box.paths.shares / "cr"
    (top / "A B").mkdir(parents=True)
    for name in ("taken.tif", "changed.tif", "A B/new.tif", "Thumbs.db"):
        (top / name).write_bytes(name.encode())
    (top / "link.tif").symlink_to(top / "taken.tif")
    for name in ("taken.tif", "changed.tif"):
        path = top / name
        Intake(box.journal).accept(Arrival("cr", name, path, fingerprint(path.lstat())), None)
    (top / "changed.tif").write_bytes(b"another film")
    found = {path.relative_to(top).as_posix() for path in untaken("cr", top, box.journal.arrivals)}
    assert found == {"changed.tif", "A B/new.tif"}


def failing_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name is one that the card does not give back."""
    real = os.scandir

    def scandir(folder: Path) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == name:
            raise OSError(errno.EIO, "Input/output error", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_read_is_not_left_out(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = box.paths.shares / "cr"
    (top / "P1").mkdir(parents=True)
    (top / "P1" / "film.tif").write_bytes(b"film")
    failing_at("P1", monkeypatch)
    with pytest.raises(OSError, match="Input/output error"):
        list(untaken("cr", top, box.journal.arrivals))


def test_folders_are_looked_into_in_order_and_links_are_not(box: Box) -> None:
    top = box.paths.shares / "cr"
    for name in ("b/2/film.tif", "b/1/film.tif", "a/film.tif", "z.tif"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    (top / "link").symlink_to(top / "a")
    os.mkfifo(top / "pipe")
    found = [path.relative_to(top).as_posix() for path in files_below(top)]
    assert found == ["z.tif", "a/film.tif", "b/1/film.tif", "b/2/film.tif"]
