"""The deliver service as a process: what it loads, for that is memory of a small box."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(60)


def test_it_loads_nothing_that_is_for_pixels(tmp_path: Path) -> None:
    service = [sys.executable, "-m", "appliance.services.deliver", "--root", str(tmp_path)]
    with subprocess.Popen(service, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "run" / "deliver.sock").exists() and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        process.terminate()
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()
    assert "_sqlite3" in loaded
    assert [name for name in ("numpy", "PIL", "imagecodecs") if f"/{name}/" in loaded] == []
