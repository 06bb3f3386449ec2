"""A medium nobody vouches for: what is found on it, what is taken, and what is left alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance.desk import queue
from appliance.errors import ChangedMeanwhile, EmptyFile, Incomplete, Unreadable
from appliance.intake.accept import Intake
from appliance.settings.links import StickLink
from appliance.settings.schema import Profile
from appliance.sources.media import volume as volumes
from appliance.sources.media.volume import Fate, Kind, Taker, Volume
from tests.builders.part10 import part10

if TYPE_CHECKING:
    from tests.builders.box import Box


def put(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def names(volume: Volume) -> list[str]:
    return [volume.name(path) for path in volume.files()]


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    root = tmp_path / "medium"
    root.mkdir()
    return root


# Walking


def test_files_are_found_folder_by_folder_in_order(medium: Path) -> None:
    put(medium, "b", "a", "p2/x", "p1/s2/y", "p1/s1/z")
    assert names(Volume(medium)) == ["a", "b", "p1/s1/z", "p1/s2/y", "p2/x"]


def test_a_medium_may_be_given_by_an_open_descriptor(medium: Path) -> None:
    put(medium, "p1/x")
    fd = os.open(medium, os.O_PATH | os.O_DIRECTORY)
    try:
        assert names(Volume(Path(f"/proc/self/fd/{fd}"))) == ["p1/x"]
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("counts", "unlisted"),
    [
        ([7, 7, 7, 7], []),
        ([7, 7, 7, 8, 8, 8], []),  # it tried again, and it went well
        ([7, 7, 7, 8, 8, 10], ["p1"]),
        ([None, None, None, None], []),  # nobody counts
        ([7, 7, 7, None], []),  # pulled, which shows in other ways
    ],
)
def test_a_folder_at_which_the_disk_fails_is_not_read_to_its_end(
    medium: Path, counts: list[int | None], unlisted: list[str]
) -> None:
    """The counts are seen before and after the root, then before and after p1."""
    put(medium, "p1/x")
    (medium / "p1" / "out").symlink_to("/etc")
    seen = iter(counts)
    volume = Volume(medium, lambda: next(seen))
    assert names(volume) == ["p1/x"]
    assert [*volume.unlisted] == unlisted
    assert volume.strange == 1
    assert not [*seen]


def test_links_pipes_and_sockets_are_counted_and_left_alone(medium: Path) -> None:
    put(medium, "real/x")
    (medium / "out").symlink_to("/etc")
    (medium / "up").symlink_to("..")
    (medium / "passwd.dcm").symlink_to("/etc/passwd")
    os.mkfifo(medium / "pipe")
    volume = Volume(medium)
    assert names(volume) == ["real/x"]
    assert volume.strange == 4


def test_what_somebody_deleted_does_not_come_back(medium: Path) -> None:
    put(medium, "$RECYCLE.BIN/x", ".Trashes/501/x", ".Trash-1000/files/x", "RECYCLER/x")
    put(medium, "System Volume Information/x", "lost+found/x", "p/kept")
    volume = Volume(medium)
    assert names(volume) == ["p/kept"]
    assert not volume.unread


def test_what_lies_too_deep_is_left_and_said(medium: Path) -> None:
    deep = medium.joinpath(*["d"] * volumes.DEEPEST)
    put(deep, "found", "d/not-found")
    volume = Volume(medium)
    assert names(volume) == ["d/" * volumes.DEEPEST + "found"]
    assert list(volume.unlisted.values()) == ["it is the 64th folder in another"]


def test_a_folder_that_lists_for_ever_is_left_after_a_while(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumes, "MOST_IN_FOLDER", 3)
    put(medium, "a", "p/a", "p/b", "p/c", "p/d")
    volume = Volume(medium)
    assert len(names(volume)) == 4
    assert volume.unlisted == {"p": "it lists more than 3 files"}


def test_a_medium_that_lists_for_ever_is_left_after_a_while(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumes, "MOST_FILES", 3)
    put(medium, "a", "p/a", "p/b", "q/c", "q/d")
    volume = Volume(medium)
    assert len(names(volume)) == 3
    assert volume.unlisted == {".": "there are more than 3 files"}


def test_folders_without_end_are_left_after_a_while(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken file system can show the same few folders in each other again and again."""
    monkeypatch.setattr(volumes, "MOST_FOLDERS", 3)
    put(medium, "a", "p/q/b", "r/c", "s/d", "t/e")
    volume = Volume(medium)
    assert names(volume) == ["a", "p/q/b", "r/c"]
    assert volume.unlisted == {".": "there are more than 3 folders"}


