"""Owns the machine that boot.sh makes: starting it, running commands in it, asking its systemd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parents[2]

# setns() steps out of a chroot into the real root; $0, still inside, shows where that was.
_STEP_OUT = 'below=$(readlink "/proc/$0/root"); below=${below%/}; exec sh "$below$1" "$below" "$@"'
_APART = [
    *("unshare", "--mount", "--propagation", "unchanged", "nsenter", "--mount=/proc/self/ns/mnt"),
    *("sh", "-c", _STEP_OUT, str(os.getpid())),
]

Found = TypeVar("Found")


class NotProved(AssertionError):
    """The proof failed; the message says at what."""


class Machine:
    """A booted machine; `pid` is its PID 1 as seen from here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._enter = ("nsenter", "--target", str(pid), "--all", "--root", "--wd")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Run a command in there, as root, and go on."""
        return subprocess.Popen([*self._enter, *words])

    def run(self, *words: str, check: bool = True) -> str:
        """The output (both streams) of a command in there, as root."""
        done = subprocess.run(
            [*self._enter, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            msg = f"{' '.join(words)}: {done.stdout}"
            raise NotProved(msg)
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def path(self, path: str) -> Path:
        """A file of the machine, seen from here."""
        return Path(f"/proc/{self.pid}/root{path}")


@contextmanager
def booted() -> Iterator[Machine]:
    """A machine with the product of this checkout and the Python packages this runs with."""
    with TemporaryDirectory(prefix="jembatan-proof-") as folder, TemporaryFile("w+") as said:
        outside = subprocess.Popen(
            [*_APART, Path(__file__).with_name("boot.sh"), CHECKOUT, sys.prefix, folder],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            yield Machine(_wait_for_init(outside, said))
        finally:
            _end(outside)


def wait_for(
    what: str, look: Callable[[], Found], seconds: float = 60, every_s: float = 0.1
) -> Found:
    """The first answer of `look` that is true."""
    until = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > until:
            msg = f"{what}: not within {seconds:.0f} s"
            raise NotProved(msg)
        time.sleep(every_s)
    return found


def _wait_for_init(outside: subprocess.Popen[bytes], said: TextIO) -> int:
    wait_for("a PID 1", lambda: _init(outside.pid) or outside.poll() is not None)
    if outside.poll() is not None:
        said.seek(0)
        raise NotProved(said.read())
    return _init(outside.pid)


def _init(outside: int) -> int:
    """The process that is PID 1 in there, once it is systemd; else 0."""
    for namespaces, name in _children(outside):
        if name == "unshare":
            return next((pid for pid, name in _children(namespaces) if name == "systemd"), 0)
    return 0


def _end(outside: subprocess.Popen[bytes]) -> None:
    """With its PID 1 everything in a PID namespace ends; boot.sh then tidies up."""
    if outside.poll() is None:
        os.kill(_init(outside.pid) or outside.pid, signal.SIGKILL)
    outside.wait(30)


def _children(pid: int) -> list[tuple[int, str]]:
    rows = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid=,comm="], capture_output=True, text=True, check=False
    )
    return [(int(row.split()[0]), row.split()[1]) for row in rows.stdout.splitlines()]
