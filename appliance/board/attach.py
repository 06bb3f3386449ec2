"""Owns mounting: foreign file systems, read-only, in a place that nobody else can see.

Needs root. A mount is let go of again as soon as its root folder is open: it lives on behind that
descriptor alone, and ends with the last one who holds it, however that one ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import struct
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import CannotMount, StickFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_log = logging.getLogger(__name__)

_SAFE = "ro,nodev,nosuid,noexec,nosymfollow,noatime"
_PATIENCE_S = 60.0
_CLONE_NEWNS = 0x00020000  # sched.h
_BLKROSET, _BLKROGET = 0x125D, 0x125E  # linux/fs.h
# Nobody sees our mounts, but we see what others unmount: else it would be held here for good.
_PRIVATE = ("mount", "--make-rslave", "/")


class Reader(NamedTuple):
    """Who is to read what is mounted, and how far local time there is ahead of UTC."""

    group: int
    ahead_minutes: int = 0


class _Kind(NamedTuple):
    driver: str
    options: str = ""


_OWNED = "uid=0,gid={group},umask=0227"
_LOCAL_TIME = "time_offset={ahead_minutes}"
_KINDS = {
    "vfat": _Kind("vfat", f"{_OWNED},{_LOCAL_TIME},utf8=1,shortname=mixed"),
    "exfat": _Kind("exfat", f"{_OWNED},{_LOCAL_TIME}"),
    "ntfs": _Kind("ntfs3", f"{_OWNED},iocharset=utf8"),
    "iso9660": _Kind("iso9660", "uid=0,gid={group},mode=0440,dmode=0550,iocharset=utf8"),
    "udf": _Kind("udf", f"{_OWNED},iocharset=utf8"),
    # A journal is not replayed: that would write. A stick may ask the kernel to panic on errors.
    **dict.fromkeys(("ext2", "ext3", "ext4"), _Kind("ext4", "noload,errors=remount-ro")),
}

_UMOUNT = ("umount",)
_PLAIN = "nodev,nosuid,noexec,nosymfollow,noatime"
_OURS = "uid=0,gid=0,umask=0077"
_WRITABLE = {
    "vfat": _Kind("vfat", f"{_OURS},utf8=1,shortname=mixed"),
    "exfat": _Kind("exfat", _OURS),
    "ntfs": _Kind("ntfs3", f"{_OURS},iocharset=utf8"),
    **dict.fromkeys(("ext2", "ext3", "ext4"), _Kind("ext4", "errors=remount-ro")),
}


def hide_mounts(places: Path) -> None:
    """From now on what this process mounts below the folder `places` is seen by nobody else.

    Call it before any thread runs. Raises PermissionError unless root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    places.mkdir(mode=0o700, parents=True, exist_ok=True)
    # In a chroot "/" is no mount, and cannot be made private; what is bound here always can.
    subprocess.run(_PRIVATE, check=False, capture_output=True)
    _must("mount", "--bind", str(places), str(places))
    _must("mount", "--make-private", str(places))


def attach_volume(name: str, device: str, fs: str, places: Path, reader: Reader) -> int:
    """The root folder of the file system `fs` on `device`, as a descriptor to look below.

    `name` is for the sentence; `places` a folder of our own. Raises CannotMount.
    """
    if fs not in _KINDS:
        raise CannotMount(name=name, why="it is not formatted, or in a way not known here")
    _write_protect(name, device)
    kind = _KINDS[fs]
    options = f"{_SAFE},{kind.options}".format(**reader._asdict())
    # -i: the kernel's own drivers only, no programs that are called mount.FS.
    return attach(name, ["mount", "-i", "-t", kind.driver, "-o", options, device], places)


@contextmanager
def mounted(
    name: str, device: str, fs: str, places: Path, *, writing: bool = False
) -> Iterator[Path]:
    """The root folder of a file system while the block lasts, for whoever is in this namespace.

    What was written is on the device once the block was left. Raises CannotMount, StickFailed.
    """
    if fs not in _WRITABLE:
        raise CannotMount(name=name, why="only FAT, exFAT, NTFS and ext4 can be written to")
    kind = _WRITABLE[fs]
    if writing:
        _let_write(name, device)
    places.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=places))
    how = "rw" if writing else "ro"
    options = ",".join(filter(None, (how, _PLAIN, kind.options)))
    _mount(name, ["mount", "-i", "-t", kind.driver, "-o", options, device, str(place)])
    try:
        yield place
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    """It is over, and all of it written; or it is torn off, and said so. Raises StickFailed."""
    done = subprocess.run([*_UMOUNT, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        subprocess.run([*_UMOUNT, "--lazy", str(place)], capture_output=True, check=False)
        raise StickFailed(why=_why(" ".join(done.stderr.split())))
    place.rmdir()


def _let_write(name: str, device: str) -> None:
    """It was read-only while nobody knew that it is ours."""
    try:
        fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise CannotMount(name=name, why=f"{error.strerror}".lower()) from error
    try:
        with suppress(PermissionError):
            fcntl.ioctl(fd, _BLKROSET, struct.pack("i", 0))
    except OSError as error:
        raise CannotMount(name=name, why=f"{error.strerror}".lower()) from error
    finally:
        os.close(fd)


def attach(name: str, command: Sequence[str], places: Path) -> int:
    """The same for what `command` mounts at the path that is its last argument, added here."""
    place = Path(tempfile.mkdtemp(dir=places))
    try:
        _mount(name, [*command, str(place)])
        try:
            return os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        finally:
            _must("umount", "--lazy", str(place))
    finally:
        place.rmdir()


def _mount(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotMount(name=name, why="it does not answer") from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        _log.warning("%s: %s", name, said)
        raise CannotMount(name=name, why=_why(said))


def _must(*command: str) -> None:
    subprocess.run(command, check=True)


def _write_protect(name: str, device: str) -> None:
    """Have the kernel refuse every write to the device, whoever asks for it.

    One that is read-only already is left as it is: a loop device would keep it for its next file.
    """
    try:
        fd = os.open(device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise CannotMount(name=name, why=f"{error.strerror}".lower()) from error
    try:
        with suppress(PermissionError):  # mounting will say who may not
            if not _is_set(fcntl.ioctl(fd, _BLKROGET, struct.pack("i", 0))):
                fcntl.ioctl(fd, _BLKROSET, struct.pack("i", 1))
    except OSError as error:
        raise CannotMount(name=name, why=f"{error.strerror}".lower()) from error
    finally:
        os.close(fd)


def _is_set(flag: bytes) -> bool:
    return any(flag)


_SAYINGS = (
    ("unknown filesystem type", "the kernel of this box does not know its file system"),
    ("bad superblock", "its file system is damaged"),
    ("can't read superblock", "its file system is damaged"),
    ("Structure needs cleaning", "its file system is damaged"),
    ("No medium", "there is no medium in it"),
    ("No such device", "it was pulled"),
    ("does not exist", "it was pulled"),
    ("already mounted", "another program uses it"),
    ("busy", "another program uses it"),
    ("permission denied", "only root may mount"),
    ("superuser", "only root may mount"),
)


def _why(said: str) -> str:
    """What mount(8) printed, in words for people; its own where there are none."""
    return next((words for part, words in _SAYINGS if part in said), said or "mount failed")
