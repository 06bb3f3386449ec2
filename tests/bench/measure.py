"""Owns running one command and saying what it cost: seconds, CPU seconds, peak memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLE_S = 0.02
_ROOM_BYTES = 4_000_000_000


@dataclass(frozen=True)
class Cost:
    """What one run took; memory is the most that its processes had together, each at its peak."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end, process start included. Raises RuntimeError where it fails."""
    start_s = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    memory = _Memory(process.pid)
    assert process.stderr
    complaints = process.stderr.read()
    # Not process.wait(): only wait4 says what this very child has used.
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start_s
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        message = f"{' '.join(command)} failed: {complaints.decode(errors='replace')}"
        raise RuntimeError(message)
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, memory.peak_bytes())


class _Memory:
    """Looks at the high-water marks of a process and its children while they live.

    getrusage's ru_maxrss would not do: across fork and exec it starts from the parent's.
    """

    def __init__(self, pid: int) -> None:
        self._peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,))
        self._thread.start()

    def peak_bytes(self) -> int:
        self._over.set()
        self._thread.join()
        return self._peak_bytes

    def _watch(self, pid: int) -> None:
        while not self._over.wait(_SAMPLE_S):
            together = 0
            for each in _tree(pid):
                with suppress(OSError, ValueError):
                    together += high_water_bytes(each)
            self._peak_bytes = max(self._peak_bytes, together)


def memory_or_disk() -> str | None:
    """Where the receivers write: in memory if there is room, for it is not their disk we race."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > _ROOM_BYTES
    return str(shared) if roomy else None


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(each for child in children for each in _tree(int(child)))]


def high_water_bytes(pid: int) -> int:
    """The most memory a process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError
