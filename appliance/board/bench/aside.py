"""Owns having the pins for a while: keeper, which has them on a box that runs, stands aside."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEEPER = "jembatan-keeper.service"


@contextmanager
def keeper_aside() -> Iterator[bool]:
    """Keeper is stopped for the block and started again after it; says whether it had to be.

    Only root can have it stopped; where nobody can, the pins will be found busy.
    """
    stopped = os.geteuid() == 0 and _systemctl("is-active", "--quiet") == 0
    if stopped:
        _systemctl("stop")
    try:
        yield stopped
    finally:
        if stopped:
            _systemctl("start")


def _systemctl(*words: str) -> int:
    command = ("systemctl", *words, _KEEPER)
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode
    except FileNotFoundError:  # no systemd here, so no keeper of its either
        return 1
