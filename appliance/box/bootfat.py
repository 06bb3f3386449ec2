"""Owns writing to the boot partition (p1, FAT), which is read-only but for these moments.

FAT has no journal: what is written there is small, written beside its place and renamed, and the
partition is read-only again before anything else happens. One writer at a time.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.tool import run
from appliance.durable import draft, fsync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOT = Path("/boot/jembatan")
"""Where the boot partition is mounted."""

_LOCK = Path("/run/jembatan-boot.lock")


@contextmanager
def writable(boot: Path = BOOT, lock: Path = _LOCK) -> Iterator[Path]:
    """The boot partition, open for writing in here; root only.

    Where `boot` is no mount of its own (tests, workstations) it is taken as it is. Raises
    ToolFailed where it cannot be remounted.
    """
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        is_mounted = os.path.ismount(boot)
        if is_mounted:
            _remount(boot, "rw")
        try:
            yield boot
        finally:
            if is_mounted:
                _remount(boot, "ro")


def write(boot: Path, name: str, content: bytes) -> None:
    """Write a file of the boot partition, which must be writable, in the place of what was there.

    Raises DiskFull.
    """
    with draft(boot) as new:  # without a mode: FAT has none
        new.file.write(content)
        new.publish(boot / name)


def erase(boot: Path, name: str) -> None:
    """Take a file off the boot partition, which must be writable; gone already is fine."""
    with suppress(FileNotFoundError):
        (boot / name).unlink()
    fsync_folder(boot)


def _remount(boot: Path, how: str) -> None:
    run("mount", "-o", f"remount,{how}", str(boot))
