"""Owns the images behind the drive: how one is made, and how one is copied while a host has it.

An image that is attached belongs to the host. Here it is only ever read.
"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from appliance import durable
from appliance.board.disk import room
from appliance.errors import DiskFull, DriveNotMade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.durable import Draft

SECTOR_BYTES = 512
FIRST_SECTOR = 8192
"""Where the partition begins: 4 MiB, as SD cards leave the factory; old hosts know no other."""

GIB = 1 << 30
_HEADS, _TRACK_SECTORS = 255, 63
_FAT32_LBA = 0x0C
_TABLE_AT = 446
_SIGNATURE = b"\x55\xaa"

# Some drivers look who made a file system; this is what Microsoft's description of FAT asks for.
_MAKER, _MAKER_AT = b"MSWIN4.1", 3
_BOOT_SECTORS = (0, 6)  # the second one is the spare copy

# A modality that is a PC may try to boot from its stick: INT 18h has its BIOS try the next device.
_BOOT_CODE = b"\xcd\x18\xf4\xeb\xfd"

CLONE = "clone.img"
"""A copy that shares the image's blocks: made afresh each time."""

COPY = "copy.img"
"""A copy of its own, kept to be brought up to date: where the file system cannot share."""

_FICLONE = 0x40049409
_CANNOT_CLONE = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM}
)
_CHUNK = 1 << 20
_SPARE_SHARE, _SPARE_BYTES = 1 / 8, 1 << 30
"""Room on the card that a copy leaves alone: so much of it, but no more than that."""


# Making


@contextmanager
def fresh(folder: Path, size_gib: int, label: str) -> Iterator[Draft]:
    """An empty drive, to be published as a file of `folder`; else it leaves no trace.

    Raises DiskFull, DriveNotMade.
    """
    sectors = size_gib * GIB // SECTOR_BYTES
    with durable.draft(folder) as new:
        new.file.truncate(sectors * SECTOR_BYTES)
        _format(new.path, sectors - FIRST_SECTOR, label, _cluster_sectors(size_gib))
        new.file.write(_partition_table(sectors - FIRST_SECTOR))
        for sector in _BOOT_SECTORS:
            new.file.seek((FIRST_SECTOR + sector) * SECTOR_BYTES + _MAKER_AT)
            new.file.write(_MAKER)
        yield new


def _format(image: Path, sectors: int, label: str, cluster_sectors: int) -> None:
    """FAT32 in the partition; BIOS parameter block and partition table tell the same geometry."""
    command = ["/usr/sbin/mkfs.vfat", "-F", "32", "-S", str(SECTOR_BYTES), "-f", "2", "-n", label]
    command += ["-s", str(cluster_sectors), "-g", f"{_HEADS}/{_TRACK_SECTORS}", "-M", "0xf8"]
    # Windows knows a volume again by its number: every drive needs one of its own.
    command += [
        "-i",
        os.urandom(4).hex(),
        "-h",
        str(FIRST_SECTOR),
        f"--offset={FIRST_SECTOR}",
        "--mbr=n",
    ]
    command += [str(image), str(sectors * SECTOR_BYTES // 1024)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    except subprocess.CalledProcessError as error:
        raise DriveNotMade(detail=error.stderr.strip()) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriveNotMade(detail=str(error)) from error


def _cluster_sectors(size_gib: int) -> int:
    """32 KiB, as SD cards have and the most that old hosts take, from 4 GiB on.

    Below that smaller ones: what has fewer than 65,525 clusters is FAT16 to every host, whatever
    its boot sector says.
    """
    return 16 << min(size_gib.bit_length() - 1, 2)


def _partition_table(sectors: int) -> bytes:
    entry = bytes((0, *_chs(FIRST_SECTOR), _FAT32_LBA, *_chs(FIRST_SECTOR + sectors - 1)))
    entry += FIRST_SECTOR.to_bytes(4, "little") + sectors.to_bytes(4, "little")
    code = _BOOT_CODE.ljust(440, b"\0") + os.urandom(4)
    return code.ljust(_TABLE_AT, b"\0") + entry.ljust(64, b"\0") + _SIGNATURE


def _chs(sector: int) -> bytes:
    """A sector's cylinder, head and sector number; what lies beyond what they can say is 1023."""
    track, number = divmod(sector, _TRACK_SECTORS)
    cylinder, head = divmod(track, _HEADS)
    if cylinder > 1023:  # noqa: PLR2004 - ten bits
        return b"\xfe\xff\xff"
    return bytes((head, number + 1 | cylinder >> 2 & 0xC0, cylinder & 0xFF))


# Looking


class Extent(NamedTuple):
    """A stretch of a file."""

    offset_bytes: int
    size_bytes: int


def file_system(image: Path) -> Extent:
    """Where the file system lies: in the first partition, or from the start where there is none.

    A host may format what it believes to be its stick as it likes.
    """
    size_bytes = image.stat().st_size
    with image.open("rb") as file:
        table = file.read(SECTOR_BYTES)
    entry = table[_TABLE_AT : _TABLE_AT + 16]
    found = Extent(
        int.from_bytes(entry[8:12], "little") * SECTOR_BYTES,
        int.from_bytes(entry[12:16], "little") * SECTOR_BYTES,
    )
    is_partition = (
        table[-2:] == _SIGNATURE
        and entry[0] in {0x00, 0x80}
        and entry[4]
        and found.offset_bytes
        and found.size_bytes
        and sum(found) <= size_bytes
    )
    return found if is_partition else Extent(0, size_bytes)


def stamp(image: Path) -> str:
    """Another one after every write of the host."""
    seen = image.stat()
    return f"{seen.st_ino}:{seen.st_size}:{seen.st_mtime_ns}:{seen.st_ctime_ns}"


# Copying


def copy(image: Path, folder: Path) -> Path:
    """A copy of `image` as it is now, in `folder`; the caller sees to it that nobody writes.

    Where the file system can, the copy shares all its blocks; else only those are written that
    differ from the copy that lies there already, so that a card is spared. Raises DiskFull.
    """
    with image.open("rb") as old:
        clone = folder / CLONE
        clone.unlink(missing_ok=True)
        with clone.open("xb") as new:
            if _clone(old, new):
                return clone
        clone.unlink()
        target = folder / COPY
        with target.open("r+b" if target.exists() else "x+b") as new:
            new.truncate(os.fstat(old.fileno()).st_size)
            _copy_changes(old, new, folder)
    return target


def _clone(old: BinaryIO, new: BinaryIO) -> bool:
    try:
        fcntl.ioctl(new, _FICLONE, old.fileno())
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def _copy_changes(old: BinaryIO, new: BinaryIO, folder: Path) -> None:
    for extent in _written(old):
        for offset in range(extent.offset_bytes, sum(extent), _CHUNK):
            wanted = os.pread(old.fileno(), min(_CHUNK, sum(extent) - offset), offset)
            if os.pread(new.fileno(), len(wanted), offset) != wanted:
                _need_room(folder, len(wanted))
                os.pwrite(new.fileno(), wanted, offset)


def _written(file: BinaryIO) -> Iterator[Extent]:
    """The stretches of a sparse file that hold data; a host's write never makes them fewer."""
    end = 0
    while True:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield Extent(start, end - start)


def _need_room(folder: Path, size_bytes: int) -> None:
    card = room(folder)
    spare = min(card.total_bytes * _SPARE_SHARE, _SPARE_BYTES)
    if card.free_bytes < size_bytes + spare:
        raise DiskFull(where=folder)
