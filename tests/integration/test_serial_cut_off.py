"""A serial line whose sender or whose box goes in the midst of it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from appliance.journal.charge import Charge
from appliance.settings.links import Protocol
from appliance.sources.line.staging import is_listening
from tests.peers.line import LongCable, Modality

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.builders.wired import Wired

SZ = "/usr/bin/sz"
LIAR = ("-m", "tests.peers.zmodem")

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
