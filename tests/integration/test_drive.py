"""The box as a stick: what the host writes is taken, once, and only when it stands still."""

from __future__ import annotations

import errno
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.board.drive.taken import is_settled, untaken
from appliance.settings.schema import Profile
from tests.builders.posing import QUIET_S, Posing, png

if TYPE_CHECKING:
    from collections.abc import Iterator

ALWAYS_THE_SAME = datetime(1999, 12, 31, 12, 0, tzinfo=UTC)


def test_what_the_host_writes_is_taken_once(posing: Posing) -> None:
    posing.host.makes_folder("P1")
    posing.host.writes("P1/A.PNG", png())
    assert posing.runs(60) == 1
    assert posing.names() == ["P1/A.PNG"]
    assert posing.runs(600) == 0
    assert posing.counts() == {"arrived": 1}
    assert posing.place() == ("watching", "", "")


def test_what_was_not_all_taken_stands_against_erasing_the_box(posing: Posing) -> None:
    folder = posing.root / "drive"
    posing.runs(60)
    assert not [*untaken(folder)]
    posing.host.writes("A.PNG", png())
    assert [*untaken(folder)]
    posing.runs(QUIET_S)
    assert [*untaken(folder)]
    posing.runs(120)
    assert not [*untaken(folder)]
    posing.host.writes("B.TMP", png(2))
    assert not is_settled(posing.host.image)
    posing.runs(600)
    assert [*untaken(folder)]
    assert is_settled(posing.host.image)  # nobody needs to wait for what cannot be taken
    posing.host.renames("B.TMP", "B.PNG")
    posing.runs(600)
    assert not [*untaken(folder)]
    posing.host.writes("C.TMP", png(3))
    posing.runs(600)
    assert [*untaken(folder)]
    posing.watches()
    posing.runs(600)
    assert [*untaken(folder)]


