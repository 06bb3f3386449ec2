"""Card, clock chip and RS-232 plug: on a real disk, in a kernel's tree, on a real terminal."""

from __future__ import annotations

import os
import threading
import tty
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from appliance.board.bench import card, plug, rtc
from appliance.board.bench.finding import Verdict
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_a_card_is_written_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    found = card.card(tmp_path)
    assert found.verdict in (Verdict.GOOD, Verdict.BAD)
    assert "MB/s" in found.found
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_is_slow_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "_LEAST_MIB_S", 1e9)
    found = card.card(tmp_path)
    assert found.verdict is Verdict.BAD
    assert "endurance" in found.advice


def test_a_folder_that_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    assert card.card(tmp_path / "data").verdict is Verdict.UNTOLD


def clock_chip(root: Path, **texts: str) -> None:
    place = root / "sys/class/rtc/rtc0"
    place.mkdir(parents=True)
    for name, text in texts.items():
        (place / name).write_text(text)


@pytest.mark.parametrize(
    ("time", "good"), [("09:26:53", True), ("09:26:57", True), ("09:27:53", False)]
)
def test_the_clock_chip_must_agree(tmp_path: Path, time: str, *, good: bool) -> None:
    clock_chip(tmp_path, name="rtc-ds1307 1-0068\n", date="2026-03-14\n", time=f"{time}\n")
    assert (rtc.clock_chip(tmp_path, FakeClock()).verdict is Verdict.GOOD) == good


def test_a_clock_chip_whose_cell_is_empty_is_told(tmp_path: Path) -> None:
    clock_chip(tmp_path, name="rtc-ds1307 1-0068\n")
    found = rtc.clock_chip(tmp_path, FakeClock())
    assert found.verdict is Verdict.BAD
    assert "cell" in found.found


def test_no_clock_chip_is_bad_and_its_wires_are_named(tmp_path: Path) -> None:
    found = rtc.clock_chip(tmp_path, FakeClock())
    assert found.verdict is Verdict.BAD
    assert "1, 3, 5 and 9" in found.advice


class Plug:
    """The RS-232 plug with a wire in it, or something worse."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path, self._theirs = os.ttyname(theirs), theirs
        self._thread = threading.Thread(target=self._return, args=(change,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._theirs)
        self._thread.join()  # it reads no more; else it would read what has its number next
        os.close(self._ours)

    def _return(self, change: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while True:
                os.write(self._ours, change(os.read(self._ours, 4096)))


@pytest.fixture
def joined() -> Iterator[Plug]:
    plug = Plug(lambda sent: sent)
    yield plug
    plug.close()


def test_a_plug_whose_pins_are_joined_is_good(joined: Plug) -> None:
    assert plug.loopback(joined.path).verdict is Verdict.GOOD


def test_what_comes_back_damaged_is_bad() -> None:
    damaging = Plug(lambda sent: bytes(each ^ 1 for each in sent))
    found = plug.loopback(damaging.path)
    damaging.close()
    assert found.verdict is Verdict.BAD
    assert "damaged" in found.found


def test_a_plug_from_which_nothing_comes_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plug, "_PATIENCE_S", 0.05)
    silent = Plug(lambda sent: b"")
    found = plug.loopback(silent.path)
    silent.close()
    assert found.verdict is Verdict.BAD
    assert found.found == "0 bytes at 9600 baud"
    assert "pins 2 and 3" in found.advice


def test_a_line_that_is_not_there_cannot_be_told(tmp_path: Path) -> None:
    assert plug.loopback(str(tmp_path / "ttyAMA0")).verdict is Verdict.UNTOLD
