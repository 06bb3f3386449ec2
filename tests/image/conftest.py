from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class MachinesTools:
    """This machine's programs in the place of the locked ones: the same, of its own release."""

    epoch_s = 1_700_000_000

    def run(self, *words: str | Path, text: str | None = None) -> str:
        """What a program prints."""
        environment = {
            **os.environ,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "SOURCE_DATE_EPOCH": str(self.epoch_s),
            "TZ": "UTC",
        }
        done = subprocess.run(
            [str(word) for word in words],
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def see(self, path: Path) -> str:
        """The path itself."""
        return str(path)


@pytest.fixture
def tools() -> MachinesTools:
    return MachinesTools()
