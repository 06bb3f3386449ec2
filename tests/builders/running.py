"""Owns running the product as its user does: `jembatan run`, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.clock import SystemClock
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from tests.peers.orthanc import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHECKOUT = Path(__file__).parents[2]


class Running:
    """A box that runs."""

    def __init__(self, root: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.root = root
        self.port = port
        self.process = process
        self.export = root.parent / "export"

    def log(self) -> str:
        return (self.root.parent / "run.log").read_text(errors="replace")

    def status(self) -> dict[str, Any]:
        """What `jembatan status --json` says."""
        done = subprocess.run(
            [sys.executable, "-m", "appliance", "status", "--json", "--root", str(self.root)],
            cwd=_CHECKOUT,
            capture_output=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def wait(self, happened: Callable[[dict[str, Any]], bool], within_s: float = 25) -> None:
        """Until the status is as wanted; fails with status and log."""
        until_s = time.monotonic() + within_s
        while not happened(status := self.status()):
            assert time.monotonic() < until_s, (status, self.log()[-3000:])
            time.sleep(0.1)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """A look into its journal."""
        paths = Paths(self.root, self.root / "run")
        worker = Worker(paths.run, "test")
        journal = Journal(paths, worker, SystemClock())
        yield journal
        journal.close()
        worker.retire()


@contextmanager
def running(root: Path, settings: str) -> Iterator[Running]:
    """Run a box below `root` with `settings`; `{export}` in them is its export folder."""
    export = root / "export"
    export.mkdir(parents=True, exist_ok=True)
    config = root / "box.toml"
    # What tests look for in the spool stays there, however full this machine's disk is.
    kept = "" if "[retention]" in settings else "\n[retention]\nmin_free_percent = 1\n"
    config.write_text(settings.replace("{export}", str(export)) + kept)
    port = free_port()
    command = [sys.executable, "-m", "appliance", "run", "--root", str(root / "box")]
    command += ["--config", str(config), "--port", str(port)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with (root / "run.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=_CHECKOUT, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env=environment,
        )  # fmt: skip
    try:
        yield Running(root / "box", port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