def test_a_drive_whose_top_folder_cannot_be_read_is_one_that_cannot_be_read(
    posing: Posing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> Iterator[Path]:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("appliance.sources.media.agreement.Volume.files", fail)
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    assert posing.place()[:2] == ("denied", "cannot-mount")


def test_nothing_is_taken_before_two_snapshots_apart_agree(posing: Posing) -> None:
    posing.host.writes("A.PNG", png())
    posing.runs(2 * QUIET_S - 1)
    assert posing.counts() == {}
    assert posing.runs(2 * QUIET_S) == 1


def test_a_host_that_goes_on_writing_is_not_disturbed(posing: Posing) -> None:
    for number in range(6):
        posing.host.writes(f"A{number}.PNG", png(number))
        posing.runs(QUIET_S / 2)
    assert posing.counts() == {}
    assert posing.runs(60) == 6


def test_a_file_whose_second_half_the_host_still_has_in_its_cache(posing: Posing) -> None:
    content = png()
    half = content[: len(content) // 2].ljust(len(content), b"\0")
    posing.host.writes("A.PNG", half, ALWAYS_THE_SAME)
    posing.runs(2.5 * QUIET_S)
    posing.host.writes("A.PNG", content, ALWAYS_THE_SAME)
    posing.runs(120)
    assert posing.counts() == {"arrived": 1}
    spool = posing.box.journal.spool
    assert spool.path(posing.box.journal.items.get(1).sha256).read_bytes() == content


def test_a_name_whose_content_the_host_still_has_in_its_cache(posing: Posing) -> None:
    posing.host.writes("A.PNG", b"")
    posing.runs(4 * QUIET_S)
    assert posing.counts() == {}
    posing.host.writes("A.PNG", png())
    assert posing.runs(60) == 1
    assert posing.counts() == {"arrived": 1}


def test_a_file_that_stays_cut_is_set_aside(posing: Posing) -> None:
    posing.host.writes("A.PNG", png()[:500])
    posing.runs(120)
    assert posing.counts() == {"quarantined": 1}
    ((code, name),) = [(r["code"], r["name"]) for r in posing.box.journal.ledger.attention()]
    assert (code, name) == ("incomplete", "A.PNG")


def test_a_file_of_a_kind_not_known_is_set_aside_not_left_to_the_exchange(posing: Posing) -> None:
    posing.host.writes("A.FRM", b"MINDRAY" * 100)
    posing.runs(120)
    assert posing.counts() == {"quarantined": 1}


def test_what_operating_systems_leave_behind_bothers_nobody(posing: Posing) -> None:
    posing.host.writes("Thumbs.db", b"\xd0\xcf")
    posing.host.writes("DICOMDIR", b"\0" * 200)
    posing.runs(120)
    assert posing.counts() == {}
    assert posing.place()[0] == "watching"


@pytest.mark.parametrize("name", ["System Volume Information", "$RECYCLE.BIN", ".Trashes"])
def test_what_operating_systems_keep_for_themselves_is_no_export(
    posing: Posing, name: str
) -> None:
    posing.host.makes_folder(name)
    posing.host.writes(f"{name}/WPSettings.dat", b"\x0c" * 12)
    posing.host.writes("._A.PNG", b"\0\x05\x16\x07" * 30)
    posing.runs(120)
    assert posing.counts() == {}
    assert posing.place() == ("watching", "", "")


def test_a_host_that_never_pauses_is_said(posing: Posing) -> None:
    for number in range(190):
        posing.host.writes("A.PNG", png(number % 2))
        posing.runs(QUIET_S / 2)
    assert posing.place()[1] == "drive-restless"
    assert posing.runs(60) == 1
    assert posing.place() == ("watching", "", "")


def test_a_host_that_renames_at_the_end(posing: Posing) -> None:
    posing.host.writes("A.TMP", png())
    posing.runs(60)
    assert posing.counts() == {}
    assert posing.place()[1] == "unfinished-name"
    posing.host.renames("A.TMP", "A.PNG")
    assert posing.runs(60) == 1
    assert posing.names() == ["A.PNG"]
    assert posing.place() == ("watching", "", "")


def test_another_image_under_the_same_name_size_and_time_is_taken_too(posing: Posing) -> None:
    content = png()
    other = content[:-12] + b"\0\0\0\0tEXt" + b"\0\0\0\0"  # same length
    posing.host.writes("A.PNG", content, ALWAYS_THE_SAME)
    assert posing.runs(60) == 1
    posing.host.writes("A.PNG", other, ALWAYS_THE_SAME)
    assert posing.runs(200) == 1
    assert len({posing.box.journal.items.get(n).sha256 for n in (1, 2)}) == 2


def test_what_the_host_deletes_later_stays_taken(posing: Posing) -> None:
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    posing.host.deletes("A.PNG")
    assert posing.runs(120) == 0
    assert posing.counts() == {"arrived": 1}
    assert posing.place() == ("watching", "", "")


def test_what_the_host_deletes_before_two_snapshots_saw_it_was_never_there(posing: Posing) -> None:
    posing.host.writes("A.PNG", png())
    posing.runs(1.5 * QUIET_S)
    posing.host.deletes("A.PNG")
    assert posing.runs(120) == 0


def test_after_a_restart_of_both_halves_nothing_is_taken_again(posing: Posing) -> None:
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    posing.source.close()
    posing.server.close()
    posing.serves()
    posing.watches()
    assert posing.runs(120) == 0
    assert posing.configfs.noticed == ["medium in", "plugged"]


def test_without_the_helper_it_is_said_and_goes_on_once_it_is_back(posing: Posing) -> None:
    posing.server.close()
    posing.host.writes("A.PNG", png())
    posing.runs(30)
    assert posing.place()[1] == "no-helper"
    posing.serves()
    assert posing.runs(60) == 1
    assert posing.place() == ("watching", "", "")


def test_without_a_host_all_is_well(posing: Posing) -> None:
    posing.configfs.host_leaves()
    posing.runs(10)
    assert posing.place() == ("empty", "", "")


def test_many_files_are_handed_on_a_few_at_a_time(posing: Posing) -> None:
    for number in range(20):
        posing.host.writes(f"A{number}.PNG", png(number))
    batches: list[int] = []
    while sum(batches) < 20:
        taken, wait_s = posing.source.turn()
        batches += [taken] if taken else []
        posing.box.clock.passes(seconds=wait_s or 0)
    assert batches == [8, 8, 4]


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_walk_ended_half_way_lets_go_of_its_snapshot_and_loses_nothing(posing: Posing) -> None:
    for number in range(20):
        posing.host.writes(f"A{number}.PNG", png(number))
    while not posing.source.turn()[0]:
        posing.box.clock.passes(seconds=5)
    open_before = open_descriptors()
    posing.source.close()
    until_s = time.monotonic() + 5
    while open_descriptors() >= open_before:
        assert time.monotonic() < until_s  # the answering thread closes its own
    posing.watches()
    assert posing.runs(60) == 12


def test_a_sidecar_goes_with_its_image_and_is_kept_on_its_own(tmp_path: Path) -> None:
    posing = Posing(tmp_path, Profile("cr", sidecar="json"))
    posing.host.writes("A.PNG", png())
    posing.host.writes("A.JSON", b'{"PatientID": "P1"}')
    posing.runs(60)
    assert posing.counts() == {"arrived": 1, "ignored": 1}
    (image,) = [i for i in (1, 2) if posing.box.journal.items.get(i).name == "A.PNG"]
    assert list(posing.box.journal.items.get(image).sidecars) == ["A.JSON"]
    posing.close()


def test_an_image_waits_until_its_sidecar_stands_still_too(tmp_path: Path) -> None:
    """Of the number 4711 the host may have written 47 only."""
    posing = Posing(tmp_path, Profile("cr", sidecar="csv"))
    posing.host.writes("A.PNG", png())
    posing.runs(1.5 * QUIET_S)
    posing.host.writes("A.CSV", b"PatientID\n47", ALWAYS_THE_SAME)
    posing.runs(1.5 * QUIET_S)
    assert "A.PNG" not in posing.names()
    posing.host.writes("A.CSV", b"PatientID\n4711\n", ALWAYS_THE_SAME)
    posing.runs(60)
    assert posing.counts() == {"arrived": 1, "ignored": 1}
    posing.close()


def test_a_sidecar_that_comes_later_is_seen_without_another_write(tmp_path: Path) -> None:
    posing = Posing(tmp_path, Profile("cr", sidecar="csv"))
    posing.host.writes("A.PNG", png())
    posing.runs(60)
    posing.host.writes("A.CSV", b"PatientID\n4711\n")
    posing.runs(60)
    images = [posing.box.journal.items.get(number) for number in (1, 2, 3)]
    assert [list(i.sidecars) for i in images if i.name == "A.PNG"] == [[], ["A.CSV"]]
    posing.close()
