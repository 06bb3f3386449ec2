"""A worker thread that is gone is noticed, also where the interpreter was not told."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from appliance.journal.charge import Charge
from appliance.services.crew import _InCharge
from appliance.services.duty import SAFETY_SCAN_S
from tests.builders.box import Box

if TYPE_CHECKING:
    from pathlib import Path

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
        self.read, self.write = os.pipe()
        os.write(self.write, b"x")

    def turn(self) -> float:
        self.turns += 1
        return 1.0

    def fileno(self) -> int:
        return self.read

    def close(self) -> None:
        os.close(self.read)
        os.close(self.write)


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
