"""Owns going back: what a fresh version that does not work here ends with."""

from __future__ import annotations

import logging
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import Problem

if TYPE_CHECKING:
    from appliance.box.rauc import Rauc

_log = logging.getLogger(__name__)

UNWELL = Path("/run/jembatan-unwell")
"""Keeps a shutdown from giving the attempt back (systemd/jembatan-slot.service)."""


def go_back(rauc: Rauc) -> None:
    """Start the version before; where RAUC cannot say so, U-Boot counts attempts and will."""
    _log.error("going back to the version before")
    UNWELL.touch()
    with suppress(Problem):
        rauc.mark_bad()
    subprocess.run(["/usr/bin/systemctl", "reboot"], check=False)
