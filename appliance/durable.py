"""Owns the moment bytes become safe: temp beside the target, fsync, rename, fsync of the folder.

The only rename in the product, but for what a takeover moves to its place
(appliance.box.takeover). Whoever acknowledges something does so after `publish` returned.
"""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from appliance.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_AT_FDCWD, _RENAME_NOREPLACE = -100, 1
_UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_libc = ctypes.CDLL(None, use_errno=True)


class Draft:
    """A file being written, invisible under its final name until `publish`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Take over an open, empty temporary file."""
        self.path = path
        self.file = file

    def publish(self, target: Path) -> None:
        """Make the draft durable as `target`, on the same file system; replaces what was there."""
        self.file.flush()
        os.fsync(self.file.fileno())
        make_folder(target.parent)
        self.path.rename(target)
        fsync_folder(target.parent)


@contextmanager
def draft(folder: Path) -> Iterator[Draft]:
    """A draft in `folder`; removed on the way out unless it was published.

    Raises DiskFull where the file system has no room; other OSErrors fly.
    """
    make_folder(folder)
    path = folder / f".{os.getpid()}-{os.urandom(6).hex()}.part"
    with room_needed(folder):
        try:
            with path.open("x+b") as file:
                yield Draft(path, file)
        finally:
            path.unlink(missing_ok=True)


def publish(target: Path, content: bytes, mode: int = 0o644) -> None:
    """Write `content` durably as `target`, replacing what was there in one step."""
    with draft(target.parent) as new:
        os.fchmod(new.file.fileno(), mode)
        new.file.write(content)
        new.publish(target)


def fsync_file(path: Path) -> None:
    """Make the bytes that somebody else wrote into a file durable. OSErrors fly."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def rename_beside(path: Path, target: Path) -> None:
    """Rename a file in its folder; what has that name is never replaced (FileExistsError).

    It need not outlive the plug: either name leads on.
    """
    names = os.fsencode(path), os.fsencode(target)
    if not _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE):
        return
    number = ctypes.get_errno()
    if number not in _UNABLE:
        raise OSError(number, os.strerror(number), str(path), None, str(target))
    os.link(path, target, follow_symlinks=False)  # some network file systems can do that only
    path.unlink()


def remove(path: Path) -> None:
    """Delete a file (gone already is fine) and make the deletion durable."""
    path.unlink(missing_ok=True)
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents durably. Raises DiskFull."""
    if folder.is_dir():
        return
    missing = [folder]
    while not missing[0].parent.exists():
        missing.insert(0, missing[0].parent)
    with room_needed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # A folder is only as durable as its own name in its parent.
        for made in missing:
            fsync_folder(made.parent)


@contextmanager
def room_needed(folder: Path) -> Iterator[None]:
    """Raises DiskFull where the file system of `folder` has no room; other OSErrors fly."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(where=folder) from error
        raise
