"""Shares of the box: the real service, Debian's smbd, and modalities old and new that write."""

from __future__ import annotations

import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from appliance.box import handover, parcel
from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.journal.bell import ring
from appliance.services.handover import machine_of
from appliance.services.offers import Offers
from appliance.settings.links import ShareLink
from appliance.settings.load import load
from appliance.sources.folder import FolderSource
from tests.builders.box import Box
from tests.builders.spares import PASSPHRASE, quick_key
from tests.peers.orthanc import bound_to_us, free_port
from tests.peers.relay import relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTLE_S = 1.0
CHECKOUT = Path(__file__).parents[2]


def png(size: int = 64) -> bytes:
    return picture(size, "PNG")


def picture(size: int, form: str) -> bytes:
    content = BytesIO()
    Image.effect_noise((size, size), 60).save(content, form)
    return content.getvalue()


class Hosting:
    """A box that offers shares, and the sources that watch them, turned by hand."""

    def __init__(self, port: int = 0) -> None:
        # Unix sockets lie in it, whose paths must be short.
        self.root = Path(tempfile.mkdtemp(prefix="jb"))
        self.box = Box(self.root)
        self.port = port or free_port()
        self.offers = Offers(self.box.paths.run, self.box.journal.custody)
        self.sources: dict[str, FolderSource] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def offer(self, *shares: str) -> None:
        """Settings with these shares: `name`, then further keys, as TOML."""
        (self.root / "etc").mkdir(exist_ok=True)
        blocks = []
        for share in shares:
            name, _, keys = share.partition("\n")
            lines = f'name = "{name}"\nkind = "share"\nhosted = true\ninterface = "lo"\n{keys}\n'
            blocks.append(f"[[source]]\n{lines}")
            self.sources.setdefault(name, self._source(name))
        (self.root / "etc" / "jembatan.toml").write_text("\n".join(blocks))
        if self.process is None:
            self.start()
        ring(self.box.paths.run, "share")
        names = {share.partition("\n")[0] for share in shares}
        self.wait(lambda: names <= self.offered())

    def start(self) -> None:
        command = [sys.executable, "-m", "appliance.services.share", "--root", str(self.root)]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                bound_to_us(*command, "--port", str(self.port)), cwd=CHECKOUT, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait(self.listens)

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def offered(self) -> set[str]:
        return {name for name, state, _ in self.places() if state == "offered"}

    def places(self) -> list[tuple[str, str, str]]:
        """What the page knows of the shares, which watch writes down: name, state, code."""
        self.offers.write_down(load(self.root / "etc" / "jembatan.toml"))
        places = [row for row in self.box.journal.ledger.places() if row["kind"] == "share"]
        return [(row["name"], row["state"], row["code"]) for row in places]

    def wait(self, happened: Callable[[], bool], within_s: float = 25.0) -> None:
        until_s = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < until_s, self.log()
            time.sleep(0.02)

    def run_until(self, happened: Callable[[], bool], within_s: float = 20.0) -> None:
        """Turn the sources as they ask to be turned."""
        until_s = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < until_s, (self.counts(), self.log())
            waits = [source.turn()[1] for source in self.sources.values()]
            watched = [fd for s in self.sources.values() if (fd := s.fileno()) is not None]
            select.select(watched, [], [], min([0.1, *(w for w in waits if w is not None)]))

    def run_for(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        self.run_until(lambda: time.monotonic() > until_s, seconds + 20)

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def trouble(self) -> list[tuple[str, str]]:
        return [(row["code"], row["sentence"]) for row in self.box.journal.ledger.attention()]

    def bytes_of(self, item: int) -> bytes:
        return self.box.journal.spool.path(self.box.journal.items.get(item).sha256).read_bytes()

    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")[-3000:]

    def put(self, file: Path, share: str = "cr1", *more: str, do: str = "") -> str:
        """What smbclient says of storing a file; options in `more`."""
        command = ["/usr/bin/smbclient", f"//127.0.0.1/{share}", "-p", str(self.port), *more]
        command += ["-c", do or f'put "{file}" "{file.name}"']
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return done.stdout + done.stderr

    def close(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        for source in self.sources.values():
            source.close()
        self.box.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _source(self, name: str) -> FolderSource:
        link = ShareLink(name=name, hosted=True, settle_s=SETTLE_S)
        journal = self.box.journal
        top = self.box.paths.shares / name
        return FolderSource(link, top, None, journal, Intake(journal), SystemClock())


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    box = Hosting()
    yield box
    box.close()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    path.write_bytes(png(600))
    return path


CR1 = 'cr1\nuser = "cr1"\npassword = "p w,1"'
AS_CR1 = ("-U", "cr1%p w,1")
NT1 = ("-m", "NT1", "--option=client min protocol=NT1")


def test_smb3_stores_and_smb1_is_refused(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1)
    said = hosting.put(film, "cr1", *AS_CR1, *NT1).lower()
    assert "protocol negotiation" in said
    assert "failed" in said
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1, "-m", "SMB3")
    hosting.run_until(lambda: hosting.counts() == {"arrived": 1})
    assert hosting.bytes_of(1) == film.read_bytes()


def test_smb1_stores_where_it_is_switched_on(hosting: Hosting, film: Path) -> None:
    hosting.offer(f"{CR1}\nsmb1 = true")
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1, *NT1)
    hosting.run_until(lambda: hosting.counts() == {"arrived": 1})
    assert hosting.bytes_of(1) == film.read_bytes()


