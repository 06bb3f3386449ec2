"""A watched folder and every kind of writer: real inotify, real files, a real journal."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
import time
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from inotify_simple import INotify
from PIL import Image

from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.settings.links import FolderLink
from appliance.settings.schema import Profile
from appliance.sources.folder import FolderSource
from appliance.sources.tree import Tree
from tests.builders.box import Box
from tests.prove.disk import disk, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTLE_S = 0.6


def png(shade: int = 0) -> bytes:
    content = BytesIO()
    Image.effect_noise((64, 64), 50 + shade).save(content, "PNG")
    return content.getvalue()


class Watched:
    """A folder source turned by hand, as its thread would."""

    def __init__(
        self, root: Path, profile: Profile | None = None, *, is_ours: bool = False
    ) -> None:
        self.box = Box(root / "box")
        self.export = root / "export"
        self.export.mkdir(exist_ok=True)
        source = FolderLink(name="cr", path=str(self.export), settle_s=SETTLE_S)
        journal = self.box.journal
        self.source = FolderSource(
            source,
            self.export,
            profile,
            journal,
            Intake(journal),
            SystemClock(),
            is_ours=is_ours,
        )

    def run_until(self, happened: Callable[[], bool], within_s: float = 20.0) -> None:
        """Turn as the source asks to be turned; fails when `happened` stays false."""
        until_s = time.monotonic() + within_s
        while not happened():
            left_s = until_s - time.monotonic()
            assert left_s > 0, self.box.journal.ledger.item_counts()
            _, wait_s = self.source.turn()
            watched = [fd] if (fd := self.source.fileno()) is not None else []
            select.select(watched, [], [], min(0.2 if wait_s is None else wait_s, left_s))

    def run_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        self.run_until(lambda: time.monotonic() > until_s, seconds + 1)

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def trouble(self) -> list[tuple[str, str]]:
        return [(row["code"], row["sentence"]) for row in self.box.journal.ledger.attention()]

    def place(self) -> tuple[str, str]:
        places = [row for row in self.box.journal.ledger.places() if row["name"] == "cr"]
        return (places[0]["state"], places[0]["code"]) if places else ("", "")

    def close(self) -> None:
        self.source.close()
        self.box.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    folder = Watched(tmp_path)
    yield folder
    folder.close()


def writer(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Another process that writes as `script` says."""
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)])


def test_a_file_written_in_one_go_is_taken_once(watched: Watched) -> None:
    watched.run_for(0.1)
    (watched.export / "a.png").write_bytes(png())
    watched.run_until(lambda: watched.counts() == {"arrived": 1})
    watched.run_for(0.3)
    assert watched.counts() == {"arrived": 1}


def test_what_lies_there_at_the_start_is_found_in_every_depth(watched: Watched) -> None:
    (watched.export / "p1" / "s1").mkdir(parents=True)
    (watched.export / "p1" / "s1" / "a.png").write_bytes(png())
    watched.run_until(lambda: watched.counts() == {"arrived": 1})
    assert watched.box.claim(watched.box.journal.items.get(1).state).name == "p1/s1/a.png"


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"two\nlines\x1b[31m.png", "two%0Alines%1B[31m.png"), (b"\xff.png", "%FF.png")],
)
def test_any_name_arrives_and_can_be_shown(watched: Watched, name: bytes, shown: str) -> None:
    (watched.export / os.fsdecode(name)).write_bytes(png())
    watched.run_until(lambda: watched.counts() == {"arrived": 1})
    assert watched.box.journal.items.get(1).name == shown


def test_a_tree_moved_in_whole_is_found(watched: Watched, tmp_path: Path) -> None:
    watched.run_for(0.1)
    (tmp_path / "new" / "deep").mkdir(parents=True)
    (tmp_path / "new" / "deep" / "a.png").write_bytes(png())
    (tmp_path / "new").rename(watched.export / "new")
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


def test_files_dropped_into_a_folder_made_just_before_are_all_found(watched: Watched) -> None:
    watched.run_for(0.1)
    for number in range(20):
        folder = watched.export / f"exam{number}"
        folder.mkdir()
        (folder / "a.png").write_bytes(png(number))
    watched.run_until(lambda: watched.counts() == {"arrived": 20})


