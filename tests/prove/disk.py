"""Owns a disk whose power can be cut: ext4 in a file that lies on XFS.

A reflink copy of that file is, within milliseconds and at any instant, what would be left: what
the kernel still kept in memory for ext4 is not in it. Wants root and loop devices.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIES = 50
_TRY_S = 0.1


class Disk:
    """The ext4 file system mounted at `path`."""

    def __init__(self, floor: Path, size: str) -> None:
        self.path = floor.parent / "disk"
        self._floor = floor
        self._number = 0
        self.path.mkdir()
        _run("truncate", f"--size={size}", str(self._image))
        # As on the box: nothing is kept back for root.
        _run("mkfs.ext4", "-q", "-m", "0", str(self._image))

    @property
    def _image(self) -> Path:
        return self._floor / f"{self._number}.ext4"

    def mount(self) -> None:
        _run("mount", "-o", "loop,noatime,commit=5", str(self._image), str(self.path))

    def unmount(self) -> None:
        """Take it away; a process that was just killed may hold it for another moment."""
        for _ in range(_TRIES):
            if not subprocess.run(
                ["umount", str(self.path)], stderr=subprocess.DEVNULL, check=False
            ).returncode:
                return
            time.sleep(_TRY_S)
        _run("umount", str(self.path))

    def copy(self) -> Path:
        """What is on the disk at this instant."""
        copy = self._floor / f"{self._number + 1}.ext4"
        _run("cp", "--reflink=always", str(self._image), str(copy))
        return copy

    def put_in(self, copy: Path) -> None:
        """Mount a copy in the place of what it was made of; ext4 replays its journal."""
        self.unmount()
        self._image.unlink()
        self._number += 1
        assert copy == self._image
        self.mount()


@contextmanager
def disk(folder: Path, size: str = "2G") -> Iterator[Disk]:
    """A new disk, mounted below `folder` until the block ends."""
    floor = folder / "floor"
    floor.mkdir()
    image = folder / "floor.xfs"
    _run("truncate", "--size=16G", str(image))
    _run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
    _run("mount", "-o", "loop", str(image), str(floor))
    try:
        new = Disk(floor, size)
        new.mount()
        try:
            yield new
        finally:
            new.unmount()
    finally:
        _run("umount", str(floor))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """An ext4 of a few megabytes, to be filled up."""
    image, path = folder / "small.ext4", folder / "small"
    path.mkdir()
    _run("truncate", f"--size={size}", str(image))
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    _run("mount", "-o", "loop", str(image), str(path))
    try:
        yield path
    finally:
        _run("umount", "--lazy", str(path))


def why_not() -> str:
    """Why there can be no such disk here; "" where there can."""
    if os.geteuid():
        return "only root may mount"
    if not Path("/dev/loop-control").exists():
        return "this machine has no loop devices"
    known = Path("/proc/filesystems").read_text(encoding="ascii").split()
    missing = [name for name in ("ext4", "xfs") if name not in known and not _loads(name)]
    return f"this kernel has no {' and no '.join(missing)}" if missing else ""


def _loads(name: str) -> bool:
    command = ["modprobe", "--quiet", name]
    try:
        return not subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        return False


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)}: {done.stderr.strip()}"
        raise RuntimeError(message)
