"""Files that old devices send down a serial line: real lrzsz, a real journal, socat's cable."""

from __future__ import annotations

import errno
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from appliance.settings.links import Protocol
from appliance.sources.line import staging
from tests.builders import pictures
from tests.builders.wired import LOOK_S, Wired, a_film
from tests.peers.line import LongCable, Modality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SZ, SX = "/usr/bin/sz", "/usr/bin/sx"
LIAR = ("-m", "tests.peers.zmodem")

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
            wired.turn_once(LOOK_S / len(sent))
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
