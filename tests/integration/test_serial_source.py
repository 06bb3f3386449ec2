"""A serial line and what old devices do on it: real lrzsz, a real journal, a cable of socat's."""

from __future__ import annotations

import errno
import random
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.journal.charge import Charge
from appliance.settings.links import Protocol, SerialLink
from appliance.settings.schema import Profile
from appliance.sources.line import staging
from appliance.sources.line.serial import SerialSource
from appliance.sources.line.staging import is_listening
from tests.builders import pictures
from tests.builders.box import Box
from tests.peers.line import Cable, LongCable, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.model import Item

IDLE_S = 0.3
_LOOK_S = 0.03
SZ, SX = "/usr/bin/sz", "/usr/bin/sx"
LIAR = ("-m", "tests.peers.zmodem")
HL7 = (
    b"MSH|^~\\&|US|ROOM2|BOX|BOX|20260506120000||ORU^R01|%s|P|2.3\r"
    b"PID|1||%s^^^RS^MR||SITI^AMINAH||19800102|F\r"
)


class Wired:
    """A serial source turned by hand, as its thread would."""

    def __init__(
        self,
        root: Path,
        profile: Profile | None = None,
        cable: type[Cable] = Cable,
        **settings: Any,
    ) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.cable = cable(root)
        self.box = Box(root / "box")
        self.box.paths.etc.mkdir(exist_ok=True)
        self.profile = profile
        self.link = SerialLink(
            **{"name": "us", "path": str(self.cable.box), "idle_s": IDLE_S, **settings}
        )
        self.folder = self.box.paths.serial / "us"
        self.source = self.connected()

    def connected(self) -> SerialSource:
        journal = self.box.journal
        return SerialSource(
            self.link, self.profile, journal, Intake(journal), SystemClock(), self.folder
        )

    def run_until(self, happened: Callable[[], bool], within_s: float = 20.0) -> None:
        """Turn as the source asks to be turned; fails when `happened` stays false."""
        until_s = time.monotonic() + within_s
        while not happened():
            assert time.monotonic() < until_s, (self.counts(), self.trouble(), self.place())
            self.turn_once(_LOOK_S)

    def turn_once(self, most_s: float) -> None:
        _, wait_s = self.source.turn()
        watched = [fd] if (fd := self.source.fileno()) is not None else []
        select.select(watched, [], [], most_s if wait_s is None else min(wait_s, most_s))

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def items(self) -> list[Item]:
        return [self.box.journal.items.get(n) for n in range(1, sum(self.counts().values()) + 1)]

    def content(self, item: Item) -> bytes:
        return self.box.journal.spool.path(item.sha256).read_bytes()

    def trouble(self) -> list[tuple[str, str]]:
        return [(row["code"], row["sentence"]) for row in self.box.journal.ledger.attention()]

    def place(self) -> tuple[str, str]:
        places = [row for row in self.box.journal.ledger.places() if row["name"] == "us"]
        return (places[0]["state"], places[0]["code"]) if places else ("", "")

    def staged(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def close(self) -> None:
        self.source.close()
        self.cable.unplug()
        self.box.close()


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Callable[..., Wired]]:
    made: list[Wired] = []

    def make(profile: Profile | None = None, **settings: Any) -> Wired:
        made.append(Wired(tmp_path / f"wired{len(made)}", profile, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def a_film(size_bytes: int) -> bytes:
    """A TIFF of just that size, which is no multiple of a block."""
    noise = np.frombuffer(random.Random(5).randbytes(size_bytes), np.uint8)
    for rows in range(4, 100):
        head = len(pictures.tiff(noise[: rows * 100].reshape(rows, 100))) - rows * 100
        columns, rest = divmod(size_bytes - head, rows)
        if not rest and columns < 60_000:
            return pictures.tiff(noise[: rows * columns].reshape(rows, columns))
    raise AssertionError


@pytest.fixture
def film() -> bytes:
    content = a_film(200_000)
    assert len(content) == 200_000
    return content


# --- a card that fails --------------------------------------------------------------------------


@pytest.mark.timeout(60)
def test_a_leftover_that_cannot_be_read_keeps_neither_the_others_nor_the_line(
    wire: Callable[..., Wired], monkeypatch: pytest.MonkeyPatch, film: bytes
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    for name in ("a.tif", "b.tif"):
        (wired.folder / name).write_bytes(film)
    real = staging.Staging.take

    def failing(taking: staging.Staging, piece: staging.Piece, *rest: Any) -> None:
        if piece.name == "a.tif":
            raise OSError(errno.EIO, "Input/output error", str(piece.path))
        real(taking, piece, *rest)

    monkeypatch.setattr(staging.Staging, "take", failing)
    wired.run_until(lambda: wired.place() == ("denied", "staging-failed"))
    assert wired.counts() == {"arrived": 1}
    assert wired.source.fileno() is not None
    assert [path.name for path in wired.staged()] == ["a.tif"]
    monkeypatch.setattr(staging.Staging, "take", real)
    wired.source.close()
    wired.source = wired.connected()
    wired.run_until(lambda: wired.place() == ("listening", ""))
    assert wired.staged() == []


@pytest.mark.timeout(60)
def test_a_folder_that_cannot_be_read_is_told_and_the_line_is_open(
    wire: Callable[..., Wired], monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)

    def failing(_: staging.Staging) -> list[Path]:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(staging.Staging, "leftovers", failing)
    wired.run_until(lambda: wired.place() == ("denied", "staging-failed"))
    assert wired.source.fileno() is not None


@pytest.mark.timeout(60)
def test_a_card_that_fails_while_something_comes_ends_nobody(
    wire: Callable[..., Wired], monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = wire()
    wired.run_until(lambda: wired.place() == ("listening", ""))

    def failing(_: staging.Staging) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(staging.Staging, "draft", failing)
        hand = Modality(wired.cable)
        hand.says(b"half a report")
        wired.run_until(lambda: wired.place() == ("denied", "staging-failed"))
        hand.close()
    assert wired.source.fileno() is None
    wired.run_until(lambda: wired.place()[0] in {"listening", "reading"})


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.timeout(90)
def test_a_file_comes_to_the_byte_by_every_protocol(wire: Callable[..., Wired]) -> None:
    """All at once: what these programs do most is wait for each other."""
    sent = [
        (wire(protocol=Protocol.ZMODEM), [SZ], a_film(200_000)),
        (wire(protocol=Protocol.YMODEM, cable=LongCable), [SZ, "--ymodem"], a_film(20_000)),
        (wire(protocol=Protocol.XMODEM, cable=LongCable), [SX], a_film(20_000)),
        (wire(protocol=Protocol.XMODEM, cable=LongCable), [SX, "-k"], a_film(200_000)),
    ]
    senders = []
    for wired, command, film in sent:
        (wired.root / "FILM1.TIF").write_bytes(film)
        wired.turn_once(0)
        senders.append(wired.cable.sends(*command, "-q", wired.root / "FILM1.TIF"))
    until_s = time.monotonic() + 70
    while [wired.counts() for wired, *_ in sent] != [{"arrived": 1}] * len(sent):
        assert time.monotonic() < until_s, [wired.counts() for wired, *_ in sent]
        for wired, *_ in sent:
            wired.turn_once(_LOOK_S / len(sent))
    for wired, _, film in sent:
        (item,) = wired.items()
        assert wired.content(item) == film
        assert [path for path in wired.staged() if path.stat().st_size] == []
        assert item.name == "FILM1.TIF" or wired.link.protocol is Protocol.XMODEM
    # The others' last answer may be lost here, and is then asked for again: a pseudo terminal
    # drops what nobody has read when a program ends, where a line drains first.
    sent[0][0].run_until(lambda: senders[0].poll() is not None)
    assert senders[0].returncode == 0
    assert {sender.poll() for sender in senders} <= {0, None}


@pytest.mark.timeout(60)
def test_a_batch_and_then_another_session(wire: Callable[..., Wired]) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    for number in range(4):
        (wired.root / f"f{number}.png").write_bytes(
            pictures.saved(pictures.grey(8, film=number), "PNG")
        )
    wired.run_until(lambda: wired.place()[0] == "listening")
    first = wired.cable.sends(SZ, "-q", *(wired.root / f"f{n}.png" for n in range(3)))
    wired.run_until(lambda: wired.counts() == {"arrived": 3}, 30)
    wired.run_until(lambda: first.poll() is not None, 30)
    wired.cable.sends(SZ, "-q", wired.root / "f3.png")
    wired.run_until(lambda: wired.counts() == {"arrived": 4}, 30)
    assert sorted(item.name for item in wired.items()) == [f"f{n}.png" for n in range(4)]


@pytest.mark.timeout(60)
def test_a_sender_killed_half_way_sends_again(wire: Callable[..., Wired], film: bytes) -> None:
    wired = wire(protocol=Protocol.ZMODEM, cable=LongCable)
    (wired.root / "film.tif").write_bytes(film)
    wired.run_until(lambda: wired.place()[0] == "listening")
    sender = wired.cable.sends(SZ, "-q", "-l", "1024", "-L", "256", wired.root / "film.tif")
    wired.run_until(lambda: any(path.stat().st_size for path in wired.staged()))
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    wired.cable.sends(SZ, "-q", wired.root / "film.tif")
    wired.run_until(lambda: wired.counts().get("arrived") == 1, 50)
    whole = [item for item in wired.items() if item.state == "arrived"]
    assert [wired.content(item) for item in whole] == [film]
    assert {code for code, _ in wired.trouble()} <= {"incomplete"}


def test_noise_before_a_transfer_does_not_keep_it_from_coming(
    wire: Callable[..., Wired], film: bytes
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    (wired.root / "film.tif").write_bytes(film)
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(bytes(range(0x20, 0x7F)) * 3 + b"\xff\xfe\r\n")
    hand.close()
    wired.cable.sends(SZ, "-q", wired.root / "film.tif")
    wired.run_until(lambda: wired.counts() == {"arrived": 1})
    assert wired.content(wired.items()[0]) == film


def test_two_files_of_one_name_are_both_there(wire: Callable[..., Wired], tmp_path: Path) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    paths = []
    for number in range(2):
        folder = tmp_path / f"exam{number}"
        folder.mkdir()
        (folder / "a.txt").write_bytes(b"Report number %d\r\nis here\r\n" % number)
        paths.append(folder / "a.txt")
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.sends(SZ, "-q", *paths)
    wired.run_until(lambda: wired.counts() == {"arrived": 2})


@pytest.mark.parametrize("name", ["{outside}/evil.tif", "../../../evil.tif"])
def test_a_name_that_is_a_path_leads_nowhere(
    wire: Callable[..., Wired], tmp_path: Path, name: str
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    outside = tmp_path / "outside"
    outside.mkdir()
    wired.run_until(lambda: wired.place()[0] == "listening")
    liar = name.format(outside=outside)
    sender = wired.cable.sends(sys.executable, *LIAR, wired.cable.modality, liar)
    wired.run_until(lambda: sender.poll() is not None)
    wired.run_until(lambda: wired.place() == ("listening", "transfer-failed"))
    assert not list(tmp_path.rglob("evil.tif"))
    assert wired.counts() == {}


def test_names_keep_only_what_can_be_shown(wire: Callable[..., Wired]) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.sends(sys.executable, *LIAR, wired.cable.modality, "C:\\X\\a\x1b[2J.bin")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.items()[0].name == "a%1B[2J.bin"
    assert wired.trouble()[0][0] == "unsupported-format"


def test_a_file_without_end_is_cut_off(wire: Callable[..., Wired]) -> None:
    wired = wire(protocol=Protocol.ZMODEM, max_kib=64)
    (wired.root / "long.tif").write_bytes(b"II*\0" + bytes(300_000))
    wired.run_until(lambda: wired.place()[0] == "listening")
    sender = wired.cable.sends(SZ, "-q", wired.root / "long.tif")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    sender.kill()
    assert wired.trouble()[0][0] == "frame-too-long"
    assert wired.items()[0].size_bytes == 64 << 10


def test_an_adapter_that_goes_comes_back_by_itself(
    wire: Callable[..., Wired], film: bytes
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    (wired.root / "film.tif").write_bytes(film)
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.unplug()
    wired.run_until(lambda: wired.place() == ("unplugged", "serial-unplugged"))
    wired.cable.plug()
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.sends(SZ, "-q", wired.root / "film.tif")
    wired.run_until(lambda: wired.counts() == {"arrived": 1})


def test_a_line_belongs_to_one_source(wire: Callable[..., Wired]) -> None:
    wired = wire()
    wired.run_until(lambda: wired.place()[0] == "listening")
    second = wired.connected()
    second.turn()
    assert wired.place() == ("denied", "serial-denied")
    second.close()


# --- captures ------------------------------------------------------------------------------------


@pytest.fixture
def captured(wire: Callable[..., Wired]) -> Iterator[tuple[Wired, Modality]]:
    wired = wire()
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    yield wired, hand
    hand.close()


def test_quiet_ends_a_capture(captured: tuple[Wired, Modality], film: bytes) -> None:
    wired, hand = captured
    hand.says(film)
    wired.run_until(lambda: wired.counts() == {"arrived": 1})
    (item,) = wired.items()
    assert wired.content(item) == film
    assert item.name.endswith(".tif")
    assert wired.staged() == []


def test_start_and_end_bytes_make_reports(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03")
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\x02REPORT 1\rName: SITI\r\x03\r\n\x02REPORT 2\rName: AMIN\r\x03\x04")
    wired.run_until(lambda: wired.counts() == {"arrived": 2})
    hand.close()
    assert [wired.content(each) for each in wired.items()] == [
        b"REPORT 1\rName: SITI\r",
        b"REPORT 2\rName: AMIN\r",
    ]
    assert all(each.name.endswith(".txt") for each in wired.items())


def test_garbage_is_kept_and_said(captured: tuple[Wired, Modality]) -> None:
    wired, hand = captured
    until_s = time.monotonic() + IDLE_S  # what comes sooner may have begun before
    wired.run_until(lambda: time.monotonic() > until_s)
    garbage = random.Random(4).randbytes(3000)
    hand.says(garbage)
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.content(wired.items()[0]) == garbage
    assert wired.trouble()[0][0] == "unsupported-format"


def test_noise_outside_of_a_frame_is_kept_beside_it(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03")
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\xff\x81~~\x02REPORT 1\r\nis whole\r\n\x03")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1, "arrived": 1})
    hand.close()


def test_a_frame_without_end_is_cut_off_once(wire: Callable[..., Wired]) -> None:
    wired = wire(start_bytes="02", end_bytes="03", max_kib=8)
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    hand.says(b"\x02" + b"x" * 30_000 + b"\x03\x02REPORT 2\r\nis whole\r\n\x03")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1, "arrived": 1})
    hand.close()
    assert wired.trouble()[0][0] == "frame-too-long"
    assert wired.items()[0].size_bytes == 8 << 10


def test_a_plug_pulled_in_the_middle_keeps_what_came(
    captured: tuple[Wired, Modality], film: bytes
) -> None:
    wired, hand = captured
    hand.says(film[:3000])
    wired.run_until(lambda: bool(wired.staged()))
    wired.cable.unplug()
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.trouble()[0][0] == "incomplete"
    assert film.startswith(wired.content(wired.items()[0]))


def test_what_an_earlier_run_left_is_taken_or_told(wire: Callable[..., Wired]) -> None:
    wired = wire()
    wired.folder.mkdir(parents=True, exist_ok=True)
    whole = pictures.saved(pictures.grey(8), "PNG")
    (wired.folder / ".20260101T000000Z-00000000.part").write_bytes(whole)
    (wired.folder / ".20260101T000001Z-00000000.part").write_bytes(b"REPORT\r\nits first line")
    (wired.folder / "20260101T000002Z-00000000.txt").write_bytes(b"REPORT\r\nof two lines\r\n")
    wired.run_until(lambda: sum(wired.counts().values()) == 3)
    assert wired.counts() == {"arrived": 2, "quarantined": 1}
    assert wired.trouble()[0][0] == "incomplete"
    assert wired.staged() == []


# --- messages ------------------------------------------------------------------------------------


def answered(wired: Wired, hand: Modality, content: bytes, awaited: bytes) -> bytes:
    """What the modality hears after it has said something."""
    hand.says(content)
    heard = b""

    def is_heard() -> bool:
        nonlocal heard
        heard += hand.hears()
        return awaited in heard

    wired.run_until(is_heard)
    return heard


def sidecars(wired: Wired) -> list[set[str]]:
    """The kinds of sidecars of each film, in order."""
    films = [item for item in wired.items() if item.name.endswith(".png")]
    return [{name.rpartition(".")[2] for name in film.sidecars} for film in films]


def png(number: int = 0) -> bytes:
    return pictures.saved(pictures.grey(8, film=number), "PNG")


def test_an_hl7_message_is_answered_once_it_is_safe_and_speaks_of_the_image(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    heard = answered(wired, hand, b"\x0b" + HL7 % (b"M1", b"4711") + b"\x1c\r", b"\x1c\r")
    assert b"MSA|AA|M1\r" in heard
    assert wired.counts() == {"ignored": 1}
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    assert sidecars(wired) == [{"hl7"}]
    assert wired.staged() == []


def test_a_profile_without_sidecars_takes_images_at_once_and_no_message_as_evidence(
    wire: Callable[..., Wired],
) -> None:
    wired = wire(Profile("us", sidecar="none"))
    wired.run_until(lambda: wired.place()[0] == "listening")
    hand = Modality(wired.cable)
    answered(wired, hand, b"\x0b" + HL7 % (b"M1", b"4711") + b"\x1c\r", b"MSA|AA")
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    hand.close()
    assert sidecars(wired) == [set()]


def test_the_last_frame_of_a_message_nobody_ended_is_told_after_a_restart(
    wire: Callable[..., Wired],
) -> None:
    wired = wire()
    wired.folder.mkdir(parents=True, exist_ok=True)
    (wired.folder / ".20260101T000000Z-0.part").write_bytes(b"H|\\^&\rP|1|4711\r")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.trouble()[0][0] == "incomplete"


def astm(number: int, text: bytes, end: bytes = b"\x03") -> bytes:
    body = b"%d" % number + text + end
    return b"\x02" + body + b"%02X" % (sum(body) % 256) + b"\r\n"


def test_astm_frames_are_acknowledged_and_spoilt_ones_asked_again(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    assert answered(wired, hand, b"\x05", b"\x06") == b"\x06"
    assert answered(wired, hand, astm(1, b"H|\\^&|||US\r"), b"\x06") == b"\x06"
    spoilt = astm(2, b"P|1|4711|||SITI^AMINAH\r").replace(b"4711", b"4712")
    assert answered(wired, hand, spoilt, b"\x15") == b"\x15"
    patient = astm(2, b"P|1|4711|||SITI^AMINAH\r", b"\x17")
    assert answered(wired, hand, patient, b"\x06") == b"\x06"
    assert answered(wired, hand, patient, b"\x06") == b"\x06"  # our answer was not heard
    assert answered(wired, hand, astm(3, b"L|1|N\r"), b"\x06") == b"\x06"
    hand.says(b"\x04")
    wired.run_until(lambda: wired.counts() == {"ignored": 1})
    assert wired.content(wired.items()[0]) == (b"H|\\^&|||US\rP|1|4711|||SITI^AMINAH\rL|1|N\r")
    hand.says(png())
    wired.run_until(lambda: wired.counts() == {"ignored": 1, "arrived": 1})
    assert sidecars(wired) == [{"astm"}]


def test_a_message_that_stops_in_the_middle_is_kept_and_not_acknowledged(
    captured: tuple[Wired, Modality],
) -> None:
    wired, hand = captured
    hand.says(b"\x0b" + (HL7 % (b"M1", b"4711"))[:60])
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert hand.hears() == b""
    assert wired.trouble()[0][0] == "incomplete"


# --- ends that nobody plans ----------------------------------------------------------------------

RUN = """
import select, sys
from pathlib import Path
from appliance.clock import SystemClock
from appliance.intake.accept import Intake
from appliance.settings.links import Protocol, SerialLink
from appliance.sources.line.serial import SerialSource
from tests.builders.box import Box
root, path, protocol = sys.argv[1:]
box = Box(Path(root) / "box", "killed")
link = SerialLink(name="us", path=path, protocol=Protocol(protocol), idle_s=0.3)
folder = Path(root) / "box" / "var" / "serial" / "us"
source = SerialSource(link, None, box.journal, Intake(box.journal), SystemClock(), folder)
while True:
    source.turn()
    select.select([] if source.fileno() is None else [source.fileno()], [], [], 0.1)
"""


def killed(wired: Wired, happened: Callable[[], bool]) -> None:
    """Another process has the line until `happened`; then it is killed."""
    arguments = (str(wired.root), wired.link.path, wired.link.protocol.value)
    process = subprocess.Popen([sys.executable, "-c", RUN, *arguments])
    until_s = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < until_s, process.poll()
        time.sleep(0.01)
    process.kill()
    process.wait()


@pytest.mark.timeout(60)
def test_a_transfer_during_which_the_box_is_killed_is_asked_again(
    wire: Callable[..., Wired], film: bytes
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    (wired.root / "film.tif").write_bytes(film)
    sender = wired.cable.sends(SZ, "-q", "-L", "128", "-l", "256", wired.root / "film.tif")
    killed(wired, lambda: any(path.stat().st_size for path in wired.staged()))
    sender.kill()
    sender.wait()
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.sends(SZ, "-q", wired.root / "film.tif")
    wired.run_until(lambda: wired.counts().get("arrived") == 1, 50)
    whole = [item for item in wired.items() if item.state == "arrived"]
    assert [wired.content(item) for item in whole] == [film]
    assert {code for code, _ in wired.trouble()} <= {"incomplete"}


def closed(wired: Wired, happened: Callable[[], bool]) -> None:
    """The source has the line until `happened`; then it leaves in good order."""
    wired.run_until(happened)
    wired.source.close()


def handed_over(wired: Wired, happened: Callable[[], bool]) -> None:
    """The box is to hand over, which comes to nothing; what half came stays where it is."""
    wired.run_until(lambda: happened() and any(path.stat().st_size for path in wired.staged()))
    assert is_listening(wired.folder)
    wired.box.journal.charge.set(Charge.LEAVING, "m")
    wired.source.close()
    assert wired.staged()
    assert not is_listening(wired.folder)
    wired.box.journal.charge.set(Charge.HERE)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("leaves", [killed, closed, handed_over])
def test_a_sender_that_is_at_it_when_the_box_leaves_hears_that_it_failed(
    wire: Callable[..., Wired],
    film: bytes,
    leaves: Callable[[Wired, Callable[[], bool]], None],
) -> None:
    """To sz, a receiver that begins anew in the middle of a file has that file."""
    wired = wire(protocol=Protocol.ZMODEM, cable=LongCable)
    (wired.root / "film.tif").write_bytes(film)
    calls = [wired.cable.sends(SZ, "-q", wired.root / "film.tif")]
    leaves(wired, lambda: bool(wired.staged()))
    wired.source = wired.connected()

    def is_here_after_all() -> bool:
        if calls[-1].poll():  # so it is sent again, as a person would
            calls.append(wired.cable.sends(SZ, "-q", wired.root / "film.tif"))
        return wired.counts().get("arrived") == 1

    wired.run_until(is_here_after_all, 80)
    assert len(calls) > 1
    assert [wired.content(item) for item in wired.items() if item.state == "arrived"] == [film]


def test_a_capture_during_which_the_box_is_killed_is_told(wire: Callable[..., Wired]) -> None:
    wired = wire()
    hand = Modality(wired.cable)

    def is_staged() -> bool:
        hand.says(b"REPORT line\r\n")
        return any(path.stat().st_size > 100 for path in wired.staged())

    killed(wired, is_staged)
    hand.close()
    wired.run_until(lambda: wired.counts().get("quarantined") == 1)
    assert "incomplete" in {code for code, _ in wired.trouble()}


def test_a_sender_that_never_says_goodbye_keeps_nobody_waiting(
    wire: Callable[..., Wired],
) -> None:
    wired = wire(protocol=Protocol.ZMODEM)
    wired.run_until(lambda: wired.place()[0] == "listening")
    wired.cable.sends(sys.executable, *LIAR, wired.cable.modality, "a.bin", "silent")
    wired.run_until(lambda: wired.counts() == {"quarantined": 1})
    assert wired.trouble()[0][0] == "unsupported-format"
