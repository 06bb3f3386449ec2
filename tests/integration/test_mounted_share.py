"""A modality's own share, read without the kernel: Debian's smbd on the other side."""

from __future__ import annotations

import os
import time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.settings.links import ShareLink
from appliance.sources.media.remote import ByClient, Entry
from appliance.sources.media.share import ShareSource
from tests.builders.box import Box
from tests.peers.samba import PASSWORD, USER, SharingModality, sharing_modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEEN = 2000
POLL_S = 0.3
SETTLE_S = 1.0


def png(shade: int = 0) -> bytes:
    content = BytesIO()
    Image.effect_noise((64, 64), 50 + shade).save(content, "PNG")
    return content.getvalue()


class Reads:
    """How often which file was read."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def reaching(self, link: ShareLink, staging: Path) -> Callable[[], ByClient]:
        reads = self

        class Counting(ByClient):
            def digest(self, entry: Entry) -> str:
                reads.names.append(entry.name)
                return super().digest(entry)

        return lambda: Counting(link, staging)


class Mounted:
    """A share source turned by hand."""

    def __init__(self, root: Path, modality: SharingModality, **keys: object) -> None:
        self.box = Box(root / "box")
        self.modality = modality
        self.folder = modality.folder
        given = {
            "user": USER, "password": PASSWORD, "mount": modality.mount,
            "poll_s": POLL_S, "settle_s": SETTLE_S, **keys,
        }  # fmt: skip
        self.link = ShareLink(name="ct", **given)  # type: ignore[arg-type]
        self.reads = Reads()
        journal = self.box.journal
        staging = root / "box" / "var" / "fetched"
        self.source = ShareSource(
            self.link, None, journal, Intake(journal), SystemClock(),
            self.reads.reaching(self.link, staging),
        )  # fmt: skip

    def run_until(self, happened: Callable[[], bool], within_s: float = 20.0) -> None:
        until_s = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < until_s, (self.counts(), self.place())
            _, wait_s = self.source.turn()
            time.sleep(min(0.1, wait_s or 0))

    def run_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        self.run_until(lambda: time.monotonic() > until_s, seconds + 20)

    def turn_now(self) -> None:
        """Without the rest that it asks for."""
        self.source.turn()

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def place(self) -> tuple[str, str]:
        places = [row for row in self.box.journal.ledger.places() if row["name"] == "ct"]
        return (places[0]["state"], places[0]["code"]) if places else ("", "")

    def trouble(self) -> list[tuple[str, str]]:
        return [(row["code"], row["sentence"]) for row in self.box.journal.ledger.attention()]

    def close(self) -> None:
        self.source.close()
        self.box.close()


@pytest.fixture(params=["SMB3", "NT1"])
def mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mounted]:
    highest: str = request.param
    with sharing_modality(tmp_path, lowest="NT1", highest=highest) as modality:
        share = Mounted(tmp_path, modality, version="1.0" if highest == "NT1" else "")
        yield share
        share.close()


@pytest.fixture(scope="module")
def modality(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingModality]:
    with sharing_modality(tmp_path_factory.mktemp("modality")) as running:
        yield running


def own_folder(modality: SharingModality, name: str) -> Path:
    folder = modality.folder / name
    folder.mkdir()
    folder.chmod(0o2770)
    return folder


@pytest.fixture
def modern(tmp_path: Path, modality: SharingModality) -> Iterator[Mounted]:
    """A folder of its own on one modality for all."""
    share = Mounted(tmp_path, modality, mount=f"{modality.mount}/{tmp_path.name}")
    share.folder = own_folder(modality, tmp_path.name)
    yield share
    share.close()
    if not modality.is_on:
        modality.switch_on()


def test_what_is_there_is_taken_once_to_the_byte(mounted: Mounted) -> None:
    content = png()
    (mounted.modality.folder / "p1").mkdir(mode=0o2770)
    (mounted.modality.folder / "p1" / "a.png").write_bytes(content)
    mounted.run_until(lambda: mounted.counts() == {"arrived": 1})
    mounted.run_for(3 * POLL_S)
    item = mounted.box.journal.items.get(1)
    assert mounted.counts() == {"arrived": 1}
    assert item.name == "p1/a.png"
    assert mounted.box.journal.spool.path(item.sha256).read_bytes() == content
    assert mounted.place() == ("watching", "")


def test_a_file_that_grows_under_its_final_size_is_waited_for(
    tmp_path: Path, modality: SharingModality
) -> None:
    """Its size is final from the start, its times are set back: only its bytes tell."""
    share = Mounted(tmp_path, modality, mount=f"{modality.mount}/growing", settle_s=60.0)
    content = png()
    path = own_folder(modality, "growing") / "a.png"
    with path.open("wb", buffering=0) as file:
        file.truncate(len(content))
        for part in range(10):
            file.write(content[part * len(content) // 10 : (part + 1) * len(content) // 10])
            os.utime(path, (0, 0))
            if part < 9:
                share.run_for(POLL_S / 2)
                assert share.counts() == {}
    share.run_until(lambda: share.counts() == {"arrived": 1})
    assert share.box.journal.items.get(1).size_bytes == len(content)
    share.close()


def test_a_file_that_stays_cut_off_is_set_aside_and_taken_once_it_is_whole(
    modern: Mounted,
) -> None:
    content = png()
    (modern.folder / "a.png").write_bytes(content[:-100])
    modern.run_until(lambda: modern.counts() == {"quarantined": 1})
    assert modern.trouble()[0][0] == "incomplete"
    (modern.folder / "a.png").write_bytes(content)
    modern.run_until(lambda: modern.counts() == {"quarantined": 1, "arrived": 1})


def test_a_share_that_goes_and_comes_back_is_as_it_was(modern: Mounted) -> None:
    for number in range(5):
        (modern.folder / f"{number}.png").write_bytes(png(number))
    modern.run_until(lambda: modern.counts() == {"arrived": 5})
    read = len(modern.reads.names)
    modern.modality.switch_off()
    modern.run_until(lambda: modern.place() == ("offline", "share-offline"))
    assert modern.counts() == {"arrived": 5}
    modern.modality.switch_on()
    (modern.folder / "new.png").write_bytes(png(9))
    modern.run_until(lambda: modern.counts() == {"arrived": 6})
    assert set(modern.reads.names[read:]) == {"new.png"}
    assert modern.place() == ("watching", "")


def test_after_a_restart_known_files_are_read_once_and_not_taken(
    tmp_path: Path, modality: SharingModality
) -> None:
    folder = own_folder(modality, "restart")
    (folder / "a.png").write_bytes(png())
    first = Mounted(tmp_path, modality, mount=f"{modality.mount}/restart")
    first.run_until(lambda: first.counts() == {"arrived": 1})
    first.close()
    second = Mounted(tmp_path, modality, mount=f"{modality.mount}/restart")
    second.run_for(4 * POLL_S)
    assert second.reads.names == ["a.png"]
    assert len(second.box.journal.ledger.history(1)) == 1
    second.close()


def test_another_image_under_the_same_name_is_taken_too(modern: Mounted) -> None:
    (modern.folder / "a.png").write_bytes(png())
    modern.run_until(lambda: modern.counts() == {"arrived": 1})
    (modern.folder / "a.png").write_bytes(png(1))
    modern.run_until(lambda: modern.counts() == {"arrived": 2})


def test_a_wrong_password_is_said(tmp_path: Path, modality: SharingModality) -> None:
    share = Mounted(tmp_path, modality, password="wrong")
    share.turn_now()
    assert share.place() == ("denied", "share-refused")
    share.close()


def test_a_share_that_is_not_there_is_said(tmp_path: Path, modality: SharingModality) -> None:
    share = Mounted(tmp_path, modality, mount=f"//127.0.0.1:{modality.port}/nothing")
    share.turn_now()
    assert share.place() == ("missing", "share-missing")
    share.close()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, modality: SharingModality) -> None:
    share = Mounted(tmp_path, modality, mount=f"{modality.mount}/nothing")
    share.turn_now()
    assert share.place() == ("missing", "share-missing")
    share.close()


def test_smb1_is_not_spoken_unless_asked_for(tmp_path: Path) -> None:
    with sharing_modality(tmp_path, lowest="NT1", highest="NT1") as modality:
        share = Mounted(tmp_path, modality)
        share.turn_now()
        assert share.place() == ("denied", "share-dialect")
        share.close()


def test_a_guest_needs_no_password(tmp_path: Path) -> None:
    with sharing_modality(tmp_path, guest=True) as modality:
        share = Mounted(tmp_path, modality, user="", password="")
        (modality.folder / "a.png").write_bytes(png())
        share.run_until(lambda: share.counts() == {"arrived": 1})
        share.close()


def test_only_the_folder_that_was_named_is_read(modern: Mounted) -> None:
    deep = modern.folder / "in" / "deep"
    deep.mkdir(parents=True)
    for folder in (deep.parent, deep):
        folder.chmod(0o2770)
    (modern.folder / "out.png").write_bytes(png())
    (deep / "a.png").write_bytes(png(1))
    share = Mounted(modern.box.paths.root / "2", modern.modality, mount=f"{modern.link.mount}/in")
    share.run_until(lambda: share.counts() == {"arrived": 1})
    assert share.box.journal.items.get(1).name == "deep/a.png"
    share.close()


NAMES = [
    "a\x07b.png",
    "ü" * 120 + ".png",
    "\U0001f600" * 60 + ".png",
    "a b;c&'d.png",
    "a..png",
    "%41.png",
]


def test_any_name_arrives_and_can_be_shown(modern: Mounted) -> None:
    for number, name in enumerate(NAMES):
        (modern.folder / name).write_bytes(png(number))
    modern.run_until(lambda: modern.counts() == {"arrived": len(NAMES)})
    for number in range(1, len(NAMES) + 1):
        assert modern.box.journal.items.get(number).name.isprintable()


def test_bad_files_say_why_and_keep_nobody_waiting(modern: Mounted) -> None:
    folder = modern.folder
    (folder / "empty.png").write_bytes(b"")
    (folder / "film.frm").write_bytes(b"Mindray" * 100)
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "a.png.tmp").write_bytes(png(2))
    deep = folder
    for _ in range(20):
        deep /= "d"
        deep.mkdir(mode=0o2770)
        deep.chmod(0o2770)
    (deep / "a.png").write_bytes(png())
    modern.run_until(lambda: modern.counts() == {"arrived": 1, "quarantined": 1})
    assert modern.trouble()[0][0] == "incomplete"
    modern.run_until(lambda: modern.place() == ("watching", "unfinished-name"))
    (folder / "a.png.tmp").unlink()
    modern.run_until(lambda: modern.place() == ("watching", "share-foreign"))


@pytest.mark.timeout(300)
def test_many_seen_files_are_not_read_again_after_the_share_was_away(
    modern: Mounted,
) -> None:
    whole = png()
    for number in range(SEEN):
        (modern.folder / f"{number}.png").write_bytes(whole + b"%d" % number)
    modern.run_until(lambda: sum(modern.counts().values()) == SEEN, 240)
    read = len(modern.reads.names)
    modern.modality.switch_off()
    modern.run_until(lambda: modern.place()[0] == "offline")
    modern.modality.switch_on()
    modern.run_until(lambda: modern.place()[0] == "watching")
    modern.run_for(3 * POLL_S)
    assert len(modern.reads.names) == read
    assert sum(modern.counts().values()) == SEEN
