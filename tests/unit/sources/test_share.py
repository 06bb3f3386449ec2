"""A modality's share: what is taken, when, and with what beside it."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.settings.schema import Profile
from appliance.sources.media.remote import Entry, Listing
from tests.builders.mounted import POLL_S, Share, png

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_taken_after_two_equal_readings_apart(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    assert share.turn() == 0
    assert share.turn(POLL_S / 2) == 0
    assert share.turn(POLL_S) == 1
    assert share.counts() == {"arrived": 1}


def test_bytes_that_change_under_the_same_times_are_waited_for(share: Share) -> None:
    path = share.there / "a.png"
    path.write_bytes(png())
    os.utime(path, (1, 1))
    listed = share.turn()
    first = share.mounted.listing().entries
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"other")
    # ctime tells here; a server that does not say it is like this listing:
    share.mounted.listing = lambda: Listing(list(first), {})  # type: ignore[method-assign]
    assert listed + share.turn(POLL_S) == 0
    assert share.turn(POLL_S) == 1


def test_what_was_settled_is_not_read_again(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turns(3)
    share.mounted.read.clear()
    assert share.turns(20) == 0
    assert share.mounted.read == []


def test_what_was_discarded_is_asked_about_where_it_was_written_anew(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    assert share.turns(3) == 1
    queue.hold(share.box.journal, 1, who="Sari")
    queue.discard(share.box.journal, 1, reason="wrong one clicked", who="Sari")
    share.restarts()
    assert share.turns(4) == 0
    assert share.place() == ("watching", "")
    os.utime(share.there / "a.png", (315532800, 315532800))
    assert share.turns(4) == 1
    assert share.counts() == {"ignored": 1, "held": 1}


def test_nor_after_the_share_was_away(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turns(3)
    share.mounted.fails = OSError(errno.EHOSTDOWN, "Host is down")
    share.turn(POLL_S)
    assert share.place() == ("offline", "share-offline")
    share.turns(20)
    assert share.mounted.read == []
    assert share.place() == ("watching", "")


def test_a_file_of_a_disk_that_knows_times_badly_is_read_again_at_leisure(share: Share) -> None:
    """FAT, and a clock that begins anew with each start: the new film looks like the old one."""
    path = share.there / "a.png"
    path.write_bytes(png())
    os.utime(path, (1000, 1000))
    assert share.turns(3) == 1
    before = share.mounted.listing().entries
    share.mounted.fails = OSError(errno.EHOSTDOWN, "Host is down")
    share.turn(POLL_S)
    path.write_bytes(png(1)[: before[0].size_bytes].ljust(before[0].size_bytes, b"\0"))
    os.utime(path, (1000, 1000))
    share.turn(10)
    share.mounted.listing = lambda: Listing(list(before), {})  # type: ignore[method-assign]
    taken = share.turns(60)
    assert taken == 1
    assert sum(share.counts().values()) == 2


@pytest.mark.parametrize("sidecar", ["csv", "json", "hl7", "astm"])
def test_an_image_waits_for_a_sidecar_of_every_kind(tmp_path: Path, sidecar: str) -> None:
    share = Share(tmp_path, Profile("ct", sidecar=sidecar))
    (share.there / f"list.{sidecar}").write_text("other.png")
    (share.there / "a.png").write_bytes(png())
    assert share.turns(3) == 0
    assert share.turns(4) == 1
    share.close()


def test_a_cut_off_file_has_its_time_and_is_then_set_aside(share: Share) -> None:
    (share.there / "a.png").write_bytes(png()[:-50])
    assert share.turns(4) == 0
    share.turns(3)
    assert share.counts() == {"quarantined": 1}


def test_a_file_that_the_modality_keeps_open_is_waited_for(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    (share.there / "a.png").write_bytes(png())

    def closed(_: Entry) -> str:
        raise OSError(errno.EBUSY, "Device or resource busy")

    share.turn()
    with monkeypatch.context() as patched:
        (share.there / "b.png").write_bytes(png(1))
        patched.setattr(share.mounted, "digest", closed)
        assert share.turn(POLL_S) == 1
        assert share.place() == ("watching", "")
    assert share.turns(3) == 1


def test_a_folder_that_may_not_be_read_keeps_no_other_back(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    (share.there / "a.png").write_bytes(png())
    (share.there / "locked").mkdir()
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("appliance.sources.media.volume.os.scandir", refusing)
    assert share.turns(3) == 1
    assert share.place() == ("watching", "share-unread")


def test_an_image_waits_for_the_sidecar_that_names_its_patient(tmp_path: Path) -> None:
    share = Share(tmp_path, Profile("ct", sidecar="json"))
    (share.there / "a.png").write_bytes(png())
    assert share.turns(3) == 0
    (share.there / "a.json").write_text('{"PatientID": "P1"}')
    assert share.turns(4) == 1
    assert list(share.box.journal.items.get(1).sidecars) == ["a.json"]
    share.close()


def test_half_a_list_names_nobody(tmp_path: Path) -> None:
    share = Share(tmp_path, Profile("ct", sidecar="csv"))
    (share.there / "a.png").write_bytes(png())
    share.turn()
    for written in ("file,PatientID\na.png,12", "file,PatientID\na.png,1234\n"):
        (share.there / "list.csv").write_text(written)
        assert share.turn(POLL_S) == 0
    assert share.turn(POLL_S) == 1
    (sha256,) = share.box.journal.items.get(1).sidecars.values()
    assert sha256 == hashlib.sha256(written.encode()).hexdigest()
    share.close()


@pytest.mark.parametrize(("logged", "turns"), [("a.png", 13), ("nothing", 2)])
def test_a_log_that_is_never_at_rest_keeps_no_image_for_ever(
    share: Share, logged: str, turns: int
) -> None:
    (share.there / "a.png").write_bytes(png())
    taken_at = 0
    for number in range(1, 20):
        (share.there / "log.csv").write_text(f"{logged}\n" * number)
        if share.turn(POLL_S):
            taken_at = number
    assert taken_at == turns


def test_what_is_no_image_is_left_and_said(share: Share) -> None:
    (share.there / "film.frm").write_bytes(b"Mindray" * 100)
    (share.there / "DICOMDIR").write_bytes(b"x")
    (share.there / "Thumbs.db").write_bytes(b"x")
    share.turns(3)
    assert share.counts() == {}
    assert share.place() == ("watching", "share-foreign")
