"""A modality's share through the kernel's mount; a folder stands for the mount here."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from appliance.board.mount import Mounted
from appliance.desk import queue
from appliance.errors import Declined, NoHelper, ShareOffline
from appliance.intake.accept import Intake
from appliance.settings.links import ShareLink
from appliance.settings.schema import Profile
from appliance.sources.media import memory
from appliance.sources.media.remote import ByKernel, Entry, Listing, reach
from appliance.sources.media.share import ShareSource
from tests.builders.box import Box
from tests.builders.pictures import grey, saved
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.errors import Problem
    from appliance.sources.media.remote import Remote

POLL_S = 5.0
SETTLE_S = 20.0


def png(film: int = 0) -> bytes:
    return saved(grey(8, film=film), "PNG")


class Kernel(ByKernel):
    """Counts the readings; `fails` is what the next look or reading ends with."""

    def __init__(self, folder: Path, bad: Mapping[str, Exception]) -> None:
        self.fails: OSError | None = None
        super().__init__(Mounted(os.open(folder, os.O_PATH | os.O_DIRECTORY)))
        self._bad = bad
        self.read: list[str] = []
        self._is_open = True

    def listing(self) -> Listing:
        self._fail()
        return super().listing()

    def digest(self, entry: Entry) -> str:
        self._fail()
        if entry.name in self._bad:
            raise self._bad[entry.name]
        self.read.append(entry.name)
        return super().digest(entry)

    def must_be_there(self) -> None:
        self._fail()
        super().must_be_there()

    def close(self) -> None:
        self._is_open = False
        super().close()

    def is_open(self) -> bool:
        return self._is_open

    def _fail(self) -> None:
        if self.fails:
            raise self.fails


class Share:
    """A share source whose share is the folder `there`."""

    def __init__(self, root: Path, profile: Profile | None = None) -> None:
        self.clock = FakeClock()
        self.box = Box(root / "box", clock=self.clock)
        self.there = root / "there"
        self.there.mkdir()
        self.refuses: Problem | None = None
        self.bad: dict[str, Exception] = {}
        self.kernel: Kernel | None = None
        link = ShareLink(
            name="ct", mount="//ct/export", poll_s=POLL_S, settle_s=SETTLE_S,
            profile=profile.name if profile else "",
        )  # fmt: skip
        self._link, self._profile = link, profile
        self.source = self._new_source()

    def _new_source(self) -> ShareSource:
        journal = self.box.journal
        taken_by = Intake(journal)
        return ShareSource(self._link, self._profile, journal, taken_by, self.clock, self._reach)

    def restarts(self) -> None:
        self.source.close()
        self.source = self._new_source()

    def _reach(self) -> Remote:
        if self.refuses:
            raise self.refuses
        self.kernel = Kernel(self.there, self.bad)
        return self.kernel

    @property
    def mounted(self) -> Kernel:
        assert self.kernel
        return self.kernel

    def turn(self, after_s: float = 0.0) -> int:
        self.clock.passes(seconds=after_s)
        return self.source.turn()[0]

    def turns(self, number: int) -> int:
        """As many, a poll apart; how many files were taken."""
        return sum(self.turn(POLL_S) for _ in range(number))

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def place(self) -> tuple[str, str]:
        (row,) = [row for row in self.box.journal.ledger.places() if row["name"] == "ct"]
        return row["state"], row["code"]

    def close(self) -> None:
        self.source.close()
        self.box.close()


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    made = Share(tmp_path)
    yield made
    made.close()


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
