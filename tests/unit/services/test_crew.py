"""A worker thread that is gone is noticed, also where the interpreter was not told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from appliance.journal.bell import Bell, hang
from appliance.journal.charge import Charge
from appliance.services.crew import Crew, Job, _InCharge
from appliance.services.duty import SAFETY_SCAN_S, Duty
from appliance.settings.current import Current
from tests.builders.box import Box

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE_S = 10.0

SCRIPT = """
import ctypes, platform, time
from contextlib import nullcontext
from types import SimpleNamespace
from appliance.errors import WorkerDied
from appliance.services.crew import Job, Member

EXIT = {"x86_64": 60, "aarch64": 93}[platform.machine()]

def turn():
    ctypes.CDLL(None).syscall(EXIT, 0)  # this thread only, as a kernel ends it that has failed

hand = SimpleNamespace(turn=turn, fileno=lambda: None, close=lambda: None)
journal = SimpleNamespace(charge=SimpleNamespace(is_here=lambda: True))
duty = SimpleNamespace(journal=lambda: nullcontext(journal), name="watch", ring=lambda name: None)
member = Member(duty, "source", Job((), lambda journal: hand))
for _ in range(500):
    try:
        member.must_live()
    except WorkerDied:
        print("noticed", member._thread.is_alive(), flush=True)
        break
    time.sleep(0.01)
import os
os._exit(0)
"""


def test_a_thread_that_the_kernel_ended_is_noticed() -> None:
    """One that read a share mounted by Linux 6.12 was seen gone, its process none the wiser."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.stdout == "noticed True\n", done.stderr


class Source:
    """Counts its turns; its events are always there."""

    def __init__(self) -> None:
        self.turns = 0
        self.is_open = True
        self.read, self.write = os.pipe()
        os.write(self.write, b"x")

    def turn(self) -> float:
        self.turns += 1
        return 1.0

    def fileno(self) -> int:
        return self.read

    def close(self) -> None:
        self.is_open = False
        os.close(self.read)
        os.close(self.write)


def test_who_has_something_open_lets_go_of_it_while_another_box_works(tmp_path: Path) -> None:
    """An open serial line would still take files, and tell the modality that they arrived."""
    box = Box(tmp_path)
    box.paths.etc.mkdir()
    bell = Bell(hang(box.paths.run, "watch"))
    duty = Duty("watch", box.paths, Current(tmp_path), bell)
    hired: list[Source] = []

    def hire(_: object) -> Source:
        hired.append(Source())
        return hired[-1]

    def looked(count: int, opened: int) -> bool:
        crew.muster({"source": Job((), hire)})
        return len(hired) == count and sum(each.is_open for each in hired) == opened

    def soon(count: int, opened: int) -> None:
        until_s = time.monotonic() + _PATIENCE_S
        while not looked(count, opened):
            assert time.monotonic() < until_s
            bell.wait(0.01)

    crew = Crew(duty, box.journal)
    soon(1, 1)
    box.journal.charge.set(Charge.LEAVING)
    soon(1, 0)
    box.journal.charge.set(Charge.HERE)
    soon(2, 1)
    crew.dismiss(_PATIENCE_S)
    assert not any(each.is_open for each in hired)
    bell.close()
    box.close()


def test_who_watches_rests_while_another_box_works_and_is_not_woken(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.paths.etc.mkdir()
    source = Source()
    hand = _InCharge(source, box.journal)
    assert hand.turn() == 1.0
    assert hand.fileno() == source.read
    box.journal.charge.set(Charge.LEAVING)
    assert hand.turn() == SAFETY_SCAN_S
    assert hand.fileno() is None
    assert source.turns == 1
    box.journal.charge.set(Charge.HERE)
    assert hand.turn() == 1.0
    hand.close()
    box.close()