def test_ntlmv1_is_refused_unless_it_is_switched_on(hosting: Hosting, film: Path) -> None:
    old = (*NT1, "--option=client ntlmv2 auth=no", "--option=client use spnego=no")
    hosting.offer(f"{CR1}\nsmb1 = true")
    assert "LOGON_FAILURE" in hosting.put(film, "cr1", *AS_CR1, *old)
    hosting.offer(f"{CR1}\nsmb1 = true\nntlmv1 = true")
    hosting.wait(lambda: "putting file" in hosting.put(film, "cr1", *AS_CR1, *old))


def test_nobody_sees_another_ones_share(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1, 'cr2\nuser = "cr2"\npassword = "x"', "open")
    for share, who in [
        ("cr2", AS_CR1),
        ("cr1", ("-U", "cr2%x")),
        ("cr1", ("-U", "cr1%wrong")),
        ("cr1", ("-N",)),
        ("cr1", ("-U", "box!%")),
        ("cr1", ("-U", "guest!%")),
        ("global", AS_CR1),
    ]:
        assert "putting file" not in hosting.put(film, share, *who), (share, who)
    assert "putting file" in hosting.put(film, "open", "-N")
    assert "putting file" in hosting.put(film, "open", "-U", "nobody%whatever")
    hosting.run_until(lambda: sum(hosting.counts().values()) == 1)
    names = {path.name for path in (hosting.box.paths.shares / "open").iterdir()}
    assert names == {"film.png"}


def test_a_user_is_called_as_the_settings_spell_it(hosting: Hosting, film: Path) -> None:
    hosting.offer('CR.Room-1\nuser = "CT_Room.1"\npassword = "ä€ "')
    assert "putting file" in hosting.put(film, "CR.Room-1", "-U", "CT_Room.1%ä€ ")
    assert "putting file" in hosting.put(film, "cr.room-1", "-U", "ct_room.1%ä€ ")


def test_other_addresses_are_refused(hosting: Hosting, film: Path) -> None:
    hosting.offer(f'{CR1}\nhosts = ["10.99.0.0/16"]')
    assert "putting file" not in hosting.put(film, "cr1", *AS_CR1)


def test_a_temporary_name_and_then_the_final_one(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1)
    do = f'mkdir p1; put "{film}" p1\\x.tmp; rename p1\\x.tmp p1\\x.png; put "{film}" p1\\y.png'
    hosting.put(film, "cr1", *AS_CR1, do=f"{do}; del p1\\y.png")
    hosting.run_until(lambda: hosting.counts() == {"arrived": 1})
    hosting.run_for(0.5)
    assert hosting.box.journal.items.get(1).name == "p1/x.png"


