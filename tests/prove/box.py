"""Owns the product as the proofs run it: its real services, one process each, brought back when
they die as systemd would bring them back, and its journal as seen from outside.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from appliance.journal.bell import hang
from tests.peers.orthanc import bound_to_us
from tests.prove.machine import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

STANDING = ("keeper", "watch", "deliver", "receive")
SERVICES = (*STANDING, "convert")
_ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""What systemd does for a service that its socket woke: sd_listen_fds(3)."""
_LEAVE_S = 20
_AGAIN_S = 0.2
_LOOKS = 100
_LOOK_AGAIN_S = 0.05


def unmeasured() -> dict[str, str]:
    """The environment without what makes child processes measure their coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def end_tidily() -> None:
    """Be told to leave by an exception, so that nothing stays mounted or running."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Ended(NamedTuple):
    """A service that ended by itself, or was ended; negative: by that signal."""

    name: str
    status: int


class Services:
    """The services of one box; `tracer` says what each of them is started under."""

    def __init__(
        self,
        root: Path,
        run: Path,
        *,
        code: Path = CHECKOUT,
        names: Sequence[str] = SERVICES,
        tracer: Callable[[str], Sequence[str]] = lambda _name: (),
    ) -> None:
        self.root = root
        self.run = run
        self.log = run / "log"
        self._code = code
        self._names = names
        self._tracer = tracer
        self._bell = hang(run, "convert")
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._not_before_s: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all of them, and let go of what was held for them."""
        self.kill()
        self._bell.close()

    def tend(self, wait_s: float = 0.01) -> list[Ended]:
        """Start what should run and does not; who had ended unasked since the last time."""
        ended = [
            Ended(name, child.returncode)
            for name, child in self._children.items()
            if child.poll() is not None
        ]
        for name, status in ended:
            del self._children[name]
            if status > 0:  # one that cannot start must not be started in a tight circle
                self._not_before_s[name] = time.monotonic() + _AGAIN_S
        rung = bool(select.select([self._bell], [], [], wait_s)[0])
        failed = {name for name, status in ended if status}
        for name in self._names:
            if name in STANDING or name in failed or rung:
                self._keep_alive(name)
        return [one for one in ended if one.status]

    def said(self) -> str:
        """What all services have logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def end(self, name: str) -> None:
        """SIGKILL for one of them."""
        if name in self._children:
            self._children[name].kill()

    def kill(self) -> None:
        """End all of them at one moment, as a cut of power does."""
        for child in self._children.values():
            child.kill()
        self._wait()

    def stop(self) -> None:
        """Tell all of them to leave."""
        for child in self._children.values():
            child.terminate()
        self._wait()

    def _wait(self) -> None:
        for child in self._children.values():
            child.wait(_LEAVE_S)
        self._children.clear()

    def _keep_alive(self, name: str) -> None:
        if name in self._children or time.monotonic() < self._not_before_s.get(name, 0):
            return
        service = [sys.executable, "-m", f"appliance.services.{name}"]
        service += ["--root", str(self.root), "--run", str(self.run)]
        command = bound_to_us(*self._tracer(name), *service)
        passed = []
        if name == "convert":
            passed = [self._bell.fileno()]
            command = [sys.executable, "-c", _ACTIVATE, str(passed[0]), *command]
        with self.log.open("ab") as log:
            self._children[name] = subprocess.Popen(
                command,
                cwd=self._code,
                stdin=subprocess.DEVNULL,
                stderr=log,
                pass_fds=passed,
                env=unmeasured(),
            )


class Look:
    """Questions to a journal from outside; nothing is written, not even at the end.

    Of a `copy` nobody minds the mending, which SQLite may want to do first.
    """

    def __init__(self, root: Path, *, copy: bool = False) -> None:
        self._path = root / "var" / "journal.sqlite"
        self._mode = "rw" if copy else "ro"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; none while there is no journal."""
        if not self._path.exists():
            return []
        for _ in range(_LOOKS):
            try:
                return self._asked(query)
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                # A reader may not mend what a killed writer left; the services do, in a moment.
                if "readonly" not in str(error):
                    raise
            time.sleep(_LOOK_AGAIN_S)
        return self._asked(query)

    def _asked(self, query: str) -> list[tuple[Any, ...]]:
        uri = f"file:{self._path}?mode={self._mode}"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def count(self, query: str) -> int:
        """The one number a query asks for."""
        rows = self.rows(query)
        return int(rows[0][0]) if rows else 0
