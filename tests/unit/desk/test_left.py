"""What modalities stored for a source that is gone is told until somebody takes it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.desk import left
from appliance.desk.left import LeftBehind, left_by
from appliance.intake.accept import Intake, fingerprint
from appliance.journal.charge import Charge
from appliance.model import Arrival
from appliance.settings.load import parse
from appliance.sources.untaken import files_below
from appliance.status.pattern import LampState
from appliance.status.snapshot import take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.settings.schema import Settings
    from tests.builders.box import Box

NONE = parse("")
SHARE = parse("""
[[source]]
name = "fuji"
kind = "share"
hosted = true
user = "u"
password = "secret12"
""")
LINE = parse("""
[[source]]
name = "us"
kind = "serial"
path = "/dev/ttyX"
""")
STICK = parse("""
[[source]]
name = "fuji"
kind = "stick"
""")


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def look(box: Box, settings: Settings = NONE) -> list[str]:
    """What a keeper that starts now tells."""
    behind = LeftBehind(box.journal, box.clock)
    while not behind.turn(settings):
        pass
    return said(box, settings)


def said(box: Box, settings: Settings = NONE) -> list[str]:
    return [problem.sentence for problem in take(box.journal, settings, (), box.clock).problems]


def test_files_in_the_share_of_a_source_that_is_gone_are_told(box: Box) -> None:
    put(box.paths.shares / "fuji", "P1/a.tif", "b.tif", "Thumbs.db")
    assert look(box, SHARE) == []
    (sentence,) = look(box)
    assert sentence == (
        "Nobody takes 2 files in the folder of the share fuji: there is no such source any more."
    )
    now = take(box.journal, NONE, (), box.clock)
    assert [problem.code for problem in now.problems] == ["left-in-share"]
    assert "Make a source of that name again" in now.problems[0].hint
    assert now.lamps is LampState.NEEDS_A_PERSON


def test_no_more_once_the_source_is_there_again(box: Box) -> None:
    put(box.paths.shares / "fuji", "a.tif")
    assert look(box)
    assert look(box, SHARE) == []


def test_a_source_of_another_kind_takes_nothing_there(box: Box) -> None:
    put(box.paths.shares / "fuji", "a.tif")
    assert look(box, STICK)


def test_what_was_taken_before_is_not_told(box: Box) -> None:
    top = box.paths.shares / "fuji"
    put(top, "a.tif")
    path = top / "a.tif"
    Intake(box.journal).accept(Arrival("fuji", "a.tif", path, fingerprint(path.lstat())), None)
    assert look(box) == []


def test_what_came_over_a_line_that_is_gone_is_told(box: Box) -> None:
    put(box.paths.serial / "us", "a.jpg")
    (box.paths.serial / "us" / "empty").touch()
    assert look(box, LINE) == []
    assert look(box) == [
        "Nobody takes 1 file that came over the line us: there is no such source any more."
    ]


def test_a_folder_that_cannot_be_read_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box.paths.shares / "fuji", "P1/a.tif")
    real = os.scandir

    def scandir(place: Path) -> Iterator[os.DirEntry[str]]:
        if Path(place).name == "P1":
            raise OSError(errno.EIO, "Input/output error")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    (sentence,) = look(box)
    assert "Nobody takes what cannot be read (Input/output error) in the folder" in sentence


def test_where_no_folder_can_be_listed_keeper_goes_on(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(box.paths.shares / "fuji", "a.tif")

    def failing(_: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", failing)
    assert look(box) == []


def test_a_file_that_goes_meanwhile_is_not_left(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box.paths.serial / "us", "a.jpg", "b.jpg")
    real = files_below

    def going(folder: Path) -> Iterator[Path]:
        for path in real(folder):
            if path.name == "a.jpg":
                path.unlink()
            yield path

    monkeypatch.setattr(left, "files_below", going)
    assert "1 file" in look(box)[0]


def test_a_link_is_no_folder_of_a_share(box: Box, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "a.tif")
    box.paths.shares.mkdir()
    (box.paths.shares / "link").symlink_to(tmp_path / "elsewhere")
    assert look(box) == []


def test_many_files_are_looked_at_a_few_at_a_time(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left, "_AT_ONCE", 2)
    put(box.paths.shares / "fuji", *(f"{number}.tif" for number in range(5)))
    behind = LeftBehind(box.journal, box.clock)
    assert [behind.turn(NONE) for _ in range(3)] == [0, 0, 600]
    assert "5 files" in said(box)[0]
    box.clock.passes(seconds=590)
    assert behind.turn(NONE) == 10


def test_new_settings_are_looked_at_soon(box: Box) -> None:
    behind = LeftBehind(box.journal, box.clock)
    assert behind.turn(SHARE) == 600
    put(box.paths.shares / "fuji", "a.tif")
    assert behind.turn(NONE) == 20
    box.clock.passes(seconds=20)
    assert behind.turn(NONE) == 600
    assert said(box)


def test_a_look_that_fails_is_begun_anew(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    put(box.paths.shares / "fuji", "a.tif")
    behind = LeftBehind(box.journal, box.clock)
    with monkeypatch.context() as patch:
        patch.setattr(left, "is_untaken", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            behind.turn(NONE)
    box.clock.passes(seconds=600)
    assert behind.turn(NONE) == 600
    assert said(box)


def test_a_box_that_was_handed_over_has_nothing_to_tell(box: Box) -> None:
    put(box.paths.shares / "fuji", "a.tif")
    assert look(box)
    box.journal.charge.set(Charge.LEAVING, "1")
    (sentence,) = look(box)
    assert sentence.startswith("This box has given its work to another one")


@pytest.mark.parametrize(
    ("settings", "folder", "number"),
    [(SHARE, "shares/fuji", 2), (LINE, "var/serial/us", 2), (STICK, "shares/fuji", 0)],
)
def test_whoever_removes_a_source_is_told_how_much_it_holds(
    box: Box, settings: Settings, folder: str, number: int
) -> None:
    (source,) = settings.sources
    assert left_by(box.journal, source) == 0
    put(box.paths.root / folder, "a.tif", "P1/b.tif")
    assert left_by(box.journal, source) == number