def test_what_is_written_over_is_another_image(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1)
    hosting.put(film, "cr1", *AS_CR1)
    hosting.run_until(lambda: hosting.counts() == {"arrived": 1})
    film.write_bytes(png(500))
    hosting.put(film, "cr1", *AS_CR1)
    hosting.run_until(lambda: hosting.counts() == {"arrived": 2})
    assert hosting.bytes_of(2) == film.read_bytes()


@pytest.mark.timeout(60)
def test_a_writer_that_sets_the_size_first_and_takes_five_seconds(
    hosting: Hosting, film: Path
) -> None:
    """By its own format the file is whole from the first bytes on."""
    hosting.offer(f"{CR1}\nsmb1 = true")
    film = film.with_suffix(".bmp")
    film.write_bytes(picture(600, "BMP"))
    command = [sys.executable, "-W", "ignore", "-m", "tests.peers.smb1_writer", str(hosting.port)]
    command += ["cr1", "p w,1", "cr1", "film.bmp", str(film), "5"]
    there = hosting.box.paths.shares / "cr1" / "film.bmp"
    with subprocess.Popen(bound_to_us(*command), cwd=CHECKOUT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"size set\n"
        assert there.stat().st_size == film.stat().st_size
        while writer.poll() is None:
            hosting.run_for(0.1)
            assert hosting.counts() == {} or writer.wait(5) == 0
        assert writer.stdout.read() == b"wrote\n"
    hosting.run_until(lambda: hosting.counts() == {"arrived": 1})
    assert hosting.bytes_of(1) == film.read_bytes()


def test_a_session_that_dies_half_way_leaves_an_incomplete_file_aside(
    hosting: Hosting, film: Path
) -> None:
    hosting.offer(CR1)
    film.write_bytes(png(1500))
    with relay(hosting.port, film.stat().st_size // 2) as dying:
        port, hosting.port = hosting.port, dying.port
        said = hosting.put(film, "cr1", *AS_CR1)
        hosting.port = port
    assert "NT_STATUS" in said
    hosting.run_until(lambda: hosting.counts() == {"quarantined": 1})
    assert hosting.trouble()[0][0] == "incomplete"
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1)
    hosting.run_until(lambda: hosting.counts() == {"quarantined": 1, "arrived": 1})
    assert hosting.bytes_of(2) == film.read_bytes()


@pytest.mark.timeout(60)
def test_another_share_and_another_password_cut_no_transfer(hosting: Hosting, film: Path) -> None:
    hosting.offer(f"{CR1}\nsmb1 = true")
    command = [sys.executable, "-W", "ignore", "-m", "tests.peers.smb1_writer", str(hosting.port)]
    command += ["cr1", "p w,1", "cr1", "film.png", str(film), "2"]
    with subprocess.Popen(bound_to_us(*command), cwd=CHECKOUT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"size set\n"
        hosting.offer(
            'cr1\nuser = "cr1"\npassword = "other"\nsmb1 = true',
            'cr2\nuser = "cr2"\npassword = "x"\nsmb1 = true',
        )
        hosting.wait(lambda: "putting file" in hosting.put(film, "cr2", "-U", "cr2%x"))
        assert writer.stdout.read() == b"wrote\n"
        assert writer.wait(5) == 0
    assert "putting file" in hosting.put(film, "cr1", "-U", "cr1%other")
    assert "LOGON_FAILURE" in hosting.put(film, "cr1", *AS_CR1)


def test_a_share_that_was_taken_out_is_not_offered_any_more(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1, 'cr2\nuser = "cr2"\npassword = "x"')
    assert "putting file" in hosting.put(film, "cr2", "-U", "cr2%x")
    hosting.offer(CR1)
    hosting.wait(lambda: "putting file" not in hosting.put(film, "cr2", "-U", "cr2%x"))
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1)


def test_a_box_that_hands_over_offers_no_share_and_takes_along_what_lies_in_it(
    hosting: Hosting, film: Path, tmp_path: Path
) -> None:
    hosting.offer(CR1)
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1)
    machine = machine_of(hosting.box.paths)
    handover.hand_over(machine, tmp_path / "stick", quick_key())
    assert not hosting.listens()
    assert hosting.process
    assert hosting.process.wait(15) == 0
    names: list[str] = []
    label = parcel.label(tmp_path / "stick")
    assert label is not None
    parcel.read(tmp_path / "stick", label, PASSPHRASE, lambda name, *_: names.append(name))
    assert f"shares/cr1/{film.name}" in names  # nobody had taken it in
    handover.take_back(machine, tmp_path / "stick")
    hosting.process = None  # it left, and is started again when somebody rings
    hosting.offer(CR1)
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1)