def test_a_folder_that_leads_back_to_itself_is_not_gone_into(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken FAT can make a folder the one it lies in."""
    put(medium, "a", "p/b", "p/q/c")
    real, top = Path.lstat, medium.stat()
    monkeypatch.setattr(Path, "lstat", lambda path: top if path.name == "p" else real(path))
    volume = Volume(medium)
    assert names(volume) == ["a", "p/b"]
    assert volume.unlisted == {"p": "it leads back to a folder it lies in"}


def test_a_folder_that_cannot_be_read_does_not_keep_the_others(
    medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(medium, "a", "bad/x", "good/y")
    real, faults = os.scandir, [OSError(5, "Input/output error")]

    def scandir(folder: Path) -> Any:
        if folder.name == "bad" and faults:
            raise faults.pop()
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    volume = Volume(medium)
    assert names(volume) == ["a", "good/y"]
    assert list(volume.unread) == [medium / "bad"]
    assert [volume.name(path) for path in volume.files_again()] == ["bad/x"]
    assert not volume.unread


def test_a_medium_that_is_not_there_is_an_error(medium: Path) -> None:
    with pytest.raises(FileNotFoundError):
        names(Volume(medium / "gone"))


# Taking


def taker(box: Box, profile: Profile | None = None) -> Taker:
    return Taker(StickLink(name="usb"), profile, box.journal, Intake(box.journal))


def test_a_whole_image_is_taken_once(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.TAKEN
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.KNOWN
    assert box.journal.ledger.item_counts() == {"arrived": 1}


def test_the_content_says_whether_it_is_known_not_name_and_time(box: Box, medium: Path) -> None:
    """A modality whose clock is dead writes the next image under the same name and time."""
    for number in range(2):
        put(medium, "a.dcm", content=part10(f"1.2.{number}"))
        os.utime(medium / "a.dcm", (315532800, 315532800))
        assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.TAKEN
    assert box.journal.ledger.item_counts() == {"arrived": 2}


def test_what_was_discarded_is_taken_again_only_where_it_was_written_anew(
    box: Box, medium: Path
) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    taker(box).take(medium / "a.dcm", "a.dcm")
    queue.hold(box.journal, 1, who="Sari")
    queue.discard(box.journal, 1, reason="wrong one clicked", who="Sari")
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.KNOWN
    os.utime(medium / "a.dcm", (315532800, 315532800))
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.TAKEN
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.KNOWN
    (held,) = box.journal.ledger.attention()
    assert (held["id"], held["code"]) == (2, "discarded-before")


def test_what_is_known_writes_nothing(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    taker(box).take(medium / "a.dcm", "a.dcm")
    before = [(f, f.stat().st_mtime_ns) for f in sorted(box.paths.root.rglob("*")) if f.is_file()]
    taker(box).take(medium / "a.dcm", "a.dcm")
    after = [(f, f.stat().st_mtime_ns) for f in sorted(box.paths.root.rglob("*")) if f.is_file()]
    assert [f for f in after if "medium" not in f[0].parts] == [
        f for f in before if "medium" not in f[0].parts
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", EmptyFile), (part10("1.2")[:-20], Incomplete), (b"BM" + bytes(60), Unreadable)],
)
def test_a_broken_image_is_kept_for_support(
    box: Box, medium: Path, content: bytes, problem: type
) -> None:
    put(medium, "a.dcm", content=content)
    outcome = taker(box).take(medium / "a.dcm", "a.dcm")
    assert outcome.fate is Fate.TAKEN
    assert isinstance(outcome.judgement.problem, problem)
    assert box.journal.ledger.item_counts() == {"quarantined": 1}


def test_a_broken_giant_is_not_copied(box: Box, medium: Path) -> None:
    put(medium, "a.bmp", content=b"BM" + bytes(60))
    os.truncate(medium / "a.bmp", (256 << 20) + 1)
    outcome = taker(box).take(medium / "a.bmp", "a.bmp")
    assert (outcome.fate, outcome.judgement.kind) == (Fate.LEFT, Kind.BROKEN)


@pytest.mark.parametrize("name", ["film.avi", "report.docx", "DICOMDIR", "Thumbs.db", "._IM1"])
def test_what_is_no_export_is_not_copied(box: Box, medium: Path, name: str) -> None:
    put(medium, name, content=b"no image at all")
    assert taker(box).take(medium / name, name).fate is Fate.LEFT
    assert box.journal.ledger.item_counts() == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("IM00001", bytes(1000)),  # the stick was pulled from the modality too early
        ("IM00001", b"\x08\0\x05\0" + b"ISO_IR 100" * 9),  # DICOM as it is on the network
        ("film.tif", b"what lay there before"),
        ("report", b"%!PS-Adobe-3.0\n"),
    ],
)
def test_what_looks_like_an_export_and_is_none_is_kept_for_a_person(
    box: Box, medium: Path, name: str, content: bytes
) -> None:
    put(medium, name, content=content)
    assert taker(box).take(medium / name, name).fate is Fate.TAKEN
    assert box.journal.ledger.item_counts() == {"quarantined": 1}


def test_an_image_whose_sidecar_cannot_be_kept_waits_for_a_person(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    put(medium, "a.csv")
    os.truncate(medium / "a.csv", (256 << 20) + 1)
    with pytest.raises(OSError, match="sidecar is too large"):
        taker(box).take(medium / "a.dcm", "a.dcm")
    assert box.journal.ledger.item_counts() == {}


def test_four_gigabytes_of_nothing_are_judged_by_their_first_bytes(box: Box, medium: Path) -> None:
    put(medium, "movie.bin", content=b"garbage")
    os.truncate(medium / "movie.bin", (4 << 30) - 1)
    assert taker(box).take(medium / "movie.bin", "movie.bin").fate is Fate.LEFT


def test_a_sidecar_comes_with_the_image_it_describes(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    put(medium, "a.json", "list.csv", content=b'{"film": "a.dcm"}')
    assert taker(box).take(medium / "a.json", "a.json").fate is Fate.LEFT
    taker(box).take(medium / "a.dcm", "a.dcm")
    assert sorted(box.journal.items.get(1).sidecars) == ["a.json", "list.csv"]


def test_a_list_of_many_images_is_written_once(box: Box, medium: Path) -> None:
    put(medium, "list.csv", content=b"a.dcm;b.dcm")
    for number, name in enumerate(("a.dcm", "b.dcm")):
        put(medium, name, content=part10(f"1.2.{number}"))
    keeper = taker(box)
    keeper.take(medium / "a.dcm", "a.dcm")
    kept = box.journal.spool.path(box.journal.items.get(1).sidecars["list.csv"])
    first = kept.stat().st_ino
    keeper.take(medium / "b.dcm", "b.dcm")
    assert kept.stat().st_ino == first
    assert box.journal.items.get(2).sidecars == box.journal.items.get(1).sidecars


def test_a_sidecar_whose_name_is_no_text_is_kept_all_the_same(box: Box, medium: Path) -> None:
    for suffix, content in ((".dcm", part10("1.2.3")), (".json", b"{}")):
        (medium / (os.fsdecode(b"\xff") + suffix)).write_bytes(content)
    path = medium / os.fsdecode(b"\xff.dcm")
    taker(box).take(path, Volume(medium).name(path))
    assert list(box.journal.items.get(1).sidecars) == [r"\xff.json"]


def test_another_sidecar_makes_it_another_arrival(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    taker(box).take(medium / "a.dcm", "a.dcm")
    put(medium, "a.json", content=b'{"PatientID": "4711"}')
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.TAKEN
    assert len(box.journal.ledger.item_counts()) == 1


def test_a_table_is_no_image_whatever_the_profile_reads(box: Box, medium: Path) -> None:
    put(medium, "list.csv", content=b"a;b")
    profile = Profile(name="p", sidecar="none")
    assert taker(box, profile).take(medium / "list.csv", "list.csv").fate is Fate.LEFT


def test_a_caller_who_read_it_before_says_what_it_was(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    with pytest.raises(ChangedMeanwhile):
        taker(box).take(medium / "a.dcm", "a.dcm", sha256="0" * 64)
    assert box.journal.ledger.item_counts() == {}


def test_a_name_that_is_no_text_is_taken_all_the_same(box: Box, medium: Path) -> None:
    path = medium / os.fsdecode(b"bad \xff\n.dcm")
    path.write_bytes(part10("1.2.3"))
    assert taker(box).take(path, Volume(medium).name(path)).fate is Fate.TAKEN
    assert box.journal.items.get(1).name == "bad %FF%0A.dcm"


def test_a_date_beyond_all_calendars_harms_nobody(box: Box, medium: Path) -> None:
    put(medium, "a.dcm", content=part10("1.2.3"))
    with suppress(OSError):  # not every file system can say that, foreign ones can
        os.utime(medium / "a.dcm", (1 << 40, 1 << 40))
    assert taker(box).take(medium / "a.dcm", "a.dcm").fate is Fate.TAKEN
