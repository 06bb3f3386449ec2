"""Owns other processes at the same box: real ones, that can be stopped and killed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[3]

_PRELUDE = """
import sys
from pathlib import Path
from appliance.errors import NoIdentity
from appliance.model import *
from tests.builders.box import Box

def say(*words):
    print(*words, flush=True)

def wait():
    sys.stdin.readline()

box = Box(Path(sys.argv[1]), "other")
"""


def command(script: str, root: Path) -> list[str]:
    """Python that runs `script` with `box`, `say` and `wait` at hand."""
    return [sys.executable, "-c", _PRELUDE + textwrap.dedent(script), str(root)]


class Process:
    """One running script."""

    def __init__(self, script: str, root: Path) -> None:
        pipe = subprocess.PIPE
        self.popen = subprocess.Popen(
            command(script, root), cwd=CHECKOUT, stdin=pipe, stdout=pipe, text=True
        )

    def line(self) -> str:
        """The next thing it says."""
        assert self.popen.stdout
        return self.popen.stdout.readline().strip()

    def go_on(self) -> None:
        """End its `wait()`."""
        assert self.popen.stdin
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()

    def rest(self) -> list[str]:
        """All it still says until it ends."""
        out, _ = self.popen.communicate()
        assert self.popen.returncode == 0
        return out.split()

    def kill(self) -> None:
        """SIGKILL: it cannot tidy up."""
        self.popen.kill()
        self.popen.wait()


@contextmanager
def process(script: str, root: Path) -> Iterator[Process]:
    """A script in a process of its own; killed in the end if it still runs."""
    running = Process(script, root)
    with running.popen:
        try:
            yield running
        finally:
            running.popen.kill()
