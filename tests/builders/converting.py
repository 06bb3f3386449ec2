"""Owns running the convert service alone, beside the box of a test."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.journal.session import Paths

_PATIENCE_S = 20


@contextmanager
def converting(paths: Paths) -> Iterator[subprocess.Popen[bytes]]:
    """The service, from when it answers until the end of the block."""
    command = [sys.executable, "-m", "appliance.services.convert"]
    command += ["--root", str(paths.root), "--run", str(paths.run)]
    door, process = paths.run / "convert.sock", subprocess.Popen(command)
    try:
        until_s = time.monotonic() + _PATIENCE_S
        while not door.exists():
            assert process.poll() is None
            assert time.monotonic() < until_s
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)