def test_after_a_restart_nothing_known_is_read_again(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    (first.export / "a.png").write_bytes(png())
    first.run_until(lambda: first.counts() == {"arrived": 1})
    first.close()
    second = Watched(tmp_path)
    second.run_for(0.3)
    assert len(second.box.journal.ledger.history(1)) == 1
    second.close()


def test_what_came_while_the_box_was_off_is_taken(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    first.run_for(0.1)
    first.close()
    (tmp_path / "export" / "a.png").write_bytes(png())
    second = Watched(tmp_path)
    second.run_until(lambda: second.counts() == {"arrived": 1})
    second.close()


SLOW = """
import sys, time
from pathlib import Path
content = Path(sys.argv[1]).read_bytes()
with open(sys.argv[2], "wb", buffering=0) as file:
    for part in range(10):
        file.write(content[part * len(content) // 10:(part + 1) * len(content) // 10])
        time.sleep(0.3)
"""


def test_a_writer_that_takes_three_seconds_is_waited_for(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "whole.png").write_bytes(png())
    with writer(SLOW, tmp_path / "whole.png", watched.export / "a.png"):
        watched.run_until(lambda: watched.counts() == {"arrived": 1})
    assert watched.trouble() == []
    taken = watched.box.journal.items.get(1)
    assert taken.size_bytes == (tmp_path / "whole.png").stat().st_size


SIZE_FIRST = """
import sys, time
from pathlib import Path
content = Path(sys.argv[1]).read_bytes()
with open(sys.argv[2], "wb", buffering=0) as file:
    file.truncate(len(content))
    for part in range(10):
        time.sleep(0.2)
        file.write(content[part * len(content) // 10:(part + 1) * len(content) // 10])
"""


def test_a_writer_that_sets_the_full_size_first_is_waited_for(
    watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "whole.png").write_bytes(png())
    with writer(SIZE_FIRST, tmp_path / "whole.png", watched.export / "a.png"):
        watched.run_until(lambda: watched.counts() == {"arrived": 1})
    assert watched.trouble() == []
    spooled = watched.box.journal.spool.path(watched.box.journal.items.get(1).sha256)
    assert spooled.read_bytes() == (tmp_path / "whole.png").read_bytes()


def test_a_writer_that_dies_half_way_leaves_an_incomplete_file_aside(watched: Watched) -> None:
    watched.run_for(0.1)
    content = png()
    (watched.export / "a.png").write_bytes(content[: len(content) // 2])
    watched.run_until(lambda: watched.counts() == {"quarantined": 1})
    ((code, sentence),) = watched.trouble()
    assert code == "incomplete"
    assert "a.png" in sentence


def test_a_cut_file_that_is_written_again_whole_is_taken(watched: Watched) -> None:
    content = png()
    (watched.export / "a.png").write_bytes(content[: len(content) // 2])
    watched.run_until(lambda: watched.counts() == {"quarantined": 1})
    (watched.export / "a.png").write_bytes(content)
    watched.run_until(lambda: watched.counts().get("arrived") == 1)


@pytest.mark.parametrize("temporary", ["a.png.tmp", "a.png.part", ".a.png", "a.png~"])
def test_a_writer_that_renames_at_the_end_is_taken_under_the_final_name(
    watched: Watched, temporary: str
) -> None:
    watched.run_for(0.1)
    (watched.export / temporary).write_bytes(png())
    watched.run_for(0.2)
    assert watched.counts() == {}
    (watched.export / temporary).rename(watched.export / "a.png")
    watched.run_until(lambda: watched.counts() == {"arrived": 1})
    assert watched.box.journal.items.get(1).name == "a.png"


def test_a_name_that_stays_unfinished_is_said(watched: Watched) -> None:
    (watched.export / "a.png.tmp").write_bytes(png())
    watched.run_until(lambda: watched.place() == ("watching", "unfinished-name"))
    assert watched.counts() == {}


@pytest.mark.parametrize("name", [b".\xe9cho.part", b"a\xe9.part"])
def test_a_name_that_is_no_text_is_said_all_the_same(watched: Watched, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(watched.export) + b"/" + name))
    path.write_bytes(png())
    watched.run_until(lambda: watched.place() == ("watching", "unfinished-name"))
    (row,) = [row for row in watched.box.journal.ledger.places() if row["name"] == "cr"]
    assert "%E9" in row["sentence"]


def test_a_folder_whose_name_is_no_text_is_said_where_it_fails(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(os.fsdecode(os.fsencode(watched.export) + b"/caf\xe9"))
    folder.mkdir()
    real = INotify.add_watch

    def failing(inotify: INotify, place: Path, mask: int) -> int:
        if place == folder:
            raise OSError(errno.EIO, "Input/output error")
        return int(real(inotify, place, mask))

    monkeypatch.setattr(INotify, "add_watch", failing)
    watched.run_until(lambda: watched.place() == ("denied", "source-denied"))


def test_a_missing_folder_is_said_and_watched_once_it_is_there(tmp_path: Path) -> None:
    folder = Watched(tmp_path)
    folder.export.rmdir()
    folder.run_for(0.1)
    assert folder.place() == ("missing", "source-missing")
    folder.export.mkdir()
    (folder.export / "a.png").write_bytes(png())
    folder.run_until(lambda: folder.counts() == {"arrived": 1})
    assert folder.place() == ("watching", "")
    folder.close()


def test_a_folder_that_may_not_be_read_is_said_and_stops_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root, as whom the tests run, may read everything: the refusal is put in its way."""
    (watched.export / "locked").mkdir()
    (watched.export / "locked" / "b.png").write_bytes(png(1))
    (watched.export / "open").mkdir()
    (watched.export / "open" / "a.png").write_bytes(png())
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr("appliance.sources.tree.os.scandir", refusing)
        watched.run_until(lambda: watched.counts() == {"arrived": 1})
        watched.run_for(0.1)
    assert watched.place() == ("denied", "source-denied")
    watched.run_until(lambda: watched.counts() == {"arrived": 2})
    assert watched.place() == ("watching", "")


def test_a_folder_that_is_replaced_is_watched_again(watched: Watched) -> None:
    watched.run_for(0.1)
    watched.export.rmdir()
    watched.run_for(0.1)
    watched.export.mkdir()
    (watched.export / "a.png").write_bytes(png())
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


def test_neither_links_nor_pipes_are_followed(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    (watched.export / "link.png").symlink_to(tmp_path / "secret.png")
    (watched.export / "folder").symlink_to(tmp_path)
    os.mkfifo(watched.export / "pipe.png")
    watched.run_for(SETTLE_S + 0.5)
    assert watched.counts() == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "incomplete"), (b"hello", "unsupported-format"), (b"\0" * 1000, "incomplete")],
)
def test_what_is_no_image_is_set_aside_with_a_reason(
    watched: Watched, content: bytes, code: str
) -> None:
    (watched.export / "odd.xyz").write_bytes(content)
    watched.run_until(lambda: watched.counts() == {"quarantined": 1})
    assert watched.trouble()[0][0] == code


def test_helper_files_of_operating_systems_bother_nobody(watched: Watched) -> None:
    (watched.export / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    watched.run_until(lambda: watched.counts() == {"ignored": 1})


def overflow(folder: Path) -> None:
    """More events than the kernel keeps; it folds repeated ones, so each has a name of its own."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(limit // 2 + 10):
        (folder / f".{number}").touch()


def test_lost_events_are_made_good_by_a_scan(watched: Watched) -> None:
    watched.run_for(0.1)
    overflow(watched.export)
    (watched.export / "a.png").write_bytes(png())
    watched.run_until(lambda: watched.counts() == {"arrived": 1})


def test_the_tree_says_when_events_were_lost(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert list(tree.scan()) == []
    overflow(tmp_path)
    assert tree.news().lost_sight
    tree.close()


def test_a_sidecar_waits_beside_and_goes_with_its_image(tmp_path: Path) -> None:
    folder = Watched(tmp_path, Profile("cr", sidecar="json"))
    (folder.export / "a.png").write_bytes(png())
    folder.run_for(SETTLE_S / 2)
    assert folder.counts() == {}
    (folder.export / "a.json").write_text('{"PatientID": "P1"}')
    folder.run_until(lambda: folder.counts() == {"arrived": 1, "ignored": 1})
    (image,) = [i for i in (1, 2) if folder.box.journal.items.get(i).name == "a.png"]
    assert list(folder.box.journal.items.get(image).sidecars) == ["a.json"]
    folder.close()


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_cut_right_after_it_was_taken_shows_no_empty_export(tmp_path: Path) -> None:
    """In a folder of the box itself: ext4 writes a file's bytes seconds after its name."""
    content = png()
    with disk(tmp_path, "256M") as card:
        with closing(Watched(card.path, is_ours=True)) as before:
            (before.export / "film.png").write_bytes(content)
            before.run_until(lambda: bool(before.box.journal.ledger.item_counts()))
            left = card.copy()
        card.put_in(left)
        with closing(Watched(card.path, is_ours=True)) as after:
            assert (after.export / "film.png").read_bytes() == content
            until_s = time.monotonic() + 2 * SETTLE_S
            after.run_until(lambda: time.monotonic() > until_s)
            assert after.box.journal.ledger.item_counts() == {"arrived": 1}
