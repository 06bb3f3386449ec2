"""Owns the data's file system: making, checking and mounting an ext4."""

from __future__ import annotations

import re
from time import monotonic, sleep
from typing import TYPE_CHECKING

from appliance.box.tool import attempt, run
from appliance.errors import DataDamaged, ToolFailed, ToolTooSlow

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.box.tool import Done

LABEL = "DATA"

# Every acceptance is fsynced; commit=5 is for what is not. Nothing on it is ever executed.
# Nor does systemd let go of it because udev says of another of its name that it is gone.
_OPTIONS = "noatime,commit=5,nodev,nosuid,noexec,errors=remount-ro,x-systemd.device-bound=no"
_UNCORRECTED, _FAILED = 4, 8 | 16 | 32  # bits of e2fsck's exit status
_FOUND_AT_WORK = re.compile(r"^(Filesystem state:.*with errors|FS Error count:)", re.MULTILINE)
"""What dumpe2fs says of a file system that the kernel had found damaged. e2fsck 1.47.2 goes by it
only where it has no journal to replay: there the replay writes over it."""

_PATIENCE_S = 27 * 60.0
"""For a check with its repair: of the 30 minutes of jembatan-start.service, all but what erasing
the data takes, should somebody wish that."""
_LOOKS_RIGHT = "Type: directory"
_PAUSES_S = (0.2, 1.0, 3.0)
"""Between tries to mount: whoever makes or takes device nodes just now is done by then."""


def make(device: Path) -> None:
    """A new file system; what was there is lost. Raises ToolFailed.

    Without a discard of the whole card, which some take minutes for; fstrim does it where it may
    (systemd/fstrim.service.d).
    """
    run("mkfs.ext4", "-q", "-F", "-L", LABEL, "-m", "1", "-E", "nodiscard", str(device))


def check(device: Path, landmark: str) -> bool:
    """Have it be whole; True where the kernel had found it damaged, or more had to be repaired
    than any power cut leaves behind.

    What is damaged is repaired without asking: a box that waits for somebody takes no images, and
    what a repair takes away is missed by name (`jembatan journal verify`). Not where not even its
    folder `landmark` is found any more, or where it takes longer than a start may: that is for
    people. Raises DataDamaged.
    """
    until_s = monotonic() + _PATIENCE_S
    was_marked = bool(_FOUND_AT_WORK.search(_tried(until_s, "dumpe2fs", "-h", str(device)).out))
    wholly = ("-f",) if was_marked else ()
    done = _tried(until_s, "e2fsck", *wholly, "-p", str(device))
    if done.status & _FAILED:
        raise DataDamaged(why=_why(done.out, done.said))
    if not done.status & _UNCORRECTED:
        return was_marked
    if _LOOKS_RIGHT not in _tried(until_s, "debugfs", "-R", f"stat /{landmark}", str(device)).out:
        raise DataDamaged(why="its file system is badly damaged")
    done = _tried(until_s, "e2fsck", "-f", "-y", str(device))
    if done.status & (_FAILED | _UNCORRECTED):
        raise DataDamaged(why="its file system is damaged and cannot be repaired")
    return True


def _tried(until_s: float, *command: str) -> Done:
    try:
        return attempt(*command, patience_s=max(until_s - monotonic(), 0))
    except ToolTooSlow as slow:
        minutes = round(_PATIENCE_S / 60)
        raise DataDamaged(why=f"its file system was not repaired within {minutes} min") from slow


def mount(device: Path, place: Path) -> None:
    """Mount it for the box to work on; not for want of a second try. Raises DataDamaged."""
    command = ("mount", "--no-canonicalize", "-t", "ext4", "-o", _OPTIONS, str(device), str(place))
    for pause_s in _PAUSES_S:
        if not attempt(*command).status:
            return
        sleep(pause_s)
    try:
        run(*command)
    except ToolFailed as failed:
        raise DataDamaged(why=str(failed.facts["said"])) from failed


def unmount(place: Path) -> None:
    """Let go of it. Raises ToolFailed."""
    run("umount", str(place))


def _why(*said: str) -> str:
    lines = [line.strip() for text in said for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "its file system cannot be checked"