def test_a_share_that_cannot_be_offered_keeps_no_other_one_back(
    hosting: Hosting, film: Path
) -> None:
    hosting.offer(CR1)
    bad = 'cr2\nuser = "cr2"\npassword = "x"\npath = "/proc/nowhere"'
    settings = hosting.root / "etc" / "jembatan.toml"
    name, _, keys = bad.partition("\n")
    settings.write_text(
        settings.read_text()
        + f'[[source]]\nname = "{name}"\nkind = "share"\nhosted = true\ninterface = "lo"\n{keys}\n'
    )
    ring(hosting.box.paths.run, "share")
    hosting.wait(lambda: ("cr2", "stopped", "share-unusable") in hosting.places())
    assert "putting file" in hosting.put(film, "cr1", *AS_CR1)


def test_a_port_that_is_taken_is_said(hosting: Hosting) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hosting.port = taken.getsockname()[1]
        (hosting.root / "etc").mkdir()
        (hosting.root / "etc" / "jembatan.toml").write_text(
            '[[source]]\nname = "cr1"\nkind = "share"\nhosted = true\ninterface = "lo"\n'
        )
        hosting.start()
        hosting.wait(lambda: ("cr1", "stopped", "share-stopped") in hosting.places())


def test_without_shares_the_service_leaves(hosting: Hosting) -> None:
    hosting.offer(CR1)
    (hosting.root / "etc" / "jembatan.toml").write_text("")
    ring(hosting.box.paths.run, "share")
    assert hosting.process
    assert hosting.process.wait(15) == 0
    assert not hosting.listens()


def test_samba_ends_with_the_service_however_that_ends(hosting: Hosting) -> None:
    hosting.offer(CR1)
    assert hosting.process
    hosting.process.kill()
    hosting.process.wait()
    hosting.wait(lambda: not hosting.listens())
    hosting.process = None


NAMES = ["ü" * 120 + ".png", "\U0001f600" * 60 + ".png", "a b&c'd.png", "a\uf022b.png"]


def test_any_name_arrives_and_can_be_shown(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1)
    for number, name in enumerate(NAMES, 1):
        film.write_bytes(png(64 + number))
        hosting.put(film, "cr1", *AS_CR1, do=f'put "{film}" "{name}"')
    hosting.run_until(lambda: hosting.counts() == {"arrived": len(NAMES)})
    taken = {hosting.box.journal.items.get(number).name for number in range(1, len(NAMES) + 1)}
    assert all(name.isprintable() for name in taken)
    # A colon as Macs write it; samba-vfs-modules makes it one, without them it is shown encoded.
    expected = [{name.replace("\uf022", colon) for name in NAMES} for colon in (":", "%EF%80%A2")]
    assert taken in expected


def test_a_name_that_cannot_be_is_refused_at_the_modality(hosting: Hosting, film: Path) -> None:
    hosting.offer(CR1)
    inside = hosting.box.paths.shares / "cr1"
    for name in ("a\x07b.png", "..\\..\\x.png", "ü" * 200 + ".png"):
        said = hosting.put(film, "cr1", *AS_CR1, do=f'put "{film}" "{name}"')
        found = list(hosting.root.rglob("*.png"))
        assert "NT_STATUS" in said or found == [inside / "x.png"], name
        assert all(path.parent == inside for path in found), name
        for path in found:
            path.unlink()
