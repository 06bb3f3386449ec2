"""A modality's share that goes and comes, is refused, or gives back only some of its files."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from appliance.errors import Declined, NoHelper, ShareOffline
from appliance.settings.links import ShareLink
from appliance.sources.media import memory
from appliance.sources.media.remote import reach
from tests.builders.mounted import POLL_S, Share, png

if TYPE_CHECKING:
    from pathlib import Path


def test_a_share_that_was_lost_never_looks_empty(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turns(3)
    moved = share.there.with_name("moved")
    share.there.rename(moved)
    share.there.mkdir()
    root = share.mounted._root  # noqa: SLF001 - as it is seen through another mount
    share.mounted._root = (0, *root[1:])  # noqa: SLF001
    share.turn(POLL_S)
    assert share.place()[0] == "offline"


def test_a_reading_that_fails_half_way_is_begun_again_when_the_share_is_back(
    share: Share,
) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turn()
    share.turn(POLL_S)
    (share.there / "b.png").write_bytes(png(1))
    share.turn(POLL_S)
    share.mounted.fails = OSError(errno.EIO, "Input/output error")
    share.turn(POLL_S)
    assert share.place() == ("offline", "share-offline")
    assert share.turns(4) == 1
    assert share.counts() == {"arrived": 2}


def test_a_mount_that_was_lost_is_let_go_of_only_after_a_long_rest(share: Share) -> None:
    """Linux 6.12: the kernel may still be closing what was read, and then it ends who lets go."""
    share.turn()
    lost = share.mounted
    lost.fails = OSError(errno.EHOSTDOWN, "Host is down")
    share.turns(2)
    assert (share.place(), share.mounted is lost) == (("watching", ""), False)
    share.turns(16)  # 85 s
    assert lost.is_open()
    share.turns(2)
    assert not lost.is_open()
    assert share.mounted.is_open()


def test_at_the_end_all_of_them_are(share: Share) -> None:
    share.turn()
    lost = share.mounted
    lost.fails = OSError(errno.EHOSTDOWN, "Host is down")
    share.turns(2)
    share.source.close()
    assert not lost.is_open()
    assert not share.mounted.is_open()


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("share-offline", "offline"),
        ("share-refused", "denied"),
        ("share-missing", "missing"),
        ("share-dialect", "denied"),
        ("no-cifs", "offline"),
    ],
)
def test_what_the_helper_says_is_said(share: Share, code: str, state: str) -> None:
    share.refuses = Declined("It is so.", code, "Do this.")
    share.turn()
    assert share.place() == (state, code)


@pytest.mark.parametrize(
    ("helper", "network", "code"),
    [
        ("no-cifs", errno.EAFNOSUPPORT, "no-cifs"),
        ("no-cifs", errno.ENETUNREACH, "no-cifs"),
        ("no-cifs", errno.ECONNREFUSED, "share-offline"),
        ("no-helper", errno.ENETUNREACH, "no-helper"),
        ("no-helper", errno.EHOSTUNREACH, "share-offline"),
        ("share-dialect", errno.ECONNREFUSED, "share-dialect"),
        ("share-refused", errno.ECONNREFUSED, "share-refused"),
    ],
)
def test_where_neither_way_leads_there_the_one_to_blame_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helper: str, network: int, code: str
) -> None:
    sentence = "It is so."

    def declines(*_: object, **__: object) -> None:
        if helper == NoHelper.code:
            raise NoHelper(what="//ct/export", why="it is not there")
        raise Declined(sentence, helper, "")

    def calls(*_: object, **__: object) -> None:
        raise OSError(network, os.strerror(network))

    monkeypatch.setattr("appliance.sources.media.remote.Helper.mount", declines)
    monkeypatch.setattr("socket.socket.connect", calls)
    with pytest.raises((Declined, NoHelper, ShareOffline)) as caught:
        reach(ShareLink(name="ct", mount="//127.0.0.1:1/export"), tmp_path, tmp_path / "staging")
    assert caught.value.code == code


def test_it_is_asked_again_by_itself(share: Share) -> None:
    share.refuses = ShareOffline(share="//ct/export", why="it is off")
    assert share.source.turn() == (0, 10.0)
    share.refuses = None
    share.turn(10)
    assert share.place() == ("watching", "")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODATA, errno.EAGAIN])
def test_one_bad_sector_keeps_no_other_file_back(share: Share, number: int) -> None:
    for name, written_s in (("new.png", 3), ("bad.png", 2), ("old.png", 1)):
        (share.there / name).write_bytes(png(written_s))
        os.utime(share.there / name, (written_s, written_s))
    share.bad["bad.png"] = OSError(number, os.strerror(number))
    share.turn()
    assert share.turns(3) == 2
    assert share.place() == ("watching", "share-unread")
    share.bad.clear()
    assert share.turns(3) == 1


def test_a_file_at_which_the_connection_is_lost_again_and_again_comes_last(share: Share) -> None:
    for name, written_s in (("bad.png", 2), ("old.png", 1)):
        (share.there / name).write_bytes(png(written_s))
        os.utime(share.there / name, (written_s, written_s))
    share.bad["bad.png"] = ShareOffline(share="//ct/export", why="it takes too long")
    assert sum(share.turn(10) for _ in range(6)) == 1
    assert share.place() == ("offline", "share-offline")


def test_what_went_before_it_was_taken_is_said_until_it_came_again(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turn()
    (share.there / "a.png").unlink()
    assert share.turns(3) == 0
    assert share.place() == ("watching", "share-vanished")
    (share.there / "a.png").write_bytes(png(1))
    assert share.turns(3) == 1
    assert share.place() == ("watching", "")


def test_what_went_is_not_said_for_ever(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    share.turn()
    (share.there / "a.png").unlink()
    share.turn(POLL_S)
    share.turn(24 * 3600)
    assert share.place() == ("watching", "")


@pytest.mark.parametrize(
    ("first", "then"), [("a.tmp", "b.png"), ("a", "a.png"), ("a.dat", "a.png"), ("x/a", "b.png")]
)
def test_a_file_with_another_name_did_not_go(share: Share, first: str, then: str) -> None:
    (share.there / "x").mkdir()
    (share.there / first).write_bytes(png())
    share.turn()
    (share.there / first).rename(share.there / then)
    assert share.turns(3) == 1
    assert share.place() == ("watching", "")


def test_nor_did_one_that_was_written_on_before_it_was_renamed(share: Share) -> None:
    (share.there / "1.2.3.dat").write_bytes(png()[:-9])
    share.turn()
    (share.there / "1.2.3.dat").write_bytes(png())
    (share.there / "1.2.3.dat").rename(share.there / "1.2.3.dcm")
    assert share.turns(3) == 1
    assert share.place() == ("watching", "")


def test_a_new_file_is_not_taken_for_one_that_went(share: Share) -> None:
    (share.there / "1.2.3").write_bytes(png())
    share.turn()
    (share.there / "1.2.3").unlink()
    (share.there / "1.2.4").write_bytes(png(1) + b"longer")
    share.turns(3)
    assert share.place() == ("watching", "share-vanished")


def test_what_was_taken_may_go(share: Share) -> None:
    (share.there / "a.png").write_bytes(png())
    os.utime(share.there / "a.png", (1000, 1000))
    share.turns(3)
    share.mounted.fails = OSError(errno.EHOSTDOWN, "Host is down")
    share.turn(POLL_S)
    share.turn(100)  # it will be read again, in case it is another one
    (share.there / "a.png").unlink()
    share.turns(3)
    assert share.place() == ("watching", "")


def test_more_files_than_are_remembered_once_they_went_are_all_taken(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MOST_REMEMBERED", 3)
    for number in range(5):
        (share.there / f"{number}.png").write_bytes(png(number))
    assert share.turns(5) == 5
    share.mounted.read.clear()
    share.turns(20)
    assert share.mounted.read == []


def test_in_time_all_are_read_again_also_where_the_share_goes_and_comes(share: Share) -> None:
    """Old Linux knows times to a second."""
    for number in range(4):
        (share.there / f"{number}.png").write_bytes(png(number))
        os.utime(share.there / f"{number}.png", (1001, 1001))
    assert share.turns(4) == 4
    read = set()
    for _ in range(4):
        share.mounted.fails = OSError(errno.EHOSTDOWN, "Host is down")
        share.turn(POLL_S)
        share.turns(6)
        read.update(share.mounted.read)
    assert len(read) == 4
