"""A worker thread that is gone is noticed, also where the interpreter was not told."""

from __future__ import annotations

import subprocess
import sys

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
duty = SimpleNamespace(journal=lambda: nullcontext(None), name="watch", ring=lambda name: None)
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
