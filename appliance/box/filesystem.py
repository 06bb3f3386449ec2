"""Owns the data's file system: making, checking and mounting an ext4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box.tool import attempt, run
from appliance.errors.card import DataDamaged, ToolFailed

if TYPE_CHECKING:
    from pathlib import Path

LABEL = "DATA"

# Every acceptance is fsynced; commit=5 is for what is not. Nothing on it is ever executed.
# Nor does systemd let go of it because udev says of another of its name that it is gone.
_OPTIONS = "noatime,commit=5,nodev,nosuid,noexec,errors=remount-ro,x-systemd.device-bound=no"
_UNCORRECTED, _FAILED = 4, 8 | 16 | 32  # bits of e2fsck's exit status

_LOOKS_RIGHT = "Type: directory"


def make(device: Path) -> None:
    """A new file system; what was there is lost. Raises ToolFailed.

    Without a discard of the whole card, which some take minutes for; fstrim does it in the night.
    """
    run("mkfs.ext4", "-q", "-F", "-L", LABEL, "-m", "1", "-E", "nodiscard", str(device))


def check(device: Path, landmark: str) -> bool:
    """Have it be whole; True where more had to be repaired than any power cut leaves behind.

    What is damaged is repaired without asking: a box that waits for somebody takes no images, and
    what a repair takes away is missed by name (`jembatan journal verify`). Not where not even its
    folder `landmark` is found any more: that is for people. Raises DataDamaged.
    """
    done = attempt("e2fsck", "-p", str(device))
    if done.status & _FAILED:
        raise DataDamaged(why=_why(done.out, done.said))
    if not done.status & _UNCORRECTED:
        return False
    if _LOOKS_RIGHT not in attempt("debugfs", "-R", f"stat /{landmark}", str(device)).out:
        raise DataDamaged(why="its file system is badly damaged")
    done = attempt("e2fsck", "-f", "-y", str(device))
    if done.status & (_FAILED | _UNCORRECTED):
        raise DataDamaged(why="its file system is damaged and cannot be repaired")
    return True


def mount(device: Path, place: Path) -> None:
    """Mount it for the box to work on. Raises DataDamaged."""
    try:
        run("mount", "-t", "ext4", "-o", _OPTIONS, str(device), str(place))
    except ToolFailed as failed:
        raise DataDamaged(why=str(failed.facts["said"])) from failed


def unmount(place: Path) -> None:
    """Let go of it. Raises ToolFailed."""
    run("umount", str(place))


def _why(*said: str) -> str:
    lines = [line.strip() for text in said for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "its file system cannot be checked"
